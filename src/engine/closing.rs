//! Closes gates in the engine's own words: nothing that an author wrote keeps a gate open that a
//! rollback wants closed.
//!
//! The record says which gates the run has tried to open, and by which step. A rollback closes them
//! before it undoes anything: what was begun after it may take its time. What a part of an undo has
//! opened is closed as soon as that part fails.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::{join_all, select};

use crate::declaration::{DISARM, Effect, ErrorClass, Failure};
use crate::event::{Happened, Phase, Status};
use crate::journal::Opening;
use crate::primitive::{Arguments, Call, Memory};
use crate::runbook::{ActionKind, Poll, Step, Work};
use crate::value::Value;
use crate::world::Wait;

use super::perform::Task;
use super::recorder::Recorder;
use super::{Begun, Frame, Run};

/// Why a gate is closed that a run has moved.
const REASON: &str = "the run rolls back, and has moved this gate";

/// A gate that the engine closed, and what came of that.
struct Closing {
    gate: Arc<str>,
    came: Result<(), Failure>,
}

impl Closing {
    /// What became of it, behind the failure of an undo.
    fn told(&self) -> String {
        match &self.came {
            Ok(()) => format!("; gate `{}` was closed without it, and is verified disarmed", self.gate),
            Err(why) => format!("; closing gate `{}` without it failed: {}", self.gate, why.message),
        }
    }
}

