//! The loop over one frame's steps: starts what the planner says, applies what comes back, and
//! holds or stops when it must.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::declaration::Failure;
use crate::event::{Asked, Cause, Happened, Phase, Status};
use crate::runbook::{ActionKind, OnFailure};
use crate::value::Value;
use crate::world::Wait;

use super::held::{Held, Waiting};
use super::rehearsal::left_out;
use super::run::Stop;
use super::watch::{Live, WatchEnd, breached};
use super::{Frame, Next, Run, Signals};

/// A step that has come back, with the index it has in its frame.
type Returned = (usize, Result<Value, Failure>);

impl Run<'_> {
    /// Starts steps as the planner says until all have ended or one stops the frame.
    pub(super) async fn steps(&self, frame: &Rc<Frame>) -> Result<(), Stop> {
        let mut under_way: FuturesUnordered<Wait<'_, Returned>> = FuturesUnordered::new();
        let mut watching: FuturesUnordered<Wait<'_, WatchEnd>> = FuturesUnordered::new();
        let mut live: Vec<Live> = Vec::new();
        let mut opened = vec![false; frame.runbook.watches.len()];
        frame.held.replace(Held::after(self.job.signals.borrow().asked.len()));
        let (mut waiting, mut inside) = (Waiting::new(self, frame), self.stirred.subscribe());
        let has_inside = frame.runbook.steps.iter().any(|step| matches!(step.work.action.kind, ActionKind::Runbook(_)));
        let left_out = if self.job.header.rehearsal { left_out(&frame.runbook) } else { BTreeMap::new() };
        loop {
            while let Some(next) = self.next_of(frame) {
                match next {
                    Next::Skip(at, _) if self.is_past(frame.phase, &frame.path(at)) => self.skipped(frame, at),
                    Next::Skip(at, reason) => self.skip(frame, at, frame.path(at), reason),
                    Next::Start(at) if left_out.contains_key(&at) => {
                        let reason = left_out.get(&at).cloned().unwrap_or_default();
                        self.skip(frame, at, frame.path(at), reason);
                    }
                    Next::Start(at) => {
                        self.open_watches(frame, at, &mut opened, &mut live, &mut watching).await?;
                        frame.plan.borrow_mut().started(at);
                        under_way.push(Box::pin(async move { (at, self.step(frame, at).await) }));
                    }
                }
            }
            frame.is_watched.set(!live.is_empty());
            let is_at_rest = self.is_at_rest(frame);
            if (under_way.is_empty() && !(frame.may_wait_inside() && frame.waits()))
                || (is_at_rest && frame.is_outermost())
            {
                break;
            }
            match frame.is_outermost() {
                true => self.tell_of_waiting(frame),
                false if frame.may_wait_inside() => waiting.tell(frame.waits(), is_at_rest),
                false => {}
            }
            let hears_pause = frame.is_outermost() && live.is_empty() && !frame.held.borrow().is_paused;
            tokio::select! {
                biased;
                Some(end) = watching.next(), if !watching.is_empty() => breached(frame, &end)?,
                Some((at, result)) = under_way.next() => {
                    if !waits_after(frame, at, &result) {
                        self.close_watches(frame, Some(at), &mut live, &mut watching).await?;
                    }
                    self.settle(frame, at, result)?;
                }
                (at, asked) = self.released(frame) => {
                    self.release(frame, at, &asked);
                    if frame.plan.borrow().status(at).is_ended() {
                        self.close_watches(frame, Some(at), &mut live, &mut watching).await?;
                    }
                }
                () = self.asked_for(Signals::is_to_pause), if hears_pause => frame.held.borrow_mut().is_paused = true,
                Ok(()) = inside.changed(), if has_inside => {}
            }
        }
        self.close_watches(frame, None, &mut live, &mut watching).await?;
        if frame.may_wait_inside() && frame.waits() {
            waiting.tell(true, true);
            std::future::pending::<()>().await;
        }
        frame.hold().map_or(Ok(()), |cause| Err(Stop::Pause(cause)))
    }

    /// Applies what a step came back with.
    fn settle(&self, frame: &Rc<Frame>, at: usize, result: Result<Value, Failure>) -> Result<(), Stop> {
        let Some(step) = frame.runbook.steps.get(at) else {
            return Ok(());
        };
        let failure = match result {
            // Where it is skipped, it has ended before.
            Ok(_) => {
                frame.plan.borrow_mut().ended(at, Status::Ok, &frame.runbook);
                return Ok(());
            }
            Err(failure) => failure,
        };
        let cause = Cause::Step { step: frame.path(at), failure };
        match step.on_failure {
            OnFailure::Continue => {
                frame.names.borrow_mut().set_step(step.id.as_str(), Status::Failed.word(), None);
                frame.plan.borrow_mut().ended(at, Status::Failed, &frame.runbook);
                Ok(())
            }
            OnFailure::Rollback => Err(Stop::Rollback(cause)),
            OnFailure::Pause => {
                frame.held.borrow_mut().failed(at, cause);
                Ok(())
            }
        }
    }

    /// Records that a step is not done.
    pub(super) fn skip(&self, frame: &Rc<Frame>, at: usize, path: Arc<str>, reason: String) {
        self.note_skip(frame.phase, path, reason);
        self.skipped(frame, at);
    }

    /// Records that a step, or one item of it, is not done.
    pub(super) fn note_skip(&self, phase: Phase, path: Arc<str>, reason: String) {
        self.note(Happened::Skipped { phase, step: path, reason });
    }

    /// Takes note that a step was not done.
    pub(super) fn skipped(&self, frame: &Rc<Frame>, at: usize) {
        if let Some(step) = frame.runbook.steps.get(at) {
            frame.names.borrow_mut().set_step(step.id.as_str(), Status::Skipped.word(), None);
        }
        frame.plan.borrow_mut().ended(at, Status::Skipped, &frame.runbook);
    }
}

/// Whether a step waits for a person after what it came back with: what watches it looks on meanwhile.
fn waits_after(frame: &Frame, at: usize, result: &Result<Value, Failure>) -> bool {
    result.is_err() && frame.runbook.steps.get(at).is_some_and(|step| step.on_failure == OnFailure::Pause)
}

/// Who asked for something, and why.
pub(super) fn words(asked: &Asked) -> String {
    format!("{} asked: {}", asked.who, asked.why)
}
