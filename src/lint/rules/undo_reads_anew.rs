//! An undo goes back to what was read after the first change.
//!
//! A runbook used as an action is done again from its beginning, by `retry` or by a person after
//! `on_failure: pause`. Its steps read the world anew then, which its first try has changed already: an
//! undo inside of it that takes the previous version from such a step goes back to the new one. So does
//! that of a deploy that may be done again, where it takes the version from the deploy's own `previous`.
//!
//! ```yaml part:change-brain.yaml
//! titan: 1
//! runbook: change-brain
//! params:
//!   version: { type: text }
//! steps:
//!   before:
//!     do: service_version
//!     with: { service: brain }
//!   deploy:
//!     do: deploy
//!     with: { service: brain, version: "${params.version}" }
//!     undo: { do: deploy, with: { service: brain, version: "${steps.before.out.version}" } }
//! ```
//!
//! ```yaml bad
//! titan: 1
//! runbook: change
//! params:
//!   version: { type: text }
//! steps:
//!   brain:
//!     do: ./change-brain.yaml
//!     with: { version: "${params.version}" }
//!     retry: { on: [exit], attempts: 3, every: 10s }
//!     idempotent: true
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: change
//! params:
//!   version: { type: text }
//! steps:
//!   before:
//!     do: service_version
//!     with: { service: brain }
//!   brain:
//!     do: ./change-brain.yaml
//!     with: { version: "${params.version}" }
//!     retry: { on: [exit], attempts: 3, every: 10s }
//!     idempotent: true
//!     undo: { do: deploy, with: { service: brain, version: "${steps.before.out.version}" } }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::guard::Guard;
use crate::lint::flow::{Flow, Node, NodeId, Part};
use crate::runbook::{OnFailure, Work};

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "undo-reads-anew",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("undo_reads_anew.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let flow = &subject.scene().flow;
    for (own, node) in flow.nodes().filter(|(_, node)| node.part != Part::Begin) {
        let Some(undo) = node.step.and_then(|step| step.undo.as_deref()) else {
            continue;
        };
        if goes_back_to_itself(node, undo) {
            let path = &node.path;
            let message = format!("the undo of `{path}` goes back to what a second try of it replaces");
            let found = report.at(message, subject.span_of(own));
            report.push(found.help("read the version in a step before it, with `service_version`"));
            continue;
        }
        let Some((id, outer)) = done_again_around(flow, node).filter(|_| reads_steps(undo)) else {
            continue;
        };
        let message = format!("the undo of `{}` reads what a second try of `{}` reads anew", node.path, outer.path);
        let found = report.at(message, subject.span_of(id));
        report.push(found.help(format!(
            "give `{}` an undo of its own, or read before it and hand that over as a param",
            outer.path
        )));
    }
}

/// Whether an undo goes by what a step has given. How a step stands is told of all its tries.
fn reads_steps(undo: &Work) -> bool {
    let inserted = undo.action.with.insertions().into_iter().map(|one| one.guard);
    let reads = |guard: &Guard| {
        let mut steps = guard.references().iter().filter(|reference| reference.root() == "steps");
        steps.any(|reference| reference.path().get(2).is_none_or(|field| field != "status"))
    };
    inserted.chain(undo.guards()).any(reads)
}

/// Whether the undo of a deploy that may be done again goes back to what ran before its last try.
fn goes_back_to_itself(node: &Node<'_>, undo: &Work) -> bool {
    let Some(step) = node.step.filter(|_| node.work.action.name() == "deploy" && is_done_again(node)) else {
        return false;
    };
    let inserted = undo.action.with.insertions().into_iter().map(|one| one.guard);
    let own = ["steps", step.id.as_str(), "out", "previous"];
    inserted.flat_map(Guard::references).any(|reference| reference.path().iter().map(String::as_str).eq(own))
}

fn is_done_again(node: &Node<'_>) -> bool {
    node.work.retry.is_some() || node.step.is_some_and(|step| step.on_failure == OnFailure::Pause)
}

/// The runbook around a step that may be done again as a whole, where its own steps are what is undone.
fn done_again_around<'f>(flow: &'f Flow<'_>, inner: &Node<'_>) -> Option<(NodeId, &'f Node<'f>)> {
    let around = inner.path.rmatch_indices('/').map(|(end, _)| inner.path.get(..end));
    let around = around
        .filter_map(|path| flow.nodes().find(|(_, one)| Some(one.path.as_str()) == path && one.part != Part::Begin));
    let has_no_undo = |(_, one): &(NodeId, &Node<'_>)| one.step.is_some_and(|step| step.undo.is_none());
    around.take_while(has_no_undo).find(|(_, one)| is_done_again(one))
}
