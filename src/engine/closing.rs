//! Closes the gates that an undo had to close and did not, in the engine's own words: nothing that an
//! author wrote can keep a gate open that a rollback wants closed.

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::declaration::{ErrorClass, Failure};
use crate::primitive::{Arguments, Call, Memory};
use crate::runbook::ActionKind;
use crate::value::Value;
use crate::world::Wait;

use super::perform::Task;
use super::recorder::Recorder;
use super::run::{ARM, DISARM};
use super::{Begun, Frame, Run};

/// Why a gate is closed that an undo left open.
const REASON: &str = "an undo failed that left this gate open";

impl Run<'_> {
    /// The gates that a piece of work, or one inside it, has tried to open.
    pub(super) fn opened_by(&self, frame: &Rc<Frame>, begun: &Begun) -> BTreeSet<String> {
        let mut opened = BTreeSet::new();
        let Some(step) = frame.runbook.steps.get(begun.step) else {
            return opened;
        };
        let task = Task { frame, begun, work: &step.work, phase: frame.phase, interrupted: None };
        opened.extend(self.gate_opened(&task));
        if let Some(child) = begun.child.borrow().as_ref() {
            opened.extend(self.opened_in(child));
        }
        opened
    }

    /// The gate that a piece of work itself has tried to open.
    pub(super) fn gate_opened(&self, task: &Task<'_>) -> Option<String> {
        let action = &task.work.action;
        let opens = matches!(&action.kind, ActionKind::Primitive(declaration) if declaration.name == ARM);
        if !opens || !task.begun.acted.get() {
            return None;
        }
        // What else is filled in may be gone by now.
        let written = action.with.constant_field("gate").cloned();
        let gate = written.or_else(|| self.filled(task, &action.with).ok()?.get("gate").cloned())?;
        gate.as_text().map(str::to_owned)
    }

    /// The gates that the steps of a frame have tried to open.
    pub(super) fn opened_in(&self, frame: &Rc<Frame>) -> BTreeSet<String> {
        frame.all_begun().iter().flat_map(|begun| self.opened_by(frame, begun)).collect()
    }

    /// Closes gates after an undo has failed; gives the failure with what became of them, and whether
    /// all of them are verified closed.
    pub(super) async fn close_all(
        &self,
        task: &Task<'_>,
        gates: &BTreeSet<String>,
        failure: Failure,
    ) -> (Failure, bool) {
        let (mut message, mut are_closed) = (failure.message, true);
        for gate in gates {
            let what_came = match self.close(task, gate).await {
                Ok(()) => format!("; gate `{gate}` was closed without it, and is verified disarmed"),
                Err(why) => {
                    are_closed = false;
                    format!("; closing gate `{gate}` without it failed: {}", why.message)
                }
            };
            message.push_str(&what_came);
        }
        (Failure { message, ..failure }, are_closed)
    }

    fn close<'a>(&'a self, task: &'a Task<'a>, gate: &'a str) -> Wait<'a, Result<(), Failure>> {
        Box::pin(async move {
            let missing = || Failure::new(ErrorClass::Refused, format!("no primitive is called `{DISARM}`"));
            let declaration = (self.job.primitives)(DISARM).ok_or_else(missing)?.declaration();
            let with = Value::map([("gate", Value::text(gate)), ("reason", Value::text(REASON))]);
            let with = Arguments::check(declaration, &with)?;
            let call = Call {
                step: &task.begun.path,
                with: &with,
                world: self.job.world,
                target: self.job.target,
                bound: declaration.timeout,
                memory: &Memory::default(),
                record: &Recorder::of(self, task, declaration),
                progress: &|text| self.progress(&task.begun.path, text),
            };
            self.call(declaration, call).await.map(drop)
        })
    }
}
