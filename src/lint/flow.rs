//! The steps of a runbook, and of every runbook it uses, as one graph.
//!
//! A runbook used as an action becomes two nodes, where it begins and where it ends, around the
//! nodes of its steps. Edges come from `needs`; a node that needs another starts after that one
//! ended, so two nodes without a path between them may run at the same time.

use std::cell::OnceCell;
use std::sync::Arc;

use crate::guard::{Given, Guard};
use crate::runbook::{ActionKind, EdgeOutcome, Ensure, Foreach, Runbook, Step, Work};
use crate::value::Value;

use super::branches::Branches;
use super::checked::surely_done;
use super::items::{Each, PerItem};
use super::judgement::needed_ok;
use super::meaning::{Meanings, default_of};
use super::nodes::Nodes;

pub use super::meaning::Known;
pub use super::watched::Watched;

/// The most nodes that are looked at: a runbook of 100,000 steps, with what it includes.
pub const MAX_NODES: usize = 400_000;

/// The place of a node in [`Flow::nodes`].
pub type NodeId = usize;

/// What a node is of its step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// Where a runbook used as an action begins.
    Begin,
    /// Where it ends; what others need of the step.
    End {
        /// Where it begins.
        begin: NodeId,
    },
}

/// A step, or one end of a runbook used as an action.
#[derive(Debug)]
pub struct Node<'a> {
    /// The step; `None` for the action of an undo or an ensure.
    pub step: Option<&'a Step>,
    /// What it is done once for each item of: an undo, as its step was.
    pub foreach: Option<&'a Foreach>,
    /// What is done.
    pub work: &'a Work,
    /// Its path, as `deploy_pair/deploy_brain`.
    pub path: String,
    /// The index of the step of the outermost runbook it belongs to.
    pub outer: usize,
    /// What it is of its step.
    pub part: Part,
    /// The nodes it starts after, and the outcomes it needs of them.
    pub needs: Vec<(NodeId, EdgeOutcome)>,
    /// Those of them that must have ended ok for its guards to let it do anything.
    pub acts_after: Vec<NodeId>,
    /// Whether it is done for every item of the fan-out it is inside of; `None` where it is in none.
    pub every_item: Option<bool>,
    /// The names of its runbook's params.
    params: usize,
}

/// Where a piece of work stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Stand<'a> {
    pub(super) path: String,
    outer: usize,
    /// The names of its runbook's params.
    pub(super) frame: usize,
    foreach: Option<&'a Foreach>,
    pub(super) every_item: Option<bool>,
}

impl<'a> Node<'a> {
    /// A piece of work that needs nothing yet.
    fn of(step: Option<&'a Step>, work: &'a Work, at: Stand<'a>) -> Self {
        let Stand { path, outer, frame: params, foreach, every_item } = at;
        let (needs, acts_after) = (Vec::new(), Vec::new());
        Self { step, foreach, work, path, outer, part: Part::Whole, needs, acts_after, every_item, params }
    }

    /// The path of a step of the same runbook.
    pub fn beside(&self, step: &str) -> String {
        match self.path.rsplit_once('/') {
            Some((place, _)) => format!("{place}/{step}"),
            None => step.to_owned(),
        }
    }

