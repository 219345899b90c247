//! Looks of one piece of work: once, until its guard holds, or as long as it must.

use std::cell::Cell;
use std::time::Duration;

use crate::declaration::{Declaration, ErrorClass, Failure};
use crate::guard::Guard;
use crate::primitive::{Arguments, Call, Memory};
use crate::runbook::Poll;
use crate::value::Value;

use super::Run;
use super::perform::Task;
use super::recorder::Recorder;

/// Calls of one primitive with the same arguments and one memory.
pub(super) struct Sampler<'a> {
    run: &'a Run<'a>,
    task: &'a Task<'a>,
    declaration: &'static Declaration,
    with: &'a Arguments,
    deadline: Duration,
    memory: Memory,
    record: Recorder<'a>,
    last: Cell<Option<ErrorClass>>,
}

impl<'a> Sampler<'a> {
    pub(super) fn new(
        run: &'a Run<'_>,
        task: &'a Task<'_>,
        declaration: &'static Declaration,
        with: &'a Arguments,
        deadline: Duration,
        memory: Option<Value>,
    ) -> Self {
        let record = Recorder::of(run, task, declaration);
        Self { run, task, declaration, with, deadline, memory: Memory::new(memory), record, last: Cell::new(None) }
    }

    /// The same, of which nothing is kept: what is looked at once more is on record.
    pub(super) fn unrecorded(self) -> Self {
        Self { record: self.record.unrecorded(), ..self }
    }

    pub(super) async fn sample(&self) -> Result<Value, Failure> {
        let path = &self.task.begun.path;
        let left = self.deadline.saturating_sub(self.run.now());
        let bound = match (self.task.work.timeout, &self.task.work.poll) {
            (Some(_), Poll::Once) => left,
            _ => left.min(self.declaration.timeout),
        };
        let call = Call {
            step: path,
            with: self.with,
            world: self.run.job.world,
            target: self.run.job.target,
            bound,
            memory: &self.memory,
            record: &self.record,
            progress: &|text| self.run.progress(path, text),
        };
        self.run.effect(self.task, self.declaration, call).await
    }

    /// Samples until the guard holds. What is inconclusive, like what is false, means: look again.
    pub(super) async fn until(&self, guard: &Guard, every: Duration) -> Result<Value, Failure> {
        loop {
            let seen = match self.sample().await {
                Ok(out) if self.run.truth(self.task, guard, Some(&out), ErrorClass::Malformed)? => return Ok(out),
                Ok(out) => format!("`{}` is false for {out}", guard.text()),
                Err(failure) if failure.class.is_inconclusive() => failure.to_string(),
                Err(failure) => return Err(failure),
            };
            self.run.progress(&self.task.begun.path, &seen);
            if self.run.now() + every >= self.deadline {
                let message = format!("in time this never held; last seen: {seen}");
                return Err(Failure::new(ErrorClass::Timeout, message));
            }
            self.run.job.world.clock().sleep(every).await;
        }
    }

    /// Samples for the duration of `stay`, and on until enough good samples in a row end it.
    pub(super) async fn hold(
        &self,
        guard: &Guard,
        every: Duration,
        stay: Duration,
        min_good: u32,
    ) -> Result<Value, Failure> {
        let end = self.run.now() + stay;
        let mut good = 0;
        loop {
            let sample = steady(&self.memory, self.sample()).await;
            let seen = match &sample {
                Ok(out) if self.run.truth(self.task, guard, Some(out), ErrorClass::Malformed)? => {
                    good += 1;
                    format!("{good} good in a row")
                }
                Ok(out) => {
                    let message = format!("`hold: {}` is false for {out}", guard.text());
                    return Err(Failure::new(ErrorClass::Breach, message));
                }
                Err(failure) if failure.class.is_inconclusive() => {
                    good = 0;
                    self.last.set(Some(failure.class));
                    failure.to_string()
                }
                Err(failure) => return Err(failure.clone()),
            };
            self.run.progress(&self.task.begun.path, &seen);
            let now = self.run.now();
            if let (Ok(out), true) = (sample, now >= end && good >= min_good) {
                return Ok(out);
            }
            if now + every >= self.deadline {
                let class = self.last.get().unwrap_or(ErrorClass::Timeout);
                let message = format!("not enough good samples in time; last seen: {seen}");
                return Err(Failure::new(class, message));
            }
            self.run.job.world.clock().sleep(every).await;
        }
    }
}

/// Takes a sample; one that tells nothing leaves what is remembered as it was.
pub(super) async fn steady(
    memory: &Memory,
    sample: impl Future<Output = Result<Value, Failure>>,
) -> Result<Value, Failure> {
    let remembered = memory.borrow().clone();
    let sampled = sample.await;
    if sampled.is_err() && remembered.is_some() {
        memory.replace(remembered);
    }
    sampled
}
