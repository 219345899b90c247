//! Names of a target's things that a runbook spells out, and the target does not have.

use crate::declaration::{Declaration, Effect, Kind};
use crate::runbook::fields::ticked;
use crate::runbook::{Action, ActionKind, Runbook};
use crate::source::Span;

use super::{Report, Subject};

/// Reports every name of a kind that is spelt out and not known. Where nobody chose the target,
/// it may be the name of another one.
pub(super) fn named_but_missing(subject: &Subject<'_>, kind: Kind, known: &[&str], report: &mut Report<'_>) {
    if !subject.setting.is_chosen {
        return;
    }
    let target = &subject.setting.target.name;
    each_primitive(subject.runbook, None, &mut |action, declaration, outer| {
        for argument in declaration.arguments.iter().filter(|argument| argument.kind == kind) {
            let value = action.with.constant_field(argument.name);
            let Some(name) = value.and_then(|value| value.as_text()).filter(|name| !known.contains(name)) else {
                continue;
            };
            let span = outer.unwrap_or_else(|| action.place_of(argument.name));
            let found = report.at(format!("the target `{target}` has no {} `{name}`", kind.word()), span);
            let mut found = found.meant(name, known, || match known {
                [] => format!("it has no {} at all", kind.word()),
                _ => format!("it has {}", ticked(known)),
            });
            if let Some(fix) = &mut found.fix {
                fix.is_safe = outer.is_none() && action.effect() == Effect::Observes;
            }
            report.push(found);
        }
    });
}

/// Hands over every primitive that a runbook or one it uses calls, with the place where the outermost
/// names what is used, where that is not the primitive itself.
pub(super) fn each_primitive(
    runbook: &Runbook,
    outer: Option<Span>,
    see: &mut impl FnMut(&Action, &'static Declaration, Option<Span>),
) {
    each_action(runbook, &mut |action| match &action.kind {
        ActionKind::Script(_) => {}
        ActionKind::Runbook(inner) => each_primitive(inner, outer.or(Some(action.span)), see),
        ActionKind::Primitive(declaration) => see(action, declaration, outer),
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
