//! Doing one piece of work and judging it: templates, attempts, polls, expectations, bounds.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use crate::declaration::{ARM, DISARM, Declaration, Effect, ErrorClass, Failure};
use crate::event::{Happened, Phase, Progress};
use crate::guard::{Guard, Template};
use crate::journal::Known;
use crate::primitive::{Arguments, Call};
use crate::runbook::{self, Action, ActionKind, Retry, Work};
use crate::value::{Value, as_duration};
use crate::world::Redact;

use super::looks::Question;
use super::sampler::Sampler;
use super::{Begun, Frame, Run, millis};

/// One piece of work in its place.
pub(super) struct Task<'a> {
    pub(super) frame: &'a Rc<Frame>,
    pub(super) begun: &'a Begun,
    pub(super) work: &'a Work,
    pub(super) phase: Phase,
    /// What an earlier runner had done of it when it died.
    pub(super) interrupted: Option<&'a Known>,
}

impl Run<'_> {
    /// Does a piece of work within its bound.
    pub(super) async fn perform(&self, task: &Task<'_>) -> Result<Value, Failure> {
        if let Some(require) = &task.work.require {
            let holds = self.truth(task, require, None, ErrorClass::Refused)?;
            if !holds {
                let message = format!("`require: {}` is false", require.text());
                return Err(Failure::new(ErrorClass::Refused, message));
            }
        }
        let bound = self.bound(task)?;
        // What a rollback was at is never too late: its time begins anew with each runner, as does
        // that of what took no effect on a person's word, and of what stood while the run was paused.
        let has_stood = task.interrupted.is_some_and(|known| known.has_stood);
        let is_anew = task.phase != Phase::Forward || has_stood || self.decision(&task.begun.path) == Some(false);
        let interrupted = task.interrupted.filter(|_| !is_anew);
        let began = interrupted.map_or(self.now(), |known| Duration::from_millis(known.began_ms));
        let deadline = began + bound;
        let mut attempts = Box::pin(self.attempts(task, deadline));
        // Only what waits needs a clock.
        let mut out_of_time = None;
        poll_fn(|context| {
            if let Poll::Ready(result) = attempts.as_mut().poll(context) {
                return Poll::Ready(result);
            }
            let left = || self.job.world.clock().sleep(deadline.saturating_sub(self.now()));
            out_of_time.get_or_insert_with(left).as_mut().poll(context).map(|()| {
                let message = format!("not done within {}", crate::value::format_duration(bound));
                Err(Failure::new(ErrorClass::Timeout, message))
            })
        })
        .await
    }

    async fn attempts(&self, task: &Task<'_>, deadline: Duration) -> Result<Value, Failure> {
        let mut attempt = task.interrupted.map_or(1, |known| known.attempt);
        let mut interrupted = task.interrupted;
        loop {
            let failure = match self.attempt(task, attempt, deadline, interrupted.take()).await {
                Ok(out) => return Ok(out),
                Err(failure) => failure,
            };
            let retry = task.work.retry.as_deref();
            let Some(retry) = retry.filter(|r| attempt < r.attempts && r.on.contains(&failure.class)) else {
                return Err(failure);
            };
            let wait = wait_before(retry, attempt, self.job.world.clock().random());
            let (phase, step) = (task.phase, Arc::clone(&task.begun.path));
            self.close_opened(task.phase, &task.begun.path).await;
            self.note(Happened::Retrying { phase, step, failure, wait_ms: millis(wait) });
            self.job.world.clock().sleep(wait).await;
            attempt += 1;
            self.past.borrow_mut().begin_anew_inside(task.phase, &task.begun.path);
        }
    }

    async fn attempt(
        &self,
        task: &Task<'_>,
        attempt: u32,
        deadline: Duration,
        interrupted: Option<&Known>,
    ) -> Result<Value, Failure> {
        let action = &task.work.action;
        let with = self.filled(task, &action.with)?;
        self.intend(task, action, attempt, &with).await?;
        if action.is(ARM) {
            self.look_again(task, interrupted.is_some()).await?;
        }
        let out = match &action.kind {
            ActionKind::Primitive(_) if self.is_taken_as_done(task.work, &task.begun.path, interrupted) => {
                return Ok(Value::Null);
            }
            ActionKind::Primitive(declaration) => {
                let with = Arguments::check(declaration, &with)?;
                let memory = interrupted.and_then(|known| known.memory.clone());
                task.begun.memory.replace(memory.clone());
                let poll = self.poll(task, declaration, &with, deadline, memory);
                let is_undo = task.phase == Phase::Undo;
                let out = if is_undo { self.part_of_undo(declaration, &with, poll).await } else { poll.await };
                // Whatever came of an earlier attempt, the same was done now, or looked at.
                if out.is_ok() || declaration.in_doubt.is_looked_at() {
                    task.begun.unsettled.set(false);
                }
                out?
            }
            ActionKind::Runbook(runbook) => self.nested(task, runbook, with.clone()).await?,
            ActionKind::Script(script) => Box::pin(self.script(task, script, deadline, interrupted)).await?,
        };
        self.expect(task, &out)?;
        if let (ActionKind::Primitive(declaration), true) = (&action.kind, self.opens) {
            self.saw(task, declaration, &with, &out);
        }
        Ok(out)
    }

    /// Records the intent, durably where an effect follows. An effect does not follow where it
    /// could not be kept, except that a disarm always does.
    async fn intend(&self, task: &Task<'_>, action: &Action, attempt: u32, with: &Value) -> Result<(), Failure> {
        let effect = action.effect();
        let recorded = self.record(Happened::Started {
            phase: task.phase,
            step: Arc::clone(&task.begun.path),
            action: Arc::from(action.name()),
            effect,
            attempt,
            with: with.clone(),
        });
        if effect != Effect::Changes {
            return Ok(());
        }
        if self.job.header.rehearsal {
            return Err(Failure::new(ErrorClass::Refused, "a rehearsal changes nothing"));
        }
        let kept = match recorded {
            Ok(()) => self.durable().await,
            Err(failure) => Err(failure),
        };
        // Runbooks and scripts have no effect of their own: on the way out each of their parts decides
        // for itself.
        let decides = !matches!(action.kind, ActionKind::Primitive(_)) && task.phase != Phase::Forward;
        if action.name() != DISARM && !decides {
            kept?;
        }
        task.begun.acted.set(true);
        self.touched.set(true);
        if let (ActionKind::Primitive(declaration), true) = (&action.kind, self.opens) {
            self.changes(task.phase, declaration, with);
        }
        Ok(())
    }

    pub(super) fn filled(&self, task: &Task<'_>, template: &Template) -> Result<Value, Failure> {
        if let Some(constant) = template.constant() {
            return Ok(constant.clone());
        }
        let mut names = task.frame.names.borrow_mut();
        let filled = match &task.begun.item {
            Some(item) => self.job.guards.fill(template, &mut names, &[("item", item)]),
            None => self.job.guards.fill(template, &mut names, &[]),
        };
        filled.map_err(|error| Failure::new(ErrorClass::Refused, error.to_string()))
    }

    pub(super) fn expect(&self, task: &Task<'_>, out: &Value) -> Result<(), Failure> {
        let Some(expect) = &task.work.expect else {
            return Ok(());
        };
        if self.truth(task, expect, Some(out), ErrorClass::Malformed)? {
            return Ok(());
        }
        let message = format!("`expect: {}` is false", expect.text());
        Err(Failure::new(ErrorClass::Mismatch, message))
    }

    /// A guard's truth in a task's place; an error in it fails with `class`.
    pub(super) fn truth(
        &self,
        task: &Task<'_>,
        guard: &Guard,
        out: Option<&Value>,
        class: ErrorClass,
    ) -> Result<bool, Failure> {
        let mut locals: Vec<(&str, &Value)> = Vec::with_capacity(2);
        locals.extend(out.map(|out| ("out", out)));
        locals.extend(task.begun.item.as_ref().map(|item| ("item", item)));
        let mut names = task.frame.names.borrow_mut();
        self.job.guards.truth(guard, &mut names, &locals).map_err(|error| Failure::new(class, error.to_string()))
    }

    async fn poll(
        &self,
        task: &Task<'_>,
        declaration: &'static Declaration,
        with: &Arguments,
        deadline: Duration,
        memory: Option<Value>,
    ) -> Result<Value, Failure> {
        let sampler = Sampler::new(self, task, declaration, with, deadline, memory);
        // The rare kinds lie apart, so that the work of every other step stays small.
        match &task.work.poll {
            runbook::Poll::Once => sampler.sample().await,
            runbook::Poll::Until { guard, every } => Box::pin(sampler.until(guard, *every)).await,
            runbook::Poll::Hold { guard, every, stay, min_good } => {
                Box::pin(sampler.hold(guard, *every, self.stay(task, stay)?, *min_good)).await
            }
        }
    }

    /// How long a `hold` must hold.
    fn stay(&self, task: &Task<'_>, stay: &Template) -> Result<Duration, Failure> {
        let given = self.filled(task, stay)?;
        as_duration(&given).ok_or_else(|| {
            Failure::new(ErrorClass::Refused, format!("`for` needs a duration, not {}", given.type_name()))
        })
    }

    /// The bound on a whole piece of work.
    fn bound(&self, task: &Task<'_>) -> Result<Duration, Failure> {
        match &task.work.poll {
            runbook::Poll::Hold { stay, .. } if task.work.timeout.is_none() => {
                Ok(task.work.bound(self.stay(task, stay)?))
            }
            runbook::Poll::Hold { .. } | runbook::Poll::Until { .. } | runbook::Poll::Once => {
                Ok(task.work.bound(Duration::ZERO))
            }
        }
    }

    /// Calls a primitive for a piece of work, which is unsettled until the call says what became of
    /// its effect.
    pub(super) async fn effect(
        &self,
        task: &Task<'_>,
        declaration: &'static Declaration,
        call: Call<'_>,
    ) -> Result<Value, Failure> {
        let Begun { acted, unsettled, .. } = task.begun;
        let (before, has_effect) = (unsettled.get(), acted.get() && declaration.effect == Effect::Changes);
        unsettled.set(before || has_effect);
        let result = self.call(declaration, call).await;
        let is_left = |failure: &Failure| declaration.in_doubt.is_left_by(failure.class, task.work.idempotent);
        unsettled.set(before || (has_effect && result.as_ref().is_err_and(is_left)));
        result
    }

    /// Calls a primitive once.
    pub(super) async fn call(&self, declaration: &'static Declaration, call: Call<'_>) -> Result<Value, Failure> {
        let Some(primitive) = (self.job.primitives)(declaration.name) else {
            let message = format!("no primitive is called `{}`", declaration.name);
            return Err(Failure::new(ErrorClass::Refused, message));
        };
        let asks = (declaration.effect == Effect::Asks).then(|| Question(self));
        let result = primitive.call(call).await;
        drop(asks);
        match self.job.world.redactor() {
            None => result,
            Some(redactor) => redacted(redactor, result),
        }
    }

    /// A failure without credentials.
    pub(super) fn clean(&self, failure: Failure) -> Failure {
        let message = self.job.world.redactor().and_then(|redactor| redactor.redacted(&failure.message));
        Failure { message: message.unwrap_or(failure.message), ..failure }
    }

    /// Shows what a step waits for.
    pub(super) fn progress(&self, path: &Arc<str>, text: &str) {
        let redacted = self.job.world.redactor().and_then(|redactor| redactor.redacted(text));
        let text = redacted.unwrap_or_else(|| text.to_owned());
        (self.job.progress)(Progress::Waits { step: Arc::clone(path), text });
    }
}

/// What a primitive came to, without credentials.
fn redacted(redactor: &dyn Redact, result: Result<Value, Failure>) -> Result<Value, Failure> {
    let clean = |text: &str| redactor.redacted(text);
    match result {
        Ok(out) => Ok(out.map_texts(&clean)),
        Err(failure) => Err(Failure { message: clean(&failure.message).unwrap_or(failure.message), ..failure }),
    }
}

/// The wait before the attempt after `attempt`: grown by the backoff, shortened by the jitter.
fn wait_before(retry: &Retry, attempt: u32, random: u64) -> Duration {
    #[expect(clippy::cast_precision_loss, reason = "a share of a wait needs no exactness")]
    let share = random as f64 / u64::MAX as f64;
    retry.wait_after(attempt).mul_f64((1.0 - retry.jitter * share).max(0.0))
}