    /// Whether it is a node of the same step as another, or of one inside that.
    pub fn is_inside(&self, outer: &Self) -> bool {
        self.path.strip_prefix(outer.path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// The whole graph.
#[derive(Debug)]
pub struct Flow<'a> {
    nodes: Vec<Node<'a>>,
    /// Nodes in an order in which each comes after those it needs.
    order: Vec<NodeId>,
    /// What its names stand for.
    names: Meanings,
    /// The node of each step of the outermost runbook.
    outermost: Vec<NodeId>,
    watches: Vec<Watched<'a>>,
    branches: OnceCell<Branches>,
    is_whole: bool,
    /// The outermost runbook, where the graph is of a whole one.
    runbook: Option<&'a Runbook>,
}

impl<'a> Flow<'a> {
    /// The graph of a runbook whose params nobody knows yet.
    pub fn of(runbook: &'a Runbook) -> Self {
        let params = runbook.params.iter().map(|param| {
            let name = Arc::clone(&param.name);
            (Arc::clone(&name), Known::Symbol(Arc::from(format!("params.{name}"))))
        });
        let mut flow = Self { runbook: Some(runbook), ..Self::empty(Meanings::new(params.collect())) };
        flow.names.bind(runbook, "", 0, None);
        flow.outermost = flow.steps(runbook, "", 0, None, None, None);
        flow.sort();
        flow
    }

    /// The node others need of a step of the outermost runbook.
    pub fn step(&self, index: usize) -> Option<NodeId> {
        self.outermost.get(index).copied()
    }

    /// The node with which the step of a node begins: another one where a runbook is its action.
    pub fn begin_of(&self, id: NodeId) -> NodeId {
        match self.nodes.get(id).map(|node| node.part) {
            Some(Part::End { begin }) => begin,
            _ => id,
        }
    }

    /// The graph of one piece of work that stands for itself, in the names of a node of this one:
    /// of its undo.
    pub fn of_work(&self, work: &'a Work, of: &Node<'a>) -> Self {
        let mut flow = Self::empty(self.names.inside(of.params));
        let (foreach, every_item) = (of.foreach, of.every_item);
        flow.work(None, work, Stand { path: of.path.clone(), outer: of.outer, frame: 0, foreach, every_item });
        flow.sort();
        flow
    }

    /// The graph of what an ensure of the outermost runbook does.
    pub fn of_ensure(&self, ensure: &'a Ensure) -> Self {
        let mut flow = Self::empty(self.names.inside(0));
        flow.work(None, &ensure.work, Stand { path: ensure.id.to_string(), ..Stand::default() });
        flow.sort();
        flow
    }

    fn empty(names: Meanings) -> Self {
        let (nodes, order, outermost, watches) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { nodes, order, names, outermost, watches, is_whole: true, runbook: None, branches: OnceCell::new() }
    }

    /// Every node.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node<'a>)> {
        self.nodes.iter().enumerate()
    }

    /// A node.
    pub fn node(&self, id: NodeId) -> Option<&Node<'a>> {
        self.nodes.get(id)
    }

    /// Every watch, those of runbooks used as actions included.
    pub fn watches(&self) -> &[Watched<'a>] {
        &self.watches
    }

