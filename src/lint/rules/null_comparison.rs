//! Something is compared with null.
//!
//! Nothing is equal to null and nothing is different from it: such a comparison fails the step, so that a
//! missing value never passes for an answer.
//!
//! ```yaml bad
//! titan: 1
//! runbook: example
//! steps:
//!   ask:
//!     do: nats_req
//!     with: { subject: titan.req.example.v1 }
//!     expect: out.reply != ()
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: example
//! steps:
//!   ask:
//!     do: nats_req
//!     with: { subject: titan.req.example.v1 }
//!     expect: "!is_null(out.reply)"
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::guard::fault::Wrong;
use crate::lint::expressions::say;
use crate::runbook::faults::Problem;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "null-comparison",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Meaning,
    source: include_str!("null_comparison.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    say(subject, report, |problem| match problem {
        Problem::Expression(Wrong::Null) => Some((
            "nothing compares with null".to_owned(),
            "`is_null(value)` asks whether a value is null; `value ?? other` stands in for null".to_owned(),
        )),
        _ => None,
    });
}
