//! A step changes something, and nothing says how that is reversed.
//!
//! When a later step fails, the rollback undoes what was done. A change without `undo` stays
//! behind, so the run ends `stuck` and a person has to find out what is left of it.
//!
//! ```yaml bad
//! titan: 1
//! runbook: publish
//! steps:
//!   announce:
//!     do: nats_pub
//!     with: { subject: titan.evt.window.v1, payload: open }
//! ```
//!
//! Say how it is reversed, or why nothing has to be:
//!
//! ```yaml good
//! titan: 1
//! runbook: publish
//! steps:
//!   announce:
//!     do: nats_pub
//!     with: { subject: titan.evt.window.v1, payload: open }
//!     undo: { do: nats_pub, with: { subject: titan.evt.window.v1, payload: closed } }
//! ```

use crate::declaration::{Declaration, Effect, OBSERVES};
use crate::diagnostic::{Severity, Strength};
use crate::runbook::{ActionKind, Runbook, Step};

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "effect-without-undo",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("effect_without_undo.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    for step in subject.runbook.steps.iter().filter(|step| step.undo.is_none() && step.no_undo.is_none()) {
        let name = step.work.action.name();
        let left = match &step.work.action.kind {
            ActionKind::Runbook(inner) => {
                left_behind(inner).map(|inner| format!("in `{name}`, nothing reverses `{inner}`"))
            }
            ActionKind::Primitive(_) | ActionKind::Script(_) => {
                changes(step).then(|| format!("`{name}` changes something"))
            }
        };
        let Some(left) = left else { continue };
        let message = format!("`{}` changes something, and nothing reverses it", step.id);
        let found = report.at(message, step.work.action.span).label(left);
        let may_observe = |declaration: &Declaration| declaration.argument(OBSERVES.name).is_some();
        report.push(found.help(match &step.work.action.kind {
            ActionKind::Primitive(declaration) if may_observe(declaration) => {
                "add `undo:`, or `no_undo:` with the reason why it may stay; or `observes: true` under `with:` where it only looks"
            }
            _ => "add `undo:`, or `no_undo:` with the reason why it may stay",
        }));
    }
}

/// The first step of an included runbook that nothing reverses, by its path: an outer step
/// without an `undo` of its own is undone step by step.
fn left_behind(runbook: &Runbook) -> Option<String> {
    let open = runbook.steps.iter().filter(|step| step.undo.is_none() && step.no_undo.is_none());
    let mut paths = open.filter_map(|step| match &step.work.action.kind {
        ActionKind::Runbook(inner) => left_behind(inner).map(|path| format!("{}/{path}", step.id)),
        ActionKind::Primitive(_) | ActionKind::Script(_) => changes(step).then(|| step.id.to_string()),
    });
    paths.next()
}

/// A closed gate is what a rollback wants.
fn changes(step: &Step) -> bool {
    step.work.action.effect() == Effect::Changes && step.work.action.name() != "disarm"
}