impl Run<'_> {
    /// Closes every gate that the steps have opened, before anything is undone: by its undo where that
    /// does nothing else, by the engine where it does. Where a rollback goes on that another runner had
    /// begun, a person may have opened what it had closed.
    pub(super) async fn close_first(&self, frame: &Rc<Frame>) -> Vec<String> {
        let unsolved = self.undo_openings(frame).await;
        let goes_on = self.job.past.is_some() && self.has_changes_left(frame);
        let gates: BTreeMap<_, _> = {
            let gates = self.gates.borrow();
            let is_due = |by: &Opening| by.phase == Phase::Forward || by.is_to_close;
            let is_kept = |gate: &Arc<str>| gates.open().any(|(open, by)| open == gate && !is_due(by));
            let opened = gates.open().filter(|(_, by)| is_due(by)).map(|(gate, by)| (gate, &by.step));
            let moved = gates.moved().filter(|(gate, _)| goes_on && !is_kept(gate));
            moved.chain(opened).map(|(gate, step)| (Arc::clone(gate), Arc::clone(step))).collect()
        };
        self.close_all(gates).await;
        unsolved
    }

    /// A sentence for every gate that may be open because it could not be closed.
    pub(super) fn unclosed(&self) -> Vec<String> {
        let unclosed = self.unclosed.borrow();
        unclosed.iter().map(|(gate, why)| format!("gate `{gate}` may be open: {why}")).collect()
    }

    /// Undoes what opened a gate where its undo closes that gate and does nothing else, the last first.
    fn undo_openings<'a>(&'a self, frame: &'a Rc<Frame>) -> Wait<'a, Vec<String>> {
        Box::pin(async move {
            let mut unsolved = Vec::new();
            for one in self.turned_back(frame).iter().rev().filter(|one| one.acted.get()) {
                let child = one.child.borrow().clone();
                let undo = frame.runbook.steps.get(one.step).and_then(|step| step.undo.as_deref());
                unsolved.extend(match (undo, child) {
                    (Some(undo), _) if self.only_closes(frame, one, undo) => self.undo_one(frame, one, false).await,
                    (None, Some(child)) => self.undo_openings(&child).await,
                    (Some(_) | None, _) => Vec::new(),
                });
            }
            unsolved
        })
    }

    /// Whether an undo closes what its step has opened, at once, whatever happens, and does nothing else.
    fn only_closes(&self, frame: &Rc<Frame>, begun: &Begun, undo: &Work) -> bool {
        let Work { action, when: None, require: None, poll: Poll::Once, retry: None, timeout: None, .. } = undo else {
            return false;
        };
        let task = Task { frame, begun, work: undo, phase: Phase::Undo, interrupted: None };
        let is_open = |gate: &String| {
            let gates = self.gates.borrow();
            gates.opened_under(&begun.path).map(|(open, _)| &**open).eq([gate.as_str()])
        };
        action.is(DISARM) && self.gate_of(&task).as_ref().is_some_and(is_open)
    }

    /// Whether something is left to undo that changes more than a gate.
    fn has_changes_left(&self, frame: &Rc<Frame>) -> bool {
        frame.all_begun().iter().filter(|one| one.acted.get() && !self.is_past(Phase::Undo, &one.path)).any(|one| {
            let undo = frame.runbook.steps.get(one.step).and_then(|step| step.undo.as_deref());
            match (undo, one.child.borrow().as_ref()) {
                (Some(undo), _) => undo.action.effect() == Effect::Changes && !undo.action.is(DISARM),
                (None, Some(child)) => self.has_changes_left(child),
                (None, None) => false,
            }
        })
    }

    /// Closes what an undo, or a part of one, has opened that did not come out well.
    pub(super) async fn close_opened(&self, phase: Phase, path: &str) -> String {
        if phase != Phase::Undo {
            return String::new();
        }
        let opened: Vec<_> = {
            let gates = self.gates.borrow();
            let under = gates.opened_under(path);
            under.map(|(gate, Opening { step, .. })| (Arc::clone(gate), Arc::clone(step))).collect()
        };
        self.close_all(opened).await.iter().map(Closing::told).collect()
    }

    /// Closes the gates that an undo which failed has opened, was to close, or was to close what opened
    /// them; gives the failure with what became of them.
    pub(super) async fn close_after(&self, task: &Task<'_>, failure: Failure) -> Failure {
        let closed = self.close_opened(task.phase, &task.begun.path).await;
        // What else a runbook or a script was to close is not known; a gate that is not there is not open.
        let is_there = || self.gate_of(task).is_none_or(|gate| self.job.target.gates.contains_key(&gate));
        let is_unknown = match task.work.action.kind {
            ActionKind::Primitive(_) => task.work.action.does(DISARM) && closed.is_empty() && is_there(),
            ActionKind::Runbook(_) | ActionKind::Script(_) => task.work.action.does(DISARM),
        };
        self.may_be_open.set(self.may_be_open.get() || is_unknown);
        let child = task.begun.child.borrow().clone();
        if let Some(child) = &child {
            self.recollect(child);
            self.close_what_is_left(child).await;
        }
        Failure { message: failure.message + closed.as_str(), ..failure }
    }

    /// Closes the gates that a runbook used as an undo had yet to close when it failed. What else the
    /// steps change that close them is not done any more: a gate may be open.
    fn close_what_is_left<'a>(&'a self, frame: &'a Rc<Frame>) -> Wait<'a, ()> {
        Box::pin(async move {
            for (at, step) in frame.runbook.steps.iter().enumerate() {
                if step.work.action.is(DISARM) {
                    self.close_what_it_names(frame, at, step).await;
                } else if step.work.action.does(DISARM) && !frame.begun.borrow().iter().any(|one| one.step == at) {
                    // How that came out is on record; the undo has failed either way.
                    drop(select(Box::pin(self.step(frame, at)), Box::pin(self.aborted(2))).await);
                }
                let begun: Vec<_> = frame.begun.borrow().iter().filter(|one| one.step == at).cloned().collect();
                for child in begun.iter().filter_map(|one| one.child.borrow().clone()) {
                    self.close_what_is_left(&child).await;
                }
            }
        })
    }

    /// Closes every gate that a disarm names and did not close.
    async fn close_what_it_names(&self, frame: &Rc<Frame>, at: usize, step: &Step) {
        let path = frame.path(at);
        let items = match &step.foreach {
            None => vec![Begun::new(at, path, None, 0)],
            Some(foreach) => {
                let list = self.list(frame, foreach);
                let item = |(index, item): (usize, &Value)| {
                    Begun::new(at, Arc::from(format!("{path}[{index}]")), Some(item.clone()), 0)
                };
                list.as_list().unwrap_or_default().iter().enumerate().map(item).collect()
            }
        };
        let is_closed =
            |path: &str| frame.begun.borrow().iter().any(|one| &*one.path == path && one.status.get() == Status::Ok);
        let left = items.iter().filter(|one| !is_closed(&one.path)).filter_map(|one| {
            let task = Task { frame, begun: one, work: &step.work, phase: Phase::Undo, interrupted: None };
            Some((Arc::from(self.gate_of(&task)?), Arc::clone(&one.path)))
        });
        let left: Vec<_> = left.collect();
        self.close_all(left).await;
    }

    /// The gate that an action is about.
    pub(super) fn gate_of(&self, task: &Task<'_>) -> Option<String> {
        let with = &task.work.action.with;
        // What else is filled in may be gone by now.
        let written = with.constant_field("gate").cloned();
        let gate = written.or_else(|| self.filled(task, with).ok()?.get("gate").cloned())?;
        gate.as_text().map(str::to_owned)
    }

    /// Closes gates, all at once, each for the step that has moved it; behind one that may be open
    /// nothing is changed. To one that the target does not have, nothing was ever sent.
    async fn close_all(&self, gates: impl IntoIterator<Item = (Arc<str>, Arc<str>)>) -> Vec<Closing> {
        let gates = gates.into_iter().filter(|(gate, _)| self.job.target.gates.contains_key(&**gate));
        let closed = gates.map(|(gate, step)| async move {
            self.note(Happened::GateClosing { step: Arc::clone(&step), gate: Arc::clone(&gate) });
            self.past.borrow_mut().gate_closed(&step);
            let came = self.close(&step, &gate, REASON).await;
            let failure = came.clone().err();
            match &failure {
                Some(why) => drop(self.unclosed.borrow_mut().insert(Arc::clone(&gate), why.message.clone())),
                None => drop(self.unclosed.borrow_mut().remove(&gate)),
            }
            self.may_be_open.set(self.may_be_open.get() || failure.is_some());
            self.note(Happened::GateClosed { step, gate: Arc::clone(&gate), failure });
            Closing { gate, came }
        });
        join_all(closed).await
    }

    /// Closes a gate for a step, and verifies that.
    pub(super) fn close<'a>(
        &'a self,
        step: &'a Arc<str>,
        gate: &'a str,
        reason: &'static str,
    ) -> Wait<'a, Result<(), Failure>> {
        Box::pin(async move {
            let missing = || Failure::new(ErrorClass::Refused, format!("no primitive is called `{DISARM}`"));
            let declaration = (self.job.primitives)(DISARM).ok_or_else(missing)?.declaration();
            let with = Value::map([("gate", Value::text(gate)), ("reason", Value::text(reason))]);
            let with = Arguments::check(declaration, &with)?;
            let call = Call {
                step,
                with: &with,
                world: self.job.world,
                target: self.job.target,
                bound: declaration.timeout,
                memory: &Memory::default(),
                record: &Recorder::at(self, Phase::Undo, step, declaration),
                progress: &|text| self.progress(step, text),
            };
            self.call(declaration, call).await.map(drop)
        })
    }
}
