//! A guard, or a side of `&&`, `||` or `!`, is no truth.
//!
//! `when`, `require`, `until`, `hold`, `expect` and `breach_when` must be true or false. There is no
//! "truthy" value: a number, a text or a list in their place fails the step when it is reached.
//!
//! ```yaml bad
//! titan: 1
//! runbook: example
//! steps:
//!   count:
//!     do: wait_metric
//!     with: { service: execution, metric: rejections }
//!     expect: out.value
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: example
//! steps:
//!   count:
//!     do: wait_metric
//!     with: { service: execution, metric: rejections }
//!     expect: out.value == 0
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::guard::fault::Wrong;
use crate::lint::expressions::{as_truth, say};
use crate::runbook::faults::Problem;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "guard-not-bool",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Meaning,
    source: include_str!("guard_not_bool.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    say(subject, report, |problem| match problem {
        Problem::Expression(Wrong::NotBool { found, operator }) => {
            let message = match operator {
                Some(operator) => format!("`{operator}` needs true or false, and this is {}", found.word()),
                None => format!("a guard must be true or false, and this is {}", found.word()),
            };
            Some((message, as_truth(found).to_owned()))
        }
        _ => None,
    });
}
