//! What the steps of a graph do to gates and to the services that must hold one policy.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::declaration::{Declaration, Effect, InDoubt};
use crate::guard::{Given, Guard};
use crate::runbook::{ActionKind, Runbook};
use crate::value::Value;

use super::Setting;
use super::asserted::{add_asserted, asserted};
use super::checked::KEEPING;
use super::fanout::{Rounds, each_of, hangs_on_item, is_in_turn, is_said_per_item};
use super::flow::{Flow, Known, Node, NodeId, Part};
use super::judgement::{HASHES, Said, judgement, truth, truth_or_needless};
use super::nodes::Nodes;
use super::own_hash::is_own_hash;
use super::proof::{Proof, Truths};

/// The most pairs of a deed and a node that are looked at: a second's work.
const MAX_PAIRS: usize = 50_000_000;

/// How often a name is followed to what it was computed by.
const MAX_ORIGINS: usize = 16;

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// Opens a gate.
    Arms(Known),
    /// Closes a gate, verified.
    Disarms(Known),
    /// Fails unless a gate is closed.
    SeesDisarmed(Known),
    /// Changes a service.
    Deploys(Known),
    /// Fails unless a service holds a policy.
    Verifies {
        /// The service.
        service: Known,
        /// The hash it must have; `None` where it is held against the other service's.
        against: Option<Known>,
    },
}

