//! Looks again, before a gate is opened, at what was seen before the run waited for a person, or for
//! another runner: nobody knows what was changed meanwhile.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;

use crate::declaration::{ErrorClass, Failure};
use crate::event::Happened;
use crate::primitive::{Arguments, Call, Memory};
use crate::runbook::Poll;
use crate::value::Value;

use super::looks::{Again, READINGS};
use super::perform::Task;
use super::recorder::Recorder;
use super::sampler::Sampler;
use super::{Begun, Frame, Run};

/// Why a gate is closed before anything is looked at.
const INTERRUPTED: &str = "an earlier arming was interrupted";

/// How often is asked who does not answer.
const TRIES: u32 = 5;

/// The time between two tries.
const PAUSE: Duration = Duration::from_secs(1);

impl Run<'_> {
    /// Looks again at everything that was seen before the run waited, all at once, while the gate is closed.
    pub(super) async fn look_again(&self, task: &Task<'_>, may_be_open: bool) -> Result<(), Failure> {
        let standing = self.looks.borrow().standing(task.phase);
        if standing.is_empty() {
            return Ok(());
        }
        if let Some(gate) = self.gate_of(task).filter(|_| may_be_open) {
            self.close(&task.begun.path, &gate, INTERRUPTED).await?;
            // Whatever came of its command, it is closed now.
            task.begun.unsettled.set(false);
        }
        let looks = standing.iter().map(|look| async move {
            let path = &look.again.path;
            self.progress(&task.begun.path, &format!("looks again at `{path}`"));
            let failure = self.seen_again(task, &look.again).await.err();
            let (phase, step) = (task.phase, Arc::clone(path));
            self.note(Happened::LookedAgain { phase, step, failure: failure.clone() });
            let Some(failure) = failure else {
                self.is_still_so(look);
                return Ok(());
            };
            let message = format!("what `{path}` had seen before is not so any more: {}", failure.message);
            Err(Failure { message, ..failure })
        });
        try_join_all(looks).await.map(drop)
    }

    /// Looks at it a few times, where nobody answers, or where its step would try again.
    async fn seen_again(&self, task: &Task<'_>, look: &Again) -> Result<(), Failure> {
        let mut tries = 1;
        loop {
            let (out, has_waited) = match &look.step {
                Some((frame, step, item)) => self.sampled_again(task, look, (frame, *step, item)).await,
                None => (self.called_again(task, look).await, false),
            };
            match out {
                Err(failure) if look.is_tried_again(task.phase, failure.class) && !has_waited && tries < TRIES => {}
                Err(failure) => return Err(failure),
                Ok(out) => return as_before(look, &out),
            }
            self.job.world.clock().sleep(PAUSE).await;
            tries += 1;
        }
    }

    /// Has the step's own guards judge it; says whether they have waited for it.
    async fn sampled_again(
        &self,
        task: &Task<'_>,
        look: &Again,
        (frame, step, item): (&Rc<Frame>, usize, &Option<Value>),
    ) -> (Result<Value, Failure>, bool) {
        // What it waits for is shown where the gate is opened.
        let shown = Begun::new(step, Arc::clone(&task.begun.path), item.clone(), task.begun.order);
        let Some(work) = Again::work(frame, step, task.phase) else {
            return (Ok(look.out.clone()), false);
        };
        let again = Task { frame, begun: &shown, work, phase: task.phase, interrupted: None };
        let with = match Arguments::check(look.declaration, &look.with) {
            Ok(with) => with,
            Err(failure) => return (Err(failure), false),
        };
        let deadline = self.now() + work.bound(Duration::ZERO);
        let sampler = Sampler::new(self, &again, look.declaration, &with, deadline, look.memory.clone()).unrecorded();
        let (out, has_waited) = match &work.poll {
            Poll::Once => (sampler.sample().await, false),
            Poll::Until { guard, every } | Poll::Hold { guard, every, .. } => {
                (sampler.until(guard, *every).await, true)
            }
        };
        let out = out.and_then(|out| self.expect(&again, &out).map(|()| out));
        (out, has_waited)
    }

    /// Calls once more what a script had called.
    async fn called_again(&self, task: &Task<'_>, look: &Again) -> Result<Value, Failure> {
        let path = &task.begun.path;
        let call = Call {
            step: path,
            with: &Arguments::check(look.declaration, &look.with)?,
            world: self.job.world,
            target: self.job.target,
            bound: look.declaration.timeout,
            memory: &Memory::default(),
            record: &Recorder::of(self, task, look.declaration).unrecorded(),
            progress: &|text| self.progress(path, text),
        };
        self.call(look.declaration, call).await
    }
}

/// Holds what is seen now against what was seen before, where that is a reading.
fn as_before(look: &Again, now: &Value) -> Result<(), Failure> {
    let reading = READINGS.iter().find(|(name, _)| *name == look.declaration.name);
    let Some((before, now)) = reading.and_then(|(_, field)| Some((look.out.get(field)?, now.get(field)?))) else {
        return Ok(());
    };
    if before == now {
        return Ok(());
    }
    Err(Failure::new(ErrorClass::Mismatch, format!("it is {now}, and was {before}")))
}
