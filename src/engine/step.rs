//! One step: its guard, its fan-out, its work, and a runbook used as its action.

use std::rc::Rc;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::{Either, select};

use crate::declaration::{ErrorClass, Failure};
use crate::event::{Cause, Happened, Phase, Status};
use crate::journal::{Known, Outcome};
use crate::runbook::{Runbook, Step, handed_over};
use crate::value::Value;
use crate::world::Wait;

use super::perform::Task;
use super::run::Stop;
use super::steps::words;
use super::{Begun, Frame, Run};

impl Run<'_> {
    /// Does one step, and lets guards see at once that it came out well: nothing may be heard of it
    /// any more before it is undone.
    pub(super) async fn step(&self, frame: &Rc<Frame>, at: usize) -> Result<Value, Failure> {
        let Some(step) = frame.runbook.steps.get(at) else {
            return Ok(Value::Null);
        };
        let out = self.one_step(frame, at, step).await?;
        if frame.plan.borrow().status(at) != Status::Skipped {
            frame.names.borrow_mut().set_step(step.id.as_str(), Status::Ok.word(), Some(&out));
        }
        Ok(out)
    }

    /// One step: its guard, its fan-out, its work.
    async fn one_step(&self, frame: &Rc<Frame>, at: usize, step: &Step) -> Result<Value, Failure> {
        match &step.foreach {
            None => {
                let out = self.item(frame, at, step, frame.path(at), None).await?;
                Ok(out.unwrap_or_else(|| self.not_done(frame, at)))
            }
            Some(foreach) => {
                let list = {
                    let mut names = frame.names.borrow_mut();
                    self.job.guards.value(&foreach.list, &mut names, &[])
                };
                let list = list.map_err(|error| Failure::new(ErrorClass::Refused, error.to_string()))?;
                Box::pin(self.fan_out(frame, at, step, &list, foreach.max_parallel)).await
            }
        }
    }

    async fn fan_out(
        &self,
        frame: &Rc<Frame>,
        at: usize,
        step: &Step,
        list: &Value,
        max_parallel: usize,
    ) -> Result<Value, Failure> {
        let Some(items) = list.as_list() else {
            let message = format!("`foreach` needs a list, not {}", list.type_name());
            return Err(Failure::new(ErrorClass::Refused, message));
        };
        let whole = frame.path(at);
        let path = |index: usize| Arc::from(format!("{whole}[{index}]"));
        let works = items.iter().enumerate().map(|(index, item)| {
            let path = path(index);
            async move {
                // Taken only now: what one that fails before it leaves undone stays kept.
                let kept = frame.kept.borrow_mut().remove(&path);
                match kept {
                    Some(out) => (index, Ok(out)),
                    None => {
                        self.let_go_on(frame).await;
                        (index, self.item(frame, at, step, path, Some(item.clone())).await)
                    }
                }
            }
        });
        let mut under_way = futures_util::stream::iter(works).buffer_unordered(max_parallel);
        let mut outs = vec![None; items.len()];
        while let Some((index, result)) = under_way.next().await {
            match (outs.get_mut(index), result) {
                (Some(slot), Ok(out)) => *slot = Some(out),
                (None, Ok(_)) => {}
                (_, Err(failure)) => {
                    // Whoever has it done again wants what went well done once.
                    let came_out = outs.into_iter().enumerate().filter_map(|(at, out)| Some((path(at), out?)));
                    frame.kept.borrow_mut().extend(came_out);
                    drop(under_way);
                    self.close_opened(frame.phase, &whole).await;
                    return Err(failure);
                }
            }
        }
        let outs: Vec<_> = outs.into_iter().map(Option::flatten).collect();
        // The others decide how the step comes out, as long as there is one.
        if !outs.is_empty() && outs.iter().all(Option::is_none) {
            return Ok(self.not_done(frame, at));
        }
        Ok(Value::list(outs.into_iter().map(Option::unwrap_or_default)))
    }

    /// Takes note that nothing of a step was done.
    fn not_done(&self, frame: &Rc<Frame>, at: usize) -> Value {
        self.skipped(frame, at);
        Value::Null
    }

    /// Does a step's work once, for one item of its fan-out where it has one; `None` where it is
    /// skipped.
    async fn item(
        &self,
        frame: &Rc<Frame>,
        at: usize,
        step: &Step,
        path: Arc<str>,
        item: Option<Value>,
    ) -> Result<Option<Value>, Failure> {
        let known = self.take_past(frame.phase, &path);
        let (past, earlier) =
            if known.as_ref().is_some_and(|known| known.again) { (None, known) } else { (known, None) };
        if let Some(Known { outcome: Some(outcome), .. }) = past.as_deref() {
            return self.as_it_came_out(frame, at, &path, item, (past.as_deref(), outcome));
        }
        if frame.phase != Phase::Forward
            && let Some(needed) = self.undecided_undo(&step.work, &path, past.as_deref())
        {
            return Err(Failure::new(ErrorClass::Refused, needed));
        }
        let known = past.as_deref().or(earlier.as_deref());
        let begun = self.begins(frame, at, &path, item, known);
        if let Some(known) = known.filter(|_| frame.phase == Phase::Forward) {
            self.take_inside(frame, &step.work, &begun, known);
        }
        let task = Task { frame, begun: &begun, work: &step.work, phase: frame.phase, interrupted: past.as_deref() };
        let wanted = match &step.work.when {
            Some(when) if past.is_none() => self.truth(&task, when, None, ErrorClass::Refused),
            _ => Ok(true),
        };
        let asked = step.may_skip.then(|| self.take_skip(&path)).flatten();
        let not_wanted = step.work.when.as_ref().filter(|_| wanted == Ok(false));
        let skipped = asked.as_ref().map(words).or(not_wanted.map(|when| format!("`when: {}` is false", when.text())));
        if let Some(reason) = skipped {
            begun.status.set(Status::Skipped);
            self.note_skip(frame.phase, path, reason);
            return Ok(None);
        }
        let began = self.now();
        let result = match wanted {
            Ok(_) => self.unless_skipped(&task, step.may_skip).await,
            Err(failure) => Err(Interruption::Failed(failure)),
        };
        let result = match result {
            Ok(out) => Ok(out),
            Err(Interruption::Failed(failure)) => Err(failure),
            Err(Interruption::Skipped(reason)) => {
                begun.status.set(Status::Skipped);
                self.note_skip(frame.phase, path, reason);
                return Ok(None);
            }
        };
        if result.is_err() {
            self.close_opened(frame.phase, &path).await;
        }
        let child = begun.child_under_way().filter(|_| result.is_err());
        child.iter().for_each(|child| self.recollect(child));
        let status = match &result {
            Ok(_) => Status::Ok,
            Err(_) if begun.is_in_doubt() => Status::InDoubt,
            Err(_) => Status::Failed,
        };
        begun.status.set(status);
        if result.is_ok() {
            self.gate_moved(step.work.action.name(), self.now());
        }
        self.note(Happened::Finished {
            phase: frame.phase,
            step: path,
            status,
            failure: result.clone().err(),
            out: result.clone().unwrap_or_default(),
            took_ms: self.since_ms(began),
        });
        result.map(Some)
    }

    /// A piece of work as it begins, or goes on. What is begun anew keeps its place in the rollback,
    /// and that it may have changed something.
    fn begins(
        &self,
        frame: &Rc<Frame>,
        at: usize,
        path: &Arc<str>,
        item: Option<Value>,
        known: Option<&Known>,
    ) -> Rc<Begun> {
        let earlier = frame.earlier.borrow_mut().remove(path);
        let order = known.map(|known| known.order).or(earlier.as_ref().map(|earlier| earlier.order));
        let acted = known.is_some_and(|known| known.acted) || earlier.as_ref().is_some_and(|one| one.acted.get());
        let unsettled =
            known.is_some_and(|known| known.unsettled) || earlier.as_ref().is_some_and(|one| one.is_in_doubt());
        let begun = Rc::new(Begun::new(at, Arc::clone(path), item, order.unwrap_or(self.seq.get())));
        begun.acted.set(acted);
        begun.unsettled.set(unsettled);
        begun.child.replace(earlier.and_then(|earlier| earlier.child.take()));
        frame.begun.borrow_mut().push(Rc::clone(&begun));
        begun
    }

    /// Takes a piece of work as an earlier runner saw it come out.
    fn as_it_came_out(
        &self,
        frame: &Rc<Frame>,
        at: usize,
        path: &Arc<str>,
        item: Option<Value>,
        (known, outcome): (Option<&Known>, &Outcome),
    ) -> Result<Option<Value>, Failure> {
        if let Some(known) = known {
            self.take_up(frame, at, path, item, known);
        }
        match outcome {
            Outcome::Skipped { .. } => Ok(None),
            Outcome::Ended { status: Status::Ok, out, .. } => Ok(Some(out.clone())),
            Outcome::Ended { failure, .. } => {
                Err(failure.clone().unwrap_or_else(|| Failure::new(ErrorClass::Aborted, "it did not end ok")))
            }
        }
    }

    /// Does a piece of work, or stops it where a person asks to go on without it.
    async fn unless_skipped(&self, task: &Task<'_>, may_skip: bool) -> Result<Value, Interruption> {
        if !may_skip {
            return self.perform(task).await.map_err(Interruption::Failed);
        }
        let path = &task.begun.path;
        // A word on an earlier try counts for that one only.
        let heard = self.skippable.borrow().get(path).copied().unwrap_or(0);
        let asked = Box::pin(self.asked_for(|signals| signals.skip_of(path, heard).is_some()));
        let ended = select(asked, Box::pin(self.perform(task))).await;
        let signals = self.job.signals.borrow();
        self.skippable.borrow_mut().insert(Arc::clone(path), signals.asked.len());
        match ended {
            Either::Right((result, _)) => result.map_err(Interruption::Failed),
            Either::Left(_) => {
                self.has_waited();
                Err(Interruption::Skipped(signals.skip_of(path, heard).map(words).unwrap_or_default()))
            }
        }
    }

    /// Carries out a runbook used as an action; its outputs are the result.
    pub(super) fn nested<'a>(
        &'a self,
        task: &'a Task<'a>,
        runbook: &'a Arc<Runbook>,
        with: Value,
    ) -> Wait<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let frame = self.child(task.frame, task.begun, task.phase, runbook, &with)?;
            let earlier = task.begun.child.replace(Some(Rc::clone(&frame)));
            // From here on its steps say it.
            task.begun.unsettled.set(false);
            if let Some(earlier) = earlier.filter(|_| frame.phase == Phase::Forward) {
                frame.inherit(&earlier);
            }
            self.lets(&frame, task.interrupted.is_some()).map_err(into_failure)?;
            self.steps(&frame).await.map_err(into_failure)?;
            self.outputs(&frame)
        })
    }

    /// The frame of a runbook used as an action.
    pub(super) fn child(
        &self,
        frame: &Frame,
        begun: &Begun,
        phase: Phase,
        runbook: &Arc<Runbook>,
        with: &Value,
    ) -> Result<Rc<Frame>, Failure> {
        let params =
            handed_over(runbook, with).map_err(|problems| Failure::new(ErrorClass::Refused, problems.join("; ")))?;
        let names = frame.names.borrow().nested(&params);
        Ok(self.frame(Arc::clone(runbook), format!("{}/", begun.path), phase, names))
    }

    /// The values a runbook returns.
    pub(super) fn outputs(&self, frame: &Frame) -> Result<Value, Failure> {
        let mut outputs = Vec::with_capacity(frame.runbook.outputs.len());
        for binding in &frame.runbook.outputs {
            let mut names = frame.names.borrow_mut();
            let value = self
                .job
                .guards
                .value(&binding.guard, &mut names, &[])
                .map_err(|error| Failure::new(ErrorClass::Malformed, error.to_string()))?;
            outputs.push((Arc::clone(&binding.name), value));
        }
        Ok(Value::map(outputs))
    }
}

/// Why a piece of work did not end ok.
enum Interruption {
    /// It failed.
    Failed(Failure),
    /// A person asked to go on without it; says who and why.
    Skipped(String),
}

fn into_failure(stop: Stop) -> Failure {
    let (Stop::Rollback(cause) | Stop::Pause(cause)) = stop;
    let message = match &cause {
        Cause::Step { step, failure } => format!("`{step}`: {}", failure.message),
        other => other.sentence(),
    };
    Failure::new(cause.class(), message)
}
