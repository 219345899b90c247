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
use crate::guard::Script;
use crate::lint::deploying::{deployed_by, deploys_of, service_of};
use crate::lint::flow::{Known, Node, NodeId};
use crate::lint::scene::{Deed, Scene};
use crate::value::Value;

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
        let scripted = scripted_in(subject, id).into_iter().filter(|service| !is_named(undoing, service));
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

/// The services that scripts in a step deploy: any of those that must agree, where that is not written out.
fn scripted_in(subject: &Subject<'_>, id: NodeId) -> Vec<Known> {
    let flow = &subject.scene().flow;
    let inside = (flow.begin_of(id)..=id).filter_map(|inner| flow.node(inner));
    let any = || subject.setting.target.parity().map(|name| Known::Value(Value::text(name))).collect();
    inside.flat_map(scripted).flat_map(|service| service.map_or_else(any, |service| vec![service])).collect()
}

fn scripted(node: &Node<'_>) -> Vec<Option<Known>> {
    node.work.action.script().map_or_else(Vec::new, deployed_by)
}

/// Whether an undo deploys a service that a script has deployed: in a step, or in a script that names it
/// or does not write out which it deploys.
fn is_named(undoing: &Scene<'_>, service: &Known) -> bool {
    undoing.flow.nodes().any(|(id, node)| {
        let deeds = undoing.deeds().iter().filter(|(one, _)| *one == id);
        let by_step = deeds.clone().any(|(_, deed)| *deed == Deed::Deploys(service.clone()));
        by_step || scripted(node).iter().any(|named| named.as_ref().is_none_or(|named| named == service))
    })
}

fn is_script(node: &Node<'_>) -> bool {
    node.work.action.script().is_some()
}

/// What an undo leaves as a deed made it, with the verb for it.
fn left_by<'d>(deed: &'d Deed, undoing: &Scene<'_>) -> Option<(&'d Known, &'static str)> {
    let is_undone = |is: &dyn Fn(NodeId, &Deed) -> bool| {
        let proof = undoing.proof_of_change(&undoing.nodes_that(is));
        proof.is_done_at_end()
    };
    match deed {
        Deed::Deploys(service) => {
            let by_script = |node: &Node<'_>| node.work.action.script().is_some_and(|script| surely(script, service));
            let deploys = |id, done: &Deed| done == deed || undoing.flow.node(id).is_some_and(by_script);
            (!is_undone(&deploys)).then_some((service, "changes"))
        }
        Deed::Arms(gate) => (!is_undone(&|_, done| *done == Deed::Disarms(gate.clone()))).then_some((gate, "opens")),
        _ => None,
    }
}

/// Whether a script deploys a service, written out, whenever it ends well.
fn surely(script: &Script, service: &Known) -> bool {
    let mut sure = deploys_of(script).filter(|deploy| deploy.is_sure);
    sure.any(|deploy| service_of(deploy).is_some_and(|deployed| deployed == *service))
}
