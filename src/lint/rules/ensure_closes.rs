//! An ensure closes the gate that the run has opened.
//!
//! An `ensure` runs on every exit, the good one included: a rollout that succeeds would leave the gate
//! closed, and every order is rejected. What a failed run opened, its rollback closes anyway.
//!
//! ```yaml bad
//! titan: 1
//! runbook: open
//! steps:
//!   arm:
//!     do: arm
//!     with: { gate: execution, reason: "open" }
//! ensure:
//!   closed:
//!     do: disarm
//!     with: { gate: execution, reason: "never leave it open" }
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
//!     timeout: 1m
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::lint::flow::Known;
use crate::lint::scene::Deed;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "ensure-closes",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("ensure_closes.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let scene = subject.scene();
    for (ensure, ensured) in subject.ensures() {
        let is_closed = |gate: &Known| {
            let closes = ensured.nodes_that(|_, deed| matches!(deed, Deed::Disarms(one) if one == gate));
            ensured.proof(&closes).is_done_at_end()
        };
        let left_open = scene.arms().into_iter().find(|(arm, gate)| {
            let after = scene.flow.after(*arm);
            let closes =
                scene.nodes_that(|id, deed| after.has(id) && matches!(deed, Deed::Disarms(one) if one == *gate));
            is_closed(gate) && !scene.proof_after(&closes, *arm).is_done_at_end()
        });
        if let Some((arm, gate)) = left_open {
            let path = scene.flow.node(arm).map_or("", |node| node.path.as_str());
            let message =
                format!("`{}` closes `{}` also where the run succeeds that opened it", ensure.id, gate.shown());
            let found = report.at(message, ensure.span).label(format!("`{path}` opens it"));
            report.push(found.help("read its state with `gate_state` instead: a rollback closes what was opened"));
        }
    }
}
