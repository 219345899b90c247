//! Hashes that one step reads and a later one judges: an `assert`, or the `require` or `when` of a step.

use crate::guard::syntax::{Binary, Expr};
use crate::guard::{Given, Guard};
use crate::value::Value;

use super::Setting;
use super::checked::{kept_name, kept_text, names_of};
use super::deeds::reads_old_line;
use super::flow::{Flow, Known, Node, NodeId, Part};
use super::judgement::{HASHES, pieces, sides};
use super::own_hash::is_own_hash;
use super::scene::Deed;

/// A hash that was read, and is judged later.
#[derive(Debug)]
pub(super) struct Asserted {
    /// The node that fails unless it is the expected one.
    judge: NodeId,
    /// The node that read it.
    read: NodeId,
    /// The service it was read from.
    service: Known,
    /// What it must be, which is nothing that a step has read.
    against: Known,
    /// Whether it was read from a line that may be older than the run.
    is_old: bool,
}

impl Asserted {
    /// The node that read it, and the one that judges it.
    pub(super) fn nodes(&self) -> (NodeId, NodeId) {
        (self.read, self.judge)
    }
}

/// Every hash of a graph that is judged after it was read.
pub(super) fn asserted(flow: &Flow<'_>, setting: Setting<'_>) -> Vec<Asserted> {
    let whole = flow.nodes().filter(|(_, node)| node.part == Part::Whole && node.foreach.is_none());
    let judged = whole.flat_map(|(judge, node)| {
        demands(node).into_iter().filter_map(move |demand| asserted_by(flow, setting, judge, node, demand))
    });
    judged.collect()
}

/// Adds the services that are verified by a step after the one that read their hash: where nothing is
/// deployed in between, it is as if that step had asked itself.
pub(super) fn add_asserted(flow: &Flow<'_>, asserted: Vec<Asserted>, deeds: &mut Vec<(NodeId, Deed)>) {
    let deploys: Vec<_> =
        deeds.iter().filter(|(_, deed)| matches!(deed, Deed::Deploys(_))).map(|(id, _)| *id).collect();
    let fresh = asserted.into_iter().filter(|one| {
        let (before, after) = (flow.before(one.read), flow.after(one.judge));
        deploys.iter().all(|deploy| before.has(*deploy) || after.has(*deploy))
    });
    let verified = fresh.map(|Asserted { judge, service, against, is_old, .. }| {
        (judge, Deed::Verifies { service, against: Some(against), is_old })
    });
    let verified: Vec<_> = verified.collect();
    deeds.extend(verified);
    deeds.sort_by_key(|(id, _)| *id);
}

/// What must be the same for a node to do anything, or to end ok.
#[derive(Clone, Copy)]
pub(super) struct Demand<'w> {
    guard: &'w Guard,
    /// Both sides of it.
    pub(super) sides: (&'w Expr, &'w Expr),
}

/// What an `assert`, or the `require` or `when` of a node, holds against something.
pub(super) fn demands<'w>(node: &Node<'w>) -> Vec<Demand<'w>> {
    let action = &node.work.action;
    let asserted = match action.with.given("that") {
        Some(Given::Expression(guard)) if action.name() == "assert" => Some(guard),
        _ => None,
    };
    let guards = asserted.into_iter().chain(&node.work.require).chain(&node.work.when);
    let pieces = guards.filter_map(|guard| Some((guard, guard.syntax()?))).flat_map(|(guard, syntax)| {
        let each = pieces(syntax, Binary::And).into_iter();
        each.filter_map(move |piece| Some(Demand { guard, sides: sides(piece, Binary::Equal)? }))
    });
    pieces.collect()
}

fn asserted_by(
    flow: &Flow<'_>,
    setting: Setting<'_>,
    judge: NodeId,
    node: &Node<'_>,
    demand: Demand<'_>,
) -> Option<Asserted> {
    let Demand { guard, sides: (left, right) } = demand;
    [(left, right), (right, left)].into_iter().find_map(|(hash, expected)| {
        if is_read(expected) {
            return None;
        }
        let (read, service) = read_hash(flow, setting, &flow.named(node, &hash_name(hash)?))?;
        let against = match expected.as_text() {
            Some(text) => Known::Value(Value::text(text)),
            None => flow.named(node, &kept_text(guard, expected)),
        };
        let is_old = flow.node(read).is_some_and(|node| reads_old_line(flow, node, setting));
        Some(Asserted { judge, read, service, against, is_old })
    })
}

/// Whether an expression hangs on what a step has read.
pub(super) fn is_read(expression: &Expr) -> bool {
    let root = |name: &String| name.split('.').next().is_some_and(|root| ["steps", "out", "item"].contains(&root));
    names_of(expression).iter().any(root)
}

/// What a node holds a hash against that was read before.
pub(super) fn expected_sides<'w>(node: &Node<'w>) -> impl Iterator<Item = &'w Expr> {
    demands(node).into_iter().filter_map(|Demand { sides: (left, right), .. }| {
        let sides = [(left, right), (right, left)].into_iter();
        let mut expected = sides.filter(|(hash, expected)| hash_name(hash).is_some() && !is_read(expected));
        expected.next().map(|(_, expected)| expected)
    })
}

/// The name of a hash in the result of a step.
fn hash_name(expression: &Expr) -> Option<String> {
    kept_name(expression).filter(|name| name.starts_with("steps.") && name.ends_with(".hash"))
}

/// The node that has read a hash from a service, and which service.
fn read_hash(flow: &Flow<'_>, setting: Setting<'_>, name: &Known) -> Option<(NodeId, Known)> {
    let (read, part) = flow.source_of(name).filter(|(_, part)| HASHES.contains(part))?;
    let node = flow.node(read).filter(|node| node.foreach.is_none())?;
    let service = flow.argument(node, "service")?;
    let is_its_own = match node.work.action.name() {
        "service_hash" => part == "hash",
        "wait_log" => is_own_hash(flow, node, &service, setting),
        _ => false,
    };
    is_its_own.then_some((read, service))
}
