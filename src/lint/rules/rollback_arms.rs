//! A rollback would open a gate without knowing that it may.
//!
//! During a rollback nothing is opened, with one exception: the undo of the first effect may open
//! the gate again, as the last thing, once everything else is undone and verified. So an undo that
//! opens a gate verifies the services itself, in a runbook used as its action, and stands on the
//! first step that changes anything; anywhere else it would never be done.
//!
//! ```yaml bad
//! titan: 1
//! runbook: close
//! steps:
//!   disarm:
//!     do: disarm
//!     with: { gate: execution, reason: "close" }
//!     undo: { do: arm, with: { gate: execution, reason: "open again" } }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: close
//! params:
//!   held: { type: file }
//! steps:
//!   disarm:
//!     do: disarm
//!     with: { gate: execution, reason: "close" }
//!     undo:
//!       do: std/verified_arm
//!       with: { gate: execution, service: execution, expected: "${policy_hash(params.held)}", reason: "open again" }
//! ```

use crate::declaration::Effect;
use crate::diagnostic::{Severity, Strength};
use crate::lint::flow::{Node, NodeId, Part};

use super::arm_unverified::{shown, unverified};
use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "rollback-arms",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("rollback_arms.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    for (id, node, undo) in subject.undos() {
        let scene = subject.scene_of(node, undo);
        if scene.arms().is_empty() {
            continue;
        }
        for found in unverified(&scene) {
            let (service, gate) = (shown(&found.service), shown(&found.gate));
            let message = format!("the rollback opens `{gate}` before the policy of `{service}` is verified");
            let found = report.at(message, subject.undo_span(id, undo)).label(found.way);
            report.push(found.help("undo with `std/verified_arm`, which verifies in the same breath"));
        }
        if let Some(earlier) = earlier_effect(subject, id) {
            let message =
                format!("this undo would open a gate, and is never done: `{}` is undone after it", earlier.path);
            let found = report.at(message, subject.undo_span(id, undo));
            report.push(found.help("move it to the first step that changes something"));
        }
    }
}

/// A step that changes something and begins before this one does.
fn earlier_effect<'s>(subject: &'s Subject<'_>, id: NodeId) -> Option<&'s Node<'s>> {
    let flow = &subject.scene.flow;
    let begin = match flow.node(id)?.part {
        Part::End { begin } => begin,
        Part::Whole | Part::Begin => id,
    };
    let before = flow.before(begin);
    let changes = |node: &Node<'_>| node.part == Part::Whole && node.work.action.effect() == Effect::Changes;
    before.iter().filter_map(|id| flow.node(id)).find(|node| changes(node))
}
