//! A range is shorter than two scrape intervals.
//!
//! `rate`, `increase` and their like need two samples. A range that is shorter than two scrape
//! intervals often holds one or none, and the result is then missing, or is that of one unlucky
//! moment. The scrape interval is the target's `prometheus.scrape_interval`; where the target has
//! no Prometheus, 15 seconds are assumed.
//!
//! ```yaml bad
//! titan: 1
//! runbook: load
//! steps:
//!   load:
//!     do: wait_metric
//!     with: { query: 'sum(avg_over_time(titan_orders_open{job="execution"}[10s]))' }
//!     until: out.value < 100.0
//!     timeout: 5m
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: load
//! steps:
//!   load:
//!     do: wait_metric
//!     with: { query: 'sum(avg_over_time(titan_orders_open{job="execution"}[2m]))' }
//!     until: out.value < 100.0
//!     timeout: 5m
//! ```

use std::time::Duration;

use crate::diagnostic::{Severity, Strength};
use crate::value::format_duration;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "promql-short-range",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("promql_short_range.rs"),
    check: Check::File(check),
};

/// What the configuration that Prometheus ships with says; its built-in default is longer.
const ASSUMED: Duration = Duration::from_secs(15);

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let prometheus = subject.setting.target.prometheus.as_ref();
    let interval = prometheus.map_or(ASSUMED, |prometheus| prometheus.scrape_interval);
    for query in subject.queries() {
        for (range, place) in query.ranges().into_iter().filter(|(range, _)| *range < interval * 2) {
            let (range, least) = (format_duration(range), format_duration(interval * 2));
            let message = format!("a range of {range} can hold fewer than two samples");
            let found = report.at(message, query.span(report.file(), place));
            let found = found.label(format!("a sample comes each {}", format_duration(interval)));
            report.push(found.help(format!("write at least `[{least}]`; four scrape intervals survive a lost one")));
        }
    }
}
