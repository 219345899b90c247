//! A comparison drops series instead of answering.
//!
//! Without `bool`, `x == 0` is a filter: it removes every series that is not 0 and gives the rest.
//! Of two instances, one bad and one good, the good one is left, and its value passes the check. If
//! all are bad, nothing is left, and nothing is not false.
//!
//! ```yaml bad
//! titan: 1
//! runbook: drained
//! steps:
//!   drained:
//!     do: wait_metric
//!     with: { query: 'titan_orders_open{job="execution"} == 0' }
//!     until: out.value == 0
//!     timeout: 5m
//! ```
//!
//! Query the value and compare it in the guard; or let `bool` answer 0 or 1:
//!
//! ```yaml good
//! titan: 1
//! runbook: drained
//! steps:
//!   drained:
//!     do: wait_metric
//!     with: { query: 'max(titan_orders_open{job="execution"})' }
//!     until: out.value == 0
//!     timeout: 5m
//! ```

use crate::diagnostic::{Severity, Strength};

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "promql-filter",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("promql_filter.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    for query in subject.queries().iter().filter(|query| query.is_check) {
        for place in query.filters() {
            let found =
                report.at("this comparison drops the series for which it is false", query.span(report.file(), place));
            report.push(found.help("compare `out.value` in the guard, or add `bool` after the sign"));
        }
    }
}
