//! How long a run takes at most, and at least, along the longest path of its graph.

use std::time::Duration;

use crate::guard::Given;
use crate::runbook::{DEFAULT_COMPOSITE_BOUND, EdgeOutcome, OnFailure, Poll, Work};
use crate::value::{Value, as_duration};

use super::Subject;
use super::fanout::may_do_nothing;
use super::flow::{Flow, Known, Node, NodeId, Part};
use super::judgement::truth;
use super::nodes::Nodes;

/// The most steps of a critical path that are named: the longest ones.
const MAX_NAMED: usize = 5;

/// Which bound is reckoned with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Every attempt fails, every wait is as long as it may be.
    AtMost,
    /// Every first attempt is good at once; only what waits on purpose takes time, and is surely done.
    AtLeast,
}

/// How long a piece of work waits on purpose where all goes well, by what is known of its durations.
pub(super) fn on_purpose(work: &Work, known: &dyn Fn(Given<'_>) -> Option<Duration>) -> Duration {
    let once = match work.action.name() {
        "sleep" | "nats_watch" => work.action.with.given("for").and_then(known).unwrap_or_default(),
        _ => Duration::ZERO,
    };
    match &work.poll {
        Poll::Once | Poll::Until { .. } => once,
        Poll::Hold { stay, every, min_good, .. } => {
            let samples = once * *min_good + *every * min_good.saturating_sub(1);
            known(stay.given_whole()).unwrap_or_default().max(samples)
        }
    }
}

/// The nodes that are done whenever the run goes well, and as often as one that is `given` is.
fn sure_nodes(flow: &Flow<'_>, given: Option<NodeId>) -> Nodes {
    let mut sure = Nodes::none(flow.order().len());
    for id in flow.order() {
        let Some(node) = flow.node(*id) else {
            continue;
        };
        let holds = |(from, on): &(NodeId, EdgeOutcome)| match on {
            EdgeOutcome::Ok | EdgeOutcome::OkOrSkipped => {
                let goes_on = flow.node(*from).and_then(|from| from.step).map(|step| step.on_failure);
                let is_part = flow.node(*from).is_some_and(|from| from.part == Part::Begin);
                (is_part || goes_on != Some(OnFailure::Continue))
                    && (*on == EdgeOutcome::OkOrSkipped || sure.has(*from))
            }
            EdgeOutcome::Done => true,
            EdgeOutcome::Failed | EdgeOutcome::Skipped => false,
        };
        let is_let = || node.work.when.as_ref().is_none_or(|when| truth(flow, node, when) == Some(true));
        let may_skip = node.step.is_some_and(|step| step.may_skip);
        let is_sure = match node.part {
            Part::End { begin } => sure.has(begin),
            Part::Begin | Part::Whole => {
                !may_skip && is_let() && !may_do_nothing(flow, node) && node.needs.iter().all(holds)
            }
        };
        if is_sure || given == Some(*id) {
            sure.insert(*id);
        }
    }
    sure
}

/// When each node has ended, counted from a beginning.
pub struct Times<'s, 'a> {
    subject: &'s Subject<'a>,
    bound: Bound,
    /// The nodes that take time.
    taking: Nodes,
    /// The time at which each node has ended, and what it took itself; `None` for one that is not
    /// part of it.
    ends: Vec<Option<(Duration, Duration)>>,
}

impl<'s, 'a> Times<'s, 'a> {
    /// The times from the beginning of the run.
    pub fn of_run(subject: &'s Subject<'a>, bound: Bound) -> Self {
        let all = Nodes::that(&subject.scene().flow, |_, _| true);
        Self::of(subject, bound, &all, None)
    }

    /// How long a runbook used as an action takes at least, where it is done.
    pub fn least_inside(subject: &'s Subject<'a>, begin: NodeId, end: NodeId) -> Duration {
        let inside = Nodes::that(&subject.scene().flow, |id, _| (begin..=end).contains(&id));
        Self::of(subject, Bound::AtLeast, &inside, Some(begin)).end_of(end).unwrap_or_default()
    }

    /// The times from the end of one node, of the nodes after it.
    pub fn after(subject: &'s Subject<'a>, bound: Bound, begin: NodeId) -> Self {
        Self::of(subject, bound, &subject.scene().flow.after(begin), None)
    }

    fn of(subject: &'s Subject<'a>, bound: Bound, among: &Nodes, given: Option<NodeId>) -> Self {
        let flow = &subject.scene().flow;
        let taking = match bound {
            Bound::AtMost => Nodes::that(flow, |_, _| true),
            Bound::AtLeast => sure_nodes(flow, given),
        };
        let mut times = Self { subject, bound, taking, ends: vec![None; flow.order().len()] };
        for id in flow.order().iter().copied().filter(|id| among.has(*id)) {
            let Some(node) = flow.node(id) else {
                continue;
            };
            let start = node.needs.iter().filter_map(|(from, _)| times.end_of(*from)).max().unwrap_or_default();
            let end = match node.part {
                Part::Begin => start,
                Part::Whole if !times.taking.has(id) => start,
                Part::Whole => start + times.own(node),
                Part::End { begin } => times.end_of_runbook(node, begin, start),
            };
            if let Some(slot) = times.ends.get_mut(id) {
                *slot = Some((end, end.saturating_sub(start)));
            }
        }
        times
    }

    /// When a node has ended.
    pub fn end_of(&self, id: NodeId) -> Option<Duration> {
        self.ends.get(id).copied().flatten().map(|(end, _)| end)
    }

    /// The last node to end.
    pub fn last(&self) -> Option<(NodeId, Duration)> {
        let ended = self.ends.iter().enumerate().filter_map(|(id, end)| Some((id, (*end)?.0)));
        ended.max_by_key(|(_, end)| *end)
    }

    /// The steps on the way to a node that take longest, in their order.
    pub fn critical_path(&self, to: NodeId) -> Vec<(String, Duration)> {
        let flow = &self.subject.scene().flow;
        let mut path = Vec::new();
        let mut at = Some(to);
        while let Some((id, node)) = at.and_then(|id| Some((id, flow.node(id)?))) {
            let took = self.ends.get(id).copied().flatten().map(|(_, took)| took).unwrap_or_default();
            if !took.is_zero() {
                path.push((node.path.clone(), took));
            }
            let needs = node.needs.iter().filter_map(|(from, _)| Some((*from, self.end_of(*from)?)));
            at = needs.max_by_key(|(_, end)| *end).map(|(from, _)| from);
        }
        path.reverse();
        let mut longest: Vec<_> = (0..path.len()).collect();
        longest.sort_by_key(|at| path.get(*at).map(|(_, took)| std::cmp::Reverse(*took)));
        longest.truncate(MAX_NAMED);
        longest.sort_unstable();
        longest.into_iter().filter_map(|at| path.get(at).cloned()).collect()
    }

    /// A runbook used as an action ends with its last step, at its own bound at the latest.
    fn end_of_runbook(&self, node: &Node<'_>, begin: NodeId, last: Duration) -> Duration {
        let began = self.end_of(begin).unwrap_or_default();
        let once = last.saturating_sub(began);
        match self.bound {
            Bound::AtLeast => last,
            Bound::AtMost => began + node.work.retried(once).min(node.work.timeout.unwrap_or(DEFAULT_COMPOSITE_BOUND)),
        }
    }

    fn own(&self, node: &Node<'_>) -> Duration {
        let known = |given: Given<'_>| self.known(self.subject.scene().flow.given(node, given));
        let once = match (self.bound, &node.work.poll) {
            (Bound::AtLeast, _) => on_purpose(node.work, &known),
            (Bound::AtMost, Poll::Hold { stay, .. }) => node.work.bound(known(stay.given_whole()).unwrap_or_default()),
            (Bound::AtMost, Poll::Once | Poll::Until { .. }) => node.work.bound(Duration::ZERO),
        };
        once * self.rounds(node)
    }

    /// How often a fan-out goes round, where its list is known.
    fn rounds(&self, node: &Node<'_>) -> u32 {
        let Some(foreach) = node.step.and_then(|step| step.foreach.as_deref()) else {
            return 1;
        };
        let items = match foreach.list.text().trim() {
            "target.services" => self.subject.setting.target.services.len(),
            "target.gates" => self.subject.setting.target.gates.len(),
            _ => 1,
        };
        u32::try_from(items.div_ceil(foreach.max_parallel.max(1))).unwrap_or(u32::MAX)
    }

    /// A duration as far as it is known: a param's is its default.
    fn known(&self, given: Known) -> Option<Duration> {
        let value: Option<Value> = match given {
            Known::Value(value) => Some(value),
            Known::Symbol(text) => self.subject.default_of(&text).cloned(),
        };
        value.as_ref().and_then(as_duration)
    }
}
