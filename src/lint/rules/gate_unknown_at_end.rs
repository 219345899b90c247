//! A run that opens a gate can end without anybody knowing its state.
//!
//! A run ends in many ways: well, rolled back, aborted, resumed after a crash. An `ensure` runs on each
//! of them. One that reads the gate's state, with `gate_state` or its metric, or closes it, makes sure
//! that nobody goes home without knowing.
//!
//! ```yaml bad
//! titan: 1
//! runbook: open
//! steps:
//!   arm:
//!     do: arm
//!     with: { gate: execution, reason: "open" }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: open
//! steps:
//!   arm:
//!     do: arm
//!     with: { gate: execution, reason: "open" }
//! ensure:
//!   gate_is_known:
//!     do: gate_state
//!     with: { gate: execution }
//!     until: out.state == "armed" || out.state == "disarmed"
//!     timeout: 1m
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::lint::names::is_metric;
use crate::runbook::Ensure;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "gate-unknown-at-end",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("gate_unknown_at_end.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let mut told: Vec<&str> = Vec::new();
    for (arm, gate) in subject.scene().arms() {
        let Some(name) = subject.text_of(gate).filter(|name| !told.contains(name)) else {
            continue;
        };
        told.push(name);
        if subject.runbook.ensures.iter().any(|ensure| knows(ensure, name, subject)) {
            continue;
        }
        let message = format!("this run opens `{name}`, and no `ensure` knows its state at the end");
        let found = report.at(message, subject.span_of(arm));
        report.push(found.help(format!(
            "add an `ensure` with `do: gate_state` and `gate: {name}`, until it is `armed` or `disarmed`"
        )));
    }
}

fn knows(ensure: &Ensure, gate: &str, subject: &Subject<'_>) -> bool {
    let action = &ensure.work.action;
    let flow = subject.scene().flow.of_ensure(ensure);
    let named = || flow.nodes().next().and_then(|(_, node)| flow.argument(node, "gate"));
    let is_own = || named().is_some_and(|one| subject.text_of(&one) == Some(gate));
    // A query in PromQL names no service.
    let asked = || flow.nodes().next().and_then(|(_, node)| flow.argument(node, "service"));
    let holder = subject.setting.target.gates.get(gate).map(|gate| gate.service.as_str());
    let is_of_holder = || asked().is_none_or(|one| subject.text_of(&one).is_none_or(|one| Some(one) == holder));
    let is_always_done = ensure.work.when.is_none();
    let is_known = match action.name() {
        "gate_state" | "disarm" => is_own(),
        "wait_metric" => is_metric(action, "armed_state", subject.setting.target) && is_of_holder(),
        _ => false,
    };
    is_always_done && is_known
}
