//! A check looks at another time than now.
//!
//! `offset` and `@` read old samples. What a step waits for, holds or refuses must be true now: an
//! old value passes although the service is gone, and a breach is seen late. So does a range that
//! reaches further back than the 5m for which Prometheus takes a sample to be present:
//! `max_over_time(x[10m])`.
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

use std::time::Duration;

use crate::diagnostic::{Severity, Strength};
use crate::value::format_duration;

use super::promql_rate_in_check::RATES;
use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "promql-shifted-time",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("promql_shifted_time.rs"),
    check: Check::File(check),
};

/// For how long a sample is the present one, as Prometheus has it where nobody says otherwise.
const PRESENT: Duration = Duration::from_secs(300);

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    for query in subject.queries().iter().filter(|query| query.is_check) {
        for place in query.shifts() {
            let found = report.at("this check looks at another time than now", query.span(report.file(), place));
            report.push(found.help("query the present value; read the earlier one in a step of its own"));
        }
        // A rate is another fault.
        let is_rate = !query.calls(&RATES).is_empty();
        for (range, place) in query.ranges().into_iter().filter(|(range, _)| *range > PRESENT && !is_rate) {
            let (range, present) = (format_duration(range), format_duration(PRESENT));
            let message = format!("this check looks {range} back, at what may be gone since");
            let found = report.at(message, query.span(report.file(), place));
            report.push(found.help(format!(
                "query the present value, and let `hold` with `for: {range}` look at it all the time; or look back \
                 {present} at most"
            )));
        }
    }
}
