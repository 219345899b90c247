//! Sets of nodes of a graph.

use super::flow::{Flow, Node, NodeId};

/// A set of nodes.
#[derive(Clone, Debug)]
pub struct Nodes(Vec<bool>);

impl Nodes {
    /// No node, of this many.
    pub fn none(count: usize) -> Self {
        Self(vec![false; count])
    }

    /// The nodes for which something holds.
    pub fn that<'a>(flow: &Flow<'a>, holds: impl Fn(NodeId, &Node<'a>) -> bool) -> Self {
        Self(flow.nodes().map(|(id, node)| holds(id, node)).collect())
    }

    /// Whether a node is in it.
    pub fn has(&self, id: NodeId) -> bool {
        self.0.get(id).copied().unwrap_or(false)
    }

    /// Every node in it.
    pub fn iter(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.0.iter().enumerate().filter(|(_, is_in)| **is_in).map(|(id, _)| id)
    }

    /// Adds a node; whether it was not in it before.
    pub fn insert(&mut self, id: NodeId) -> bool {
        self.0.get_mut(id).is_some_and(|slot| !std::mem::replace(slot, true))
    }
}
