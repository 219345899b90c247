//! Where the values of a file stand: every action with what is written under its `with`, and the
//! texts in it, each with its own place. Knows no rule.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::guard::{Guard, insertion_places};
use crate::runbook::{Action, ActionKind, Poll, Runbook, Watch, Work};
use crate::source::{SourceFile, Span};
use crate::yaml::{Node, NodeKind, Places, Scalar};

/// An action in a runbook.
pub(super) struct Use<'a> {
    /// What is done.
    pub(super) action: &'a Action,
    /// What it is done for.
    pub(super) role: Role<'a>,
    /// What is written under its `with`.
    with: Option<&'a Node>,
    /// The expressions in that, in the order of the text.
    guards: Vec<&'a Guard>,
}

/// What an action is done for.
#[derive(Clone, Copy)]
pub(super) enum Role<'a> {
    /// The step with this index.
    Step(usize, &'a Work),
    /// The undo of the step with this index.
    Undo(usize, &'a Work),
    /// A watch.
    Watch(&'a Watch),
    /// An ensure.
    Ensure(&'a Work),
}

/// A single value in a file.
#[derive(Clone, Copy)]
pub(super) struct Leaf<'a> {
    /// The nearest key above it; empty where there is none.
    pub(super) key: &'a str,
    /// What is written.
    pub(super) scalar: &'a Scalar,
    /// Where.
    pub(super) span: Span,
}

/// Every action of a runbook, in reading order.
pub(super) fn uses(runbook: &Runbook) -> Vec<Use<'_>> {
    let withs = withs(&runbook.tree);
    let mut roles = Vec::with_capacity(runbook.steps.len());
    for (at, step) in runbook.steps.iter().enumerate() {
        roles.push(Role::Step(at, &step.work));
        // An implied undo has no place of its own.
        let undo = step.undo.as_deref().filter(|undo| undo.action.span != step.work.action.span);
        roles.extend(undo.map(|undo| Role::Undo(at, undo)));
    }
    roles.extend(runbook.watches.iter().map(Role::Watch));
    roles.extend(runbook.ensures.iter().map(|ensure| Role::Ensure(&ensure.work)));
    let placed = roles.into_iter().map(|role| {
        let action = &role.work().action;
        let guards = action.with.insertions().into_iter().map(|one| one.guard).collect();
        Use { action, role, with: withs.get(&action.span.start).copied(), guards }
    });
    placed.collect()
}

/// What stands under each `with`, by where the word after its `do` begins.
fn withs(tree: &Node) -> BTreeMap<usize, &Node> {
    let mut found = BTreeMap::new();
    for section in ["steps", "watch", "ensure"] {
        for (_, entry) in tree.get(section).map_or(&[][..], Node::entries) {
            for map in [Some(entry), entry.get("undo")].into_iter().flatten() {
                if let (Some(name), Some(with)) = (map.get("do"), map.get("with")) {
                    found.insert(name.span.start, with);
                }
            }
        }
    }
    found
}

impl<'a> Role<'a> {
    /// How it is done and judged.
    pub(super) fn work(self) -> &'a Work {
        match self {
            Self::Step(_, work) | Self::Undo(_, work) | Self::Ensure(work) => work,
            Self::Watch(watch) => &watch.work,
        }
    }

    /// Whether what it sees is judged on the spot.
    pub(super) fn is_judged(self) -> bool {
        let by_itself = |work: &Work| !matches!(work.poll, Poll::Once) || work.expect.is_some();
        match self {
            Self::Step(_, work) | Self::Undo(_, work) => by_itself(work),
            Self::Watch(_) | Self::Ensure(_) => true,
        }
    }
}

impl<'a> Use<'a> {
    /// The name of its primitive; empty where it is something else.
    pub(super) fn primitive(&self) -> &'static str {
        match &self.action.kind {
            ActionKind::Primitive(declaration) => declaration.name,
            ActionKind::Runbook(_) | ActionKind::Script(_) => "",
        }
    }

    /// What is written for each of its arguments.
    pub(super) fn arguments(&self) -> impl Iterator<Item = (&'a str, &'a Node)> + use<'a> {
        self.with.map_or(&[][..], Node::entries).iter().map(|(name, node)| (name.value.as_str(), node))
    }

    /// What is written for one argument.
    pub(super) fn argument(&self, name: &str) -> Option<&'a Node> {
        self.with?.get(name)
    }

    /// Every expression in what is written under its `with`.
    pub(super) fn guards(&self) -> impl Iterator<Item = &'a Guard> {
        self.guards.iter().copied()
    }

    /// The expressions inside a text.
    pub(super) fn guards_in(&self, leaf: Leaf<'a>) -> Vec<&'a Guard> {
        let first = self.guards.partition_point(|guard| guard.span() < leaf.span);
        self.guards.iter().skip(first).take_while(|guard| guard.span() == leaf.span).copied().collect()
    }
}

impl<'a> Leaf<'a> {
    /// A node, where it is a single value.
    pub(super) fn of(node: &'a Node) -> Option<Self> {
        leaves(node, "").into_iter().next().filter(|leaf| leaf.span == node.span)
    }

    /// Whether it is the same one; what a script hands over stands all in one place.
    pub(super) fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self.scalar, other.scalar)
    }

    /// What is written, without quotes.
    pub(super) fn text(&self) -> &'a str {
        &self.scalar.text
    }

    /// Whether it has something to be filled in.
    pub(super) fn is_filled(&self) -> bool {
        !insertion_places(self.text()).is_empty()
    }

    /// Where a part of its text stands in the file; all of it where that cannot be told.
    pub(super) fn part(&self, file: &SourceFile, part: Range<usize>) -> Span {
        Places::of(self.scalar, self.span, file.text()).map_or(self.span, |places| places.part(part))
    }
}

/// Every single value under a node, in the order of the text.
pub(super) fn leaves<'a>(node: &'a Node, key: &'a str) -> Vec<Leaf<'a>> {
    let mut found = Vec::new();
    collect(node, key, &mut found);
    found
}

fn collect<'a>(node: &'a Node, key: &'a str, found: &mut Vec<Leaf<'a>>) {
    match &node.kind {
        NodeKind::Scalar(scalar) => found.push(Leaf { key, scalar, span: node.span }),
        NodeKind::List(items) => items.iter().for_each(|item| collect(item, key, found)),
        NodeKind::Map(entries) => entries.iter().for_each(|(name, item)| collect(item, &name.value, found)),
    }
}
