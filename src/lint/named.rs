//! Names of a target's things that a runbook spells out, and the target does not have.

use crate::declaration::{self, Declaration, Effect, Kind};
use crate::guard::{AskedPrimitive, Given};
use crate::runbook::fields::ticked;
use crate::runbook::{Action, ActionKind, Runbook};
use crate::source::Span;
use crate::value::Value;

use super::values::{Names, Params};
use super::{Report, Subject};

/// A primitive that an action is, or that its script calls.
pub(super) struct Asked<'a> {
    /// The primitive.
    pub(super) declaration: &'static Declaration,
    /// Where it is named.
    pub(super) span: Span,
    /// Where the outermost runbook names what it stands in, where that is another one.
    pub(super) outer: Option<Span>,
    /// What is known of the names there.
    names: Option<&'a Names>,
    by: By<'a>,
}

enum By<'a> {
    Step(&'a Action),
    Script(&'a AskedPrimitive),
}

impl<'a> Asked<'a> {
    /// Every primitive that an action asks for itself.
    pub(super) fn by(action: &'a Action) -> Vec<Self> {
        match &action.kind {
            ActionKind::Primitive(declaration) => {
                vec![Self { declaration, span: action.span, outer: None, names: None, by: By::Step(action) }]
            }
            ActionKind::Script(script) => {
                let of = |one: &'a AskedPrimitive| Self {
                    declaration: one.declaration,
                    span: one.span,
                    outer: None,
                    names: None,
                    by: By::Script(one),
                };
                script.asked().iter().map(of).collect()
            }
            ActionKind::Runbook(_) => Vec::new(),
        }
    }

    /// The value of an argument, where it is written out.
    pub(super) fn value(&self, argument: &str) -> Option<&'a Value> {
        match self.by {
            By::Step(action) => action.with.constant_field(argument),
            By::Script(asked) => asked.argument(argument)?.value.as_ref(),
        }
    }

    /// The value of an argument, where it is known, and where it stands: at the item, where that is
    /// written out in the list of a fan-out.
    pub(super) fn known(&self, argument: &str) -> Option<(Value, Span)> {
        let place = || self.outer.or_else(|| self.written_at(argument)).unwrap_or(self.span);
        if let Some(value) = self.value(argument) {
            return Some((value.clone(), place()));
        }
        let (By::Step(action), Some(names)) = (&self.by, self.names) else {
            return None;
        };
        let Some(Given::Expression(guard)) = action.with.given(argument) else {
            return None;
        };
        let item = names.written_item(guard).filter(|_| self.outer.is_none());
        Some((names.of_guard(guard)?, item.unwrap_or_else(place)))
    }

    /// Where an argument is written, if it is.
    pub(super) fn written_at(&self, argument: &str) -> Option<Span> {
        match self.by {
            By::Step(action) => action.written_at(argument),
            By::Script(asked) => Some(asked.argument(argument)?.span),
        }
    }

    /// Whether an argument is certainly not given.
    pub(super) fn lacks(&self, argument: &str) -> bool {
        let is_all = !matches!(self.by, By::Script(asked) if !asked.is_all);
        is_all && !self.has(argument)
    }

    /// Whether an argument is given.
    pub(super) fn has(&self, argument: &str) -> bool {
        match self.by {
            By::Step(action) => action.with.given(argument).is_some(),
            By::Script(_) => self.written_at(argument).is_some(),
        }
    }

    fn effect(&self) -> Effect {
        self.declaration.effect_where(self.value(declaration::OBSERVES.name))
    }
}

/// Reports every name of a kind that is spelt out and not known. Where nobody chose the target,
/// it may be the name of another one.
pub(super) fn named_but_missing(subject: &Subject<'_>, kind: Kind, known: &[&str], report: &mut Report<'_>) {
    if !subject.setting.is_chosen {
        return;
    }
    let target = &subject.setting.target.name;
    each_primitive(subject, &mut |asked| {
        for argument in asked.declaration.arguments.iter().filter(|argument| argument.kind == kind) {
            let Some((value, span)) = asked.known(argument.name) else {
                continue;
            };
            let Some(name) = value.as_text().filter(|name| !known.contains(name)) else {
                continue;
            };
            let found = report.at(format!("the target `{target}` has no {} `{name}`", kind.word()), span);
            let mut found = found.meant(name, known, || match known {
                [] => format!("it has no {} at all", kind.word()),
                _ => format!("it has {}", ticked(known)),
            });
            if let Some(fix) = &mut found.fix {
                fix.is_safe = asked.outer.is_none() && asked.effect() == Effect::Observes;
            }
            report.push(found);
        }
    });
}

/// The most actions that are looked at once for each item: a second's work.
const MAX_ROUNDS: usize = 100_000;

/// Hands over every primitive that a runbook or one it uses calls, also in a script: once for each item
/// of a fan-out that is known.
pub(super) fn each_primitive(subject: &Subject<'_>, see: &mut dyn FnMut(&Asked<'_>)) {
    let target = subject.setting.target.to_value();
    let mut walk = Walk { target: &target, rounds: 0, see };
    walk.runbook(subject.runbook, Params::new(), None);
}

struct Walk<'w> {
    target: &'w Value,
    /// How many items were looked at.
    rounds: usize,
    see: &'w mut dyn FnMut(&Asked<'_>),
}

impl Walk<'_> {
    /// `outer` is where the outermost runbook names what is used.
    fn runbook(&mut self, runbook: &Runbook, params: Params, outer: Option<Span>) {
        let names = Names::of(runbook, params, self.target);
        for step in &runbook.steps {
            let each = step.foreach.as_ref().map(|foreach| names.each(foreach)).unwrap_or_default();
            self.rounds = self.rounds.saturating_add(each.len());
            let each = if each.is_empty() || self.rounds > MAX_ROUNDS { vec![names.clone()] } else { each };
            for names in each {
                let names = Some(&names).filter(|names| names.let_do(&step.work));
                self.action(&step.work.action, names, outer);
                if let Some(undo) = &step.undo {
                    self.action(&undo.action, names.filter(|names| names.let_do(undo)), outer);
                }
            }
        }
        runbook.watches.iter().for_each(|watch| self.action(&watch.work.action, Some(&names), outer));
        for work in runbook.ensures.iter().map(|ensure| &ensure.work) {
            self.action(&work.action, Some(&names).filter(|names| names.let_do(work)), outer);
        }
    }

    fn action(&mut self, action: &Action, names: Option<&Names>, outer: Option<Span>) {
        if let ActionKind::Runbook(inner) = &action.kind {
            let params = names.map(|names| names.handed(inner, action)).unwrap_or_default();
            return self.runbook(inner, params, outer.or(Some(action.span)));
        }
        Asked::by(action).into_iter().for_each(|asked| (self.see)(&Asked { outer, names, ..asked }));
    }
}

/// Hands over every action that a runbook writes out itself.
pub(super) fn each_action(runbook: &Runbook, see: &mut impl FnMut(&Action)) {
    for step in &runbook.steps {
        see(&step.work.action);
        if let Some(undo) = &step.undo {
            see(&undo.action);
        }
    }
    runbook.watches.iter().for_each(|watch| see(&watch.work.action));
    runbook.ensures.iter().for_each(|ensure| see(&ensure.work.action));
}
