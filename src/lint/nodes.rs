//! Sets of nodes of a graph.
//!
//! One bit for each node: rules walk sets of few nodes, and hold one against another, for every pair
//! of steps that do something.

use super::flow::{Flow, Node, NodeId};

/// The nodes of one word of a set.
const WORD: usize = u64::BITS as usize;

/// A set of nodes.
#[derive(Clone, Debug)]
pub struct Nodes(Vec<u64>);

impl Nodes {
    /// No node, of this many.
    pub fn none(count: usize) -> Self {
        Self(vec![0; count.div_ceil(WORD)])
    }

    /// The nodes for which something holds.
    pub fn that<'a>(flow: &Flow<'a>, holds: impl Fn(NodeId, &Node<'a>) -> bool) -> Self {
        let mut found = Self::none(flow.nodes().count());
        for (id, _) in flow.nodes().filter(|(id, node)| holds(*id, node)) {
            found.insert(id);
        }
        found
    }

    /// Whether a node is in it.
    pub fn has(&self, id: NodeId) -> bool {
        self.0.get(id / WORD).is_some_and(|word| word & bit(id) != 0)
    }

    /// Whether all nodes of another set, of the same graph, are in it.
    pub fn has_all(&self, others: &Self) -> bool {
        self.0.iter().zip(&others.0).all(|(own, other)| other & !own == 0)
    }

    /// Every node in it.
    pub fn iter(&self) -> impl Iterator<Item = NodeId> + '_ {
        let words = self.0.iter().enumerate().filter(|(_, word)| **word != 0);
        words.flat_map(|(at, word)| (at * WORD..(at + 1) * WORD).filter(move |id| word & bit(*id) != 0))
    }

    /// Adds a node; whether it was not in it before.
    pub fn insert(&mut self, id: NodeId) -> bool {
        let Some(word) = self.0.get_mut(id / WORD) else {
            return false;
        };
        let before = std::mem::replace(word, *word | bit(id));
        before & bit(id) == 0
    }
}

fn bit(id: NodeId) -> u64 {
    1 << (id % WORD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_in_and_nothing_else() {
        let ids = [0, 63, 64, 129];
        let mut nodes = Nodes::none(130);
        assert!(ids.iter().all(|id| nodes.insert(*id) && !nodes.insert(*id)));
        assert!(nodes.iter().eq(ids));
        assert!((0..200).all(|id| nodes.has(id) == ids.contains(&id)));
        let mut fewer = nodes.clone();
        assert!(fewer.has_all(&nodes) && nodes.has_all(&fewer));
        assert!(fewer.insert(128) && fewer.has_all(&nodes) && !nodes.has_all(&fewer));
    }
}
