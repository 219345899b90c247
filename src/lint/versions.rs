//! What a version can be that is deployed: through whatever passes it on, a `let`, a function that keeps
//! what it says, an `if`, a `note`, a script, or a runbook used as an action.

use std::sync::Arc;

use crate::declaration::DEPLOY;
use crate::guard::syntax::{Binary, Expr, ExprKind};
use crate::guard::{Given, Guard, TextPart, Written, known};
use crate::runbook::{ActionKind, Runbook};
use crate::value::Value;

use super::Subject;
use super::checked::{KEEPING, names_of};
use super::fanout::each_of;
use super::flow::{Flow, Known, Node, NodeId, Part};
use super::scripted_deploys::{Scripted, given_by, outer_path, scripted};
use super::subject::Undone;

/// How many expressions are looked into for one version.
const MAX_FOLLOWED: usize = 128;

/// The most things that one version can be; more are not told apart.
const MAX_WAYS: usize = 16;

/// What reads the version that runs, and the part of its result that is it.
const READING: [(&str, &str); 2] = [("service_version", "version"), (DEPLOY, "previous")];

/// A piece of a version.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// What this stands for: a text, a param of the outermost runbook, or a part of a step's result.
    Known(Known),
    /// What runs when an undo reads it itself.
    Now,
    /// Anything.
    Open,
}

/// One thing that a version can be: what it is put together of.
pub(super) type Way = Vec<Piece>;

/// A deploy with everything that its version can be.
#[derive(Debug)]
pub(super) struct Deployed {
    /// The service; `None` where it is not written out.
    pub(super) service: Option<Known>,
    /// The version as it is written, where that is one name or value.
    pub(super) version: Option<Known>,
    /// What the version can be.
    pub(super) ways: Vec<Way>,
}

impl Deployed {
    /// Whether it may be a deploy of the same service as another one.
    fn may_be_of(&self, other: &Self) -> bool {
        match (&self.service, &other.service) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        }
    }

    /// The version as it is written, and what is known of each thing that it can be.
    pub(super) fn known(&self) -> impl Iterator<Item = &Known> {
        let of_ways = self.ways.iter().filter_map(|way| match way.as_slice() {
            [Piece::Known(known)] => Some(known),
            _ => None,
        });
        self.version.iter().chain(of_ways)
    }

    /// Whether one thing that its version can be is what runs when the undo reads it.
    pub(super) fn may_be_read_now(&self) -> bool {
        self.ways.iter().any(|way| way.contains(&Piece::Now))
    }

    /// Whether each thing that its version can be is one that another deploy's can be; `None` where
    /// none of them is.
    pub(super) fn is_surely_as(&self, other: &Self) -> Option<bool> {
        let is_told = |way: &&Way| !way.is_empty() && way.iter().all(|piece| matches!(piece, Piece::Known(_)));
        let same = self.ways.iter().filter(is_told).filter(|way| other.ways.contains(way)).count();
        (same > 0 && self.may_be_of(other)).then_some(same == self.ways.len())
    }
}

/// What the step of a node deploys, itself or inside it.
pub(super) fn deployed_by_step(subject: &Subject<'_>, step: NodeId) -> Vec<Deployed> {
    let flow = &subject.scene().flow;
    let inside = (flow.begin_of(step)..=step).filter_map(|id| flow.node(id));
    inside.flat_map(|node| Follower::new(subject, None).deployed(flow, node)).collect()
}

/// What an undo deploys.
pub(super) fn deployed_back<'a>(subject: &Subject<'a>, undone: &Undone<'a>) -> Vec<Deployed> {
    let flow = &undone.scene.flow;
    flow.nodes().flat_map(|(_, node)| Follower::new(subject, Some(undone)).deployed(flow, node)).collect()
}

struct Follower<'s, 'a> {
    subject: &'s Subject<'a>,
    undone: Option<&'s Undone<'a>>,
    left: usize,
    /// The item that a step of a fan-out is done for, with the place of that step.
    item: Option<(String, Value)>,
}

/// Where an expression stands.
#[derive(Clone, Copy)]
struct Place<'p> {
    /// The path of the step that the runbook it stands in is the action of; empty for the outermost one.
    of: &'p str,
    /// Whether it stands in a script of an undo.
    is_undoing: bool,
}

impl<'p> Place<'p> {
    fn of(node: &'p Node<'_>) -> Self {
        Self { of: node.path.rsplit_once('/').map_or("", |(of, _)| of), is_undoing: false }
    }
}

impl<'s, 'a> Follower<'s, 'a> {
    fn new(subject: &'s Subject<'a>, undone: Option<&'s Undone<'a>>) -> Self {
        Self { subject, undone, left: MAX_FOLLOWED, item: None }
    }