/// A graph with what its nodes do.
#[derive(Debug)]
pub struct Scene<'a> {
    /// The graph.
    pub flow: Flow<'a>,
    /// Where it will be used.
    pub setting: Setting<'a>,
    deeds: Vec<(NodeId, Deed)>,
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
                // Which service it deploys is known only when it runs.
                ActionKind::Script(script) if script.said().calls("deploy") => {
                    deeds.push((id, Deed::Deploys(Known::Symbol(Arc::from("script:what a script deploys")))));
                }
                ActionKind::Script(_) | ActionKind::Runbook(_) => {}
            }
        }
        // Rules hold each deed, and each question to a person, against each node.
        let asks =
            flow.nodes().filter(|(_, node)| node.part == Part::Whole && node.work.action.effect() == Effect::Asks);
        let asserted = asserted(&flow, setting);
        let looked_at = deeds.len().saturating_add(asks.count()).saturating_add(asserted.len());
        let is_whole = flow.is_whole() && looked_at.saturating_mul(flow.order().len()) <= MAX_PAIRS;
        if is_whole {
            add_asserted(&flow, asserted, &mut deeds);
        } else {
            deeds.clear();
        }
        let rounds = Rounds::of(&flow);
        let (known, needless) = (OnceCell::new(), OnceCell::new());
        Self { flow, setting, deeds, is_whole, rounds, known, needless, before: RefCell::default() }
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

    /// Whether a deed is what a fan-out that takes one item after the other does for its last one.
    pub fn is_last_item(&self, id: NodeId, deed: &Deed) -> bool {
        self.flow.node(id).is_some_and(|node| is_in_turn(&self.flow, node))
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
        self.origin_where(hash, |_| true)
    }

    /// The same where a node uses it: a service was held against a hash only where that certainly
    /// went well before.
    pub fn origin_at(&self, hash: &Known, user: NodeId) -> Known {
        self.origin_where(hash, |read| {
            let only = || Nodes::that(&self.flow, |id, _| id == read);
            self.before(user).has(read) && self.proof(&only()).holds_at_start(user)
        })
    }

    fn origin_where(&self, hash: &Known, is_sure: impl Fn(NodeId) -> bool) -> Known {
        let mut hash = hash.clone();
        for _ in 0..MAX_ORIGINS {
            let against = self.hash_of(&hash).filter(|id| is_sure(*id)).and_then(|id| {
                self.deeds.iter().find_map(|(one, deed)| match deed {
                    Deed::Verifies { against: Some(against), .. } if *one == id => Some(against.clone()),
                    _ => None,
                })
            });
            match against.or_else(|| self.flow.bound(&hash)) {
                Some(earlier) if earlier != hash => hash = earlier,
                _ => break,
            }
        }
        hash
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

fn deeds_of(flow: &Flow<'_>, node: &Node<'_>, declaration: &Declaration, setting: Setting<'_>) -> Vec<Deed> {
    let each = |name: &str| each_of(flow, node, name, setting);
    // What goes over a list that is known only when the run comes to it may move any of them.
    let any = |name: &str| match each(name) {
        none if none.is_empty() => flow.argument(node, name).into_iter().collect(),
        each => each,
    };
    // What hangs on the item is another hash for each service.
    let is_own = hangs_on_item(node, "expected");
    let held = |service: Known, against: Option<Known>| {
        let own = || Known::Symbol(Arc::from(format!("{}/:what item {} says", node.path, service.shown())));
        let is_own = is_own || against.as_ref().is_some_and(|hash| is_said_per_item(flow, node, hash));
        let against = if is_own { Some(own()) } else { against };
        Deed::Verifies { service, against }
    };
    let said = judgement(node.work);
    let hash = said.iter().find_map(|one| one.compared_hash());
    let counts_from_read = counts_from_read(flow, node);
    let is_counted = |one: &Said<'_>| {
        one.is_at_least_one(&["out", "value"]) || (counts_from_read && one.is_at_least_one(&["out", "increase"]))
    };
    match declaration.name {
        _ if declaration.in_doubt == InDoubt::DisarmFirst => any("gate").into_iter().map(Deed::Arms).collect(),
        "disarm" => each("gate").into_iter().map(Deed::Disarms).collect(),
        "gate_state" if said.iter().any(|one| one.is_text(&["out", "state"], "disarmed")) => {
            each("gate").into_iter().map(Deed::SeesDisarmed).collect()
        }
        "deploy" => any("service").into_iter().map(Deed::Deploys).collect(),
        "expect_hash" => {
            let against = match node.work.action.with.given("expected") {
                Some(Given::Expression(guard)) if kept(guard.text().trim()) != guard.text().trim() => {
                    Some(flow.named(node, kept(guard.text().trim())))
                }
                _ => flow.argument(node, "expected"),
            };
            each("service").into_iter().map(|service| held(service, against.clone())).collect()
        }
        "service_hash" | "wait_log" if hash.is_some() => {
            let against = hash.map(|text| flow.named(node, kept(text)));
            let is_own =
                |service: &Known| declaration.name == "service_hash" || is_own_hash(flow, node, service, setting);
            let services = each("service").into_iter().filter(is_own);
            services.map(|service| held(service, against.clone())).collect()
        }
        "wait_metric" if is_handshake(flow, node, setting) && said.iter().any(is_counted) => {
            each("service").into_iter().map(|service| Deed::Verifies { service, against: None }).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a counter is counted from where it stood: from when the step begins, or as an earlier one
/// read the same counter.
pub(super) fn counts_from_read(flow: &Flow<'_>, node: &Node<'_>) -> bool {
    let Some(baseline) = flow.argument(node, "baseline") else {
        return true;
    };
    let reading = flow.giver_of(&baseline, "value").and_then(|id| flow.node(id));
    let is_same = |reading: &Node<'_>, name: &str| flow.argument(reading, name) == flow.argument(node, name);
    reading.is_some_and(|reading| {
        reading.work.action.name() == "wait_metric"
            && ["service", "metric", "labels"].iter().all(|name| is_same(reading, name))
    })
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

fn is_handshake(flow: &Flow<'_>, node: &Node<'_>, setting: Setting<'_>) -> bool {
    const NAME: &str = "handshake_success";
    let metric = flow.argument(node, "metric");
    let written = metric.as_ref().and_then(Known::as_text);
    let own = setting.target.metrics.get(NAME).map(|metric| metric.name.as_str());
    written.is_some_and(|name| name == NAME || Some(name) == own)
}
