//! Hashes from outside that a service is held against, and that nobody has looked at: no person was shown
//! one, and no guard has held it against something that the run knows by itself.

use std::collections::BTreeSet;

use crate::declaration::Effect;
use crate::guard::Guard;
use crate::guard::syntax::{Binary, Expr};
use crate::runbook::Poll;

use super::Subject;
use super::asserted::{demands, is_read};
use super::carried::{Passed, passed};
use super::checked::kept_name;
use super::flow::{Known, Node, NodeId};
use super::judgement::{pieces, sides};
use super::readings::{Told, inserted_from_outside, told_from_outside};
use super::scene::Deed;

/// A hash from outside that a service is held against.
pub(super) struct Believed<'s> {
    /// The node that holds the service against it.
    pub(super) user: NodeId,
    /// The service.
    pub(super) service: &'s Known,
    /// The path of the step that has it from outside.
    pub(super) giver: &'s str,
}

/// Every hash from outside that a service which must agree with another is held against unchecked.
pub(super) fn believed<'s>(subject: &'s Subject<'_>) -> Vec<Believed<'s>> {
    let scene = subject.scene();
    let held = scene.deeds().iter().filter_map(|(id, deed)| match deed {
        Deed::Verifies { service, against: Some(_), .. } if scene.is_in_group(service) => Some((*id, service)),
        _ => None,
    });
    let mut found = Vec::new();
    for (user, service) in held {
        let told = told_from_outside(subject, user, service).into_iter();
        let unchecked = told.filter(|told| !is_reviewed(subject, told, user) && !is_compared(subject, told, user));
        let givers: BTreeSet<_> = unchecked.map(|told| told.giver).collect();
        for giver in givers {
            let (Some(node), Some(holding)) = (scene.flow.node(giver), scene.flow.node(user)) else {
                continue;
            };
            // What a runbook used as an action believes by itself is told of its own file.
            let is_told_there = place(holding) == place(node) && !place(node).is_empty();
            if !is_told_there {
                found.push(Believed { user, service, giver: &node.path });
            }
        }
    }
    found
}

/// The path of the runbook that a node is a step of.
fn place<'n>(node: &'n Node<'_>) -> &'n str {
    node.path.rsplit_once('/').map_or("", |(place, _)| place)
}

/// Whether a person was certainly shown what a step has from outside, before a node starts.
fn is_reviewed(subject: &Subject<'_>, told: &Told, user: NodeId) -> bool {
    let scene = subject.scene();
    let mut asks = scene.flow.nodes().filter(|(_, node)| node.work.action.effect() == Effect::Asks);
    let is_shown = |id| {
        let shown = inserted_from_outside(subject, id);
        shown.iter().any(|shown| shown.giver == told.giver && told.is_in(&shown.part))
    };
    asks.any(|(id, _)| scene.is_surely_before(id, user) && is_shown(id))
}

/// Whether a step from outside, or a guard that has certainly held by then, compares what it gives with
/// something that no step has read.
fn is_compared(subject: &Subject<'_>, told: &Told, user: NodeId) -> bool {
    let scene = subject.scene();
    let Some(node) = scene.flow.node(told.giver) else {
        return false;
    };
    let own = node.work.expect.iter().chain(match &node.work.poll {
        Poll::Until { guard, .. } | Poll::Hold { guard, .. } => Some(guard),
        Poll::Once => None,
    });
    let step = node.path.rsplit('/').next().unwrap_or_default();
    let given = format!("steps.{step}.out");
    let mut later = scene.flow.nodes().filter(|(id, other)| {
        *id != told.giver && place(other) == place(node) && (*id == user || scene.is_surely_before(*id, user))
    });
    own.into_iter().any(|guard| compares(guard, told, "out"))
        || later.any(|(_, other)| demands(other).into_iter().any(|demand| is_of_one(demand.sides, told, &given)))
}

/// Whether a guard holds only where what is told is the same as something that no step has read.
fn compares(guard: &Guard, told: &Told, given: &str) -> bool {
    let said = guard.syntax().map_or_else(Vec::new, |syntax| pieces(syntax, Binary::And));
    said.into_iter().filter_map(|piece| sides(piece, Binary::Equal)).any(|sides| is_of_one(sides, told, given))
}

/// Whether one side passes on what is told, in a result of that name, and the other one is of nothing that
/// a step has read.
fn is_of_one((left, right): (&Expr, &Expr), told: &Told, given: &str) -> bool {
    let is_it = |name: &String| {
        let part = name.strip_prefix(given).filter(|rest| rest.is_empty() || rest.starts_with('.'));
        part.is_some_and(|part| told.is_in(part.trim_start_matches('.')))
    };
    let is_given = |side: &Expr| {
        let names = names_passed_on(side);
        !names.is_empty() && names.iter().all(is_it)
    };
    (is_given(left) && !is_read(right)) || (is_given(right) && !is_read(left))
}

/// The dotted names whose values an expression passes on; what it only looks at, as `len(...)` does, is
/// not compared.
fn names_passed_on(expression: &Expr) -> Vec<String> {
    if let Some(name) = kept_name(expression) {
        return vec![name];
    }
    let mut names = Vec::new();
    passed(expression, &mut |one| {
        if let Passed::Name(words) = one {
            names.push(words.join("."));
        }
    });
    names
}
