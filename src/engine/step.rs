//! One step: its guard, its fan-out, its work, and a runbook used as its action.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use futures_util::StreamExt;

use crate::declaration::{ErrorClass, Failure, InDoubt};
use crate::event::{Cause, Happened, Status};
use crate::runbook::{ActionKind, ParamSource, Runbook, Step, Work, resolve_params};
use crate::value::Value;
use crate::world::Wait;

use super::perform::Task;
use super::run::{ARM, DISARM, Stop};
use super::{Begun, Frame, Run};

impl Run<'_> {
    /// Does one step: its guard, its fan-out, its work.
    pub(super) async fn step(&self, frame: &Rc<Frame>, at: usize) -> Result<Value, Failure> {
        let Some(step) = frame.runbook.steps.get(at) else {
            return Ok(Value::Null);
        };
        match &step.foreach {
            None => self.item(frame, at, step, frame.path(at), None).await,
            Some(foreach) => {
                let list = {
                    let mut names = frame.names.borrow_mut();
                    self.job.guards.value(&foreach.list, &mut names, &[])
                };
                let list = list.map_err(|error| Failure::new(ErrorClass::Refused, error.to_string()))?;
                self.fan_out(frame, at, step, &list, foreach.max_parallel).await
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
        let works = items.iter().enumerate().map(|(index, item)| {
            let path = Arc::from(format!("{whole}[{index}]"));
            async move { (index, self.item(frame, at, step, path, Some(item.clone())).await) }
        });
        let mut under_way = futures_util::stream::iter(works).buffer_unordered(max_parallel);
        let mut outs = vec![Value::Null; items.len()];
        while let Some((index, result)) = under_way.next().await {
            if let Some(slot) = outs.get_mut(index) {
                *slot = result?;
            }
        }
        Ok(Value::list(outs))
    }

    /// Does a step's work once, for one item of its fan-out where it has one.
    async fn item(
        &self,
        frame: &Rc<Frame>,
        at: usize,
        step: &Step,
        path: Arc<str>,
        item: Option<Value>,
    ) -> Result<Value, Failure> {
        let begun = Rc::new(Begun {
            step: at,
            path: Arc::clone(&path),
            item,
            child: RefCell::new(None),
            acted: Cell::new(false),
            status: Cell::new(Status::Running),
        });
        let task = Task { frame, begun: &begun, work: &step.work, phase: frame.phase };
        let wanted = match &step.work.when {
            Some(when) => self.truth(&task, when, None, ErrorClass::Refused),
            None => Ok(true),
        };
        if let (Ok(false), Some(when)) = (&wanted, &step.work.when) {
            self.skip(frame, at, format!("`when: {}` is false", when.text()));
            return Ok(Value::Null);
        }
        frame.begun.borrow_mut().push(Rc::clone(&begun));
        let began = self.now();
        let result = match wanted {
            Ok(_) => self.perform(&task).await,
            Err(failure) => Err(failure),
        };
        let status = status_of(&result, &step.work, begun.acted.get());
        begun.status.set(status);
        self.gate_moved(step.work.action.name(), status);
        self.note(Happened::Finished {
            phase: frame.phase,
            step: path,
            status,
            failure: result.clone().err(),
            out: result.clone().unwrap_or_default(),
            took_ms: self.since_ms(began),
        });
        result
    }

    /// Starts or ends the time that counts against `limits.disarmed`.
    fn gate_moved(&self, action: &str, status: Status) {
        match (action, status) {
            (DISARM, Status::Ok) => self.disarmed_since.set(Some(self.now())),
            (ARM, Status::Ok) => self.disarmed_since.set(None),
            _ => {}
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
            let given = ParamSource {
                from: "`with`".to_owned(),
                strict: true,
                values: with.as_map().into_iter().flatten().map(|(k, v)| (k.to_string(), v.clone())).collect(),
            };
            let unreadable = |path: &str| Err(format!("`{path}` must be handed over as a file value"));
            let params = resolve_params(runbook, &[given], &unreadable)
                .map_err(|problems| Failure::new(ErrorClass::Refused, problems.join("; ")))?;
            let names = task.frame.names.borrow().nested(&params);
            let frame = self.frame(Arc::clone(runbook), format!("{}/", task.begun.path), task.phase, names);
            task.begun.child.replace(Some(Rc::clone(&frame)));
            self.lets(&frame).and(Ok(())).map_err(into_failure)?;
            self.steps(&frame).await.map_err(into_failure)?;
            self.outputs(&frame)
        })
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

/// How a step ended. An effect that cannot be told from outside, and whose answer did not come, is
/// in doubt rather than failed.
fn status_of(result: &Result<Value, Failure>, work: &Work, acted: bool) -> Status {
    let Err(failure) = result else {
        return Status::Ok;
    };
    let is_opaque = match &work.action.kind {
        ActionKind::Primitive(declaration) => declaration.in_doubt == InDoubt::AskPerson,
        ActionKind::Runbook(_) | ActionKind::Script(_) => false,
    };
    let is_unanswered = matches!(failure.class, ErrorClass::Timeout | ErrorClass::Disconnected);
    if acted && is_opaque && is_unanswered && !work.idempotent { Status::InDoubt } else { Status::Failed }
}

fn into_failure(stop: Stop) -> Failure {
    let (Stop::Rollback(cause) | Stop::Pause(cause)) = stop;
    let message = match &cause {
        Cause::Step { step, failure } => format!("`{step}`: {}", failure.message),
        other => other.sentence(),
    };
    Failure::new(cause.class(), message)
}
