//! A check looks at the rate of a counter instead of the counter.
//!
//! `rate`, `irate`, `increase` and `delta` guess from the samples inside a range. A counter that is
//! born at 7 has increased by nothing; one that was reset by a restart starts over; a service that
//! died gives its last value for a while. `increase(x[30s]) == 0` holds in all three cases, and the
//! check passes because nobody looked.
//!
//! ```yaml bad
//! titan: 1
//! runbook: quiet
//! steps:
//!   quiet:
//!     do: wait_metric
//!     with: { query: 'increase(titan_execution_rejection_events_total{job="execution"}[5m])' }
//!     hold: out.value == 0
//!     for: 5m
//! ```
//!
//! Let the step compare the raw counter with a baseline; it notices a restart and a missing series:
//!
//! ```yaml good
//! titan: 1
//! runbook: quiet
//! steps:
//!   quiet:
//!     do: wait_metric
//!     with: { service: execution, metric: rejections }
//!     hold: out.increase == 0
//!     for: 5m
//! ```

use crate::diagnostic::{Severity, Strength};

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "promql-rate-in-check",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("promql_rate_in_check.rs"),
    check: Check::File(check),
};

/// The functions that guess from the samples inside a range.
pub(super) const RATES: [&str; 9] =
    ["rate", "irate", "increase", "delta", "idelta", "deriv", "predict_linear", "resets", "changes"];

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    for query in subject.queries().iter().filter(|query| query.is_check) {
        for (name, place) in query.calls(&RATES) {
            let found = report.at(
                format!("`{name}` sees neither a restart nor a counter that was just born"),
                query.span(report.file(), place),
            );
            report.push(
                found.help("use `metric:` with `out.increase`, which counts from a baseline; or query the raw counter"),
            );
        }
    }
}
