//! A run closes a gate to change services, and nothing bounds how long it stays closed.
//!
//! While the gate is closed no order is carried out. `limits` bounds the whole run (`total`) and the
//! time from a verified disarm to a verified arm or the end (`disarmed`); when one passes, the run rolls
//! back.
//!
//! ```yaml bad
//! titan: 1
//! runbook: change
//! params:
//!   version: { type: text }
//! steps:
//!   disarm:
//!     do: disarm
//!     with: { gate: execution, reason: "change" }
//!   deploy:
//!     do: deploy
//!     with: { service: execution, version: "${params.version}" }
//!     no_undo: an example
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: change
//! params:
//!   version: { type: text }
//! limits: { total: 2h, disarmed: 1h }
//! steps:
//!   disarm:
//!     do: disarm
//!     with: { gate: execution, reason: "change" }
//!   deploy:
//!     do: deploy
//!     with: { service: execution, version: "${params.version}" }
//!     no_undo: an example
//! ```

use crate::diagnostic::{Severity, Strength};

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "unlimited-disarm",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("unlimited_disarm.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let limits = subject.runbook.limits;
    let scene = subject.scene();
    let (disarms, deploys) = (scene.disarms(), scene.deploys());
    let Some((disarm, gate)) = disarms.first().filter(|_| !deploys.is_empty()) else {
        return;
    };
    let missing = match (limits.total, limits.disarmed) {
        (Some(_), Some(_)) => return,
        (None, None) => "limits: { total: 2h, disarmed: 1h }",
        (None, Some(_)) => "total: 2h",
        (Some(_), None) => "disarmed: 1h",
    };
    let message = format!("`{}` is closed, and nothing bounds for how long", gate.shown());
    let found = report.at(message, subject.span_of(*disarm));
    report.push(found.help(format!("add `{missing}`, with what this run may take at most")));
}
