//! Two names of a target stand for one metric.
//!
//! Each of the usual names means something of its own: that a handshake succeeded, that a leader was
//! promoted, that an intent was rejected, that the gate is open. Where two of a target's `metrics` are
//! one metric, a verification by the one is satisfied by what the other counts; likewise where one takes the
//! usual metric of another name.
//!
//! ```yaml bad
//! titan: 1
//! target: production
//! metrics:
//!   handshake_success: titan_brain_leader_promotions_total
//! ```
//!
//! ```yaml good
//! titan: 1
//! target: production
//! metrics:
//!   handshake_success: brain_policy_handshakes_total
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::runbook::target::Metric;
use crate::runbook::target_defaults::usual_name_of;
use crate::source::Span;

use super::{Check, Group, Report, Rule, TargetSubject};

pub(super) const RULE: Rule = Rule {
    code: "metric-twice",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("metric_twice.rs"),
    check: Check::Target(check),
};

fn check(subject: &TargetSubject<'_>, report: &mut Report<'_>) {
    let written = |name: &str| subject.tree.get("metrics").and_then(|metrics| metrics.get(name)).map(|node| node.span);
    let metrics: Vec<_> = subject.target.metrics.iter().collect();
    let usual = |name: &str, metric: &Metric| {
        let is_told = metrics.iter().any(|(other, one)| *other != name && one.name == metric.name);
        usual_name_of(&metric.name).filter(|usual| *usual != name && !is_told)
    };
    for (at, (name, metric)) in metrics.iter().enumerate() {
        let earlier = metrics.iter().take(at).find(|(_, earlier)| earlier.name == metric.name);
        let Some(earlier) = earlier.map(|(earlier, _)| earlier.as_str()).or_else(|| usual(name, metric)) else {
            continue;
        };
        let span = written(name).or_else(|| written(earlier)).unwrap_or_else(Span::default);
        let found = report.at(format!("`{earlier}` and `{name}` are one metric, `{}`", metric.name), span);
        report.push(found.help("write the metric that this name means, or read one of the two by the other's name"));
    }
}