    /// What a watch does, as a node that stands for itself.
    pub fn watch_node(&self, watched: &Watched<'a>) -> Node<'a> {
        let (path, outer) = (watched.path.clone(), watched.outer.unwrap_or_default());
        Node::of(None, &watched.watch.work, Stand { path, outer, frame: watched.params, ..Stand::default() })
    }

    /// Every node's id, each after those it needs.
    pub fn order(&self) -> &[NodeId] {
        &self.order
    }

    /// The node that is not skipped by its `when` wherever another one is.
    pub(super) fn otherwise(&self, id: NodeId) -> Option<NodeId> {
        self.branches.get_or_init(|| Branches::of(self)).other(id)
    }

    /// Whether all of the runbook is in it; else it was larger than [`MAX_NODES`].
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// What an argument of a node's action is.
    pub fn argument(&self, node: &Node<'_>, name: &str) -> Option<Known> {
        self.names.argument(&node.work.action, name, node.params, &node.path)
    }

    /// What an argument of a watch's action is.
    pub fn watch_argument(&self, watched: &Watched<'_>, name: &str) -> Option<Known> {
        self.names.argument(&watched.watch.work.action, name, watched.params, &watched.path)
    }

    /// What an expression stands for where a node uses it.
    pub fn named(&self, node: &Node<'_>, text: &str) -> Known {
        self.names.symbol(text, node.params, &node.path)
    }

    /// The value of a dotted name where a node uses it, where it is a constant.
    pub fn constant(&self, node: &Node<'_>, words: &[&str]) -> Option<Value> {
        self.names.constant(words, node.params, &node.path)
    }

    /// The value of a dotted name where a watch uses it, where it is a constant.
    pub fn watch_constant(&self, watched: &Watched<'_>, words: &[&str]) -> Option<Value> {
        self.names.constant(words, watched.params, &watched.path)
    }

    /// What a symbol was computed by, where it is a `let` or the output of a runbook.
    pub fn bound(&self, known: &Known) -> Option<Known> {
        self.names.bound(known).cloned()
    }

    /// What a symbol is unless somebody says otherwise.
    pub fn default_of(&self, known: &Known) -> Option<&Value> {
        match known {
            Known::Symbol(symbol) => default_of(self.runbook?, symbol),
            Known::Value(_) => None,
        }
    }

    /// What a symbol is for each item of a fan-out, where it is another one for each.
    pub fn per_item(&self, known: &Known) -> Option<&PerItem> {
        self.names.per_item(known)
    }

    /// What an expression is for each item of a list, where a node uses it.
    pub(super) fn each(&self, node: &Node<'_>, guard: &Guard, list: &Guard) -> Option<Each> {
        self.names.each(guard, list, node.params, &node.path)
    }

    /// What is given in a node.
    pub fn given(&self, node: &Node<'_>, given: Given<'_>) -> Known {
        self.names.meaning(given, node.params, &node.path)
    }

    /// The node whose result a symbol is a property of.
    pub fn giver_of(&self, known: &Known, property: &str) -> Option<NodeId> {
        self.source_of(known).filter(|(_, of)| *of == property).map(|(id, _)| id)
    }

    /// The node whose result a symbol is a part of, and which part.
    pub fn source_of<'k>(&self, known: &'k Known) -> Option<(NodeId, &'k str)> {
        let Known::Symbol(text) = known else {
            return None;
        };
        let (place, name) = text.split_once(':')?;
        let (id, rest) = name.strip_prefix("steps.")?.split_once('.')?;
        let property = rest.strip_prefix("out.")?;
        let path = if place.is_empty() { id.to_owned() } else { format!("{place}/{id}") };
        let found = self.nodes().find(|(_, node)| node.path == path && node.part != Part::Begin);
        found.map(|(id, _)| (id, property))
    }

    fn steps(
        &mut self,
        runbook: &'a Runbook,
        prefix: &str,
        frame: usize,
        begin: Option<NodeId>,
        outer: Option<usize>,
        every_item: Option<bool>,
    ) -> Vec<NodeId> {
        let mut ends = Vec::with_capacity(runbook.steps.len());
        let always = every_item.map(|every| surely_done(&runbook.steps).into_iter().map(move |one| every && one));
        let mut always = always.into_iter().flatten();
        for (at, step) in runbook.steps.iter().enumerate() {
            if self.nodes.len() >= MAX_NODES {
                self.is_whole = false;
                break;
            }
            let path = [prefix, step.id.as_str()].concat();
            let (outer, foreach) = (outer.unwrap_or(at), step.foreach.as_deref());
            let at = Stand { path, outer, frame, foreach, every_item: always.next() };
            ends.push(self.work(Some(step), &step.work, at));
        }
        for (step, end) in runbook.steps.iter().zip(&ends) {
            let needs = step.needs.iter().filter_map(|edge| Some((*ends.get(edge.from)?, edge.on)));
            let needs: Vec<_> = begin.map(|begin| (begin, EdgeOutcome::Ok)).into_iter().chain(needs).collect();
            let required = needed_ok(&step.work);
            let is_required = |from: usize| {
                runbook.steps.get(from).is_some_and(|step| required.iter().any(|id| id == step.id.as_str()))
            };
            let before = step.needs.iter().filter(|edge| is_required(edge.from));
            let acts_after = before.filter_map(|edge| ends.get(edge.from).copied()).collect();
            let start = self.begin_of(*end);
            if let Some(node) = self.nodes.get_mut(start) {
                (node.needs, node.acts_after) = (needs, acts_after);
            }
        }
        for watch in &runbook.watches {
            let to = watch.to.and_then(|to| ends.get(to).copied());
            if let Some(from) = ends.get(watch.from).map(|end| self.begin_of(*end)) {
                let path = format!("{prefix}watch {}", watch.id);
                self.watches.push(Watched { watch, from, to, outer, params: frame, path });
            }
        }
        ends
    }

