//! A PromQL expression, or a target's selector of labels, cannot be read.
//!
//! Prometheus would answer every sample with an error, so an `until` waits for its whole timeout
//! and a `hold` never has a good sample. The place shown is the first word with which no expression
//! can begin like that. A target's `prometheus:` is put between the braces of every metric of its
//! service, so it is labels only.
//!
//! ```yaml bad
//! titan: 1
//! runbook: idle
//! steps:
//!   idle:
//!     do: wait_metric
//!     with: { query: 'sum by job (titan_orders_open)' }
//!     until: out.value == 0
//!     timeout: 1m
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: idle
//! steps:
//!   idle:
//!     do: wait_metric
//!     with: { query: 'sum(titan_orders_open{job="execution"})' }
//!     until: out.value == 0
//!     timeout: 1m
//! ```

use crate::diagnostic::{Severity, Strength};

use super::{Check, Group, Report, Rule, Subject, TargetSubject};
use crate::lint::places::Leaf;
use crate::lint::promql::wrong_selector;
use crate::yaml::Node;

pub(super) const RULE: Rule = Rule {
    code: "promql-syntax",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Meaning,
    source: include_str!("promql_syntax.rs"),
    check: Check::Both(check, check_target),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    for query in subject.queries() {
        if let Some(wrong) = query.wrong() {
            let span = query.wrong_span(report.file(), wrong);
            let found = report.at(wrong.message.clone(), span);
            report.push(found.help(
                "try it in Prometheus; https://prometheus.io/docs/prometheus/latest/querying/basics/ has the language",
            ));
        }
    }
}

fn check_target(subject: &TargetSubject<'_>, report: &mut Report<'_>) {
    let services = subject.tree.get("services").map_or(&[][..], Node::entries);
    let selectors = services.iter().filter_map(|(_, service)| Leaf::of(service.get("metrics")?.get("prometheus")?));
    for leaf in selectors {
        if let Some(wrong) = wrong_selector(leaf.text()) {
            let found = report.at(wrong.message, leaf.part(report.file(), wrong.place));
            report.push(found.help("write labels as between the braces of a metric, such as `job=\"execution\"`"));
        }
    }
}
