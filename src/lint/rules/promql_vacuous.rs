//! A check passes when there is nothing to see.
//!
//! `or vector(0)` puts a zero where a series is missing, and `absent(x)` is 1 exactly then. A
//! service that died, a renamed metric and a Prometheus that scrapes nothing all look like a
//! healthy zero. A check must not be satisfied by silence. Neither does a query say anything that is
//! the same whatever there is to see, such as `vector(0)`, `vector(0) or sum(x)`, `sum(x) * 0` or
//! `sum(x) - sum(x)`.
//!
//! ```yaml bad
//! titan: 1
//! runbook: clean
//! steps:
//!   clean:
//!     do: wait_metric
//!     with: { query: 'sum(titan_execution_rejection_events_total{job="execution"}) or vector(0)' }
//!     hold: out.value == 0
//!     for: 5m
//! ```
//!
//! A missing series says nothing, and `wait_metric` knows that. Where a counter is not exposed before
//! its first increment, the target says so (`absent: zero`), and it holds only in a fresh scrape of a
//! process that runs:
//!
//! ```yaml good
//! titan: 1
//! runbook: clean
//! steps:
//!   clean:
//!     do: wait_metric
//!     with: { service: execution, metric: rejections }
//!     hold: out.increase == 0
//!     for: 5m
//! ```

use crate::diagnostic::{Severity, Strength};

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "promql-vacuous",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("promql_vacuous.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    for query in subject.queries().iter().filter(|query| query.is_check) {
        let mut push = |message: String, place| {
            let found = report.at(message, query.span(report.file(), place));
            report.push(found.help("leave it out: a sample that is missing is never counted as good; `absent: zero` in the target's `metrics` is for counters that are not born yet"));
        };
        for place in query.defaults() {
            push("this puts a number where there is nothing to see".to_owned(), place);
        }
        if let Some(place) = query.constant() {
            push("this is the same whatever there is to see".to_owned(), place);
            continue;
        }
        for (name, place) in query.calls(&["absent", "absent_over_time"]) {
            push(format!("`{name}` is satisfied by silence"), place);
        }
    }
}
