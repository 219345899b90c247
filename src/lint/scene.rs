//! What the steps of a graph do to gates and to the services that must hold one policy.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::declaration::Effect;
use crate::guard::Guard;
use crate::runbook::{ActionKind, Runbook};
use crate::value::Value;

use super::Setting;
use super::asserted::{Asserted, add_asserted, asserted};
use super::checked::KEEPING;
use super::deeds::{deeds_of, deeds_of_script};
use super::fanout::{Rounds, is_in_turn};
use super::flow::{Flow, Known, Node, NodeId, Part};
use super::judgement::{HASHES, truth, truth_or_needless};
use super::nodes::Nodes;
use super::proof::{Proof, Truths};

pub use super::deeds::Deed;

/// The most pairs of a deed and a node that are looked at: a second's work.
const MAX_PAIRS: usize = 50_000_000;

/// How often a name is followed to what it was computed by.
const MAX_ORIGINS: usize = 16;

/// A graph with what its nodes do.
#[derive(Debug)]
pub struct Scene<'a> {
    /// The graph.
    pub flow: Flow<'a>,
    /// Where it will be used.
    pub setting: Setting<'a>,
    deeds: Vec<(NodeId, Deed)>,
    /// The nodes that read a hash, with those that judge it.
    judged: Vec<(NodeId, NodeId)>,
    is_whole: bool,
    /// The runbooks in it that are done once for each item.
    rounds: Vec<Rounds>,
    /// What is known of each node's `when`.
    known: OnceCell<Vec<Option<bool>>>,
    /// The same, where a deploy that is skipped for being needless counts as done.
    needless: OnceCell<Vec<Option<bool>>>,
    /// What comes before the nodes that do something, for those that were asked about.
    before: RefCell<BTreeMap<NodeId, Rc<Nodes>>>,
}

impl<'a> Scene<'a> {
    /// What a whole runbook does.
    pub fn of(runbook: &'a Runbook, setting: Setting<'a>) -> Self {
        Self::on(Flow::of(runbook), setting)
    }

    /// What a graph does.
    pub fn on(flow: Flow<'a>, setting: Setting<'a>) -> Self {
        let mut deeds = Vec::new();
        for (id, node) in flow.nodes().filter(|(_, node)| node.part == Part::Whole) {
            match &node.work.action.kind {
                ActionKind::Primitive(declaration) => {
                    deeds.extend(deeds_of(&flow, node, declaration, setting).into_iter().map(|deed| (id, deed)));
                }
                ActionKind::Script(script) => {
                    deeds.extend(deeds_of_script(&flow, node, script).into_iter().map(|deed| (id, deed)))
                }
                ActionKind::Runbook(_) => {}
            }
        }
        // Rules hold each deed, and each question to a person, against each node.
        let asks =
            flow.nodes().filter(|(_, node)| node.part == Part::Whole && node.work.action.effect() == Effect::Asks);
        let asserted = asserted(&flow, setting);
        let looked_at = deeds.len().saturating_add(asks.count()).saturating_add(asserted.len());
        let is_whole = flow.is_whole() && looked_at.saturating_mul(flow.order().len()) <= MAX_PAIRS;
        let judged = asserted.iter().map(Asserted::nodes).collect();
        if is_whole {
            add_asserted(&flow, asserted, &mut deeds);
        } else {
            deeds.clear();
        }
        let rounds = Rounds::of(&flow);
        let (known, needless) = (OnceCell::new(), OnceCell::new());
        Self { flow, setting, deeds, judged, is_whole, rounds, known, needless, before: RefCell::default() }
    }

    /// Whether all of it was looked at; else it was too large.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The nodes that have ended whenever one starts that does something. Rules ask again and again
    /// for the same one; what is kept is at most [`MAX_PAIRS`] bytes.
    pub fn before(&self, id: NodeId) -> Rc<Nodes> {
        let found = || Rc::new(self.flow.before(id));
        match self.deeds.binary_search_by_key(&id, |(deed, _)| *deed) {
            Ok(_) => Rc::clone(self.before.borrow_mut().entry(id).or_insert_with(found)),
            Err(_) => found(),
        }
    }

    /// The fan-outs that two nodes are inside of: one item's may come after the other's of the item before.
    pub fn rounds_of(&self, one: NodeId, other: NodeId) -> impl Iterator<Item = &Rounds> {
        self.rounds.iter().filter(move |rounds| rounds.has(one) && rounds.has(other))
    }

    /// Whether anything in it is done once for each item of a list.
    pub fn has_rounds(&self) -> bool {
        !self.rounds.is_empty()
    }

