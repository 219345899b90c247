//! What must have happened whenever a step starts, whichever way the run took.
//!
//! Worked out per outcome: a step that may be skipped proves nothing about what it does, and one
//! whose failure is only tolerated proves nothing either, unless the guards of the one that needs it
//! ask for its being ok. Failing in any other way stops the run,
//! and what follows is the rollback's business. Linear in the edges; never recurses.

use crate::runbook::{EdgeOutcome, OnFailure};

use super::fanout::may_do_nothing;
use super::flow::{Flow, Node, NodeId, Part};
use super::nodes::Nodes;

/// The most steps of an offending path that are shown: the end of it is what matters.
const MAX_SHOWN: usize = 8;

/// For every node: whether its `when` is true or false before anything has run; `None` where that is
/// known only then.
pub type Truths = [Option<bool>];

/// For every node of a graph: whether one of a few nodes has ended ok on every way to it.
#[derive(Debug)]
pub struct Proof<'f, 'a> {
    flow: &'f Flow<'a>,
    /// Nodes that are taken to have ended ok.
    sure: Nodes,
    all: Vec<Outcomes>,
}

impl<'f, 'a> Proof<'f, 'a> {
    /// Asks of a graph whether one of `proofs` always comes before.
    pub fn of(flow: &'f Flow<'a>, proofs: &Nodes, truths: &Truths) -> Self {
        Self::given(flow, proofs, Nodes::that(flow, |_, _| false), truths)
    }

    /// Asks the same of the runs in which the nodes in `sure` ended ok.
    pub fn given(flow: &'f Flow<'a>, proofs: &Nodes, sure: Nodes, truths: &Truths) -> Self {
        let mut proof = Self { flow, sure, all: vec![Outcomes::default(); flow.nodes().count()] };
        for id in flow.order() {
            let Some(node) = flow.node(*id) else {
                continue;
            };
            let mut outcomes = proof.outcomes(*id, node, proofs.has(*id), truths.get(*id).copied().flatten());
            if proof.sure.has(*id) {
                outcomes = Outcomes { skipped: None, failed: None, ..outcomes };
            }
            if let Some(slot) = proof.all.get_mut(*id) {
                *slot = outcomes;
            }
        }
        proof
    }

    /// Whether it is proved whenever this node starts; true where it never starts.
    pub fn holds_at_start(&self, id: NodeId) -> bool {
        self.get(id).start.unwrap_or(true)
    }

    /// Whether it is proved in every run that comes to its end.
    pub fn is_done_at_end(&self) -> bool {
        // What is inside a runbook used as an action need not happen; where it ends, that counts.
        self.flow.nodes().any(|(id, _)| !self.is_inside(id) && self.get(id).any() == Some(true))
    }

    fn is_inside(&self, id: NodeId) -> bool {
        let needs = self.flow.node(self.flow.begin_of(id)).into_iter().flat_map(|node| &node.needs);
        needs.into_iter().any(|(from, _)| self.flow.node(*from).is_some_and(|node| node.part == Part::Begin))
    }

    /// Whether this node can start at all.
    pub fn can_start(&self, id: NodeId) -> bool {
        self.get(id).start.is_some()
    }

    /// Whether this node can end in a way an edge waits for, in a run that goes on.
    pub fn can_be(&self, id: NodeId, on: EdgeOutcome) -> bool {
        self.get(id).held(on).is_some()
    }

    /// A way to a node on which nothing is proved, as `a ok -> b skipped -> c`.
    pub fn way_to(&self, id: NodeId) -> String {
        let mut words = vec![self.path(id).to_owned()];
        let mut at = id;
        while let Some((from, outcome)) = self.unproved_need(at) {
            let begins = self.flow.node(from).is_some_and(|node| node.part == Part::Begin);
            if !begins {
                words.push(format!("{} {outcome}", self.path(from)));
            }
            at = match self.flow.node(from).map(|node| node.part) {
                Some(Part::End { begin }) if outcome == "skipped" => begin,
                _ => from,
            };
        }
        let is_cut = words.len() > MAX_SHOWN;
        words.truncate(MAX_SHOWN);
        if is_cut {
            words.push("...".to_owned());
        }
        words.reverse();
        words.join(" -> ")
    }

    /// The need through which nothing is proved, and the outcome it then has.
    fn unproved_need(&self, id: NodeId) -> Option<(NodeId, &'static str)> {
        let node = self.flow.node(id)?;
        let needs = node.needs.iter().rev();
        needs.filter_map(|(from, on)| Some((*from, self.get(*from).unproved(*on)?))).next()
    }

