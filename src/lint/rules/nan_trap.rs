//! A quotient may be no number.
//!
//! Zero divided by zero is NaN, which compares with nothing, and a whole number divided by zero is an
//! error: both fail the step. Ask first whether the divisor is zero.
//!
//! ```yaml bad
//! titan: 1
//! runbook: example
//! steps:
//!   all:
//!     do: wait_metric
//!     with: { service: execution, metric: rejections }
//!   bad:
//!     do: wait_metric
//!     with: { service: execution, metric: rejections }
//!     expect: out.value / steps.all.out.value < 0.1
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: example
//! steps:
//!   all:
//!     do: wait_metric
//!     with: { service: execution, metric: rejections }
//!   bad:
//!     do: wait_metric
//!     with: { service: execution, metric: rejections }
//!     expect: steps.all.out.value > 0 && out.value / steps.all.out.value < 0.1
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::guard::fault::Wrong;
use crate::lint::expressions::say;
use crate::runbook::faults::Problem;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "nan-trap",
    severity: Severity::Warning,
    strength: Strength::Heuristic,
    group: Group::Meaning,
    source: include_str!("nan_trap.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    say(subject, report, |problem| match problem {
        Problem::Expression(Wrong::MayBeNan { is_certain }) => {
            let message = if *is_certain {
                "this divides by zero"
            } else {
                "this may be zero, and then the quotient is no number"
            };
            Some((message.to_owned(), "ask `divisor > 0 && ...` first".to_owned()))
        }
        _ => None,
    });
}
