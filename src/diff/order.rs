//! The order of steps: which were moved, and which still come before which.

use std::collections::{BTreeMap, BTreeSet};

use crate::runbook::Runbook;

/// The steps both runbooks have that stand at another place among them: all but the longest
/// run of steps that keep their order.
pub(super) fn moved(before: &Runbook, after: &Runbook) -> Vec<String> {
    let places: BTreeMap<_, _> = after.steps.iter().enumerate().map(|(at, step)| (step.id.as_str(), at)).collect();
    let common: Vec<_> =
        before.steps.iter().filter_map(|step| Some((step.id.as_str(), *places.get(step.id.as_str())?))).collect();
    // Patience: the least end of a rising run of each length, and what stands before each.
    let mut ends: Vec<usize> = Vec::new();
    let mut earlier: Vec<Option<usize>> = Vec::with_capacity(common.len());
    for (at, (_, place)) in common.iter().enumerate() {
        let length = ends.partition_point(|end| common.get(*end).is_some_and(|(_, known)| known < place));
        earlier.push(length.checked_sub(1).and_then(|one| ends.get(one).copied()));
        match ends.get_mut(length) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let mut kept = BTreeSet::new();
    let mut next = ends.last().copied();
    while let Some(at) = next {
        kept.insert(at);
        next = earlier.get(at).copied().flatten();
    }
    let moved = common.iter().enumerate().filter(|(at, _)| !kept.contains(at));
    moved.map(|(_, (id, _))| (*id).to_owned()).collect()
}

/// Whether a step comes after another one along the edges of a runbook.
pub(super) fn comes_before(runbook: &Runbook, from: &str, to: &str) -> bool {
    let (Some(from), Some(to)) = (runbook.step_index(from), runbook.step_index(to)) else {
        return false;
    };
    let mut seen = BTreeSet::new();
    let mut waiting = vec![to];
    while let Some(at) = waiting.pop() {
        if at == from {
            return true;
        }
        if seen.insert(at) {
            waiting.extend(runbook.steps.get(at).into_iter().flat_map(|step| step.needs.iter().map(|edge| edge.from)));
        }
    }
    false
}
