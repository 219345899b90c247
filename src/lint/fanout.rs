//! What a `foreach` goes over, as far as that is known before the run.

use crate::guard::{Given, Guard};
use crate::runbook::Foreach;
use crate::value::Value;

use super::Setting;
use super::flow::{Flow, Known, Node, NodeId, Part};

/// A runbook that is done once for each item: what is inside comes again and again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rounds {
    begin: NodeId,
    end: NodeId,
    /// Whether several items may be under way at once.
    pub(super) is_parallel: bool,
}

impl Rounds {
    /// Every one of a graph that may have more than one item.
    pub(super) fn of(flow: &Flow<'_>) -> Vec<Self> {
        let rounds = flow.nodes().filter_map(|(end, node)| match (node.foreach, node.part) {
            (Some(foreach), Part::End { begin }) if !is_once(flow, node, foreach) => {
                Some(Self { begin, end, is_parallel: foreach.max_parallel > 1 })
            }
            _ => None,
        });
        rounds.collect()
    }

    /// Whether a node is inside.
    pub(super) fn has(&self, id: NodeId) -> bool {
        self.begin < id && id < self.end
    }

    /// Where it ends; what others need of the step.
    pub(super) fn end(&self) -> NodeId {
        self.end
    }
}

/// What an argument names: one thing, or each item of a fan-out. Nothing where that is known only
/// when the run comes to it, or where the fan-out may have no item.
pub(super) fn each_of(flow: &Flow<'_>, node: &Node<'_>, name: &str, setting: Setting<'_>) -> Vec<Known> {
    let Some(foreach) = node.foreach else {
        return flow.argument(node, name).into_iter().collect();
    };
    if may_pass_by(node) {
        return Vec::new();
    }
    let items = items(flow, node, foreach, setting);
    match node.work.action.with.given(name) {
        Some(Given::Expression(guard)) if guard.text().trim() == "item" => items,
        Some(Given::Expression(guard)) if names_item(guard) => Vec::new(),
        Some(Given::Mixed) | None => Vec::new(),
        Some(_) => flow.argument(node, name).filter(|_| !items.is_empty()).into_iter().collect(),
    }
}

/// Whether a node may be done without anything happening: its fan-out may have no item, or may pass
/// its items by.
pub(super) fn may_do_nothing(flow: &Flow<'_>, node: &Node<'_>) -> bool {
    // Where a step had no item, its undo has nothing to do.
    let is_empty = |foreach: &Foreach| {
        node.step.is_some() && of_target(foreach).is_none() && written(flow, node, foreach).is_empty()
    };
    node.foreach.is_some_and(|foreach| may_pass_by(node) || is_empty(foreach))
}

/// Whether an item of a fan-out may be passed by where others are not.
fn may_pass_by(node: &Node<'_>) -> bool {
    node.work.when.as_ref().is_some_and(names_item)
}

/// Whether what a step is held against hangs on the item it is done for. A guard that reads no result
/// holds nothing against it.
pub(super) fn hangs_on_item(node: &Node<'_>, name: &str) -> bool {
    let by_argument = match node.work.action.with.given(name) {
        Some(Given::Expression(guard)) => names_item(guard),
        Some(Given::Mixed) => true,
        Some(Given::Constant(_)) | None => false,
    };
    let by_guard = |guard: &Guard| names(guard, "out") && names_item(guard);
    node.foreach.is_some() && (by_argument || node.work.guards().any(by_guard))
}

fn items(flow: &Flow<'_>, node: &Node<'_>, foreach: &Foreach, setting: Setting<'_>) -> Vec<Known> {
    let text = |name: &str| Known::Value(Value::text(name));
    match of_target(foreach) {
        Some("services") => setting.target.services.keys().map(|name| text(name.as_str())).collect(),
        Some(_) => setting.target.gates.keys().map(|name| text(name.as_str())).collect(),
        None => written(flow, node, foreach),
    }
}

/// The list of the target that a fan-out goes over.
fn of_target(foreach: &Foreach) -> Option<&str> {
    let list = foreach.list.text().trim().strip_prefix("target.")?;
    ["services", "gates"].contains(&list).then_some(list)
}

/// Whether a fan-out surely has no second item.
fn is_once(flow: &Flow<'_>, node: &Node<'_>, foreach: &Foreach) -> bool {
    matches!(flow.given(node, Given::Expression(&foreach.list)), Known::Value(Value::List(items)) if items.len() <= 1)
}

/// The items of a list that is written out.
fn written(flow: &Flow<'_>, node: &Node<'_>, foreach: &Foreach) -> Vec<Known> {
    match flow.given(node, Given::Expression(&foreach.list)) {
        Known::Value(Value::List(items)) => items.iter().cloned().map(Known::Value).collect(),
        Known::Value(_) | Known::Symbol(_) => Vec::new(),
    }
}

fn names_item(guard: &Guard) -> bool {
    names(guard, "item")
}

fn names(guard: &Guard, name: &str) -> bool {
    guard.references().iter().any(|reference| reference.path().first().is_some_and(|word| word == name))
}
