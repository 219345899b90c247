//! Which steps have read the hash that a service is held against: through whatever passes it on, a `let`, a
//! `note`, a script, or a runbook used as an action with what it is handed and what it gives.

use std::collections::BTreeSet;

use crate::guard::syntax::{Expr, ExprKind};
use crate::guard::{Guard, Said, Script};
use crate::runbook::target::Service;
use crate::runbook::{ActionKind, Foreach, Runbook};
use crate::value::Value;

use super::Subject;
use super::asserted::expected_sides;
use super::carried::{Passed, passed};
use super::checked::kept_name;
use super::deeds::verified_by;
use super::fanout::each_of;
use super::flow::{Known, Node, NodeId, Part};
use super::judgement::{HASHES, compared_sides};
use super::pieces::{Pieces, Reader, argument_at, standing_for};
use super::scene::Deed;

/// How many expressions are looked into for one hash.
const MAX_FOLLOWED: usize = 64;

/// What reads a hash.
const READING: [&str; 3] = ["nats_req", "service_hash", "wait_log"];

/// What gives a text that somebody outside has written, and that is no service's word on its own hash.
const FOREIGN: [&str; 3] = ["exec", "http", "nats_watch"];

/// Parts of what comes from outside, and where the same stands as it came.
const DECODED: [(&str, &str); 3] = [("json", "body"), ("json", "stdout"), ("reply", "replies")];

/// A step that has read a hash.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// The step.
    pub(super) id: NodeId,
    /// The service it was read from, where that is named.
    pub(super) service: Option<Known>,
    /// The subject that was asked, where no service is named.
    pub(super) subject: Option<Pieces>,
    /// The part of what the step gives.
    part: String,
}

/// What a step has from outside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Told {
    /// The step.
    pub(super) giver: NodeId,
    /// The part of what it gives, such as `json.hash`; empty for all of it.
    pub(super) part: String,
}

impl Told {
    /// Whether whoever knows another part of what the step gives knows this one.
    pub(super) fn is_in(&self, whole: &str) -> bool {
        let is_within = |part: &str, whole: &str| {
            whole.is_empty() || part.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let read_from = DECODED.iter().filter(|(decoded, _)| is_within(&self.part, decoded));
        is_within(&self.part, whole) || read_from.into_iter().any(|(_, text)| *text == whole)
    }
}

impl Reading {
    fn told(&self) -> Told {
        Told { giver: self.id, part: self.part.clone() }
    }

    /// Whether a service that a target names may have answered for itself.
    pub(super) fn may_be_of(&self, service: &Service) -> bool {
        let asked = service.hash.as_ref().map(|hash| hash.subject.as_str());
        let subject = self.subject.as_ref().filter(|subject| subject.is_partly_written());
        asked.zip(subject).is_some_and(|(asked, subject)| subject.may_be(asked))
    }
}

/// The readings of what a node holds a service against.
pub(super) fn readings(subject: &Subject<'_>, id: NodeId, service: &Known) -> Vec<Reading> {
    Follower::held(subject, id, service).found
}

/// What a node holds a service against, as far as steps have it from outside.
pub(super) fn told_from_outside(subject: &Subject<'_>, id: NodeId, service: &Known) -> BTreeSet<Told> {
    let follower = Follower::held(subject, id, service);
    let services = &subject.setting.target.services;
    let is_foreign = |reading: &&Reading| {
        let is_request = reading.service.is_none() && reading.subject.is_some();
        is_request && !services.values().any(|service| reading.may_be_of(service))
    };
    let asked = follower.found.iter().filter(is_foreign).map(Reading::told);
    follower.foreign.iter().cloned().chain(asked).collect()
}

/// What is filled in where a node uses it, as far as steps have it from outside.
pub(super) fn inserted_from_outside(subject: &Subject<'_>, id: NodeId) -> BTreeSet<Told> {
    let mut follower = Follower::of(subject, id);
    if let Some(node) = subject.scene().flow.node(id) {
        node.work.action.with.insertions().iter().for_each(|one| follower.guard(Place::of(node), one.guard));
    }
    follower.foreign.extend(follower.found.iter().map(Reading::told));
    follower.foreign
}

/// Where an expression stands.
#[derive(Clone, Copy)]
struct Place<'s> {
    /// The path of the step that the runbook it stands in is the action of; empty for the outermost one.
    of: &'s str,
    /// The fan-out of its step.
    foreach: Option<&'s Foreach>,
}

impl<'s> Place<'s> {
    fn of(node: &'s Node<'_>) -> Self {
        Self { of: node.path.rsplit_once('/').map_or("", |(of, _)| of), foreach: node.foreach }
    }
}

struct Follower<'s, 'a> {
    subject: &'s Subject<'a>,
    /// The node that holds a service against what is followed.
    user: NodeId,
    left: usize,
    found: Vec<Reading>,
    /// What comes from outside.
    foreign: BTreeSet<Told>,
}

