//! Opening a gate is declared to be harmless when done twice.
//!
//! `idempotent: true` lets the engine do an action again when nobody knows whether it took effect. A
//! gate that may have been opened is never opened again like that: it is closed and verified first, and
//! the step starts anew. Saying otherwise on an `arm`, or on a runbook that arms, is wrong.
//!
//! ```yaml bad
//! titan: 1
//! runbook: open
//! steps:
//!   arm:
//!     do: arm
//!     with: { gate: execution, reason: "open" }
//!     idempotent: true
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: open
//! steps:
//!   arm:
//!     do: arm
//!     with: { gate: execution, reason: "open" }
//! ```

use crate::diagnostic::{Severity, Strength};

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "idempotent-arm",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("idempotent_arm.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let scene = subject.scene();
    for (arm, _) in scene.arms() {
        let Some(own) = scene.flow.node(arm) else {
            continue;
        };
        let around = scene.flow.nodes().filter(|(id, node)| *id == arm || own.is_inside(node));
        if let Some((id, node)) = around.into_iter().find(|(_, node)| node.work.idempotent) {
            let message = format!("`{}` opens a gate, which is never done twice", node.path);
            let found = report.at(message, subject.span_of(id));
            report.push(found.help("remove `idempotent: true`"));
        }
    }
}
