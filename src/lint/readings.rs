//! Which steps have read the hash that a service is held against: through whatever passes it on, a `let`, a
//! `note`, a script, or a runbook used as an action with what it is handed and what it gives.

use std::collections::BTreeSet;

use crate::guard::syntax::Expr;
use crate::guard::{Guard, Script};
use crate::runbook::{ActionKind, Foreach, Runbook};
use crate::value::Value;

use super::Subject;
use super::asserted::expected_sides;
use super::carried::{Passed, passed};
use super::deeds::verified_by;
use super::fanout::each_of;
use super::flow::{Known, Node, NodeId, Part};
use super::judgement::{HASHES, compared_sides};
use super::pieces::argument_at;
use super::scene::Deed;

/// How many expressions are looked into for one hash.
const MAX_FOLLOWED: usize = 64;

/// What reads a hash.
const READING: [&str; 3] = ["nats_req", "service_hash", "wait_log"];

/// A step that has read a hash.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// The step.
    pub(super) id: NodeId,
    /// The service it was read from, where that is named.
    pub(super) service: Option<Known>,
    /// The subject that was asked, where no service is named.
    pub(super) subject: Option<Known>,
}

/// The readings of what a node holds a service against.
pub(super) fn readings(subject: &Subject<'_>, id: NodeId, service: &Known) -> Vec<Reading> {
    let mut follower = Follower { subject, user: id, left: MAX_FOLLOWED, found: Vec::new() };
    if let Some(node) = subject.scene().flow.node(id) {
        follower.held_against(node, Some(service));
    }
    follower.found
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
}

impl<'s> Follower<'s, '_> {
    /// Follows what a node holds a service against, or any of them.
    fn held_against(&mut self, node: &'s Node<'_>, service: Option<&Known>) {
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
    fn result(&mut self, id: NodeId, node: &'s Node<'_>, part: &[&str]) {
        match &node.work.action.kind {
            ActionKind::Runbook(runbook) => {
                let is_asked = |name: &str| part.first().is_none_or(|asked| *asked == name);
                let place = Place { of: &node.path, foreach: None };
                let given = runbook.outputs.iter().filter(|output| is_asked(&output.name));
                given.for_each(|output| self.guard(place, &output.guard));
            }
            ActionKind::Script(script) => self.found.extend(read_by_script(id, script)),
            ActionKind::Primitive(_) if node.work.action.name() == "note" => {
                let inserted = node.work.action.with.insertions();
                inserted.iter().for_each(|one| self.guard(Place::of(node), one.guard));
            }
            ActionKind::Primitive(_) if self.is_held(id, part) => self.held_against(node, None),
            ActionKind::Primitive(primitive) if READING.contains(&primitive.name) => match self.judge_of(id, part) {
                Some(judge) => self.held_against(judge, None),
                None => self.read(id, node),
            },
            ActionKind::Primitive(_) => {}
        }
    }

    /// The node that has judged the hash that a step gave.
    fn judge_of(&self, id: NodeId, part: &[&str]) -> Option<&'s Node<'s>> {
        let scene = self.subject.scene();
        let judge = scene.judge_of(id, self.user).filter(|_| is_hash(part))?;
        scene.flow.node(judge)
    }

    /// Whether a step has held what it gives against something: it is that, whoever was asked.
    fn is_held(&self, id: NodeId, part: &[&str]) -> bool {
        let is_deed = |(one, deed): &(NodeId, Deed)| *one == id && matches!(deed, Deed::Verifies { .. });
        is_hash(part) && self.subject.scene().deeds().iter().any(is_deed)
    }

    fn read(&mut self, id: NodeId, node: &Node<'_>) {
        let scene = self.subject.scene();
        let services = each_of(&scene.flow, node, "service", scene.setting);
        let subject = scene.flow.argument(node, "subject");
        // Which of several items was taken is not looked at.
        let service = services.first().filter(|first| services.iter().all(|one| one == *first)).cloned();
        self.found.push(Reading { id, service, subject });
    }

    /// The step that a runbook is the action of.
    fn user(&self, path: &str) -> Option<&'s Node<'s>> {
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

/// What a script has read of what it gives, where it judges nothing itself.
fn read_by_script(id: NodeId, script: &Script) -> Vec<Reading> {
    let said = script.said();
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut open: Vec<&Expr> = said.last.iter().filter(|_| !said.calls("expect_hash")).collect();
    while let Some(expression) = open.pop() {
        passed(expression, &mut |one| match one {
            Passed::Name(words) => {
                let meant = words.first().filter(|root| seen.insert((**root).to_owned()));
                open.extend(meant.and_then(|root| said.names.get(*root)));
            }
            Passed::Call(name, arguments) if READING.contains(&name) => {
                let written = |name| {
                    let text = argument_at(arguments, 0, name, said)?.as_text()?;
                    Some(Known::Value(Value::text(text)))
                };
                let (service, subject) = match name {
                    "nats_req" => (None, written("subject")),
                    _ => (written("service"), None),
                };
                found.push(Reading { id, service, subject });
            }
            Passed::Call(..) => {}
        });
    }
    found
}
