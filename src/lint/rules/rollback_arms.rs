//! A rollback would open a gate without knowing that it may.
//!
//! During a rollback nothing is opened, with one exception: the undo of the first effect may open
//! the gate again, as the last thing, once everything else is undone and verified, where it was open
//! before the run. So an undo that opens a gate verifies the services itself, in a runbook used as its
//! action; it has a `when` that compares what a step read of the gate before this one; and it stands on
//! the first step that changes anything: anywhere else it would never be done.
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
//!   before:
//!     do: gate_state
//!     with: { gate: execution }
//!   disarm:
//!     do: disarm
//!     with: { gate: execution, reason: "close" }
//!     undo:
//!       when: steps.before.out.state == "armed"
//!       do: std/verified_arm
//!       with: { gate: execution, service: execution, expected: "${policy_hash(params.held)}", reason: "open again" }
//! ```

use crate::declaration::Effect;
use crate::diagnostic::{Severity, Strength};
use crate::lint::flow::{Node, NodeId, Part};
use crate::lint::scene::Scene;

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
        if !is_as_before(subject, id, &scene) {
            let message = "the rollback opens a gate, whether or not it was open before the run";
            let found = report.at(message, subject.undo_span(id, undo));
            report.push(found.help(
                "read it with `gate_state` before this step, and add `when: steps.gate_before.out.state == \"armed\"`",
            ));
        }
        if let Some(earlier) = earlier_effect(subject, id) {
            let message =
                format!("this undo would open a gate, and is never done: `{}` is undone after it", earlier.path);
            let found = report.at(message, subject.undo_span(id, undo));
            report.push(found.help("move it to the first step that changes something"));
        }
    }
}

/// Whether what opens a gate is done only where something that was read before the step says so.
fn is_as_before(subject: &Subject<'_>, id: NodeId, undoing: &Scene<'_>) -> bool {
    let flow = &subject.scene.flow;
    let before = flow.before(flow.begin_of(id));
    let Some(own) = flow.node(id) else {
        return false;
    };
    let beside = |step: &str| match own.path.rsplit_once('/') {
        Some((place, _)) => format!("{place}/{step}"),
        None => step.to_owned(),
    };
    let is_read = |step: &str| before.iter().any(|id| flow.node(id).is_some_and(|node| node.path == beside(step)));
    let mut conditions = undoing.flow.nodes().filter_map(|(_, node)| Some((node, node.work.when.as_ref()?)));
    conditions.any(|(node, when)| {
        let is_outermost = node.path == own.path;
        when.text().split("&&").filter(|part| part.contains("==") && !part.contains("||")).any(|part| {
            let step = part.split("steps.").nth(1).and_then(|rest| rest.split('.').next());
            // What a runbook used as the undo is handed, it compares itself.
            step.map_or(!is_outermost && part.contains("params."), is_read)
        })
    })
}

/// A step that changes something and begins before this one does.
fn earlier_effect<'s>(subject: &'s Subject<'_>, id: NodeId) -> Option<&'s Node<'s>> {
    let flow = &subject.scene.flow;
    let before = flow.before(flow.begin_of(id));
    let changes = |node: &Node<'_>| node.part == Part::Whole && node.work.action.effect() == Effect::Changes;
    before.iter().filter_map(|id| flow.node(id)).find(|node| changes(node))
}
