//! A condition has one value, whatever happens.
//!
//! A guard that is always true protects from nothing, and one that is always false forbids its step for
//! good. Often a name is missing in it, or `&&` and `||` are confused.
//!
//! ```yaml bad
//! titan: 1
//! runbook: example
//! params:
//!   stage: { type: text, default: live }
//! steps:
//!   say:
//!     when: params.stage != "live" || params.stage != "test"
//!     do: note
//!     with: { text: hello }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: example
//! params:
//!   stage: { type: text, default: live }
//! steps:
//!   say:
//!     when: params.stage != "live" && params.stage != "test"
//!     do: note
//!     with: { text: hello }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::guard::fault::Wrong;
use crate::lint::expressions::say;
use crate::runbook::faults::Problem;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "constant-guard",
    severity: Severity::Warning,
    strength: Strength::Proved,
    group: Group::Meaning,
    source: include_str!("constant_guard.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    say(subject, report, |problem| match problem {
        Problem::Expression(Wrong::Constant { value }) => {
            Some((format!("this is always {value}"), "remove it, or name what it is to depend on".to_owned()))
        }
        _ => None,
    });
}
