//! The loop: starts what the planner says, applies what comes back, stops when it must.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::declaration::{ErrorClass, Failure};
use crate::event::{Cause, Ended, Ending, Happened, Header, Phase, Status};
use crate::guard::Names;
use crate::runbook::{OnFailure, Runbook};
use crate::value::{Value, format_duration};
use crate::world::Wait;

use super::resume::PastWatch;
use super::watch::{Live, WatchEnd};
use super::{Frame, Job, Next, Plan, Run, Signals};

/// The primitive that closes a gate.
pub(super) const DISARM: &str = "disarm";
/// The primitive that opens a gate.
pub(super) const ARM: &str = "arm";

/// Why a frame's steps stopped before they were all done.
#[derive(Clone, Debug)]
pub(super) enum Stop {
    /// Roll back.
    Rollback(Cause),
    /// Stop starting, and wait for a person.
    Pause(Cause),
}

/// Carries a job out to one of the documented endings.
pub async fn run(job: Job<'_>) -> Ended {
    let run = Run::new(job);
    let header = run.job.header.clone();
    let names = Names::new(
        &header.params,
        &run.job.target.to_value(),
        &Value::map([
            ("id", Value::text(header.run.as_str())),
            ("started_at", Value::Int(i64::try_from(header.started_unix_ms).unwrap_or(i64::MAX))),
        ]),
    );
    run.begin(header);
    let runbook = Arc::clone(&run.job.runbook);
    let frame = run.frame(runbook, String::new(), Phase::Forward, names);
    let ended = tokio::select! {
        biased;
        ended = run.carry_out(&frame) => ended,
        never = run.note_requests() => match never {},
        never = run.commit_while_waiting() => match never {},
    };
    run.end(ended)
}

/// A step that has come back, with the index it has in its frame.
type Returned = (usize, Result<Value, Failure>);

