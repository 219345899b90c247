//! Rollback and ensure: what happens on the way out.
//!
//! Undos run in reverse order of starting, for every step that had or may have had an effect,
//! the failed and the in-doubt one included. One failing undo does not stop the others, but a
//! gate that could not be closed does: nothing is changed behind a gate that may be open, except
//! that other gates are closed. So every gate that was opened is closed first, whatever was begun after it.
//! An undo that arms runs only as the last one of a rollback in which everything else was undone,
//! and no deploy stands.

use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::{Either, select};

use crate::declaration::{ARM, DEPLOY, DISARM, Declaration, Effect, ErrorClass, Failure, OBSERVES};
use crate::event::{Happened, Phase, Status};
use crate::primitive::Arguments;
use crate::runbook::{Action, Step};
use crate::value::Value;
use crate::world::Wait;

use super::perform::Task;
use super::{Begun, Frame, Run};

/// What became of an undo that a second abort cut off.
const CUT_OFF: &str = "a second abort was asked for";

impl Run<'_> {
    /// Undoes what was begun in a frame, the last of the rollback where everything else is undone;
    /// gives a sentence for everything a person is needed for.
    pub(super) fn roll_back<'a>(&'a self, frame: &'a Rc<Frame>, is_last: bool) -> Wait<'a, Vec<String>> {
        Box::pin(async move {
            let begun = self.turned_back(frame);
            let mut unsolved = Vec::new();
            let last = begun.iter().position(|one| one.acted.get());
            for (at, one) in begun.iter().enumerate().rev().filter(|(_, one)| one.acted.get()) {
                let is_complete = is_last && last == Some(at) && unsolved.is_empty();
                unsolved.extend(self.undo_one(frame, one, is_complete).await);
            }
            unsolved
        })
    }

    /// Everything that was begun in a frame, what is under way cut off: guards see how each ended.
    pub(super) fn turned_back(&self, frame: &Rc<Frame>) -> Vec<Rc<Begun>> {
        self.recollect(frame);
        let begun = frame.all_begun();
        begun.iter().filter(|one| one.status.get() == Status::Running).for_each(|one| self.cut_off(one));
        frame.tell_endings(&begun);
        begun
    }

    /// Records that a piece of work was stopped while under way.
    fn cut_off(&self, begun: &Begun) {
        let status = begun.ending();
        begun.status.set(status);
        self.note(Happened::Finished {
            phase: Phase::Forward,
            step: Arc::clone(&begun.path),
            status,
            failure: Some(Failure::new(ErrorClass::Aborted, "stopped while under way")),
            out: Value::Null,
            took_ms: 0,
        });
    }

    pub(super) async fn undo_one(&self, frame: &Rc<Frame>, begun: &Rc<Begun>, is_complete: bool) -> Vec<String> {
        let Some(step) = frame.runbook.steps.get(begun.step).filter(|_| !begun.undone.get()) else {
            return Vec::new();
        };
        begun.undone.set(true);
        let child = begun.child.borrow().clone();
        let redeploys = step.undo.as_deref().map_or(child.is_some(), |undo| undo.action.does(DEPLOY));
        self.deploy_stands.set(self.deploy_stands.get() || (step.work.action.does(DEPLOY) && !redeploys));
        let undo = match (&step.undo, child) {
            _ if step.work.action.name() == DISARM && begun.status.get() != Status::Ok => &step.work,
            (Some(undo), _) => undo,
            (None, Some(child)) => return self.roll_back(&child, is_complete).await,
            (None, None) => return self.left_behind(step, begun),
        };
        let trace = Begun::new(begun.step, Arc::clone(&begun.path), begun.item.clone(), begun.order);
        let past = self.take_past(Phase::Undo, &begun.path);
        if let Some(known) = past.as_deref().filter(|known| known.outcome.is_some()) {
            self.take_up_undo(frame, undo, &trace, known);
            return Vec::new();
        }
        if let Some(needed) = self.undecided_undo(undo, &begun.path, past.as_deref()) {
            return vec![needed];
        }
        let task = Task { frame, begun: &trace, work: undo, phase: Phase::Undo, interrupted: past.as_deref() };
        match self.undo(&task, is_complete).await {
            Ok(()) => Vec::new(),
            Err(failure) => vec![format!("undo of `{}`: {failure}", begun.path)],
        }
    }

    /// Carries an undo out; where it fails, the gates it has to do with are closed all the same.
    async fn undo_or_close(&self, task: &Task<'_>, wanted: Result<(), Failure>) -> Result<Value, Failure> {
        let result = match wanted {
            Ok(()) => self.unless_aborted(task, task.work.action.is(DISARM)).await,
            Err(failure) => Err(failure),
        };
        match result {
            Ok(out) => Ok(out),
            Err(failure) => Err(self.close_after(task, failure).await),
        }
    }

    async fn undo(&self, task: &Task<'_>, is_complete: bool) -> Result<(), Failure> {
        let wanted = match &task.work.when {
            Some(when) if task.interrupted.is_none() => self.truth(task, when, None, ErrorClass::Refused),
            _ => Ok(true),
        };
        if let (Some(when), Ok(false)) = (&task.work.when, &wanted) {
            self.skip_undo(task.begun, &format!("`when: {}` is false", when.text()));
            return Ok(());
        }
        if let Some(reason) = self.against(&task.work.action, is_complete) {
            self.skip_undo(task.begun, reason);
            let failure = Failure::new(ErrorClass::Refused, format!("not done: {reason}"));
            let closed = self.close_opened(task.phase, &task.begun.path).await;
            return Err(Failure { message: failure.message + closed.as_str(), ..failure });
        }
        self.outcome(task, self.undo_or_close(task, wanted.map(drop))).await
    }

    /// Why an undo must not be done now. Where it closes a gate among other things, each of those
    /// decides for itself.
    fn against(&self, action: &Action, is_complete: bool) -> Option<&'static str> {
        let change = if action.does(DISARM) { None } else { self.against_change(action.effect()) };
        let arms = action.does(ARM);
        let too_soon = "an undo that arms runs only last, after everything else was undone";
        let behind_deploy = "a deploy stands that nothing undoes, and no gate is opened behind it";
        let arming = (arms && !is_complete).then_some(too_soon);
        change.or(arming).or((arms && self.deploy_stands.get()).then_some(behind_deploy))
    }

    /// Why nothing but a disarm must be done during the rollback any more.
    pub(super) fn against_change(&self, effect: Effect) -> Option<&'static str> {
        if self.aborts() >= 2 {
            return Some("a second abort leaves only disarms");
        }
        let is_behind = self.may_be_open.get() && effect == Effect::Changes;
        is_behind.then_some("a gate may be open, and nothing is changed behind it")
    }

    /// Does a part of an undo; a second abort cuts it off unless it closes a gate.
    pub(super) async fn part_of_undo<T>(
        &self,
        declaration: &Declaration,
        with: &Arguments,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let effect = declaration.effect_where(with.get(OBSERVES.name));
        if declaration.name == DISARM || effect != Effect::Changes {
            return work.await;
        }
        if let Some(reason) = self.against_change(effect) {
            return Err(Failure::new(ErrorClass::Refused, format!("not done: {reason}")));
        }
        match select(Box::pin(work), Box::pin(self.aborted(2))).await {
            Either::Left((result, _)) => result,
            Either::Right(_) => Err(Failure::new(ErrorClass::Aborted, CUT_OFF)),
        }
    }

    fn skip_undo(&self, begun: &Begun, reason: &str) {
        self.note(Happened::Skipped { phase: Phase::Undo, step: Arc::clone(&begun.path), reason: reason.to_owned() });
    }

    /// What a person is needed for after a step that nothing undoes: a closed gate is what a rollback
    /// wants, and an author may have said why the rest may stay, which is recorded. Where the outcome
    /// is unknown, a person looks.
    fn left_behind(&self, step: &Step, begun: &Begun) -> Vec<String> {
        let is_known = !begun.is_in_doubt();
        if step.work.action.name() == DISARM || step.work.action.effect() != Effect::Changes {
            return Vec::new();
        }
        match &step.no_undo {
            Some(reason) if is_known => self.skip_undo(begun, &format!("no_undo: {reason}")),
            Some(reason) if step.work.idempotent => {
                self.skip_undo(begun, &format!("cut off, and may have taken effect; no_undo: {reason}"));
            }
            _ if is_known => return vec![format!("`{}` has no undo: see what it left behind", begun.path)],
            _ => {
                return vec![format!("find out whether `{}` took effect: it was cut off, and has no undo", begun.path)];
            }
        }
        Vec::new()
    }

    /// Performs a task; a second abort cuts it off unless it must not.
    async fn unless_aborted(&self, task: &Task<'_>, uninterruptible: bool) -> Result<Value, Failure> {
        let work = Box::pin(self.perform(task));
        if uninterruptible {
            return work.await;
        }
        match select(work, Box::pin(self.aborted(2))).await {
            Either::Left((result, _)) => result,
            Either::Right(_) => Err(Failure::new(ErrorClass::Aborted, CUT_OFF)),
        }
    }

    /// Records what a task comes to.
    async fn outcome(
        &self,
        task: &Task<'_>,
        work: impl Future<Output = Result<Value, Failure>>,
    ) -> Result<(), Failure> {
        let began = self.now();
        let result = work.await;
        self.note(Happened::Finished {
            phase: task.phase,
            step: Arc::clone(&task.begun.path),
            status: if result.is_ok() { Status::Ok } else { Status::Failed },
            failure: result.clone().err(),
            out: result.clone().unwrap_or_default(),
            took_ms: self.since_ms(began),
        });
        result.map(drop)
    }

    /// Runs every ensure; gives a sentence for each that failed.
    pub(super) async fn ensure(&self, frame: &Rc<Frame>) -> Vec<String> {
        self.recollect(frame);
        frame.tell_endings(&frame.all_begun());
        let mut unsolved = Vec::new();
        for ensure in &frame.runbook.ensures {
            let begun = Begun::new(usize::MAX, ensure.id.shared(), None, self.seq.get());
            let task = Task { frame, begun: &begun, work: &ensure.work, phase: Phase::Ensure, interrupted: None };
            if let Err(failure) = self.ensure_one(&task).await {
                unsolved.push(format!("ensure `{}` failed ({failure})", ensure.id));
            }
        }
        unsolved
    }

    async fn ensure_one(&self, task: &Task<'_>) -> Result<(), Failure> {
        if let Some(when) = &task.work.when
            && !self.truth(task, when, None, ErrorClass::Refused)?
        {
            self.note(Happened::Skipped {
                phase: Phase::Ensure,
                step: Arc::clone(&task.begun.path),
                reason: format!("`when: {}` is false", when.text()),
            });
            return Ok(());
        }
        self.outcome(task, self.perform(task)).await
    }
}