impl<'s, 'a> Follower<'s, 'a> {
    fn of(subject: &'s Subject<'a>, user: NodeId) -> Self {
        Self { subject, user, left: MAX_FOLLOWED, found: Vec::new(), foreign: BTreeSet::new() }
    }

    /// What a node holds a service against, followed.
    fn held(subject: &'s Subject<'a>, id: NodeId, service: &Known) -> Self {
        let mut follower = Self::of(subject, id);
        if let Some(node) = subject.scene().flow.node(id) {
            follower.held_against(node, Some(service));
        }
        follower
    }

    /// Follows what a node holds a service against, or any of them.
    fn held_against(&mut self, node: &'s Node<'a>, service: Option<&Known>) {
        let place = Place::of(node);
        let given = match node.work.action.name() {
            "expect_hash" => "expected",
            "wait_log" => "pattern",
            _ => "",
        };
        if !given.is_empty() {
            let inserted = node.work.action.with.insertions();
            let expected = inserted.iter().filter(|one| one.argument == Some(given));
            expected.for_each(|one| self.guard(place, one.guard));
        }
        if let ActionKind::Script(script) = &node.work.action.kind {
            let is_it = |one: &str| service.is_none_or(|service| service.as_text() == Some(one));
            let verified = verified_by(script).into_iter().filter(|(one, _)| is_it(one));
            verified.for_each(|(_, expected)| self.expression(place, expected));
        }
        let sides = compared_sides(node.work).into_iter().chain(expected_sides(node));
        sides.for_each(|side| self.expression(place, side));
    }

    fn guard(&mut self, place: Place<'s>, guard: &'s Guard) {
        match guard.syntax() {
            Some(syntax) => self.expression(place, syntax),
            None => {
                for reference in guard.references() {
                    self.name(place, &reference.path().iter().map(String::as_str).collect::<Vec<_>>());
                }
            }
        }
    }

    fn expression(&mut self, place: Place<'s>, expression: &Expr) {
        let Some(left) = self.left.checked_sub(1) else {
            return;
        };
        self.left = left;
        // What `get` takes out of a map is that part of it, and not all of the map.
        if let Some(name) = kept_name(expression) {
            return self.name(place, &name.split('.').collect::<Vec<_>>());
        }
        passed(expression, &mut |one| {
            if let Passed::Name(words) = one {
                self.name(place, &words);
            }
        });
    }

    fn name(&mut self, place: Place<'s>, words: &[&str]) {
        match words {
            ["steps", step, "out", part @ ..] => {
                let path = if place.of.is_empty() { (*step).to_owned() } else { format!("{}/{step}", place.of) };
                let nodes = self.subject.scene().flow.nodes();
                let found = nodes.into_iter().find(|(_, node)| node.path == path && node.part != Part::Begin);
                if let Some((id, node)) = found {
                    self.result(id, node, part);
                }
            }
            ["params", name, ..] => {
                if let Some(user) = self.user(place.of) {
                    let inserted = user.work.action.with.insertions();
                    let given = inserted.iter().filter(|one| one.argument == Some(*name));
                    given.for_each(|one| self.guard(Place::of(user), one.guard));
                }
            }
            ["item", ..] => {
                if let Some(foreach) = place.foreach {
                    self.guard(Place { foreach: None, ..place }, &foreach.list);
                }
            }
            [name, ..] => {
                let lets = self.runbook(place.of).map_or(&[][..], |runbook| &runbook.lets);
                if let Some(binding) = lets.iter().find(|binding| &*binding.name == *name) {
                    self.guard(Place { foreach: None, ..place }, &binding.guard);
                }
            }
            [] => {}
        }
    }

    /// What a part of a step's result was read by.
    fn result(&mut self, id: NodeId, node: &'s Node<'a>, part: &[&str]) {
        match &node.work.action.kind {
            ActionKind::Runbook(runbook) => {
                let is_asked = |name: &str| part.first().is_none_or(|asked| *asked == name);
                let place = Place { of: &node.path, foreach: None };
                let given = runbook.outputs.iter().filter(|output| is_asked(&output.name));
                given.for_each(|output| self.guard(place, &output.guard));
            }
            ActionKind::Script(script) => self.script(id, node, script, part),
            ActionKind::Primitive(_) if node.work.action.name() == "note" => {
                let inserted = node.work.action.with.insertions();
                inserted.iter().for_each(|one| self.guard(Place::of(node), one.guard));
            }
            ActionKind::Primitive(_) if self.is_held(id, part) => self.held_against(node, None),
            ActionKind::Primitive(primitive) if READING.contains(&primitive.name) => match self.judge_of(id, part) {
                Some(judge) => self.held_against(judge, None),
                None => self.read(id, node, part),
            },
            ActionKind::Primitive(primitive) if FOREIGN.contains(&primitive.name) => {
                self.foreign.insert(Told { giver: id, part: part.join(".") });
            }
            ActionKind::Primitive(_) => {}
        }
    }

