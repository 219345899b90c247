//! A rollback would open a gate without knowing that it may.
//!
//! During a rollback nothing is opened, with one exception: the undo of the first effect may open
//! the gate again, as the last thing, once everything else is undone and verified, where it was open
//! before the run. So an undo that opens a gate verifies the services itself, in a runbook used as its
//! action; it has a `when` that is false unless a step before this one read that the gate was open; and
//! it stands on the first step that changes anything: anywhere else it would never be done. An `ensure`
//! is done whenever a run ends, also after a rollback, and so never opens a gate. Where a rollback may
//! open it, every undo deploys the version that its service ran before the change; a script writes out
//! each service with what a step has read of it.
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
use crate::lint::brought_back::is_brought_back;
use crate::lint::flow::{Known, Node, NodeId, Part};
use crate::lint::judgement::{NeededOpen, needed_open};
use crate::lint::names::is_metric;
use crate::lint::nodes::Nodes;
use crate::lint::scene::Scene;
use crate::lint::versions::deployed_back;

use super::{Check, Group, Report, Rule, Subject};
use crate::lint::unverified::unverified;

pub(super) const RULE: Rule = Rule {
    code: "rollback-arms",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("rollback_arms.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    for (undone, _) in subject.undos() {
        let (id, scene) = (undone.id, &undone.scene);
        if scene.arms().is_empty() {
            continue;
        }
        for found in unverified(scene) {
            let (service, gate) = (found.service.shown(), found.gate.shown());
            let message = format!("the rollback opens `{gate}` before the policy of `{service}` is verified");
            let found = report.at(message, subject.undo_span(undone)).label(found.way);
            report.push(found.help("undo with `std/verified_arm`, which verifies in the same breath"));
        }
        if !is_as_before(subject, id, scene) {
            let message = "the rollback opens a gate, whether or not it was open before the run";
            let found = report.at(message, subject.undo_span(undone));
            report.push(found.help(
                "read it with `gate_state` before this step, and add `when: steps.gate_before.out.state == \"armed\"`",
            ));
        }
        if let Some(earlier) = earlier_effect(subject, id) {
            let message =
                format!("this undo would open a gate, and is never done: `{}` is undone after it", earlier.path);
            let found = report.at(message, subject.undo_span(undone));
            report.push(found.help("move it to the first step that changes something"));
        }
    }
    if subject.undos().any(|(undone, _)| !undone.scene.arms().is_empty()) {
        brings_back(subject, report);
    }
    for (ensure, _) in subject.ensures().filter(|(_, scene)| !scene.arms().is_empty()) {
        let message = format!("`{}` opens a gate whenever a run ends, also after a rollback", ensure.id);
        let found = report.at(message, ensure.span);
        report.push(found.help("make it a step"));
    }
}

/// Reports undos that may leave another version than ran before: what a service has counted since says
/// nothing of it, and the gate is opened behind it. A script counts where it writes out what it deploys.
fn brings_back(subject: &Subject<'_>, report: &mut Report<'_>) {
    let scene = subject.scene();
    for (undone, node) in subject.undos() {
        let mut told = Vec::new();
        for back in deployed_back(subject, undone) {
            let is_brought = |service: &Known| {
                let version = back.version.as_ref();
                version.is_some_and(|version| is_brought_back(scene, undone.id, service, version))
            };
            let service = back.service.as_ref();
            if told.contains(&back.service)
                || service.is_some_and(|service| !scene.is_in_group(service) || is_brought(service))
            {
                continue;
            }
            let name = service.map_or_else(|| "what a script deploys".to_owned(), Known::shown);
            let message = format!(
                "the rollback opens a gate, and the undo of `{}` may leave another version of `{name}` than ran before",
                node.path,
            );
            let found = report.at(message, subject.undo_span(undone));
            let help = match service {
                Some(_) => {
                    format!("read the version of `{name}` with `service_version` before this step, and deploy that")
                }
                None => "write out each service with the version that a step has read of it".to_owned(),
            };
            report.push(found.help(help));
            told.push(back.service);
        }
    }
}

/// Whether every opening of a gate is done only where it was read, before the step, that it was open.
fn is_as_before(subject: &Subject<'_>, id: NodeId, undoing: &Scene<'_>) -> bool {
    let flow = &subject.scene().flow;
    let before = flow.before(flow.begin_of(id));
    undoing.arms().into_iter().all(|(arm, gate)| {
        let around =
            undoing.flow.nodes().filter(|(_, node)| undoing.flow.node(arm).is_some_and(|arm| arm.is_inside(node)));
        let mut open = around.flat_map(|(_, node)| needed_open(node).into_iter().map(move |read| (node, read)));
        open.any(|(node, read)| was_read(subject, undoing.flow.named(node, read.name), read, gate, &before))
    })
}

/// Whether a name is the state of a gate, as a step before has read it, itself or in a runbook that it
/// does.
fn was_read(subject: &Subject<'_>, name: Known, needed: NeededOpen<'_>, gate: &Known, before: &Nodes) -> bool {
    let flow = &subject.scene().flow;
    let name = subject.scene().computed_by(name);
    let Some((id, part, reading)) = flow.source_of(&name).and_then(|(id, part)| Some((id, part, flow.node(id)?)))
    else {
        return false;
    };
    let is_state = match reading.work.action.name() {
        "gate_state" => part == "state" && flow.argument(reading, "gate").as_ref() == Some(gate),
        // Only the state of a gate is surely one of two words.
        _ if needed.is_not_closed => false,
        "wait_metric" => is_metric(&reading.work.action, "armed_state", subject.setting.target),
        name => name == "script",
    };
    is_state && before.has(id)
}

/// A step that changes something and begins before this one does.
fn earlier_effect<'s>(subject: &'s Subject<'_>, id: NodeId) -> Option<&'s Node<'s>> {
    let flow = &subject.scene().flow;
    let before = flow.before(flow.begin_of(id));
    let changes = |node: &Node<'_>| node.part == Part::Whole && node.work.action.effect() == Effect::Changes;
    before.iter().filter_map(|id| flow.node(id)).find(|node| changes(node))
}