impl Run<'_> {
    /// Records that the run begins, or goes on.
    fn begin(&self, header: Header) {
        let Some(past) = &self.job.past else {
            self.note(Happened::RunStarted(Box::new(header)));
            return;
        };
        let touched = self.past.borrow().all(Phase::Forward).any(|(_, known)| known.acted);
        self.touched.set(touched);
        let unix_ms = self.job.world.clock().unix_ms();
        self.note(Happened::Resumed { who: past.who.clone(), unix_ms, cut_bytes: past.cut_bytes });
    }

    async fn carry_out(&self, frame: &Rc<Frame>) -> Ended {
        let rolling_back = self.past.borrow().rollback.clone();
        let undecided = self.undecided(&frame.runbook);
        let stopped = match (self.lets(frame, self.job.past.is_some()), rolling_back, undecided) {
            (Err(stop), ..) => Err(stop),
            (Ok(()), Some(cause), _) => Err(Stop::Rollback(cause)),
            (Ok(()), None, Some(cause)) if self.aborts() == 0 => Err(Stop::Pause(cause)),
            (Ok(()), None, _) => self.bounded_steps(frame).await,
        };
        self.finish(frame, stopped).await
    }

    /// Records the end; what could not be made durable is said in it.
    fn end(&self, mut ended: Ended) -> Ended {
        self.note(Happened::RunEnded(Box::new(ended.clone())));
        self.commit();
        if let Some(failure) = self.journal_failure().filter(|_| self.touched.get() && ended.needs_person.is_empty()) {
            ended.needs_person.push(failure.message);
            ended.ending = Ending::Stuck;
        }
        ended
    }

    /// A frame in which nothing was done yet.
    pub(super) fn frame(&self, runbook: Arc<Runbook>, prefix: String, phase: Phase, names: Names) -> Rc<Frame> {
        Rc::new(Frame {
            phase,
            plan: RefCell::new(Plan::new(&runbook.steps)),
            names: RefCell::new(names),
            begun: RefCell::new(Vec::new()),
            prefix,
            runbook,
        })
    }

    /// Computes the frame's `let` values, in order; records them where they are not on record.
    pub(super) fn lets(&self, frame: &Frame, on_record: bool) -> Result<(), Stop> {
        for binding in &frame.runbook.lets {
            let computed = {
                let mut names = frame.names.borrow_mut();
                self.job.guards.value(&binding.guard, &mut names, &[])
            };
            let value = computed.map_err(|error| {
                Stop::Rollback(Cause::Step {
                    step: Arc::clone(&binding.name),
                    failure: Failure::new(ErrorClass::Refused, error.to_string()),
                })
            })?;
            frame.names.borrow_mut().set(&binding.name, &value);
            if !on_record {
                self.note(Happened::LetComputed { name: Arc::clone(&binding.name), value });
            }
        }
        Ok(())
    }

    /// The outermost steps, under the run's limits and the operator's signals.
    async fn bounded_steps(&self, frame: &Rc<Frame>) -> Result<(), Stop> {
        let steps = Box::pin(self.steps(frame));
        let stop = tokio::select! {
            biased;
            () = self.aborted(1) => Stop::Rollback(Cause::Operator { request: "abort".to_owned() }),
            stop = self.limit() => stop,
            message = self.journal_breaks() => Stop::Rollback(Cause::Journal { message }),
            ended = steps => return ended,
        };
        Err(stop)
    }

    /// Waits until a limit of the runbook has passed.
    async fn limit(&self) -> Stop {
        let limits = self.job.runbook.limits;
        let clock = self.job.world.clock();
        loop {
            let now = self.now();
            let total = limits.total.map(|limit| ("total", limit, limit.saturating_sub(now)));
            let disarmed = limits
                .disarmed
                .zip(self.disarmed_since.get())
                .map(|(limit, since)| ("disarmed", limit, (since + limit).saturating_sub(now)));
            let next = total.into_iter().chain(disarmed).min_by_key(|(_, _, left)| *left);
            let Some((name, limit, left)) = next else {
                if limits.disarmed.is_none() {
                    std::future::pending::<()>().await;
                }
                clock.sleep(LIMIT_TICK).await;
                continue;
            };
            if left.is_zero() {
                return Stop::Rollback(Cause::Limit {
                    limit: name.to_owned(),
                    message: format!("not done within {}", format_duration(limit)),
                });
            }
            clock.sleep(left.min(LIMIT_TICK)).await;
        }
    }

    /// Starts steps as the planner says until all have ended or one stops the frame.
    pub(super) async fn steps(&self, frame: &Rc<Frame>) -> Result<(), Stop> {
        let mut under_way: FuturesUnordered<Wait<'_, Returned>> = FuturesUnordered::new();
        let mut watching: FuturesUnordered<Wait<'_, WatchEnd>> = FuturesUnordered::new();
        let mut live: Vec<Live> = Vec::new();
        let mut opened = vec![false; frame.runbook.watches.len()];
        let mut held: Option<Stop> = None;
        loop {
            while held.is_none() {
                let Some(next) = frame.plan.borrow_mut().take_next() else {
                    break;
                };
                match next {
                    Next::Skip(at, _) if self.take_past(frame.phase, &frame.path(at)).is_some() => {
                        self.skipped(frame, at)
                    }
                    Next::Skip(at, reason) => self.skip(frame, at, frame.path(at), reason),
                    Next::Start(at) => {
                        self.open_watches(frame, at, &mut opened, &mut live, &mut watching, &mut held).await?;
                        frame.plan.borrow_mut().started(at);
                        under_way.push(Box::pin(async move { (at, self.step(frame, at).await) }));
                    }
                }
            }
            if under_way.is_empty() {
                break;
            }
            tokio::select! {
                biased;
                Some(end) = watching.next(), if !watching.is_empty() => breached(frame, &end, &mut held)?,
                Some((at, result)) = under_way.next() => {
                    self.close_watches(frame, Some(at), &mut live, &mut watching, &mut held).await?;
                    self.settle(frame, at, result, &mut held)?;
                }
                () = self.asked_for(Signals::is_to_pause), if held.is_none() && live.is_empty() => {
                    held = Some(Stop::Pause(Cause::Operator { request: "suspend".to_owned() }));
                }
            }
        }
        self.close_watches(frame, None, &mut live, &mut watching, &mut held).await?;
        held.map_or(Ok(()), Err)
    }

    /// Applies what a step came back with.
    fn settle(
        &self,
        frame: &Rc<Frame>,
        at: usize,
        result: Result<Value, Failure>,
        held: &mut Option<Stop>,
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
        frame.names.borrow_mut().set_step(step.id.as_str(), Status::Failed.word(), None);
        frame.plan.borrow_mut().ended(at, Status::Failed, &frame.runbook);
        let cause = Cause::Step { step: frame.path(at), failure };
        match step.on_failure {
            OnFailure::Continue => Ok(()),
            OnFailure::Rollback => Err(Stop::Rollback(cause)),
            OnFailure::Pause => {
                held.get_or_insert(Stop::Pause(cause));
                Ok(())
            }
        }
    }

    /// Records that a step, or one item of it, is not done.
    pub(super) fn skip(&self, frame: &Rc<Frame>, at: usize, path: Arc<str>, reason: String) {
        self.note(Happened::Skipped { phase: frame.phase, step: path, reason });
        self.skipped(frame, at);
    }

    /// Takes note that a step was not done.
    pub(super) fn skipped(&self, frame: &Rc<Frame>, at: usize) {
        if let Some(step) = frame.runbook.steps.get(at) {
            frame.names.borrow_mut().set_step(step.id.as_str(), Status::Skipped.word(), None);
        }
        frame.plan.borrow_mut().ended(at, Status::Skipped, &frame.runbook);
    }

    /// Opens every watch that must be live before a step starts.
    async fn open_watches<'a>(
        &'a self,
        frame: &'a Rc<Frame>,
        step: usize,
        opened: &mut [bool],
        live: &mut Vec<Live>,
        watching: &mut FuturesUnordered<Wait<'a, WatchEnd>>,
        held: &mut Option<Stop>,
    ) -> Result<(), Stop> {
        for (at, watch) in frame.runbook.watches.iter().enumerate() {
            let Some(slot) = opened.get_mut(at).filter(|slot| watch.from == step && !**slot) else {
                continue;
            };
            *slot = true;
            match self.past_watch(frame, at) {
                PastWatch::None => {}
                PastWatch::Over => continue,
                PastWatch::Gap(end) => {
                    breached(frame, &end, held)?;
                    continue;
                }
            }
            match self.open_watch(frame, at).await {
                Ok((handle, looking)) => {
                    live.push(handle);
                    watching.push(looking);
                }
                Err(failure) => {
                    return Err(Stop::Rollback(Cause::Breach { watch: watch.id.shared(), failure }));
                }
            }
        }
        Ok(())
    }

    /// Ends the watches whose `to` step has ended, or all of them, and hears their last word.
    async fn close_watches(
        &self,
        frame: &Rc<Frame>,
        step: Option<usize>,
        live: &mut Vec<Live>,
        watching: &mut FuturesUnordered<Wait<'_, WatchEnd>>,
        held: &mut Option<Stop>,
    ) -> Result<(), Stop> {
        let is_over = |handle: &Live| {
            let to = frame.runbook.watches.get(handle.watch).and_then(|watch| watch.to);
            step.is_none() || to == step
        };
        let mut open = live.iter().filter(|handle| is_over(handle)).count();
        live.iter().filter(|handle| is_over(handle)).for_each(|handle| handle.closing.notify_one());
        live.retain(|handle| !is_over(handle));
        while open > 0 {
            let Some(end) = watching.next().await else {
                break;
            };
            open -= 1;
            breached(frame, &end, held)?;
        }
        Ok(())
    }

    /// Rolls back where it must, ensures, and says how the run ended.
    async fn finish(&self, frame: &Rc<Frame>, stopped: Result<(), Stop>) -> Ended {
        let mut needs_person = Vec::new();
        let (mut ending, mut cause) = match stopped {
            Ok(()) => (Ending::Succeeded, None),
            Err(Stop::Pause(cause)) => (Ending::Paused, Some(cause)),
            Err(Stop::Rollback(cause)) if !self.touched.get() => (Ending::Refused, Some(cause)),
            Err(Stop::Rollback(cause)) => {
                if self.past.borrow().rollback.is_none() {
                    self.note(Happened::RollbackStarted { cause: cause.clone() });
                }
                needs_person.extend(self.roll_back(frame).await);
                (Ending::RolledBack, Some(cause))
            }
        };
        if self.touched.get() {
            needs_person.extend(self.ensure(frame).await);
        }
        let outputs = match self.outputs(frame) {
            Ok(outputs) => outputs,
            Err(failure) if ending == Ending::Succeeded => {
                needs_person.push(format!("the outputs could not be computed ({failure})"));
                Value::Null
            }
            Err(_) => Value::Null,
        };
        if let Some(why) = self.broken.borrow().as_ref().filter(|_| self.touched.get()) {
            needs_person.push(format!("the record of this run is incomplete: {why}"));
        }
        if !needs_person.is_empty() {
            ending = Ending::Stuck;
            cause = cause
                .or_else(|| Some(Cause::Operator { request: "nothing; see what a person is needed for".to_owned() }));
        }
        Ended { ending, cause, needs_person, outputs, took_ms: self.now_ms() }
    }
}

/// How often the limits are looked at while none is running.
const LIMIT_TICK: Duration = Duration::from_secs(1);

/// What a watch's end means for its frame.
fn breached(frame: &Frame, end: &WatchEnd, held: &mut Option<Stop>) -> Result<(), Stop> {
    let (Some(watch), Some(failure)) = (frame.runbook.watches.get(end.watch), &end.breach) else {
        return Ok(());
    };
    let cause = Cause::Breach { watch: watch.id.shared(), failure: failure.clone() };
    match watch.on_breach {
        OnFailure::Rollback => Err(Stop::Rollback(cause)),
        OnFailure::Continue => Ok(()),
        OnFailure::Pause => {
            held.get_or_insert(Stop::Pause(cause));
            Ok(())
        }
    }
}