    /// Whether a node comes between two others in each round they share, and no round beside another.
    pub fn is_in_each_round(&self, id: NodeId, one: NodeId, other: NodeId) -> bool {
        self.rounds_of(one, other).all(|rounds| rounds.has(id) && !rounds.is_parallel)
    }

    /// Every deed with the node that does it.
    pub fn deeds(&self) -> &[(NodeId, Deed)] {
        &self.deeds
    }

    /// What the step of a node does, itself or inside it: its nodes stand beside each other.
    pub fn deeds_inside(&self, id: NodeId) -> &[(NodeId, Deed)] {
        let begin = self.flow.begin_of(id);
        let from = self.deeds.partition_point(|(deed, _)| *deed < begin);
        let to = self.deeds.partition_point(|(deed, _)| *deed <= id);
        self.deeds.get(from..to).unwrap_or_default()
    }

    /// Whether a deed is what a fan-out that takes one item after the other does for its last one, or a
    /// script as its last.
    pub fn is_last_item(&self, id: NodeId, deed: &Deed) -> bool {
        let is_ordered = |node: &Node<'_>| node.work.action.script().is_some() || is_in_turn(&self.flow, node);
        self.flow.node(id).is_some_and(is_ordered)
            && self.deeds.iter().rfind(|(one, _)| *one == id).is_some_and(|(_, last)| last == deed)
    }

    /// The nodes that open a gate, and which.
    pub fn arms(&self) -> Vec<(NodeId, &Known)> {
        self.pick(|deed| if let Deed::Arms(gate) = deed { Some(gate) } else { None })
    }

    /// The nodes that close a gate, and which.
    pub fn disarms(&self) -> Vec<(NodeId, &Known)> {
        self.pick(|deed| if let Deed::Disarms(gate) = deed { Some(gate) } else { None })
    }

    /// The nodes that change a service of the parity group, and which service.
    pub fn deploys(&self) -> Vec<(NodeId, &Known)> {
        let found = self.pick(|deed| if let Deed::Deploys(service) = deed { Some(service) } else { None });
        found.into_iter().filter(|(_, service)| self.is_in_group(service)).collect()
    }

    /// Whether a service is, or may be, one of those that must hold one policy.
    pub fn is_in_group(&self, service: &Known) -> bool {
        let mut group = self.setting.target.parity();
        match service.as_text() {
            Some(name) => group.any(|one| one == name),
            None => group.next().is_some(),
        }
    }

    /// The nodes that do something.
    pub fn nodes_that(&self, does: impl Fn(NodeId, &Deed) -> bool) -> Nodes {
        let doing: Vec<_> = self.deeds.iter().filter(|(id, deed)| does(*id, deed)).map(|(id, _)| *id).collect();
        Nodes::that(&self.flow, |id, _| doing.binary_search(&id).is_ok())
    }

    /// Whether one of a few nodes always comes before each node.
    pub fn proof(&self, proofs: &Nodes) -> Proof<'_, 'a> {
        Proof::of(&self.flow, proofs, self.known.get_or_init(|| self.truths(truth)))
    }

    /// The same, where a deploy that is skipped only where its version runs already counts as done.
    pub fn proof_of_change(&self, proofs: &Nodes) -> Proof<'_, 'a> {
        Proof::of(&self.flow, proofs, self.needless())
    }

    /// The same, where some nodes are taken to be done unless what they need was not.
    pub fn proof_unless(&self, proofs: &Nodes, is_done: impl Fn(NodeId) -> bool) -> Proof<'_, 'a> {
        let known = self.known.get_or_init(|| self.truths(truth)).iter().enumerate();
        let truths: Vec<_> = known.map(|(id, truth)| truth.or_else(|| is_done(id).then_some(true))).collect();
        Proof::of(&self.flow, proofs, &truths)
    }

    /// The same of the runs in which a node ended ok.
    pub fn proof_after(&self, proofs: &Nodes, done: NodeId) -> Proof<'_, 'a> {
        let end = self.flow.node(done);
        let sure = Nodes::that(&self.flow, |_, node| end.is_some_and(|end| end.is_inside(node)));
        Proof::given(&self.flow, proofs, sure, self.needless())
    }

    fn needless(&self) -> &Truths {
        self.needless.get_or_init(|| self.truths(truth_or_needless))
    }

    /// What the `when` of every node is.
    fn truths(&self, of: fn(&Flow<'_>, &Node<'_>, &Guard) -> Option<bool>) -> Vec<Option<bool>> {
        let truth = |node: &Node<'_>| node.work.when.as_ref().and_then(|when| of(&self.flow, node, when));
        self.flow.nodes().map(|(_, node)| truth(node)).collect()
    }

