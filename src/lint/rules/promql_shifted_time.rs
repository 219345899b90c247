//! A check looks at another time than now.
//!
//! `offset` and `@` read old samples. What a step waits for, holds or refuses must be true now: an
//! old value passes although the service is gone, and a breach is seen late.
//!
//! ```yaml bad
//! titan: 1
//! runbook: drained
//! steps:
//!   drained:
//!     do: wait_metric
//!     with: { query: 'max(titan_orders_open{job="execution"} offset 5m)' }
//!     until: out.value == 0
//!     timeout: 5m
//! ```
//!
//! To compare with before, read it before, in a step of its own:
//!
//! ```yaml good
//! titan: 1
//! runbook: drained
//! steps:
//!   before:
//!     do: wait_metric
//!     with: { query: 'max(titan_orders_open{job="execution"})' }
//!   drained:
//!     do: wait_metric
//!     with: { query: 'max(titan_orders_open{job="execution"})' }
//!     until: out.value <= steps.before.out.value
//!     timeout: 5m
//! ```

use crate::diagnostic::{Severity, Strength};

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "promql-shifted-time",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("promql_shifted_time.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    for query in subject.queries().iter().filter(|query| query.is_check) {
        for place in query.shifts() {
            let found = report.at("this check looks at another time than now", query.span(report.file(), place));
            report.push(found.help("query the present value; read the earlier one in a step of its own"));
        }
    }
}
