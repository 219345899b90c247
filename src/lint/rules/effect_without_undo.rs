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

use crate::declaration::Effect;
use crate::diagnostic::{Severity, Strength};
use crate::runbook::{ActionKind, Step};

use super::{Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "effect-without-undo",
    severity: Severity::Error,
    strength: Strength::Proved,
    source: include_str!("effect_without_undo.rs"),
    check,
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    for step in subject.runbook.steps.iter().filter(|step| stays_behind(step)) {
        let message = format!("`{}` changes something, and nothing reverses it", step.id);
        let found = report.at(message, step.work.action.span);
        let found = found.label(format!("`{}` changes something", step.work.action.name()));
        report.push(found.help("add `undo:`, or `no_undo:` with the reason why it may stay"));
    }
}

/// A closed gate is what a rollback wants; the steps of a runbook are undone one by one.
fn stays_behind(step: &Step) -> bool {
    let action = &step.work.action;
    if step.undo.is_some() || step.no_undo.is_some() || action.name() == "disarm" {
        return false;
    }
    match &action.kind {
        ActionKind::Runbook(inner) => inner.steps.iter().any(stays_behind),
        ActionKind::Primitive(_) | ActionKind::Script(_) => action.effect() == Effect::Changes,
    }
}
