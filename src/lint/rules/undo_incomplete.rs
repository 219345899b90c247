//! An undo leaves a service or a gate as the step made it.
//!
//! A step that changes both services is undone by changing both back; a step that opens a gate is
//! undone by closing it; neither in a step that may be skipped. An undo that does less leaves one service on the new policy, or a gate open,
//! in a run that says `rolled_back`.
//!
//! ```yaml bad
//! titan: 1
//! runbook: change
//! params:
//!   version: { type: text }
//!   previous: { type: text }
//! steps:
//!   pair:
//!     do: std/deploy_pair
//!     with: { execution: "${params.version}", brain: "${params.version}", expected: "x" }
//!     undo: { do: deploy, with: { service: execution, version: "${params.previous}" } }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: change
//! params:
//!   version: { type: text }
//!   previous: { type: text }
//! steps:
//!   pair:
//!     do: std/deploy_pair
//!     with: { execution: "${params.version}", brain: "${params.version}", expected: "x" }
//!     undo:
//!       do: std/deploy_pair
//!       with: { execution: "${params.previous}", brain: "${params.previous}", expected: "y" }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::lint::deploying::deployed_by;
use crate::lint::flow::{Known, Node, NodeId};
use crate::lint::scene::{Deed, Scene};

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "undo-incomplete",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("undo_incomplete.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    for (undone, node) in subject.undos() {
        let (id, undoing) = (undone.id, &undone.scene);
        let mut told: Vec<String> = Vec::new();
        let left = deeds_in(subject.scene(), id).filter_map(|deed| left_by(deed, undoing));
        let scripted = scripted_in(subject.scene(), id).into_iter().filter(|service| !is_named(undoing, service));
        let scripted: Vec<_> = scripted.collect();
        for (what, verb) in left.chain(scripted.iter().map(|service| (service, "changes"))) {
            let message = format!("`{}` {verb} `{}`, and its undo does not change that", node.path, what.shown());
            if told.contains(&message) {
                continue;
            }
            told.push(message.clone());
            let found = report.at(message, subject.undo_span(undone));
            report.push(found.help(format!("let the undo reverse `{}` as well", what.shown())));
        }
    }
}

/// What a step does, and the steps inside it.
fn deeds_in<'s>(scene: &'s Scene<'_>, id: NodeId) -> impl Iterator<Item = &'s Deed> {
    // What a script deploys is known to nobody but its author.
    let known = scene.deeds_inside(id).iter().filter(move |(one, _)| !scene.flow.node(*one).is_some_and(is_script));
    known.map(|(_, deed)| deed)
}

/// The services that scripts in a step deploy, as far as these write them out.
fn scripted_in(scene: &Scene<'_>, id: NodeId) -> Vec<Known> {
    let inside = (scene.flow.begin_of(id)..=id).filter_map(|inner| scene.flow.node(inner));
    inside.flat_map(scripted).collect()
}

fn scripted(node: &Node<'_>) -> Vec<Known> {
    node.work.action.script().map_or_else(Vec::new, |script| deployed_by(script).into_iter().flatten().collect())
}

/// Whether an undo deploys a service that a script has deployed: in a step, or in a script that names it
/// or names none.
fn is_named(undoing: &Scene<'_>, service: &Known) -> bool {
    undoing.flow.nodes().any(|(id, node)| {
        let deeds = undoing.deeds().iter().filter(|(one, _)| *one == id);
        let by_step = deeds.clone().any(|(_, deed)| *deed == Deed::Deploys(service.clone()));
        let named = scripted(node);
        by_step || named.contains(service) || (named.is_empty() && deeds.count() > 0 && is_script(node))
    })
}

fn is_script(node: &Node<'_>) -> bool {
    node.work.action.script().is_some()
}

/// What an undo leaves as a deed made it, with the verb for it.
fn left_by<'d>(deed: &'d Deed, undoing: &Scene<'_>) -> Option<(&'d Known, &'static str)> {
    let is_undone = |is: &dyn Fn(&Deed) -> bool| {
        let proof = undoing.proof_of_change(&undoing.nodes_that(|_, deed| is(deed)));
        proof.is_done_at_end()
    };
    match deed {
        Deed::Deploys(service) if !is_undone(&|deed| *deed == Deed::Deploys(service.clone())) => {
            Some((service, "changes"))
        }
        Deed::Arms(gate) if !is_undone(&|deed| *deed == Deed::Disarms(gate.clone())) => Some((gate, "opens")),
        _ => None,
    }
}
