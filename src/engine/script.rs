//! `do: script`: durable by re-run. The script runs until it calls a primitive that has no
//! recorded result; the call is carried out and recorded, and the script runs again.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::yield_now;

use crate::declaration::{DISARM, Effect, ErrorClass, Failure};
use crate::event::{Happened, Phase};
use crate::guard::{Recorded, Script, ScriptCall, ScriptProgress};
use crate::journal::Known;
use crate::primitive::{Arguments, Call, Memory};
use crate::value::Value;

use super::Run;
use super::perform::Task;
use super::recorder::Recorder;

/// The most calls of one script: a loop that never ends must not fill the record.
const MAX_SCRIPT_CALLS: usize = 10_000;

impl Run<'_> {
    /// Runs a script to its end.
    pub(super) async fn script(
        &self,
        task: &Task<'_>,
        script: &Script,
        deadline: Duration,
        interrupted: Option<&Known>,
    ) -> Result<Value, Failure> {
        if let Some(known) = interrupted {
            self.gates_moved(known);
            self.had_called(task.phase, &task.begun.path, known);
        }
        let mut recorded = Rc::new(interrupted.map(|known| self.recorded(known)).unwrap_or_default());
        let mut open = interrupted.filter(|known| known.calls.len() > recorded.len());
        if let (Some(known), None) = (interrupted, open) {
            task.begun.unsettled.set(self.is_left_by_calls(task.work, known));
        }
        let locals: Vec<_> = task.begun.item.iter().map(|item| ("item", item)).collect();
        loop {
            // A watch, a timeout or a person is heard between two calls.
            yield_now().await;
            if self.now() >= deadline {
                return Err(Failure::new(ErrorClass::Timeout, "the script was not done in time"));
            }
            let progress = {
                let mut names = task.frame.names.borrow_mut();
                self.job.guards.run_script(script, &mut names, &locals, &recorded)
            };
            let call = match progress {
                ScriptProgress::Done(out) => return Ok(out),
                ScriptProgress::Failed(error) => return Err(Failure::new(ErrorClass::Refused, error.to_string())),
                ScriptProgress::Threw(failure) => return Err(failure),
                ScriptProgress::Diverged { message } => return Err(Failure::new(ErrorClass::Malformed, message)),
                ScriptProgress::Asks(call) => call,
            };
            if recorded.len() >= MAX_SCRIPT_CALLS {
                let message = format!("the script made more than {MAX_SCRIPT_CALLS} calls");
                return Err(Failure::new(ErrorClass::Refused, message));
            }
            let result = self.script_call(task, &call, recorded.len(), deadline, open.take()).await?;
            // Nobody else holds it by now.
            Rc::make_mut(&mut recorded).push(Recorded { call, result });
        }
    }

    async fn script_call(
        &self,
        task: &Task<'_>,
        call: &ScriptCall,
        index: usize,
        deadline: Duration,
        interrupted: Option<&Known>,
    ) -> Result<Result<Value, Failure>, Failure> {
        let path = &task.begun.path;
        let with = Value::map(call.with.iter().map(|(name, value)| (name.as_str(), value.clone())));
        let recorded = self.record(Happened::CallStarted {
            phase: task.phase,
            step: Arc::clone(path),
            index,
            primitive: Arc::from(call.primitive.name),
            with: with.clone(),
        });
        let kept = match recorded {
            Ok(()) if call.primitive.effect == Effect::Changes => self.durable().await,
            recorded => recorded,
        };
        // On the way out a gate is closed, and what only looks is looked at, without a record too.
        let needs_record = call.primitive.effect == Effect::Changes && call.primitive.name != DISARM;
        if task.phase == Phase::Forward || needs_record {
            kept?;
        }
        if self.opens {
            self.changes(task.phase, call.primitive, &with);
        }
        // Whatever came of it before, the same is done now.
        if let Some(known) = interrupted {
            task.begun.unsettled.set(self.is_left_by_calls(task.work, known));
        }
        let result = match Arguments::check(call.primitive, &with) {
            Err(failure) => Err(failure),
            Ok(_) if self.is_taken_as_done(task.work, path, interrupted) => Ok(Value::Null),
            Ok(with) => {
                let memory = Memory::new(interrupted.and_then(|known| known.memory.clone()));
                let recorder = Recorder::of(self, task, call.primitive);
                let progress = |text: &str| self.progress(path, text);
                let called = self.effect(
                    task,
                    call.primitive,
                    Call {
                        step: path,
                        with: &with,
                        world: self.job.world,
                        target: self.job.target,
                        bound: call.primitive.timeout.min(deadline.saturating_sub(self.now())),
                        memory: &memory,
                        record: &recorder,
                        progress: &progress,
                    },
                );
                match task.phase {
                    Phase::Undo => self.part_of_undo(call.primitive, &with, called).await,
                    Phase::Forward | Phase::Ensure => called.await,
                }
            }
        };
        if let (Ok(out), true) = (&result, self.opens) {
            self.saw_in_call(task, call.primitive, &with, out);
        }
        if result.is_ok() && task.phase == Phase::Forward {
            self.gate_moved(call.primitive.name, self.now());
        }
        self.note(Happened::CallFinished {
            phase: task.phase,
            step: Arc::clone(path),
            index,
            out: result.clone().unwrap_or_default(),
            failure: result.clone().err(),
        });
        Ok(result)
    }

    /// The calls of an interrupted script whose results are known.
    fn recorded(&self, known: &Known) -> Vec<Recorded> {
        let calls = known.calls.iter().map_while(|call| {
            let primitive = (self.job.primitives)(&call.primitive)?.declaration();
            let with = call.with.as_map().into_iter().flatten().map(|(name, value)| (name.to_string(), value.clone()));
            let with = with.collect();
            Some(Recorded { call: ScriptCall { primitive, with }, result: call.result.clone()? })
        });
        calls.collect()
    }
}
