//! Which steps a rehearsal leaves out. Pure.
//!
//! A step that changes something or asks somebody is not done. What comes after a change looks at
//! what that change would have made, so it proves nothing and is left out as well; so is what
//! reads the result of a step that was.

use std::collections::BTreeMap;

use crate::declaration::Effect;
use crate::runbook::{Poll, Runbook, Step};

/// How a step depends on an earlier one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tie {
    /// By an edge.
    ComesAfter,
    /// By its result.
    Reads,
}

/// The steps of a runbook that a rehearsal leaves out, by index, each with its reason.
pub(super) fn left_out(runbook: &Runbook) -> BTreeMap<usize, String> {
    let ties = ties(runbook);
    let mut found = BTreeMap::new();
    let having = |effect| {
        let steps = runbook.steps.iter().enumerate();
        steps.filter(move |(_, step)| step.work.action.effect() == effect).map(|(at, _)| at)
    };
    for (effect, why) in [(Effect::Changes, "it changes something"), (Effect::Asks, "it asks somebody")] {
        let mut open: Vec<_> = having(effect).collect();
        found.extend(open.iter().map(|at| (*at, format!("a rehearsal only looks, and {why}"))));
        while let Some(from) = open.pop() {
            for (at, tie) in ties.get(from).into_iter().flatten() {
                let follows = *tie == Tie::Reads || effect == Effect::Changes;
                if follows && !found.contains_key(at) {
                    found.insert(*at, reason(runbook, from, *tie));
                    open.push(*at);
                }
            }
        }
    }
    found
}

fn reason(runbook: &Runbook, from: usize, tie: Tie) -> String {
    let id = runbook.steps.get(from).map_or("?", |step| step.id.as_str());
    match tie {
        Tie::ComesAfter => format!("it comes after `{id}`, which a rehearsal does not do"),
        Tie::Reads => format!("it reads the result of `{id}`, which a rehearsal does not have"),
    }
}

/// For each step, those that depend on it.
fn ties(runbook: &Runbook) -> Vec<Vec<(usize, Tie)>> {
    let ids: BTreeMap<_, _> = runbook.steps.iter().enumerate().map(|(at, step)| (step.id.as_str(), at)).collect();
    let mut ties: Vec<Vec<_>> = vec![Vec::new(); runbook.steps.len()];
    for (at, step) in runbook.steps.iter().enumerate() {
        let edges = step.needs.iter().map(|edge| (edge.from, Tie::ComesAfter));
        let read = names_read(step);
        let read = read.iter().filter_map(|id| Some((*ids.get(id.as_str())?, Tie::Reads)));
        for (from, tie) in edges.chain(read) {
            if let Some(list) = ties.get_mut(from) {
                list.push((at, tie));
            }
        }
    }
    ties
}

/// The ids of the steps whose results a step's guards and arguments read.
fn names_read(step: &Step) -> Vec<String> {
    let stay = match &step.work.poll {
        Poll::Hold { stay, .. } => Some(stay),
        Poll::Once | Poll::Until { .. } => None,
    };
    let guards = step.work.guards().chain(step.foreach.iter().map(|foreach| &foreach.list));
    let templates = [Some(&step.work.action.with), stay].into_iter().flatten();
    let all = guards.flat_map(|guard| guard.references()).chain(templates.flat_map(|one| one.references()));
    all.filter(|one| one.root() == "steps").filter_map(|one| one.path().get(1).cloned()).collect()
}
