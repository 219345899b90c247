//! Steps of which one is done wherever another one is not: their `when` say the opposite of each other,
//! and hang on nothing that changes during a run.

use std::collections::BTreeMap;

use crate::guard::Guard;
use crate::guard::syntax::{Binary, Expr, ExprKind, Unary};
use crate::runbook::OnFailure;

use super::flow::{Flow, Node, NodeId, Part};

/// The most of them that are looked for: each takes a look at all that comes before it.
const MAX_PAIRS: usize = 500;

/// For each step whose `when` is the opposite of an earlier one's: the node that stands for that.
#[derive(Debug, Default)]
pub(super) struct Branches(BTreeMap<NodeId, NodeId>);

/// Where a `when` stands, what it says without a `not`, and whether it says that.
type Condition<'f> = (&'f str, String, bool);

impl Branches {
    /// The branches of a graph.
    pub(super) fn of(flow: &Flow<'_>) -> Self {
        let mut earlier: BTreeMap<Condition<'_>, NodeId> = BTreeMap::new();
        let mut found = BTreeMap::new();
        for id in flow.order() {
            if found.len() >= MAX_PAIRS {
                break;
            }
            let Some((node, (place, said, is_said))) = flow.node(*id).and_then(|node| Some((node, condition(node)?)))
            else {
                continue;
            };
            let other = earlier.get(&(place, said.clone(), !is_said));
            if let Some(other) = other.filter(|other| flow.before(*id).has(**other)) {
                found.insert(*id, *other);
            }
            let is_tolerated = node.step.is_some_and(|step| step.on_failure == OnFailure::Continue || step.may_skip);
            if node.part != Part::Begin && !is_tolerated {
                earlier.insert((place, said, is_said), *id);
            }
        }
        Self(found)
    }

    /// The node that is not skipped by its `when` wherever this one is.
    pub(super) fn other(&self, id: NodeId) -> Option<NodeId> {
        self.0.get(&id).copied()
    }
}

fn condition<'f>(node: &'f Node<'_>) -> Option<Condition<'f>> {
    let guard = node.work.when.as_ref()?;
    let changes = |root: &str| ["steps", "item", "out"].contains(&root);
    if guard.references().iter().any(|reference| changes(reference.root())) {
        return None;
    }
    let (said, is_said) = without_not(guard, guard.syntax()?);
    let place = node.path.rsplit_once('/').map_or("", |(place, _)| place);
    Some((place, said, is_said))
}

fn without_not(guard: &Guard, syntax: &Expr) -> (String, bool) {
    let text = |part: &Expr| guard.text().get(part.span.start..part.span.end).unwrap_or_default().trim().to_owned();
    match &syntax.kind {
        ExprKind::Unary(Unary::Not, inner) => {
            let (said, is_said) = without_not(guard, inner);
            (said, !is_said)
        }
        ExprKind::Binary(operator @ (Binary::Equal | Binary::NotEqual), sides) => {
            (format!("{} == {}", text(&sides.0), text(&sides.1)), *operator == Binary::Equal)
        }
        _ => (text(syntax), true),
    }
}
