//! What is begun anew: forgotten as work, and kept as something that a rollback undoes or asks about.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::event::{Asked, Phase, Request};

use super::State;
use super::known::Known;

impl State {
    /// The items of a fan-out that are on record, by their places in its list.
    pub fn items(&self, phase: Phase, path: &str) -> Vec<(usize, Arc<str>)> {
        let beginning = format!("{path}[");
        let place = |at: &str| at.strip_prefix(&*beginning)?.strip_suffix(']')?.parse().ok();
        let mut items: Vec<_> =
            self.within(phase, &beginning).into_iter().filter_map(|at| Some((place(&at)?, at))).collect();
        items.sort_unstable();
        items
    }

    /// A step's own path and those of its items on record.
    fn step_and_items(&self, path: &str) -> Vec<Arc<str>> {
        let items = self.items(Phase::Forward, path).into_iter().map(|(_, at)| at);
        items.chain([Arc::from(path)]).collect()
    }

    /// A failed step that is asked for once more, or given up, is as if it had not begun; of a
    /// fan-out, the items that failed and those that were cut off then.
    pub(super) fn requested(&mut self, asked: &Asked) {
        self.requests.push(asked.clone());
        let (Request::Skip { step } | Request::Retry { step }) = &asked.request else {
            return;
        };
        let all = self.step_and_items(step);
        if all.iter().any(|at| self.known(Phase::Forward, at).is_some_and(Known::has_failed)) {
            self.redo(step);
        }
    }

    /// Has a failed step be begun anew; of a fan-out, what did not come out well.
    pub fn redo(&mut self, path: &str) {
        let mut all = BTreeSet::from([Arc::from(path)]);
        let inside = self.within(Phase::Forward, &format!("{path}["));
        all.extend(inside.iter().filter_map(|at| {
            let end = at.get(path.len()..)?.find(']')?;
            at.get(..=path.len() + end).map(Arc::from)
        }));
        let went_well = |known: &Known| known.has_come_out() && !known.has_failed();
        all.retain(|at| !self.known(Phase::Forward, at).is_some_and(went_well));
        all.iter().for_each(|at| self.begin_anew(Phase::Forward, at));
        // Who goes on with the others may have taken up the items themselves, and not their watches.
        self.forget_watches(&format!("{path}["));
    }

    /// Takes up the step that paused the run, or the items that did: each is begun anew, or open
    /// where that tells whether it took effect. Items that went well are not done again.
    pub(super) fn take_up(&mut self, path: &str) {
        for at in self.step_and_items(path) {
            let is_runbook = !self.within(Phase::Forward, &format!("{at}/")).is_empty();
            match self.of_mut(Phase::Forward).get_mut(&at) {
                Some(known) if known.can_be_settled() && !is_runbook => {
                    let known = Arc::make_mut(known);
                    (known.outcome, known.has_stood) = (None, true);
                }
                Some(known) if known.has_failed() => self.begin_anew(Phase::Forward, &at),
                Some(_) | None => {}
            }
        }
    }

    /// The runbooks that were under way stood still while the run was paused: their time begins anew.
    pub(super) fn stood(&mut self) {
        let open = self.all(Phase::Forward).filter(|(_, known)| known.is_open()).map(|(at, _)| Arc::clone(at));
        let runbooks: Vec<_> = open.filter(|at| !self.within(Phase::Forward, &format!("{at}/")).is_empty()).collect();
        for at in runbooks {
            if let Some(known) = self.of_mut(Phase::Forward).get_mut(&at) {
                Arc::make_mut(known).has_stood = true;
            }
        }
    }

    /// Has a piece of work be begun anew, and everything inside it.
    fn begin_anew(&mut self, phase: Phase, path: &str) {
        self.set_aside(phase, path);
        self.begin_anew_inside(phase, path);
    }

    /// Has the steps of a runbook used as an action be begun anew, and its watches look on anew.
    pub fn begin_anew_inside(&mut self, phase: Phase, path: &str) {
        let inside = format!("{path}/");
        for at in self.within(phase, &inside) {
            self.set_aside(phase, &at);
        }
        self.forget_watches(&inside);
    }

    /// What stands under paths that begin alike.
    fn within(&self, phase: Phase, beginning: &str) -> Vec<Arc<str>> {
        let after = self.of(phase).range(Arc::from(beginning)..);
        after.map(|(at, _)| Arc::clone(at)).take_while(|at| at.starts_with(beginning)).collect()
    }

    /// Forgets a piece of work, but not that it may have changed something: a rollback undoes it
    /// even where it is never begun again, and asks how the steps before it came out. Nothing undoes
    /// an undo.
    fn set_aside(&mut self, phase: Phase, path: &str) {
        let all = self.of_mut(phase);
        match all.get_mut(path).filter(|_| phase == Phase::Forward) {
            Some(known) => Arc::make_mut(known).again = true,
            None => drop(all.remove(path)),
        }
    }
}