    /// What a part of what a script gives was read by, where it judges nothing itself.
    fn script(&mut self, id: NodeId, node: &'s Node<'a>, script: &'s Script, part: &[&str]) {
        let said = script.said();
        let told = Told { giver: id, part: part.join(".") };
        let mut seen = BTreeSet::new();
        let last = said.last.as_ref().filter(|_| !said.calls("expect_hash"));
        let mut open: Vec<&Expr> = last.map(|last| part_of(last, part, said)).into_iter().collect();
        while let Some(expression) = open.pop() {
            let mut outside = Vec::new();
            passed(expression, &mut |one| match one {
                Passed::Name(words) if words.first().is_some_and(|root| said.gives_itself(root)) => {
                    let meant = words.first().filter(|root| seen.insert((**root).to_owned()));
                    open.extend(meant.and_then(|root| said.may_be.get(*root)).into_iter().flatten());
                }
                Passed::Name(words) => outside.push(words),
                Passed::Call(name, arguments) => {
                    self.called(&told, node, (name, arguments), said);
                    // What a function reads, it may give.
                    let called = script.called_by(name);
                    let inside = said.calls.iter().filter(|call| call.name != name && called.contains(&call.name));
                    inside.for_each(|call| self.called(&told, node, (&call.name, &call.arguments), said));
                }
            });
            outside.iter().for_each(|words| self.name(Place::of(node), words));
        }
    }

    /// What a script has read by a call.
    fn called(&mut self, told: &Told, node: &'s Node<'a>, (name, arguments): (&str, &'s [Expr]), said: &'s Said) {
        if FOREIGN.contains(&name) {
            self.foreign.insert(told.clone());
        }
        if !READING.contains(&name) {
            return;
        }
        let given = |name| argument_at(arguments, 0, name, said);
        let reader = Reader { subject: self.subject, flow: &self.subject.scene().flow, node };
        let (service, subject) = match name {
            "nats_req" => (None, given("subject").map(|subject| reader.said(subject, said))),
            _ => (given("service").and_then(Expr::as_text).map(|name| Known::Value(Value::text(name))), None),
        };
        self.found.push(Reading { id: told.giver, service, subject, part: told.part.clone() });
    }

    /// The node that has judged the hash that a step gave.
    fn judge_of(&self, id: NodeId, part: &[&str]) -> Option<&'s Node<'a>> {
        let scene = self.subject.scene();
        let judge = scene.judge_of(id, self.user).filter(|_| is_hash(part))?;
        scene.flow.node(judge)
    }

    /// Whether a step has held what it gives against something: it is that, whoever was asked.
    fn is_held(&self, id: NodeId, part: &[&str]) -> bool {
        let is_deed = |(one, deed): &(NodeId, Deed)| *one == id && matches!(deed, Deed::Verifies { .. });
        is_hash(part) && self.subject.scene().deeds().iter().any(is_deed)
    }

    fn read(&mut self, id: NodeId, node: &'s Node<'a>, part: &[&str]) {
        let scene = self.subject.scene();
        let services = each_of(&scene.flow, node, "service", scene.setting);
        let subject = Reader { subject: self.subject, flow: &scene.flow, node }.argument("subject");
        // Which of several items was taken is not looked at.
        let service = services.first().filter(|first| services.iter().all(|one| one == *first)).cloned();
        self.found.push(Reading { id, service, subject, part: part.join(".") });
    }

    /// The step that a runbook is the action of.
    fn user(&self, path: &str) -> Option<&'s Node<'a>> {
        let mut nodes = self.subject.scene().flow.nodes().filter(|_| !path.is_empty());
        nodes.find(|(_, node)| node.path == path && node.part == Part::Begin).map(|(_, node)| node)
    }

    fn runbook(&self, path: &str) -> Option<&'s Runbook> {
        match &self.user(path) {
            Some(user) => match &user.work.action.kind {
                ActionKind::Runbook(runbook) => Some(runbook),
                ActionKind::Primitive(_) | ActionKind::Script(_) => None,
            },
            None => path.is_empty().then_some(self.subject.runbook),
        }
    }
}

/// Whether a part of a result is a hash.
fn is_hash(part: &[&str]) -> bool {
    HASHES.contains(&part.join(".").as_str())
}

/// What a script gives under the name that is asked for.
fn part_of<'e>(last: &'e Expr, part: &[&str], said: &'e Said) -> &'e Expr {
    let whole = standing_for(last, said);
    let found = match (&whole.kind, part.first()) {
        (ExprKind::Map(entries), Some(asked)) => entries.iter().find(|(key, _)| key.text == *asked),
        _ => None,
    };
    found.map_or(whole, |(_, value)| value)
}
