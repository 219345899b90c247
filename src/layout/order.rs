//! The order in which keys read best: that of the tables that declare them.
//!
//! A map whose keys are an author's own (steps, params, arguments) keeps its order, which may
//! mean something.

use crate::runbook::grammar::{Holds, Table};
use crate::runbook::keys::RUNBOOK;
use crate::runbook::target_keys::TARGET;
use crate::runbook::test_keys::TEST;
use crate::source::Spanned;
use crate::yaml::{Node, NodeKind};

/// What is known about a map.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// Its keys, in their order.
    Known(&'static Table),
    /// Its keys are an author's; what each holds.
    Each(&'static Holds),
    /// Nothing.
    Free,
}

/// The shape of a whole file, by the key that says what it is.
pub(super) fn shape_of(root: &Node) -> Shape {
    let NodeKind::Map(entries) = &root.kind else {
        return Shape::Free;
    };
    let has = |key: &str| entries.iter().any(|(name, _)| name.value == key);
    match (has("test"), has("runbook"), has("target")) {
        (true, _, _) => Shape::Known(&TEST),
        (_, true, _) => Shape::Known(&RUNBOOK),
        (_, _, true) => Shape::Known(&TARGET),
        _ => Shape::Free,
    }
}

impl Shape {
    fn of(holds: &'static Holds) -> Self {
        match holds {
            Holds::Map(table) | Holds::Either(_, Holds::Map(table)) => Self::Known(table),
            Holds::Named(_, each) => Self::Each(each),
            _ => Self::Free,
        }
    }

    /// The shape of the value under a key.
    pub(super) fn under(self, key: &str) -> Self {
        match self {
            Self::Known(table) => table.key(key).map_or(Self::Free, |key| Self::of(&key.holds)),
            Self::Each(each) => Self::of(each),
            Self::Free => Self::Free,
        }
    }

    /// The place of a key; unknown ones follow the known, in their own order.
    pub(super) fn rank(self, key: &str) -> usize {
        match self {
            Self::Known(table) => table.keys().position(|known| known.name == key).unwrap_or(usize::MAX),
            Self::Each(_) | Self::Free => usize::MAX,
        }
    }

    /// A map's entries in their order.
    pub(super) fn sorted(self, entries: &[(Spanned<String>, Node)]) -> Vec<&(Spanned<String>, Node)> {
        let mut sorted: Vec<_> = entries.iter().collect();
        sorted.sort_by_key(|(key, _)| self.rank(&key.value));
        sorted
    }
}
