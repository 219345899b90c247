//! Names of a target's things that a runbook spells out, and the target does not have.

use crate::declaration::{Effect, Kind};
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
    each_action(subject.runbook, &mut |action| {
        let mut missing = Vec::new();
        collect(action, kind, known, None, &mut missing);
        for (name, span) in missing {
            let found = report.at(format!("the target `{target}` has no {} `{name}`", kind.word()), span);
            let mut found = found.meant(&name, known, || match known {
                [] => format!("it has no {} at all", kind.word()),
                _ => format!("it has {}", ticked(known)),
            });
            if let Some(fix) = &mut found.fix {
                fix.is_safe = action.effect() == Effect::Observes;
            }
            report.push(found);
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

/// The missing names of an action; those inside a runbook stand where that one is named.
fn collect(action: &Action, kind: Kind, known: &[&str], outer: Option<Span>, missing: &mut Vec<(String, Span)>) {
    match &action.kind {
        ActionKind::Script(_) => {}
        ActionKind::Runbook(inner) => {
            let place = outer.unwrap_or(action.span);
            each_action(inner, &mut |action| collect(action, kind, known, Some(place), missing));
        }
        ActionKind::Primitive(declaration) => {
            for argument in declaration.arguments.iter().filter(|argument| argument.kind == kind) {
                let value = action.with.constant_field(argument.name);
                let Some(name) = value.and_then(|value| value.as_text()).filter(|name| !known.contains(name)) else {
                    continue;
                };
                missing.push((name.to_owned(), outer.unwrap_or_else(|| action.place_of(argument.name))));
            }
        }
    }
}