    /// The services whose verification an opening of a gate needs.
    pub fn needed_before(&self) -> impl Iterator<Item = Known> {
        self.setting.target.parity().map(|name| Known::Value(Value::text(name)))
    }

    /// What a name was computed by, where it is a `let` or the output of a runbook.
    pub fn computed_by(&self, name: Known) -> Known {
        let mut name = name;
        for _ in 0..MAX_ORIGINS {
            match self.flow.bound(&name) {
                Some(earlier) if earlier != name => name = earlier,
                _ => break,
            }
        }
        name
    }

    /// Where a hash comes from: a `let` is what it was computed by, and the hash a service was held
    /// against is that one.
    pub fn origin(&self, hash: &Known) -> Known {
        self.origin_where(hash, |read| self.held_against(read))
    }

    /// The same where a node uses it: a service was held against a hash only where that certainly
    /// went well before.
    pub fn origin_at(&self, hash: &Known, user: NodeId) -> Known {
        self.origin_where(hash, |read| {
            let held = self.held_against(read).filter(|_| self.is_surely_before(read, user));
            held.or_else(|| self.held_against(self.judge_of(read, user)?))
        })
    }

    /// The node that has certainly judged the hash that another one read, by the time a third one starts.
    pub fn judge_of(&self, read: NodeId, user: NodeId) -> Option<NodeId> {
        let mut judges = self.judged.iter().filter(|(one, _)| *one == read).map(|(_, judge)| *judge);
        judges.find(|judge| self.is_surely_before(*judge, user))
    }

    /// Whether a node has certainly ended ok by the time another one starts.
    pub fn is_surely_before(&self, id: NodeId, user: NodeId) -> bool {
        let only = || Nodes::that(&self.flow, |one, _| one == id);
        self.before(user).has(id) && self.proof(&only()).holds_at_start(user)
    }

    fn origin_where(&self, hash: &Known, held: impl Fn(NodeId) -> Option<Known>) -> Known {
        let mut hash = hash.clone();
        for _ in 0..MAX_ORIGINS {
            let against = self.hash_of(&hash).and_then(&held);
            match against.or_else(|| self.flow.bound(&hash)) {
                Some(earlier) if earlier != hash => hash = earlier,
                _ => break,
            }
        }
        hash
    }

    /// What a node holds a service against.
    fn held_against(&self, id: NodeId) -> Option<Known> {
        self.deeds.iter().find_map(|(one, deed)| match deed {
            Deed::Verifies { against: Some(against), .. } if *one == id => Some(against.clone()),
            _ => None,
        })
    }

    /// The same, without the functions around it, wherever they stand, that keep which hash it is.
    pub fn plain_hash_at(&self, hash: &Known, user: NodeId) -> Known {
        let mut hash = self.origin_at(hash, user);
        for _ in 0..MAX_ORIGINS {
            match inside_keeping(&hash) {
                Some(inner) => hash = self.origin_at(&inner, user),
                None => break,
            }
        }
        hash
    }

    /// The node whose result gives this hash: as a hash, captured from a log, or in a reply.
    pub fn hash_of(&self, hash: &Known) -> Option<NodeId> {
        let hash = match hash {
            Known::Symbol(text) => text.split_once(':').map(|(place, said)| [place, ":", kept(said)].concat())?,
            Known::Value(_) => return None,
        };
        let hash = Known::Symbol(hash.into());
        let (id, property) = self.flow.source_of(&hash)?;
        let asks = || self.flow.node(id).is_some_and(|node| node.work.action.name() == "nats_req");
        (HASHES.contains(&property) || asks()).then_some(id)
    }

    fn pick<'s, T>(&'s self, of: impl Fn(&'s Deed) -> Option<&'s T>) -> Vec<(NodeId, &'s T)> {
        self.deeds.iter().filter_map(|(id, deed)| Some((*id, of(deed)?))).collect()
    }
}

/// An expression without the functions around it that keep what it says.
fn kept(said: &str) -> &str {
    let mut said = said;
    while let Some(inner) =
        KEEPING.iter().find_map(|name| said.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')'))
    {
        said = inner.trim();
    }
    said
}

/// What stands in the functions around a symbol that keep what it says. A param of a runbook used as
/// an action is another name where that is used.
fn inside_keeping(known: &Known) -> Option<Known> {
    let Known::Symbol(symbol) = known else {
        return None;
    };
    let (place, said) = symbol.split_once(':')?;
    let inner = Some(kept(said)).filter(|inner| *inner != said)?;
    match inner.strip_prefix("params.") {
        Some(_) => place.is_empty().then(|| Known::Symbol(Arc::from(inner))),
        None => Some(Known::Symbol([place, ":", inner].concat().into())),
    }
}
