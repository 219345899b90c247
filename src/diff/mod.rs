//! What differs between two runbooks in meaning, and what of it makes a run less safe.
//!
//! `facts` reads a runbook into statements with a place, such as `steps.arm.require`, each a
//! `fact`; two lists of them are held against each other here. Layout, comments, the order of keys and what is written
//! out though it is the default are no difference. Pure; called by `cli/`.

mod fact;
mod facts;
mod order;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::declaration::Effect;
use crate::runbook::{ActionKind, Runbook, Step};

use fact::Fact;
use facts::facts_of;

/// A difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What differs, such as `steps.arm.require`; `outer/inner` is a step of a runbook used as an action.
    pub place: String,
    /// How.
    pub kind: ChangeKind,
    /// What the first runbook says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What the second says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Why a run is less safe with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub less_safe: Option<&'static str>,
}

/// The kinds of difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Only the second has it.
    Added,
    /// Only the first has it.
    Removed,
    /// Both have it, and say something else.
    Changed,
    /// Both have it, at another place in the order.
    Moved,
}

/// Every difference, in the order of the runbooks.
pub fn diff(before: &Runbook, after: &Runbook) -> Vec<Change> {
    let (old, new) = (facts_of(before), facts_of(after));
    let mut changes = Vec::new();
    let news: BTreeMap<_, _> = new.iter().map(|fact| (fact.place.as_str(), fact)).collect();
    let olds: BTreeSet<_> = old.iter().map(|fact| fact.place.as_str()).collect();
    for fact in &old {
        match news.get(fact.place.as_str()) {
            None if fact.is_implied => {}
            None => changes.push(removed(fact, after)),
            Some(now) if fact.says_the_same(now) => {}
            Some(now) => changes.push(changed(fact, now)),
        }
    }
    for fact in new.iter().filter(|fact| !olds.contains(fact.place.as_str()) && !fact.is_implied) {
        changes.push(Change {
            place: fact.place.clone(),
            kind: ChangeKind::Added,
            before: None,
            after: Some(fact.text.clone()),
            less_safe: fact.gained,
        });
    }
    for id in order::moved(before, after) {
        let place = format!("steps.{id}");
        changes.push(Change { place, kind: ChangeKind::Moved, before: None, after: None, less_safe: None });
    }
    let places = places(&old, &new);
    changes.sort_by_key(|change| places.get(change.place.as_str()).copied());
    without_parts(changes)
}

/// Where each statement stands: in the second runbook, or behind what it stood behind in the first.
fn places<'a>(old: &'a [Fact], new: &'a [Fact]) -> BTreeMap<&'a str, (usize, usize)> {
    let mut places: BTreeMap<_, _> = new.iter().enumerate().map(|(at, fact)| (fact.place.as_str(), (at, 0))).collect();
    let mut before = (0, 0);
    for fact in old {
        before.1 += 1;
        before = *places.entry(fact.place.as_str()).or_insert(before);
    }
    places
}

fn removed(fact: &Fact, after: &Runbook) -> Change {
    // An edge from a step that is gone is told with that step.
    let is_still_ordered = fact
        .edge
        .as_ref()
        .is_some_and(|(from, to)| after.step_index(from).is_none() || order::comes_before(after, from, to));
    Change {
        place: fact.place.clone(),
        kind: ChangeKind::Removed,
        before: Some(fact.text.clone()),
        after: None,
        less_safe: fact.lost.filter(|_| !is_still_ordered && !is_undone_inside(after, &fact.place)),
    }
}

/// Whether the place is the undo of a step whose action is now a runbook that undoes itself.
fn is_undone_inside(after: &Runbook, place: &str) -> bool {
    let path = place.strip_prefix("steps.").and_then(|rest| rest.strip_suffix(".undo"));
    let step = path.and_then(|path| after.step_at(path));
    let Some(ActionKind::Runbook(inner)) = step.map(|step| &step.work.action.kind) else {
        return false;
    };
    let changes = |step: &&Step| step.work.action.effect() == Effect::Changes;
    inner.steps.iter().filter(changes).all(|step| step.undo.is_some() || step.no_undo.is_some())
}

fn changed(fact: &Fact, now: &Fact) -> Change {
    Change {
        place: fact.place.clone(),
        kind: ChangeKind::Changed,
        before: Some(fact.text.clone()),
        after: Some(now.text.clone()),
        less_safe: fact.weakened_by(now),
    }
}

/// Leaves out what is a part of something that was added or removed as a whole, or of an action
/// that is another one now.
fn without_parts(changes: Vec<Change>) -> Vec<Change> {
    let wholes: BTreeSet<String> = changes
        .iter()
        .filter_map(|change| match change.kind {
            ChangeKind::Added | ChangeKind::Removed => Some(change.place.clone()),
            ChangeKind::Changed => change.place.strip_suffix(".do").map(|step| format!("{step}/")),
            ChangeKind::Moved => None,
        })
        .collect();
    let is_part = |place: &str| {
        let ends = place.char_indices().filter(|(_, c)| matches!(c, '.' | '/'));
        let mut prefixes = ends.flat_map(|(at, c)| [place.get(..at), place.get(..at + c.len_utf8())]).flatten();
        prefixes.any(|prefix| wholes.contains(prefix))
    };
    changes.into_iter().filter(|change| !is_part(&change.place)).collect()
}
