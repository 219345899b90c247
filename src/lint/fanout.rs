//! What a `foreach` goes over, as far as that is known before the run.

use crate::guard::syntax::ExprKind;
use crate::guard::{Given, Guard};
use crate::runbook::Foreach;
use crate::value::Value;

use super::Setting;
use super::flow::{Flow, Known, Node, NodeId, Part};
use super::items::{Each, names, names_item};

/// The argument that names what a step changes or asks.
const SERVICE: &str = "service";

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
        let argument = flow.argument(node, name);
        let each =
            argument.as_ref().filter(|_| name == SERVICE).and_then(|one| each_handed_over(flow, node, one, setting));
        return each.unwrap_or_else(|| argument.into_iter().collect());
    };
    if may_pass_by(node) {
        return Vec::new();
    }
    match node.work.action.with.given(name) {
        Some(Given::Expression(guard)) if names_item(guard) => {
            flow.each(node, guard, &foreach.list).map_or_else(Vec::new, |each| listed(&each, setting))
        }
        Some(Given::Mixed) | None => Vec::new(),
        Some(_) if count(flow, node, foreach, setting) == 0 => Vec::new(),
        Some(_) => flow.argument(node, name).into_iter().collect(),
    }
}

/// What a service that a fan-out hands over to a runbook is, for each of its items; `None` where that is
/// not known, or where the node need not be done for each.
fn each_handed_over(flow: &Flow<'_>, node: &Node<'_>, service: &Known, setting: Setting<'_>) -> Option<Vec<Known>> {
    // The `when` of an undo is looked at with what it undoes.
    let is_always = node.every_item == Some(true) && (node.step.is_none() || node.work.when.is_none());
    let each = flow.per_item(service).map(|per_item| listed(&per_item.each, setting));
    each.filter(|each| is_always && !each.is_empty())
}

fn listed(each: &Each, setting: Setting<'_>) -> Vec<Known> {
    let text = |name: &str| Known::Value(Value::text(name));
    match each {
        Each::Services => setting.target.services.keys().map(|name| text(name.as_str())).collect(),
        Each::Gates => setting.target.gates.keys().map(|name| text(name.as_str())).collect(),
        Each::These(items) => items.clone(),
    }
}

/// What one item of a fan-out has given.
pub(super) struct OfItem {
    /// The node that gave it.
    pub(super) giver: NodeId,
    /// Which part of its result it is.
    pub(super) part: String,
    /// The service that was named by that item.
    pub(super) service: Known,
}

/// What a symbol such as `steps.x.out[1].version` is, where the item is known before the run; with an output
/// of the runbook that is done for each item, what that is computed by.
pub(super) fn of_item(flow: &Flow<'_>, known: &Known, setting: Setting<'_>) -> Option<OfItem> {
    let Known::Symbol(symbol) = known else {
        return None;
    };
    let (step, rest) = symbol.split_once(".out[")?;
    let (index, part) = rest.split_once("].")?;
    let index: usize = index.parse().ok()?;
    let whole = Known::Symbol([step, ".out.", part].concat().into());
    let (end, _) = flow.source_of(&whole)?;
    let node = flow.node(end).filter(|node| node.foreach.is_some())?;
    let (giver, part) = match node.part {
        Part::Whole => (end, part.to_owned()),
        Part::End { .. } => {
            let output = flow.bound(&whole)?;
            let (giver, part) =
                flow.source_of(&output).filter(|(giver, _)| (flow.begin_of(end)..end).contains(giver))?;
            (giver, part.to_owned())
        }
        Part::Begin => return None,
    };
    let service = each_of(flow, flow.node(giver)?, SERVICE, setting).get(index)?.clone();
    Some(OfItem { giver, part, service })
}

/// Whether a node acts on the service that a fan-out hands over to the runbook it is in.
pub(super) fn is_handed_over(flow: &Flow<'_>, node: &Node<'_>) -> bool {
    flow.argument(node, SERVICE).is_some_and(|service| flow.per_item(&service).is_some())
}

/// Whether one item comes after the other where a node is done for each.
pub(super) fn is_in_turn(flow: &Flow<'_>, node: &Node<'_>) -> bool {
    let handed_over = || flow.argument(node, SERVICE);
    match node.foreach {
        Some(foreach) => foreach.max_parallel == 1,
        None => handed_over().is_some_and(|service| flow.per_item(&service).is_some_and(|one| one.is_in_turn)),
    }
}

/// Whether a hash is said inside of the fan-out that hands over the service of a node: each item may
/// have another one.
pub(super) fn is_said_per_item(flow: &Flow<'_>, node: &Node<'_>, hash: &Known) -> bool {
    let place = |known: &Known| match known {
        Known::Symbol(symbol) => symbol.split_once(':').map(|(place, _)| place.to_owned()),
        Known::Value(_) => None,
    };
    let service = flow.argument(node, SERVICE).filter(|service| flow.per_item(service).is_some());
    let round = service.as_ref().and_then(place);
    round.zip(place(hash)).is_some_and(|(round, place)| format!("{place}/").starts_with(&round))
}

/// Whether a node may be done without anything happening: its fan-out may have no item, or may pass
/// its items by.
pub(super) fn may_do_nothing(flow: &Flow<'_>, node: &Node<'_>) -> bool {
    // Where a step had no item, its undo has nothing to do.
    let is_empty =
        |foreach: &Foreach| node.step.is_some() && of_target(foreach).is_none() && written(flow, node, foreach) == 0;
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

/// How many items a fan-out surely has.
fn count(flow: &Flow<'_>, node: &Node<'_>, foreach: &Foreach, setting: Setting<'_>) -> usize {
    match of_target(foreach) {
        Some("services") => setting.target.services.len(),
        Some(_) => setting.target.gates.len(),
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

/// How many items a list surely has that is no list of the target.
fn written(flow: &Flow<'_>, node: &Node<'_>, foreach: &Foreach) -> usize {
    if let Some(ExprKind::List(items)) = foreach.list.syntax().map(|syntax| &syntax.kind) {
        return items.len();
    }
    match flow.given(node, Given::Expression(&foreach.list)) {
        Known::Value(Value::List(items)) => items.len(),
        Known::Value(_) | Known::Symbol(_) => 0,
    }
}
