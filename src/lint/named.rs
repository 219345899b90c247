//! Names of a target's things that a runbook spells out, and the target does not have.

use crate::declaration::{self, Declaration, Effect, Kind};
use crate::guard::AskedPrimitive;
use crate::runbook::fields::ticked;
use crate::runbook::{Action, ActionKind, Runbook};
use crate::source::Span;
use crate::value::Value;

use super::{Report, Subject};

/// A primitive that an action is, or that its script calls.
pub(super) struct Asked<'a> {
    /// The primitive.
    pub(super) declaration: &'static Declaration,
    /// Where it is named.
    pub(super) span: Span,
    /// Where the outermost runbook names what it stands in, where that is another one.
    pub(super) outer: Option<Span>,
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
                vec![Self { declaration, span: action.span, outer: None, by: By::Step(action) }]
            }
            ActionKind::Script(script) => {
                let of = |one: &'a AskedPrimitive| Self {
                    declaration: one.declaration,
                    span: one.span,
                    outer: None,
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
    each_primitive(subject.runbook, None, &mut |asked| {
        for argument in asked.declaration.arguments.iter().filter(|argument| argument.kind == kind) {
            let value = asked.value(argument.name);
            let Some(name) = value.and_then(|value| value.as_text()).filter(|name| !known.contains(name)) else {
                continue;
            };
            let span = asked.outer.or_else(|| asked.written_at(argument.name)).unwrap_or(asked.span);
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

/// Hands over every primitive that a runbook or one it uses calls, also in a script. `outer` is where
/// the outermost names what is used.
pub(super) fn each_primitive(runbook: &Runbook, outer: Option<Span>, see: &mut impl FnMut(&Asked<'_>)) {
    each_action(runbook, &mut |action| match &action.kind {
        ActionKind::Runbook(inner) => each_primitive(inner, outer.or(Some(action.span)), see),
        ActionKind::Script(_) | ActionKind::Primitive(_) => {
            Asked::by(action).into_iter().for_each(|asked| see(&Asked { outer, ..asked }));
        }
    });
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
