//! The loop over one frame's steps: starts what the planner says, applies what comes back, and
//! holds or stops when it must.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::declaration::{Effect, Failure};
use crate::event::{Asked, Cause, Happened, Phase, Request, Status};
use crate::runbook::OnFailure;
use crate::value::Value;
use crate::world::Wait;

use super::rehearsal::left_out;
use super::run::Stop;
use super::watch::{Live, WatchEnd, breached};
use super::{Frame, Next, Run, Signals};

/// A step that has come back, with the index it has in its frame.
type Returned = (usize, Result<Value, Failure>);

/// What keeps a frame from starting steps.
#[derive(Default)]
pub(super) struct Held {
    /// Why nothing starts.
    pub(super) stop: Option<Stop>,
    /// The failed steps for which a person is waited for.
    failed: Vec<usize>,
}

impl Run<'_> {
    /// Starts steps as the planner says until all have ended or one stops the frame.
    pub(super) async fn steps(&self, frame: &Rc<Frame>) -> Result<(), Stop> {
        let mut under_way: FuturesUnordered<Wait<'_, Returned>> = FuturesUnordered::new();
        let mut watching: FuturesUnordered<Wait<'_, WatchEnd>> = FuturesUnordered::new();
        let mut live: Vec<Live> = Vec::new();
        let mut opened = vec![false; frame.runbook.watches.len()];
        let mut held = Held::default();
        let left_out = if self.job.header.rehearsal { left_out(&frame.runbook) } else { BTreeMap::new() };
        loop {
            while held.stop.is_none() {
                let Some(next) = frame.plan.borrow_mut().take_next() else {
                    break;
                };
                match next {
                    Next::Skip(at, _) if self.is_past(frame.phase, &frame.path(at)) => self.skipped(frame, at),
                    Next::Skip(at, reason) => self.skip(frame, at, frame.path(at), reason),
                    Next::Start(at) if left_out.contains_key(&at) => {
                        let reason = left_out.get(&at).cloned().unwrap_or_default();
                        self.skip(frame, at, frame.path(at), reason);
                    }
                    Next::Start(at) => {
                        self.open_watches(frame, at, &mut opened, &mut live, &mut watching, &mut held).await?;
                        frame.plan.borrow_mut().started(at);
                        under_way.push(Box::pin(async move { (at, self.step(frame, at).await) }));
                    }
                }
            }
            if under_way.is_empty() || (held.is_paused() && only_asks(frame)) {
                break;
            }
            tokio::select! {
                biased;
                Some(end) = watching.next(), if !watching.is_empty() => breached(frame, &end, &mut held)?,
                Some((at, result)) = under_way.next() => {
                    self.close_watches(frame, Some(at), &mut live, &mut watching, &mut held).await?;
                    self.settle(frame, at, result, &mut held)?;
                }
                (at, asked) = self.released(frame, &held.failed) => self.release(frame, at, &asked, &mut held),
                () = self.asked_for(Signals::is_to_pause), if held.stop.is_none() && live.is_empty() && frame.is_outermost() => {
                    held.stop = Some(Stop::Pause(Cause::Operator { request: "pause".to_owned() }));
                }
            }
        }
        self.close_watches(frame, None, &mut live, &mut watching, &mut held).await?;
        held.stop.map_or(Ok(()), Err)
    }

    /// Applies what a step came back with.
    fn settle(
        &self,
        frame: &Rc<Frame>,
        at: usize,
        result: Result<Value, Failure>,
        held: &mut Held,
    ) -> Result<(), Stop> {
        let Some(step) = frame.runbook.steps.get(at) else {
            return Ok(());
        };
        let failure = match result {
            Ok(out) if frame.plan.borrow().status(at) == Status::Skipped => {
                drop(out);
                return Ok(());
            }
            Ok(out) => {
                frame.names.borrow_mut().set_step(step.id.as_str(), Status::Ok.word(), Some(&out));
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
                held.stop.get_or_insert(Stop::Pause(cause));
                held.failed.push(at);
                Ok(())
            }
        }
    }

    /// Waits until a person says how to go on after a failure that holds the frame.
    async fn released(&self, frame: &Frame, failed: &[usize]) -> (usize, Asked) {
        let mut signals = self.job.signals.clone();
        loop {
            let asked = signals.borrow_and_update().asked.get(self.answered.get()..).map(<[Asked]>::to_vec);
            for one in asked.unwrap_or_default() {
                self.answered.set(self.answered.get() + 1);
                let (Request::Skip { step } | Request::Retry { step }) = &one.request else {
                    continue;
                };
                if let Some(at) = failed.iter().find(|at| *frame.path(**at) == **step) {
                    return (*at, one);
                }
            }
            if failed.is_empty() || signals.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Goes on as a person said: does the failed step again, or goes on without it.
    fn release(&self, frame: &Rc<Frame>, at: usize, asked: &Asked, held: &mut Held) {
        held.failed.retain(|failed| *failed != at);
        match &asked.request {
            Request::Skip { .. } => self.skip(frame, at, frame.path(at), words(asked)),
            _ => {
                frame.set_aside(at);
                frame.plan.borrow_mut().again(at);
            }
        }
        if held.failed.is_empty() {
            held.stop = None;
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

impl Held {
    /// Whether a person asked for a pause.
    fn is_paused(&self) -> bool {
        matches!(self.stop, Some(Stop::Pause(Cause::Operator { .. })))
    }
}

/// Whether nothing is under way but questions to people: a pause leaves them open, and whoever
/// goes on with the run asks them again.
fn only_asks(frame: &Frame) -> bool {
    let plan = frame.plan.borrow();
    let mut steps = frame.runbook.steps.iter().enumerate();
    steps.all(|(at, step)| plan.status(at) != Status::Running || step.work.action.effect() == Effect::Asks)
}

/// Who asked for something, and why.
pub(super) fn words(asked: &Asked) -> String {
    format!("{} asked: {}", asked.who, asked.why)
}