    /// Adds a piece of work, and gives the node others need.
    fn work(&mut self, step: Option<&'a Step>, work: &'a Work, at: Stand<'a>) -> NodeId {
        let id = self.nodes.len();
        let ActionKind::Runbook(runbook) = &work.action.kind else {
            self.nodes.push(Node::of(step, work, at));
            return id;
        };
        let params = runbook.params.iter().filter_map(|param| {
            let given = self.names.handed_over(work, &param.name, at.foreach, &at);
            Some((Arc::clone(&param.name), given.or_else(|| param.default.clone().map(Known::Value))?))
        });
        let params = params.collect();
        let inner = self.names.frame(params);
        self.names.bind(runbook, &at.path, inner, Some(&at.path));
        self.nodes.push(Node { part: Part::Begin, ..Node::of(step, work, at.clone()) });
        let watched = self.watches.len();
        let every_item = at.foreach.map_or(at.every_item, |_| Some(at.every_item.unwrap_or(true)));
        let ends = self.steps(runbook, &format!("{}/", at.path), inner, Some(id), Some(at.outer), every_item);
        let end = self.nodes.len();
        for watch in self.watches.iter_mut().skip(watched) {
            watch.to = watch.to.or(Some(end));
        }
        let needs = ends.into_iter().map(|end| (end, EdgeOutcome::Done)).collect();
        let part = Part::End { begin: id };
        self.nodes.push(Node { part, needs, ..Node::of(step, work, at) });
        self.nodes.len() - 1
    }

    fn sort(&mut self) {
        let mut waiting: Vec<usize> = self.nodes.iter().map(|node| node.needs.len()).collect();
        let mut after: Vec<Vec<NodeId>> = vec![Vec::new(); self.nodes.len()];
        for (id, node) in self.nodes.iter().enumerate() {
            for (from, _) in &node.needs {
                after.get_mut(*from).into_iter().for_each(|list| list.push(id));
            }
        }
        let free = waiting.iter().enumerate().filter(|(_, edges)| **edges == 0).map(|(id, _)| id);
        let mut order: Vec<NodeId> = free.collect();
        let mut at = 0;
        while let Some(id) = order.get(at).copied() {
            at += 1;
            for next in after.get(id).into_iter().flatten() {
                if let Some(left) = waiting.get_mut(*next) {
                    *left -= 1;
                    if *left == 0 {
                        order.push(*next);
                    }
                }
            }
        }
        self.order = order;
    }

    /// The nodes that have ended whenever this one starts, this one not included.
    pub fn before(&self, id: NodeId) -> Nodes {
        let mut found = Nodes::none(self.nodes.len());
        let mut open = vec![id];
        while let Some(at) = open.pop() {
            for (from, _) in self.nodes.get(at).into_iter().flat_map(|node| &node.needs) {
                if found.insert(*from) {
                    open.push(*from);
                }
            }
        }
        found
    }

    /// The nodes that start only after this one has ended.
    pub fn after(&self, id: NodeId) -> Nodes {
        let mut found = Nodes::none(self.nodes.len());
        for at in &self.order {
            let node = self.nodes.get(*at).into_iter().flat_map(|node| &node.needs);
            if node.clone().any(|(from, _)| *from == id || found.has(*from)) {
                found.insert(*at);
            }
        }
        found
    }
}