    /// What a node deploys.
    fn deployed(&mut self, flow: &Flow<'_>, node: &Node<'_>) -> Vec<Deployed> {
        if node.part != Part::Whole {
            return Vec::new();
        }
        let place = Place { is_undoing: self.undone.is_some(), ..Place::of(node) };
        if node.work.action.name() == DEPLOY {
            return self.by_step(flow, node);
        }
        let by_script = scripted(flow, node).into_iter().map(|Scripted { service, version }| {
            let named = outer_path(&version).map(|path| flow.named(node, &path.join(".")));
            let ways = self.expression(place, &version);
            Deployed { service, version: named, ways }
        });
        by_script.collect()
    }

    /// What a step deploys: one service, or each of a fan-out.
    fn by_step(&mut self, flow: &Flow<'_>, node: &Node<'_>) -> Vec<Deployed> {
        let each = each_of(flow, node, "service", self.subject.setting);
        // What goes over a list that is known only when the run comes to it may move any of them.
        let any = each.is_empty().then(|| flow.argument(node, "service"));
        let services = each.into_iter().map(Some).chain(any);
        let is_item = match node.work.action.with.given("service") {
            Some(Given::Expression(guard)) if node.foreach.is_some() => guard.text().trim() == "item",
            _ => false,
        };
        let deployed = services.map(|service| {
            let item = service.as_ref().and_then(Known::as_value).filter(|_| is_item);
            self.item = item.map(|item| (Place::of(node).of.to_owned(), item.clone()));
            let ways = self.argument(Place::of(node), node, "version");
            Deployed { service, version: flow.argument(node, "version"), ways }
        });
        deployed.collect()
    }

    fn argument(&mut self, place: Place<'_>, node: &Node<'_>, name: &str) -> Vec<Way> {
        match node.work.action.with.text(name) {
            Some(Written::Constant(value)) => vec![vec![Piece::Known(Known::Value(value.clone()))]],
            Some(Written::Expression(guard)) => self.guard(place, guard),
            Some(Written::Parts(parts)) => parts.iter().fold(vec![Way::new()], |ways, part| match part {
                TextPart::Literal(text) => joined(&ways, &[written(text)]),
                TextPart::Expression(guard) => joined(&ways, &self.guard(place, guard)),
            }),
            Some(Written::Nested) | None => open(),
        }
    }

    fn guard(&mut self, place: Place<'_>, guard: &Guard) -> Vec<Way> {
        guard.syntax().map_or_else(open, |syntax| self.expression(place, syntax))
    }

    fn expression(&mut self, place: Place<'_>, expression: &Expr) -> Vec<Way> {
        let Some(left) = self.left.checked_sub(1) else {
            return open();
        };
        self.left = left;
        if let Some(words) = outer_path(expression) {
            return self.name(place, &words);
        }
        match &expression.kind {
            ExprKind::Literal(Value::Text(text)) => vec![written(text)],
            ExprKind::Binary(Binary::Add, sides) => {
                let left = self.expression(place, &sides.0);
                joined(&left, &self.expression(place, &sides.1))
            }
            ExprKind::Binary(Binary::OrElse, sides) => self.either(place, [&sides.0, &sides.1]),
            ExprKind::If(choice) => match self.truth(place, &choice.condition) {
                Some(true) => self.expression(place, &choice.then),
                Some(false) => choice.otherwise.as_ref().map_or_else(open, |one| self.expression(place, one)),
                None if names_of(&choice.condition).iter().any(|name| name == "item") => open(),
                None => self.either(place, [&choice.then].into_iter().chain(&choice.otherwise)),
            },
            ExprKind::Call { of, name, arguments } => {
                let given: Vec<_> = of.as_deref().into_iter().chain(arguments).collect();
                match given.as_slice() {
                    [only] if KEEPING.contains(&name.text.as_str()) => self.expression(place, only),
                    [map, key, otherwise] if name.text == "get" => {
                        let words = outer_path(map).zip(key.as_text());
                        let read =
                            words.map_or_else(open, |(words, key)| self.name(place, &[&words[..], &[key]].concat()));
                        bounded([read, self.expression(place, otherwise)].concat())
                    }
                    _ => open(),
                }
            }
            ExprKind::Property { of, name, .. } if place.is_undoing && is_reading(of, &name.text) => {
                vec![vec![Piece::Now]]
            }
            _ => open(),
        }
    }

