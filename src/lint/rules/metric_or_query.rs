//! A sample of a metric names none, or two things.
//!
//! `wait_metric` samples either a `metric` of a service or what a PromQL `query` gives. With neither,
//! or with both, or with a `metric` and no `service`, it is refused when its step begins.
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
use crate::lint::named::{Asked, each_action};

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
        for asked in Asked::by(action).into_iter().filter(|asked| asked.declaration.name == "wait_metric") {
            let (message, help) = if asked.lacks("metric") && asked.lacks("query") {
                ("`wait_metric` samples nothing here", "add `metric:` or `query:`")
            } else if asked.has("metric") && asked.has("query") {
                ("`wait_metric` samples one thing", "leave out `metric:` or `query:`")
            } else if asked.has("metric") && asked.lacks("service") {
                ("`wait_metric` samples a metric of a service", "add `service:`")
            } else {
                continue;
            };
            report.push(report.at(message, asked.span).help(help));
        }
    });
}
