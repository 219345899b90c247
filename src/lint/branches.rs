//! Steps of which one is done wherever another one is not: their `when` say the opposite of each other,
//! and hang on nothing that changes during a run.

use std::collections::BTreeMap;

use crate::guard::syntax::{Binary, Expr, ExprKind, Unary};
use crate::runbook::OnFailure;

use super::flow::{Flow, Node, NodeId, Part};

/// The most of them that are looked for: each takes a look at all that comes before it.
const MAX_PAIRS: usize = 500;

/// For each step whose `when` is the opposite of an earlier one's: the node that stands for that.
#[derive(Debug, Default)]
pub(super) struct Branches(BTreeMap<NodeId, NodeId>);

/// Where a `when` stands, the shape of what it says without a `not`, and whether it says that.
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
    let (said, is_said) = without_not(guard.syntax()?);
    let place = node.path.rsplit_once('/').map_or("", |(place, _)| place);
    Some((place, said, is_said))
}

fn without_not(syntax: &Expr) -> (String, bool) {
    match &syntax.kind {
        ExprKind::Unary(Unary::Not, inner) => {
            let (said, is_said) = without_not(inner);
            (said, !is_said)
        }
        ExprKind::Binary(operator @ (Binary::Equal | Binary::NotEqual), sides) => {
            let mut sides = [shape(&sides.0), shape(&sides.1)];
            sides.sort();
            (format!("Binary(Equal)({})", sides.concat()), *operator == Binary::Equal)
        }
        _ => (shape(syntax), true),
    }
}

/// What an expression is made of: the same for two of them only where they are the same but for blanks
/// and for parentheses that change nothing.
fn shape(expression: &Expr) -> String {
    let head = match &expression.kind {
        kind @ (ExprKind::Literal(_) | ExprKind::Name(_)) => format!("{kind:?}"),
        ExprKind::List(_) => "List".to_owned(),
        ExprKind::Map(entries) => {
            let keys: Vec<_> = entries.iter().map(|(key, _)| &key.text).collect();
            format!("Map({keys:?})")
        }
        ExprKind::Property { name, is_lenient, .. } => format!("Property({:?}, {is_lenient})", name.text),
        ExprKind::Index { is_lenient, .. } => format!("Index({is_lenient})"),
        ExprKind::Call { of, name, .. } => format!("Call({:?}, {})", name.text, of.is_some()),
        ExprKind::Unary(operator, _) => format!("Unary({operator:?})"),
        ExprKind::Binary(operator, _) => format!("Binary({operator:?})"),
        ExprKind::If(_) => "If".to_owned(),
    };
    let parts: String = expression.parts().into_iter().map(shape).collect();
    format!("{head}({parts})")
}