    fn path(&self, id: NodeId) -> &str {
        self.flow.node(id).map_or("?", |node| node.path.as_str())
    }

    fn get(&self, id: NodeId) -> Outcomes {
        self.all.get(id).copied().unwrap_or_default()
    }

    fn outcomes(&self, id: NodeId, node: &Node<'_>, is_proof: bool, truth: Option<bool>) -> Outcomes {
        // What ended ok for an item had one.
        let may_do_nothing = !self.sure.has(id) && may_do_nothing(self.flow, node);
        let is_tolerated = node.step.is_some_and(|step| step.on_failure == OnFailure::Continue);
        if let Part::End { begin } = node.part {
            let begun = self.get(begin);
            let is_inside = !may_do_nothing && node.needs.iter().any(|(inner, _)| self.get(*inner).any() == Some(true));
            return Outcomes {
                start: begun.start,
                ok: begun.ok.map(|proved| proved || is_inside || (is_proof && !may_do_nothing)),
                skipped: begun.skipped,
                failed: begun.ok.filter(|_| is_tolerated),
            };
        }
        let mut start = Some(false);
        // The same where its guards let it do something.
        let mut acting = Some(false);
        let mut broken = None;
        for (from, on) in &node.needs {
            let before = self.get(*from);
            // What is inside a runbook used as an action happens only when that has begun.
            let is_frame = self.flow.node(*from).is_some_and(|node| node.part == Part::Begin);
            let held = if is_frame { before.ok } else { before.held(*on) };
            start = start.zip(held).map(|(so_far, held)| so_far || held);
            let held = if node.acts_after.contains(from) { before.ok } else { held };
            acting = acting.zip(held).map(|(so_far, held)| so_far || held);
            broken = either(broken, before.broken(*on).filter(|_| !is_frame));
        }
        let when = node.work.when.as_ref().map(|_| truth);
        let may_skip = node.step.is_some_and(|step| step.may_skip) || matches!(when, Some(None | Some(false)));
        let skipped = either(broken, start.filter(|_| may_skip));
        let can_start = when != Some(Some(false));
        let is_proof = is_proof && !may_do_nothing;
        let failed = start.filter(|_| is_tolerated && can_start);
        let start = acting.filter(|_| can_start);
        Outcomes { start, ok: start.map(|proved| proved || is_proof), skipped, failed }
    }
}

/// For each outcome a node can have in a run that goes on: whether something was proved by then.
/// `None` where it cannot have that outcome.
#[derive(Clone, Copy, Debug, Default)]
struct Outcomes {
    start: Option<bool>,
    ok: Option<bool>,
    skipped: Option<bool>,
    failed: Option<bool>,
}

impl Outcomes {
    fn any(self) -> Option<bool> {
        either(either(self.ok, self.skipped), self.failed)
    }

    fn held(self, on: EdgeOutcome) -> Option<bool> {
        match on {
            EdgeOutcome::Ok => self.ok,
            EdgeOutcome::Failed => self.failed,
            EdgeOutcome::Skipped => self.skipped,
            EdgeOutcome::Done => self.any(),
            EdgeOutcome::OkOrSkipped => either(self.ok, self.skipped),
        }
    }

    fn broken(self, on: EdgeOutcome) -> Option<bool> {
        match on {
            EdgeOutcome::Ok => either(self.skipped, self.failed),
            EdgeOutcome::Failed => either(self.ok, self.skipped),
            EdgeOutcome::Skipped => either(self.ok, self.failed),
            EdgeOutcome::Done => None,
            EdgeOutcome::OkOrSkipped => self.failed,
        }
    }

    /// The outcome, of those an edge waits for, with which nothing is proved.
    fn unproved(self, on: EdgeOutcome) -> Option<&'static str> {
        let each = [
            (EdgeOutcome::Ok, self.ok, "ok"),
            (EdgeOutcome::Skipped, self.skipped, "skipped"),
            (EdgeOutcome::Failed, self.failed, "failed"),
        ];
        let waits_for = |outcome| {
            on == EdgeOutcome::Done
                || on == outcome
                || (on == EdgeOutcome::OkOrSkipped && outcome != EdgeOutcome::Failed)
        };
        each.into_iter()
            .find(|(outcome, proved, _)| waits_for(*outcome) && *proved == Some(false))
            .map(|(_, _, word)| word)
    }
}

/// What is proved where one of two things happened: what both prove.
fn either(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a && b),
        (one, None) | (None, one) => one,
    }
}
