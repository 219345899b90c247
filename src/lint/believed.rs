//! Hashes from outside that a service is held against, and that nobody has looked at: no person was shown
//! one, and no guard has held it against something that the run knows by itself.

use crate::declaration::Effect;
use crate::guard::Guard;
use crate::guard::syntax::{Binary, Expr};
use crate::runbook::Poll;

use super::Subject;
use super::asserted::{demands, is_read};
use super::checked::names_of;
use super::flow::{Known, Node, NodeId};
use super::judgement::{pieces, sides};
use super::readings::{inserted_from_outside, told_from_outside};
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
        for giver in told_from_outside(subject, user, service) {
            let (Some(node), Some(holding)) = (scene.flow.node(giver), scene.flow.node(user)) else {
                continue;
            };
            // What a runbook used as an action believes by itself is told of its own file.
            let is_told_there = place(holding) == place(node) && !place(node).is_empty();
            if !is_told_there && !is_reviewed(subject, giver, user) && !is_compared(subject, (giver, node), user) {
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
fn is_reviewed(subject: &Subject<'_>, giver: NodeId, user: NodeId) -> bool {
    let scene = subject.scene();
    let mut asks = scene.flow.nodes().filter(|(_, node)| node.work.action.effect() == Effect::Asks);
    asks.any(|(id, _)| scene.is_surely_before(id, user) && inserted_from_outside(subject, id).contains(&giver))
}

/// Whether a step from outside, or a guard that has certainly held by then, compares what it gives with
/// something that no step has read.
fn is_compared(subject: &Subject<'_>, (giver, node): (NodeId, &Node<'_>), user: NodeId) -> bool {
    let scene = subject.scene();
    let own = node.work.expect.iter().chain(match &node.work.poll {
        Poll::Until { guard, .. } | Poll::Hold { guard, .. } => Some(guard),
        Poll::Once => None,
    });
    let step = node.path.rsplit('/').next().unwrap_or_default();
    let given = format!("steps.{step}.out");
    let mut later = scene.flow.nodes().filter(|(id, other)| {
        *id != giver && place(other) == place(node) && (*id == user || scene.is_surely_before(*id, user))
    });
    own.into_iter().any(|guard| compares(guard, "out"))
        || later.any(|(_, other)| demands(other).into_iter().any(|demand| is_of_one(demand.sides, &given)))
}

/// Whether a guard holds only where what begins with a name is the same as something that no step has read.
fn compares(guard: &Guard, given: &str) -> bool {
    let said = guard.syntax().map_or_else(Vec::new, |syntax| pieces(syntax, Binary::And));
    said.into_iter().filter_map(|piece| sides(piece, Binary::Equal)).any(|sides| is_of_one(sides, given))
}

/// Whether one side is of what begins with a name, and the other one of nothing that a step has read.
fn is_of_one((left, right): (&Expr, &Expr), given: &str) -> bool {
    let is_given = |side: &Expr| {
        let names = names_of(side);
        let is_it =
            |name: &String| name.strip_prefix(given).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        !names.is_empty() && names.iter().all(is_it)
    };
    (is_given(left) && !is_read(right)) || (is_given(right) && !is_read(left))
}
