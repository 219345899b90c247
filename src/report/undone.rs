//! What a run changed, what of that was undone and what was not: for its last page.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::declaration::{DISARM, Effect};
use crate::event::{Happened, Phase, Status};
use crate::value::Value;
use crate::visible::visible;

use super::few::{few, listed};

/// What became of the effects of a run.
#[derive(Default)]
pub(super) struct Undone {
    /// The steps that may have changed something, with their actions.
    acted: BTreeMap<Arc<str>, Arc<str>>,
    /// The gates that the steps closed.
    closed: BTreeSet<String>,
    /// The undos under way, with their actions.
    undoing: BTreeMap<Arc<str>, Arc<str>>,
    /// Whether an undo was done; closing a gate once more is none.
    has_undone: bool,
    /// What was not undone, and why.
    kept: BTreeMap<Arc<str>, String>,
}

impl Undone {
    /// Learns from an event.
    pub(super) fn learn(&mut self, what: &Happened) {
        match what {
            Happened::Started { phase: Phase::Forward, step, action, effect: Effect::Changes, with, .. } => {
                self.acted.insert(Arc::clone(step), Arc::clone(action));
                self.closes(action, with);
            }
            Happened::CallStarted { phase: Phase::Forward, primitive, with, .. } => self.closes(primitive, with),
            Happened::Started { phase: Phase::Undo, step, action, .. } => {
                self.undoing.insert(Arc::clone(step), Arc::clone(action));
            }
            Happened::Finished { phase: Phase::Undo, step, status: Status::Ok, .. } => {
                let is_undo = self.acted.contains_key(step) && !self.is_inside_undo(step);
                let disarms = self.undoing.remove(step).is_some_and(|undo| &*undo == DISARM);
                self.has_undone |= is_undo && !(disarms && self.is_disarm(step));
                self.kept.remove(step);
            }
            Happened::Finished { phase: Phase::Undo, step, .. } => drop(self.undoing.remove(step)),
            // A gate that stays closed is told by its name, and the parts of an undo are not told.
            Happened::Skipped { phase: Phase::Undo, step, reason }
                if self.acted.contains_key(step) && !self.is_disarm(step) && !self.is_inside_undo(step) =>
            {
                self.kept.insert(Arc::clone(step), reason.clone());
            }
            // Undos that were not done are judged anew.
            Happened::Resumed { .. } => {
                self.kept.clear();
                self.undoing.clear();
            }
            _ => {}
        }
    }

    fn closes(&mut self, action: &str, with: &Value) {
        self.closed.extend(with.get("gate").filter(|_| action == DISARM).map(Value::to_string));
    }

    /// Whether a step is part of a runbook that is carried out as an undo.
    fn is_inside_undo(&self, step: &str) -> bool {
        step.match_indices(['/', '['])
            .any(|(at, _)| step.get(..at).is_some_and(|outer| self.undoing.contains_key(outer)))
    }

    fn is_disarm(&self, step: &str) -> bool {
        self.acted.get(step).is_some_and(|action| &**action == DISARM)
    }

    /// A line for each of the first steps that were not undone, and one for the others; those that
    /// a person is told of already are left out.
    pub(super) fn lines(&self, needed: &[String]) -> Vec<String> {
        let is_told = |step: &str| needed.iter().any(|needed| needed.starts_with(&format!("undo of `{step}`")));
        let kept = self.kept.iter().filter(|(step, _)| !is_told(step));
        let (mut lines, more) =
            few(kept.map(|(step, why)| format!("  not undone: `{}` ({})", visible(step), visible(why))));
        lines.extend((more > 0).then(|| format!("  not undone: {more} more")));
        lines
    }

    /// What stands after a run that has stopped to wait.
    pub(super) fn so_far(&self) -> &'static str {
        if self.acted.is_empty() { "nothing was changed so far" } else { "effects so far stand" }
    }

    /// What stands after a rollback, where these gates are known to be closed.
    pub(super) fn after_rollback<'a>(&self, disarmed: impl Iterator<Item = &'a str>) -> String {
        let closed: Vec<_> = disarmed.filter(|gate| self.closed.contains(*gate)).collect();
        let (gate, stay) = if closed.len() == 1 { ("gate", "stays closed") } else { ("gates", "stay closed") };
        let names = || listed(closed.iter().map(|gate| format!("`{gate}`")));
        let changed = match (self.has_undone, self.kept.is_empty()) {
            (true, true) => Some("what was changed is undone"),
            (true, false) => Some("the rest of what was changed is undone"),
            (false, false) => Some("nothing was undone"),
            (false, true) => None,
        };
        match (changed, closed.is_empty()) {
            (Some(changed), true) => changed.to_owned(),
            (Some(changed), false) => format!("{changed}, and {gate} {} {stay}", names()),
            (None, true) => "nothing was changed".to_owned(),
            (None, false) => format!("nothing was changed but {gate} {}, which {stay}", names()),
        }
    }
}
