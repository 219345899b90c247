//! A sample of a metric names none, or two things.
//!
//! `wait_metric` samples either a `metric` of a service or what a PromQL `query` gives. With neither,
//! or with both, it is refused when its step begins.
//!
//! ```yaml bad
//! titan: 1
//! runbook: look
//! steps:
//!   counted:
//!     do: wait_metric
//!     with: { service: execution }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: look
//! steps:
//!   counted:
//!     do: wait_metric
//!     with: { service: execution, metric: rejections }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::lint::named::each_action;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "metric-or-query",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Meaning,
    source: include_str!("metric_or_query.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    each_action(subject.runbook, &mut |action| {
        let is_given = |name| action.with.given(name).is_some();
        let (message, help) = match (action.name(), is_given("metric"), is_given("query")) {
            ("wait_metric", false, false) => ("`wait_metric` samples nothing here", "add `metric:` or `query:`"),
            ("wait_metric", true, true) => ("`wait_metric` samples one thing", "leave out `metric:` or `query:`"),
            _ => return,
        };
        report.push(report.at(message, action.span).help(help));
    });
}
