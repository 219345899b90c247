//! What must have happened whenever a step starts, whichever way the run took.
//!
//! Worked out per outcome: a step that may be skipped proves nothing about what it does, and one
//! whose failure is only tolerated proves nothing either, unless the guards of the one that needs it
//! ask for its being ok. Failing in any other way stops the run,
//! and what follows is the rollback's business. Linear in the edges; never recurses.

use std::ops::{BitAnd, BitOr};

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
                outcomes = Outcomes { skipped: Proved::NOWHERE, failed: Proved::NOWHERE, ..outcomes };
            }
            if let Some(slot) = proof.all.get_mut(*id) {
                *slot = outcomes;
            }
        }
        proof
    }

    /// Whether it is proved whenever this node starts; true where it never starts.
    pub fn holds_at_start(&self, id: NodeId) -> bool {
        self.get(id).start != Proved::NOT_EVERYWHERE
    }

    /// Whether it is proved in every run that comes to its end.
    pub fn is_done_at_end(&self) -> bool {
        // What is inside a runbook used as an action need not happen; where it ends, that counts.
        self.flow.nodes().any(|(id, _)| !self.is_inside(id) && self.get(id).any() == Proved::EVERYWHERE)
    }

    fn is_inside(&self, id: NodeId) -> bool {
        let needs = self.flow.node(self.flow.begin_of(id)).into_iter().flat_map(|node| &node.needs);
        needs.into_iter().any(|(from, _)| self.flow.node(*from).is_some_and(|node| node.part == Part::Begin))
    }

    /// Whether this node can start at all.
    pub fn can_start(&self, id: NodeId) -> bool {
        self.get(id).start != Proved::NOWHERE
    }

    /// Whether this node can end in a way an edge waits for, in a run that goes on.
    pub fn can_be(&self, id: NodeId, on: EdgeOutcome) -> bool {
        self.get(id).held(on) != Proved::NOWHERE
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

    /// What is proved where this node is skipped by its `when`: what another one does, which then is not.
    fn otherwise(&self, id: NodeId, node: &Node<'_>) -> Proved {
        let hangs = node.work.when.is_some() && node.step.is_some_and(|step| !step.may_skip);
        let other = hangs.then(|| self.flow.otherwise(id)).flatten();
        let is_done = |other: Outcomes| other.ok == Proved::EVERYWHERE && other.cut_off == Proved::NOWHERE;
        Proved::always(other.is_some_and(|other| is_done(self.get(other))))
    }

    fn outcomes(&self, id: NodeId, node: &Node<'_>, is_proof: bool, truth: Option<bool>) -> Outcomes {
        // What ended ok for an item had one.
        let may_do_nothing = !self.sure.has(id) && may_do_nothing(self.flow, node);
        let is_tolerated = node.step.is_some_and(|step| step.on_failure == OnFailure::Continue);
        if let Part::End { begin } = node.part {
            let begun = self.get(begin);
            let is_inside =
                !may_do_nothing && node.needs.iter().any(|(inner, _)| self.get(*inner).any() == Proved::EVERYWHERE);
            return Outcomes {
                start: begun.start,
                ok: begun.ok | Proved::always(is_inside || (is_proof && !may_do_nothing)),
                skipped: begun.skipped,
                failed: begun.ok.only_where(is_tolerated),
                cut_off: begun.cut_off,
            };
        }
        let mut start = Proved::NOT_EVERYWHERE;
        // The same where its guards let it do something.
        let mut acting = Proved::NOT_EVERYWHERE;
        let mut broken = Proved::NOWHERE;
        for (from, on) in &node.needs {
            let before = self.get(*from);
            // What is inside a runbook used as an action happens only when that has begun.
            let is_frame = self.flow.node(*from).is_some_and(|node| node.part == Part::Begin);
            let held = if is_frame { before.ok } else { before.held(*on) };
            start = start | held;
            acting = acting | if node.acts_after.contains(from) { before.ok } else { held };
            broken = broken & before.broken(*on).only_where(!is_frame);
        }
        let when = node.work.when.as_ref().map(|_| truth);
        let may_skip = node.step.is_some_and(|step| step.may_skip) || matches!(when, Some(None | Some(false)));
        let skipped = broken & (start | self.otherwise(id, node)).only_where(may_skip);
        let can_start = when != Some(Some(false));
        let is_proof = is_proof && !may_do_nothing;
        let failed = start.only_where(is_tolerated && can_start);
        let start = acting.only_where(can_start);
        Outcomes { start, ok: start | Proved::always(is_proof), skipped, failed, cut_off: broken }
    }
}

/// Whether something was proved on the ways to a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Proved(u8);

impl Proved {
    /// There is such a way, and not on each of them.
    const NOT_EVERYWHERE: Self = Self(0b00);
    /// On each of them.
    const EVERYWHERE: Self = Self(0b01);
    /// There is no such way.
    const NOWHERE: Self = Self(0b11);

    fn always(is_proved: bool) -> Self {
        if is_proved { Self::EVERYWHERE } else { Self::NOT_EVERYWHERE }
    }

    /// No way, unless something holds.
    fn only_where(self, holds: bool) -> Self {
        if holds { self } else { Self::NOWHERE }
    }
}

impl Default for Proved {
    fn default() -> Self {
        Self::NOWHERE
    }
}

/// What is proved where both happened.
impl BitOr for Proved {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What is proved where one of two things happened: what both prove.
impl BitAnd for Proved {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// For each outcome a node can have in a run that goes on: whether something was proved by then.
#[derive(Clone, Copy, Debug, Default)]
struct Outcomes {
    start: Proved,
    ok: Proved,
    skipped: Proved,
    failed: Proved,
    /// Skipped because of what it needs.
    cut_off: Proved,
}

impl Outcomes {
    fn any(self) -> Proved {
        self.ok & self.skipped & self.failed
    }

    fn held(self, on: EdgeOutcome) -> Proved {
        match on {
            EdgeOutcome::Ok => self.ok,
            EdgeOutcome::Failed => self.failed,
            EdgeOutcome::Skipped => self.skipped,
            EdgeOutcome::Done => self.any(),
            EdgeOutcome::OkOrSkipped => self.ok & self.skipped,
        }
    }

    fn broken(self, on: EdgeOutcome) -> Proved {
        match on {
            EdgeOutcome::Ok => self.skipped & self.failed,
            EdgeOutcome::Failed => self.ok & self.skipped,
            EdgeOutcome::Skipped => self.ok & self.failed,
            EdgeOutcome::Done => Proved::NOWHERE,
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
            .find(|(outcome, proved, _)| waits_for(*outcome) && *proved == Proved::NOT_EVERYWHERE)
            .map(|(_, _, word)| word)
    }
}
