//! A query that must give one series may give several.
//!
//! A metric selected by its name alone has as many series as there are instances, jobs and labels.
//! With one instance it works; with the second one the step has no data, in the middle of a
//! rollout.
//!
//! ```yaml bad
//! titan: 1
//! runbook: drained
//! steps:
//!   drained:
//!     do: wait_metric
//!     with: { query: titan_orders_open }
//!     until: out.value == 0
//!     timeout: 5m
//! ```
//!
//! Say which series, or join them to one:
//!
//! ```yaml good
//! titan: 1
//! runbook: drained
//! steps:
//!   drained:
//!     do: wait_metric
//!     with: { query: max(titan_orders_open) }
//!     until: out.value == 0
//!     timeout: 5m
//! ```

use crate::diagnostic::{Severity, Strength};

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "promql-several-series",
    severity: Severity::Warning,
    strength: Strength::Heuristic,
    group: Group::Safety,
    source: include_str!("promql_several_series.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    for query in subject.queries() {
        if let Some((name, place)) = query.unselective() {
            let message = format!("every series called `{name}` is given, and exactly one is expected");
            let found = report.at(message, query.span(report.file(), place));
            report.push(found.help(format!(
                "select one, such as `{name}{{job=\"execution\"}}`, or join them with `max(...)` or `sum(...)`"
            )));
        }
    }
}
