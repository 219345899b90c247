//! An undo is never done.
//!
//! A rollback undoes what changed, or may have changed, something. A step that only looks or asks is
//! never undone, so what its `undo` says never happens.
//!
//! ```yaml bad
//! titan: 1
//! runbook: look
//! steps:
//!   read:
//!     do: service_version
//!     with: { service: brain }
//!     undo: { do: note, with: { text: "undone" } }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: look
//! steps:
//!   read:
//!     do: service_version
//!     with: { service: brain }
//! ```

use crate::declaration::Effect;
use crate::diagnostic::{Severity, Strength};

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "dead-undo",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("dead_undo.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    for step in &subject.runbook.steps {
        let Some(undo) = step.undo.as_ref().filter(|_| step.work.action.effect() != Effect::Changes) else {
            continue;
        };
        let message = format!("`{}` changes nothing, so its undo is never done", step.id);
        let found = report.at(message, undo.action.span);
        report.push(found.help("move the undo to the step that has the effect, or remove it"));
    }
}
