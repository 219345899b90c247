//! What a rule looks at: a file that was read, with what is worked out of it once for all rules.

use std::cell::OnceCell;

use crate::guard::Guards;
use crate::runbook::target::Target;
use crate::runbook::{Ensure, Runbook, Work};
use crate::source::Span;
use crate::value::Value;
use crate::yaml;

use super::Setting;
use super::flow::{Known, Node, NodeId, Part, Watched};
use super::meaning::default_of;
use super::places::{Leaf, Use, leaves, uses};
use super::promql::{Query, queries};
use super::scene::Scene;
use super::scripted::{Scripted, scripted};

/// What a rule on runbooks looks at.
pub struct Subject<'a> {
    /// The runbook.
    pub runbook: &'a Runbook,
    /// Where it will be used.
    pub setting: Setting<'a>,
    /// The sandbox its guards were read in.
    pub(super) guards: &'a Guards,
    /// What its steps do.
    scene: OnceCell<Scene<'a>>,
    /// Every action in it, with what is written under its `with`.
    uses: OnceCell<Vec<Use<'a>>>,
    /// Every call of a primitive in its scripts.
    scripted: OnceCell<Vec<Scripted<'a>>>,
    /// Every single value in its file.
    leaves: OnceCell<Vec<Leaf<'a>>>,
    /// Every PromQL query in it.
    queries: OnceCell<Vec<Query<'a>>>,
    /// What each undo in it does.
    undone: OnceCell<Vec<Undone<'a>>>,
    /// What each ensure of it does, on its own.
    ensured: OnceCell<Vec<Scene<'a>>>,
}

/// An undo, those inside runbooks used as actions included.
pub(super) struct Undone<'a> {
    /// The node it belongs to.
    pub(super) id: NodeId,
    /// What is done.
    pub(super) undo: &'a Work,
    /// What that does, on its own.
    pub(super) scene: Scene<'a>,
}

impl<'a> Subject<'a> {
    pub(super) fn of(runbook: &'a Runbook, guards: &'a Guards, setting: Setting<'a>) -> Self {
        Self {
            runbook,
            setting,
            guards,
            scene: OnceCell::new(),
            uses: OnceCell::new(),
            scripted: OnceCell::new(),
            leaves: OnceCell::new(),
            queries: OnceCell::new(),
            undone: OnceCell::new(),
            ensured: OnceCell::new(),
        }
    }

    /// What its steps do.
    pub(super) fn scene(&self) -> &Scene<'a> {
        self.scene.get_or_init(|| Scene::of(self.runbook, self.setting))
    }

    /// Every action in it, with what is written under its `with`.
    pub(super) fn uses(&self) -> &[Use<'a>] {
        self.uses.get_or_init(|| uses(self.runbook))
    }

    /// Every call of a primitive in its scripts, with what that is given.
    pub(super) fn scripted(&self) -> &[Scripted<'a>] {
        self.scripted.get_or_init(|| scripted(self.uses()))
    }

    /// Every single value in its file, in the order of the text.
    pub(super) fn leaves(&self) -> &[Leaf<'a>] {
        self.leaves.get_or_init(|| leaves(&self.runbook.tree, ""))
    }

    /// Every PromQL query in it that can be judged.
    pub(super) fn queries(&self) -> &[Query<'a>] {
        self.queries.get_or_init(|| queries(self.runbook, self.uses()))
    }

    /// The place of a node in this file: that of its step, or of the step it is inside of.
    pub(super) fn span_of(&self, id: NodeId) -> Span {
        let outer = self.scene().flow.node(id).and_then(|node| self.runbook.steps.get(node.outer));
        outer.map_or(Span::default(), |step| step.span)
    }

    /// The place of an undo in this file: of its action, or of the step it is inside of.
    pub(super) fn undo_span(&self, undone: &Undone<'_>) -> Span {
        let is_here = self.scene().flow.node(undone.id).is_some_and(|node| !node.path.contains('/'));
        if is_here { undone.undo.action.span } else { self.span_of(undone.id) }
    }

    /// The place of a watch in this file, or of the step it is inside of.
    pub(super) fn watch_span(&self, watched: &Watched<'_>) -> Span {
        let outer = watched.outer.and_then(|outer| self.runbook.steps.get(outer));
        outer.map_or(watched.watch.span, |step| step.span)
    }

    /// The default of the param that a symbol stands for.
    pub(super) fn default_of(&self, symbol: &str) -> Option<&Value> {
        default_of(self.runbook, symbol)
    }

    /// Every undo, with its node and its scene.
    pub(super) fn undos(&self) -> impl Iterator<Item = (&Undone<'a>, &Node<'a>)> {
        let flow = &self.scene().flow;
        let undone = self.undone.get_or_init(|| {
            let whole = flow.nodes().filter(|(_, node)| node.part != Part::Begin);
            let undone = whole.filter_map(|(id, node)| {
                let undo = node.step?.undo.as_deref()?;
                Some(Undone { id, undo, scene: Scene::on(flow.of_work(undo, node), self.setting) })
            });
            undone.collect()
        });
        undone.iter().filter_map(|one| Some((one, flow.node(one.id)?)))
    }

    /// Every ensure with what it does, on its own.
    pub(super) fn ensures(&self) -> impl Iterator<Item = (&'a Ensure, &Scene<'a>)> {
        let ensures = &self.runbook.ensures;
        let scene = |ensure| Scene::on(self.scene().flow.of_ensure(ensure), self.setting);
        let ensured = self.ensured.get_or_init(|| ensures.iter().map(scene).collect());
        ensures.iter().zip(ensured)
    }

    /// The text that a name stands for, or for which it stands unless somebody says otherwise.
    pub(super) fn text_of<'k>(&'k self, known: &'k Known) -> Option<&'k str> {
        match known {
            Known::Value(value) => value.as_text(),
            Known::Symbol(symbol) => self.default_of(symbol)?.as_text(),
        }
    }

    /// The value that a name stands for, or for which it stands unless somebody says otherwise.
    pub(super) fn value_of(&self, known: &Known) -> Option<Value> {
        match known {
            Known::Value(value) => Some(value.clone()),
            Known::Symbol(symbol) => self.default_of(symbol).cloned(),
        }
    }
}

/// What a rule on targets looks at.
pub struct TargetSubject<'a> {
    /// The target.
    pub target: &'a Target,
    /// The tree it was decoded from, for places.
    pub tree: &'a yaml::Node,
}

impl TargetSubject<'_> {
    /// Where a gate is named.
    pub(super) fn gate_span(&self, gate: &str) -> Span {
        let gates = self.tree.get("gates").map_or(&[][..], yaml::Node::entries);
        gates.iter().find(|(name, _)| name.value == gate).map_or_else(Span::default, |(name, _)| name.span)
    }
}
