//! Going on after another runner's death: what is on record is taken up, not done again.
//!
//! A step that asks for its past gets it once. With an outcome it is taken as it came out;
//! without one it was interrupted, and goes on with the attempt, the deadline and the memory it
//! had. Before a rollback everything still on record is taken up, so that it is undone.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::declaration::{ARM, DISARM, Effect, ErrorClass, Failure, InDoubt};
use crate::event::{Asked, Cause, Happened, Phase, Request, Status};
use crate::journal::{Known, Outcome, WatchState};
use crate::runbook::{ActionKind, Foreach, OnFailure, Runbook, Step, Work};
use crate::value::Value;

use super::watch::WatchEnd;
use super::{Begun, Frame, Run};

/// What becomes of a watch of an earlier runner.
pub(super) enum PastWatch {
    /// It never began.
    None,
    /// It saw everything it was to see.
    Over,
    /// It did not look while nobody ran, so that it proves nothing.
    Gap(WatchEnd),
}

impl Run<'_> {
    /// Takes what an earlier runner recorded of a piece of work.
    pub(super) fn take_past(&self, phase: Phase, path: &str) -> Option<Arc<Known>> {
        self.past.borrow_mut().take(phase, path)
    }

    /// Whether an earlier runner saw how a piece of work came out; what it was stays on record for
    /// the rollback.
    pub(super) fn is_past(&self, phase: Phase, path: &str) -> bool {
        self.past.borrow().known(phase, path).is_some_and(Known::has_come_out)
    }

    /// Takes what an earlier runner recorded of a watch.
    pub(super) fn past_watch(&self, frame: &Frame, at: usize) -> PastWatch {
        // What stands on record of that path is of another part of the run.
        if frame.phase != Phase::Forward {
            return PastWatch::None;
        }
        let path = frame.watch_path(at);
        let mut past = self.past.borrow_mut();
        let Some(state) = past.take_watch(&path) else {
            return PastWatch::None;
        };
        let to = frame.runbook.watches.get(at).and_then(|watch| watch.to);
        let last = to.and_then(|to| past.known(frame.phase, &frame.path(to)));
        if state != WatchState::Live && last.is_some_and(Known::has_come_out) {
            return PastWatch::Over;
        }
        let asks = frame.runbook.watches.get(at).is_some_and(|watch| watch.on_breach == OnFailure::Pause);
        if state == WatchState::Told && asks {
            return PastWatch::None;
        }
        drop(past);
        let message = "nobody watched while no runner was there, so nothing is known of that time";
        let breach = Some(Failure::new(ErrorClass::NoData, message));
        if state == WatchState::Live {
            self.note(Happened::WatchEnded { watch: path, breach: breach.clone() });
        }
        PastWatch::Gap(WatchEnd { watch: at, breach })
    }

    /// The first effect whose outcome only a person can say, and has not said.
    pub(super) fn undecided(&self, runbook: &Runbook) -> Option<Cause> {
        let past = self.past.borrow();
        let open = past.all(Phase::Forward).filter(|(_, known)| known.is_open() && known.acted);
        let mut asked = open.filter(|(path, known)| {
            runbook.step_at(path).is_some_and(|step| self.needs_decision(&step.work, known))
                && self.decision(path).is_none()
        });
        let (step, _) = asked.next()?;
        Some(Cause::InDoubt { step: Arc::clone(step), message: self.how_to_decide("it", step) })
    }

    /// What a person is needed for before an interrupted undo may be done again.
    pub(super) fn undecided_undo(&self, work: &Work, path: &str, interrupted: Option<&Known>) -> Option<String> {
        let open = interrupted.filter(|known| known.is_open() && known.acted)?;
        let is_undecided = self.needs_decision(work, open) && self.decision(path).is_none();
        is_undecided.then(|| self.how_to_decide(&format!("the undo of `{path}`"), path))
    }

    fn how_to_decide(&self, what: &str, step: &str) -> String {
        let run = &self.job.header.run;
        format!(
            "find out whether {what} took effect, then `titan-run resume {run} --took-effect {step}` or `--took-none {step}`"
        )
    }

    /// Whether an interrupted piece of work cannot be told from outside.
    fn needs_decision(&self, work: &Work, known: &Known) -> bool {
        match &work.action.kind {
            ActionKind::Primitive(declaration) => declaration.in_doubt == InDoubt::AskPerson && !work.idempotent,
            ActionKind::Runbook(_) => false,
            ActionKind::Script(_) => {
                let open = known.calls.last().filter(|call| call.result.is_none());
                let primitive = open.and_then(|call| (self.job.primitives)(&call.primitive));
                let is_opaque = primitive.is_some_and(|one| one.declaration().in_doubt == InDoubt::AskPerson);
                is_opaque && !work.idempotent
            }
        }
    }

    /// Whether a person said that an interrupted piece of work took effect.
    pub(super) fn decision(&self, path: &str) -> Option<bool> {
        let past = self.past.borrow();
        let signals = self.job.signals.borrow();
        past.requests.iter().chain(&signals.asked).rev().find_map(|asked| match &asked.request {
            Request::TookEffect { step } if step == path => Some(true),
            Request::TookNone { step } if step == path => Some(false),
            _ => None,
        })
    }

    /// Takes the request to go on without a step that was made while no runner was there.
    pub(super) fn take_skip(&self, path: &str) -> Option<Asked> {
        let mut past = self.past.borrow_mut();
        let is_about =
            |request: &Request| matches!(request, Request::Skip { step } | Request::Retry { step } if step == path);
        let last = past.requests.iter().rev().find(|asked| is_about(&asked.request)).cloned();
        past.requests.retain(|asked| !is_about(&asked.request));
        last.filter(|asked| matches!(asked.request, Request::Skip { .. }))
    }

    /// Whether an interrupted piece of work is taken as done on a person's word.
    pub(super) fn is_taken_as_done(&self, work: &Work, path: &str, interrupted: Option<&Known>) -> bool {
        interrupted.is_some_and(|known| known.acted && self.needs_decision(work, known))
            && self.decision(path) == Some(true)
    }

    /// Takes up one piece of work as it came out, with what is inside it for the rollback.
    pub(super) fn take_up(&self, frame: &Rc<Frame>, at: usize, path: &Arc<str>, item: Option<Value>, known: &Known) {
        let Some(step) = frame.runbook.steps.get(at) else {
            return;
        };
        let status = match &known.outcome {
            Some(Outcome::Skipped { .. }) if !known.acted => return,
            Some(Outcome::Skipped { .. }) => Status::Skipped,
            Some(Outcome::Ended { status, .. }) => *status,
            None => Status::Running,
        };
        let begun = Rc::new(Begun::new(at, Arc::clone(path), item, known.order));
        begun.acted.set(known.acted);
        begun.unsettled.set(known.unsettled || self.is_left_by_calls(&step.work, known));
        begun.status.set(status);
        frame.begun.borrow_mut().push(Rc::clone(&begun));
        if status == Status::Ok {
            self.gate_moved(step.work.action.name(), Duration::from_millis(known.began_ms));
        }
        self.gates_moved(known);
        self.had_looked(frame.phase, frame, &step.work, &begun, known);
        self.take_inside(frame, &step.work, &begun, known);
        let child = begun.child.borrow().clone();
        child.iter().for_each(|child| self.recollect(child));
    }

    /// Takes up what an undo of an earlier runner, which is done, has seen, with what is inside it.
    pub(super) fn take_up_undo(&self, frame: &Rc<Frame>, undo: &Work, begun: &Begun, known: &Known) {
        self.had_looked(Phase::Undo, frame, undo, begun, known);
        if let ActionKind::Runbook(runbook) = &undo.action.kind
            && self.opens
            && let Ok(child) = self.child(frame, begun, Phase::Undo, runbook, &known.with)
            && self.lets(&child, true).is_ok()
        {
            self.recollect(&child);
        }
    }

    /// Has a runbook be undone from inside of which an earlier runner had begun something, also where
    /// nobody comes to go on with it. What one has seen that changes nothing counts for an opening.
    pub(super) fn take_inside(&self, frame: &Rc<Frame>, work: &Work, begun: &Begun, known: &Known) {
        if let ActionKind::Runbook(runbook) = &work.action.kind
            && (known.acted || self.opens)
            && begun.child.borrow().is_none()
            && let Ok(child) = self.child(frame, begun, frame.phase, runbook, &known.with)
            && self.lets(&child, true).is_ok()
        {
            begun.child.replace(Some(child));
            begun.unsettled.set(false);
        }
    }

    /// Whether a call of a script left it unknown what became of its effect, however the script ended;
    /// the call it was at when its runner died is done again.
    pub(super) fn is_left_by_calls(&self, work: &Work, known: &Known) -> bool {
        let ended = known.calls.iter().filter(|call| call.result.is_some());
        known.left.iter().chain(ended).filter(|_| known.acted).any(|call| {
            let declaration = (self.job.primitives)(&call.primitive).map(|one| one.declaration());
            declaration.filter(|one| one.effect == Effect::Changes).is_some_and(|one| match &call.result {
                Some(Ok(_)) => false,
                Some(Err(failure)) => one.in_doubt.is_left_by(failure.class, work.idempotent),
                None => true,
            })
        })
    }

    /// Takes up everything of a frame that is still on record, without doing any of it.
    pub(super) fn recollect(&self, frame: &Rc<Frame>) {
        if self.job.past.is_none() {
            return;
        }
        for (at, step) in frame.runbook.steps.iter().enumerate() {
            // One that was let start may not have come to take its past.
            let is_taken = frame.begun.borrow().iter().any(|one| one.step == at);
            if !is_taken && !frame.plan.borrow().status(at).is_ended() {
                self.recall(frame, step);
            }
        }
        // A list may come from a step that stands further down.
        for (at, step) in frame.runbook.steps.iter().enumerate() {
            for (path, item) in self.items_on_record(frame, step) {
                if let Some(known) = self.take_past(frame.phase, &path) {
                    self.take_up(frame, at, &path, item, &known);
                }
            }
        }
        let under_way: Vec<_> = frame.begun.borrow().iter().filter_map(|one| one.child_under_way()).collect();
        under_way.iter().for_each(|child| self.recollect(child));
    }

    /// Has guards know how a step came out that is still on record.
    fn recall(&self, frame: &Frame, step: &Step) {
        let past = self.past.borrow();
        let whole = frame.inside(Some(&step.id));
        let came_out = match past.known(frame.phase, &whole) {
            Some(known) => known.outcome.clone(),
            // One that is not whole was cut off, and is not known to have come out.
            None if self.lacks_items(frame, step, past.items(frame.phase, &whole).len()) => None,
            None => fan_out(past.items(frame.phase, &whole).iter().map(|(_, path)| past.known(frame.phase, path))),
        };
        let (status, out) = match &came_out {
            Some(Outcome::Ended { status: Status::Ok, out, .. }) => (Status::Ok, Some(out)),
            Some(Outcome::Ended { status, .. }) => (*status, None),
            Some(Outcome::Skipped { .. }) => (Status::Skipped, None),
            None => return,
        };
        frame.names.borrow_mut().set_step(step.id.as_str(), status.word(), out);
    }

    /// The paths under which a step stands on record, with the items of its fan-out. One whose list
    /// cannot be told any more is there all the same: its undo says what it lacks.
    fn items_on_record(&self, frame: &Frame, step: &Step) -> Vec<(Arc<str>, Option<Value>)> {
        let whole = frame.inside(Some(&step.id));
        let Some(foreach) = &step.foreach else {
            return vec![(whole, None)];
        };
        let list = self.list(frame, foreach);
        let item = |index: usize| list.as_list().unwrap_or_default().get(index).cloned();
        self.past.borrow().items(frame.phase, &whole).into_iter().map(|(index, path)| (path, item(index))).collect()
    }

    /// Whether a fan-out has more items than stand on record.
    fn lacks_items(&self, frame: &Frame, step: &Step, on_record: usize) -> bool {
        let list = step.foreach.as_ref().map(|foreach| self.list(frame, foreach));
        list.is_some_and(|list| list.as_list().is_some_and(|items| items.len() > on_record))
    }

    /// The list of a fan-out; nothing where it cannot be told any more.
    pub(super) fn list(&self, frame: &Frame, foreach: &Foreach) -> Value {
        self.job.guards.value(&foreach.list, &mut frame.names.borrow_mut(), &[]).unwrap_or_default()
    }

    /// Takes note of the gates that a script's calls on record have moved.
    pub(super) fn gates_moved(&self, known: &Known) {
        for call in known.calls.iter().filter(|call| matches!(call.result, Some(Ok(_)))) {
            self.gate_moved(&call.primitive, Duration::from_millis(call.began_ms));
        }
    }

    /// Takes note of a gate that was moved, where the action moves one: the time without an open
    /// gate counts against `limits.disarmed`. What is on record is not taken up in its order.
    pub(super) fn gate_moved(&self, action: &str, at: Duration) {
        if matches!(action, ARM | DISARM) {
            let mut moves = self.gate_moves.borrow_mut();
            let place = moves.partition_point(|(earlier, _)| *earlier <= at);
            moves.insert(place, (at, action == ARM));
        }
    }
}

/// How a fan-out came out, as far as its items on record tell; nothing while one is under way.
fn fan_out<'a>(items: impl Iterator<Item = Option<&'a Known>>) -> Option<Outcome> {
    let (mut outs, mut skipped) = (Vec::new(), None);
    for known in items {
        match known?.outcome.clone()? {
            Outcome::Ended { status: Status::Ok, out, .. } => outs.push(Some(out)),
            Outcome::Skipped { reason } => {
                outs.push(None);
                skipped = Some(Outcome::Skipped { reason });
            }
            failed @ Outcome::Ended { .. } => return Some(failed),
        }
    }
    if outs.iter().all(Option::is_none) {
        return skipped;
    }
    let out = Value::list(outs.into_iter().map(Option::unwrap_or_default));
    Some(Outcome::Ended { status: Status::Ok, failure: None, out })
}
