//! A gate is seen by something that its target does not say how to read.
//!
//! A gate counts as open or closed only when its probe says so. Where the probe is a metric or a log
//! of a service whose metrics or log the target does not name, the gate can neither be opened nor
//! verified closed, which is found out in the middle of a change, or of an emergency.
//!
//! ```yaml bad
//! titan: 1
//! target: production
//! services:
//!   execution: { log: { file: execution.log } }
//! gates:
//!   execution: { probe: { metric: titan_execution_armed_state } }
//! ```
//!
//! ```yaml good
//! titan: 1
//! target: production
//! services:
//!   execution: { metrics: { scrape: "http://127.0.0.1:9464/metrics" } }
//! gates:
//!   execution: { probe: { metric: titan_execution_armed_state } }
//! ```

use crate::declaration::Need;
use crate::diagnostic::{Severity, Strength};
use crate::runbook::fields::ticked;
use crate::runbook::target::{Gate, GateProbe, MetricSource, Target};

use super::{Check, Group, Report, Rule, TargetSubject};

pub(super) const RULE: Rule = Rule {
    code: "gate-unseen",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("gate_unseen.rs"),
    check: Check::Target(check),
};

fn check(subject: &TargetSubject<'_>, report: &mut Report<'_>) {
    for (name, gate) in &subject.target.gates {
        let Some((message, help)) = unseen(subject.target, name, gate) else {
            continue;
        };
        report.push(report.at(message, subject.gate_span(name)).help(help));
    }
}

/// What is missing to see a gate, and what to write.
fn unseen(target: &Target, name: &str, gate: &Gate) -> Option<(String, String)> {
    let of = &gate.service;
    let Some(service) = target.services.get(of) else {
        let known: Vec<_> = target.services.keys().map(String::as_str).collect();
        let help = format!("write its service under `service`; the target has {}", ticked(&known));
        return Some((format!("gate `{name}` is of service `{of}`, which the target does not have"), help));
    };
    let (need, source) = match gate.probe {
        GateProbe::Metric { .. } => (Need::Metrics, "metrics"),
        GateProbe::Log { .. } => (Need::Log, "log"),
        GateProbe::Command { .. } => return None,
    };
    let is_asked = need == Need::Metrics && matches!(service.metrics, Some(MetricSource::Prometheus(_)));
    if is_asked && !target.says(Need::Prometheus, None) {
        let message = format!("gate `{name}` is seen by Prometheus, and the target has no `prometheus`");
        return Some((message, "write `prometheus: { url: ADDRESS }`".to_owned()));
    }
    if !target.says(need, Some(of)) {
        let message = format!("gate `{name}` is seen by the {source} of `{of}`, and `{of}` has no `{source}`");
        return Some((message, format!("write `{source}` under `{of}`, or another `probe`")));
    }
    None
}
