//! A part of a condition is never looked at, or says again what another part says.
//!
//! What stands behind `true ||` or `false &&` does not count, though it reads as if it did.
//!
//! ```yaml bad
//! titan: 1
//! runbook: example
//! params:
//!   ready: { type: bool, default: true }
//! steps:
//!   say:
//!     when: true || params.ready
//!     do: note
//!     with: { text: hello }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: example
//! params:
//!   ready: { type: bool, default: true }
//!   sure: { type: bool, default: true }
//! steps:
//!   say:
//!     when: params.sure || params.ready
//!     do: note
//!     with: { text: hello }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::guard::fault::Wrong;
use crate::lint::expressions::say;
use crate::runbook::faults::Problem;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "unreachable-guard",
    severity: Severity::Warning,
    strength: Strength::Proved,
    group: Group::Meaning,
    source: include_str!("unreachable_guard.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    say(subject, report, |problem| match problem {
        Problem::Expression(Wrong::Unreachable) => Some((
            "this is never looked at".to_owned(),
            "remove it, or the part before it that decides alone".to_owned(),
        )),
        Problem::Expression(Wrong::Repeated) => Some((
            "this says again what stands before it".to_owned(),
            "remove it, or name what it was to ask".to_owned(),
        )),
        _ => None,
    });
}
