//! A whole run: begins it, bounds it, rolls it back and ends it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::declaration::{ErrorClass, Failure};
use crate::event::{Cause, Ended, Ending, Happened, Header, Phase, Request, Running};
use crate::guard::Names;
use crate::runbook::Runbook;
use crate::value::{Value, format_duration};

use super::{Frame, Job, Plan, Run, millis};

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
    let carried = async {
        tokio::select! {
            biased;
            never = run.note_requests() => match never {},
            ended = run.carry_out(&frame) => ended,
        }
    };
    let ended = run.committing(carried).await;
    run.end(ended)
}

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
            (Ok(()), None, _) if self.is_abort_on_record() => Err(abort()),
            (Ok(()), None, Some(cause)) if self.aborts() == 0 => Err(Stop::Pause(cause)),
            (Ok(()), None, _) => self.bounded_steps(frame).await,
        };
        let is_rollback = matches!(stopped, Err(Stop::Rollback(_)));
        let ended = self.finish(frame, stopped).await;
        if !is_rollback && self.aborts() > 0 {
            return self.finish(frame, Err(abort())).await;
        }
        ended
    }

    /// Whether an abort was asked for that an earlier runner did not live to see to.
    fn is_abort_on_record(&self) -> bool {
        self.past.borrow().requests.iter().any(|asked| asked.request == Request::Abort)
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
            held: RefCell::default(),
            is_watched: Cell::new(false),
            kept: RefCell::default(),
            begun: RefCell::new(Vec::new()),
            earlier: RefCell::new(BTreeMap::new()),
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
            () = self.aborted(1) => abort(),
            stop = self.limit() => stop,
            message = self.journal_breaks() => Stop::Rollback(Cause::Journal { message }),
            ended = steps => return ended,
        };
        Err(stop)
    }

    /// Waits until a limit of the runbook has passed.
    async fn limit(&self) -> Stop {
        let clock = self.job.world.clock();
        loop {
            let Some(Limit { name, bound, passes }) = self.next_limit() else {
                if self.job.runbook.limits.disarmed.is_none() {
                    std::future::pending::<()>().await;
                }
                clock.sleep(LIMIT_TICK).await;
                continue;
            };
            let left = passes.saturating_sub(self.now());
            if left.is_zero() {
                return Stop::Rollback(Cause::Limit {
                    limit: name.to_owned(),
                    message: format!("not done within {}", format_duration(bound)),
                });
            }
            clock.sleep(left.min(LIMIT_TICK)).await;
        }
    }

    /// The limit that passes next, of those that are running.
    fn next_limit(&self) -> Option<Limit> {
        let limits = self.job.runbook.limits;
        let total = limits.total.map(|limit| ("total", limit.value, Duration::ZERO));
        let disarmed = limits.disarmed.zip(self.disarmed_since());
        let disarmed = disarmed.map(|(limit, since)| ("disarmed", limit.value, since));
        let running = total.into_iter().chain(disarmed);
        let running = running.map(|(name, bound, since)| Limit { name, bound, passes: since.saturating_add(bound) });
        running.min_by_key(|limit| limit.passes)
    }

    /// Since when no gate was opened; nothing before one was closed.
    fn disarmed_since(&self) -> Option<Duration> {
        let moves = self.gate_moves.borrow();
        moves.iter().rev().take_while(|(_, is_open)| !is_open).last().map(|(at, _)| *at)
    }

    /// Rolls back where it must, ensures, and says how the run ended.
    async fn finish(&self, frame: &Rc<Frame>, stopped: Result<(), Stop>) -> Ended {
        let mut needs_person = Vec::new();
        let (mut ending, cause) = match stopped {
            Ok(()) => (Ending::Succeeded, None),
            Err(Stop::Pause(cause)) => (Ending::Paused, Some(cause)),
            Err(Stop::Rollback(cause)) if !self.touched.get() => (Ending::Refused, Some(cause)),
            Err(Stop::Rollback(cause)) => {
                if self.past.borrow().rollback.is_none() {
                    self.note(Happened::RollbackStarted { cause: cause.clone() });
                }
                needs_person.extend(self.close_first(frame).await);
                let is_last = needs_person.is_empty() && self.unclosed.borrow().is_empty();
                needs_person.extend(self.roll_back(frame, is_last).await);
                needs_person.extend(self.unclosed());
                (Ending::RolledBack, Some(cause))
            }
        };
        if self.touched.get() {
            needs_person.extend(self.ensure(frame).await);
        }
        let outputs = match self.outputs(frame) {
            Ok(outputs) => outputs,
            Err(failure) if ending == Ending::Succeeded && !self.job.header.rehearsal => {
                needs_person.push(format!("the outputs could not be computed ({failure})"));
                Value::Null
            }
            Err(_) => Value::Null,
        };
        if let Some(why) = self.broken.borrow().as_ref().filter(|_| self.touched.get()) {
            needs_person.push(format!("the record of this run is incomplete: {why}"));
        }
        if !needs_person.is_empty() {
            // Where the run itself came to its end, what a person is needed for is the cause.
            ending = Ending::Stuck;
        }
        let running = self.next_limit().filter(|_| ending == Ending::Paused);
        let limit = running.map(|limit| Running { limit: limit.name.to_owned(), passes_ms: millis(limit.passes) });
        Ended { ending, cause, needs_person, outputs, took_ms: self.now_ms(), limit }
    }
}

/// A limit of the runbook that is running.
struct Limit {
    name: &'static str,
    bound: Duration,
    /// When it passes, since the run began.
    passes: Duration,
}

/// What a person's abort leads to.
fn abort() -> Stop {
    Stop::Rollback(Cause::Operator { request: "abort".to_owned() })
}

/// How often the limits are looked at while none is running.
const LIMIT_TICK: Duration = Duration::from_secs(1);