    /// Whether a condition holds for the item that a step is done for.
    fn truth(&self, place: Place<'_>, condition: &Expr) -> Option<bool> {
        let (_, item) = self.item.as_ref().filter(|(of, _)| of == place.of)?;
        match known(condition, &|words| (words == ["item"]).then(|| item.clone()))? {
            Value::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    fn either<'e>(&mut self, place: Place<'_>, all: impl IntoIterator<Item = &'e Expr>) -> Vec<Way> {
        bounded(all.into_iter().flat_map(|one| self.expression(place, one)).collect())
    }

    fn name(&mut self, place: Place<'_>, words: &[&str]) -> Vec<Way> {
        match words {
            ["steps", step, "out", part @ ..] => {
                let path = if place.of.is_empty() { (*step).to_owned() } else { format!("{}/{step}", place.of) };
                let mut nodes = self.flow(place.of).nodes();
                let found = nodes.find(|(_, node)| node.path == path && node.part != Part::Begin);
                found.map_or_else(open, |(_, node)| self.result(place, node, part))
            }
            ["params", name] => match self.user(place.of) {
                Some(user) if user.work.action.with.text(name).is_some() => self.argument(Place::of(user), user, name),
                Some(_) => self.default_of(place, name).map_or_else(open, |value| vec![vec![Piece::Known(value)]]),
                None => vec![vec![Piece::Known(symbol("", &["params", name]))]],
            },
            [name] => {
                let lets = self.runbook(place.of).map_or(&[][..], |runbook| &runbook.lets);
                let found = lets.iter().find(|binding| &*binding.name == *name);
                found.map_or_else(open, |binding| self.guard(Place { is_undoing: false, ..place }, &binding.guard))
            }
            _ => open(),
        }
    }

    /// What a part of a step's result can be.
    fn result(&mut self, place: Place<'_>, node: &Node<'_>, part: &[&str]) -> Vec<Way> {
        let [name] = part else {
            return open();
        };
        if node.foreach.is_some() {
            return open();
        }
        match &node.work.action.kind {
            ActionKind::Runbook(runbook) => {
                let output = runbook.outputs.iter().find(|output| &*output.name == *name);
                let place = Place { of: &node.path, is_undoing: false };
                output.map_or_else(open, |output| self.guard(place, &output.guard))
            }
            ActionKind::Script(script) => given_by(script, name)
                .map_or_else(open, |given| self.expression(Place { is_undoing: false, ..Place::of(node) }, &given)),
            ActionKind::Primitive(primitive) => match (primitive.name, *name) {
                ("note", "text") => self.argument(Place::of(node), node, "text"),
                read if READING.contains(&read) && self.is_undoing(place.of) => vec![vec![Piece::Now]],
                _ if self.is_undoing(place.of) => open(),
                _ => {
                    let id = node.path.rsplit('/').next().unwrap_or_default();
                    vec![vec![Piece::Known(symbol(Place::of(node).of, &["steps", id, "out", name]))]]
                }
            },
        }
    }

    /// Whether a runbook is done by the undo.
    fn is_undoing(&self, of: &str) -> bool {
        let undone = self.undone.and_then(|undone| self.subject.scene().flow.node(undone.id));
        undone.is_some_and(|undone| {
            of.strip_prefix(undone.path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// The graph that the steps of a runbook are in.
    fn flow(&self, of: &str) -> &'s Flow<'a> {
        match self.undone {
            Some(undone) if self.is_undoing(of) => &undone.scene.flow,
            _ => &self.subject.scene().flow,
        }
    }

    /// The step that a runbook is the action of.
    fn user(&self, of: &str) -> Option<&'s Node<'a>> {
        let mut nodes = self.flow(of).nodes().filter(|_| !of.is_empty());
        nodes.find(|(_, node)| node.path == of && node.part == Part::Begin).map(|(_, node)| node)
    }

    fn runbook(&self, of: &str) -> Option<&'s Runbook> {
        match self.user(of).map(|user| &user.work.action.kind) {
            Some(ActionKind::Runbook(runbook)) => Some(runbook),
            Some(ActionKind::Primitive(_) | ActionKind::Script(_)) => None,
            None => of.is_empty().then_some(self.subject.runbook),
        }
    }

    fn default_of(&self, place: Place<'_>, name: &str) -> Option<Known> {
        let param = self.runbook(place.of)?.params.iter().find(|param| &*param.name == name)?;
        param.default.clone().map(Known::Value)
    }
}

/// Whether a call in a script gives the version that runs when it is made.
fn is_reading(call: &Expr, part: &str) -> bool {
    matches!(&call.kind, ExprKind::Call { name, .. } if READING.contains(&(name.text.as_str(), part)))
}

fn symbol(place: &str, words: &[&str]) -> Known {
    let said = words.join(".");
    // A param of the outermost runbook has no place.
    Known::Symbol(Arc::from(if words.first() == Some(&"params") { said } else { format!("{place}:{said}") }))
}

fn written(text: &str) -> Way {
    if text.is_empty() { Way::new() } else { vec![Piece::Known(Known::Value(Value::text(text)))] }
}

fn open() -> Vec<Way> {
    vec![vec![Piece::Open]]
}

/// Each of some ways with each of others behind it.
fn joined(left: &[Way], right: &[Way]) -> Vec<Way> {
    bounded(left.iter().flat_map(|one| right.iter().map(move |other| [&one[..], &other[..]].concat())).collect())
}

fn bounded(ways: Vec<Way>) -> Vec<Way> {
    if ways.len() > MAX_WAYS { open() } else { ways }
}
