//! Closes gates in the engine's own words: nothing that an author wrote keeps a gate open that a
//! rollback wants closed.
//!
//! The record says which gates the run has tried to open, and by which step. A rollback closes them
//! before it undoes anything: what was begun after it may take its time. What a part of an undo has
//! opened is closed as soon as that part fails.

use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::join_all;

use crate::declaration::{DISARM, Effect, ErrorClass, Failure};
use crate::event::{Happened, Phase, Status};
use crate::journal::Opening;
use crate::primitive::{Arguments, Call, Memory};
use crate::runbook::{Action, ActionKind, Poll, Work};
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
    /// What a person must know where it may be open.
    fn may_be_open(self) -> Option<String> {
        let why = self.came.err()?;
        Some(format!("gate `{}` may be open: {}", self.gate, why.message))
    }

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
        let mut unsolved = self.undo_openings(frame).await;
        let goes_on = self.past.borrow().rollback.is_some() && self.has_changes_left(frame);
        let gates: Vec<_> = {
            let gates = self.gates.borrow();
            let is_kept = |gate: &Arc<str>| gates.open().any(|(open, by)| open == gate && by.phase != Phase::Forward);
            let opened = gates.open().filter(|(_, by)| by.phase == Phase::Forward).map(|(gate, by)| (gate, &by.step));
            let moved = gates.moved().filter(|(gate, _)| goes_on && !is_kept(gate));
            let all: std::collections::BTreeMap<_, _> = moved.chain(opened).collect();
            all.into_iter().map(|(gate, step)| (Arc::clone(gate), Arc::clone(step))).collect()
        };
        unsolved.extend(self.close_all(gates).await.into_iter().filter_map(Closing::may_be_open));
        unsolved
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
        is_primitive(action, DISARM) && self.gate_of(&task).as_ref().is_some_and(is_open)
    }

    /// Whether something is left to undo that changes more than a gate.
    fn has_changes_left(&self, frame: &Rc<Frame>) -> bool {
        frame.all_begun().iter().filter(|one| one.acted.get() && !self.is_past(Phase::Undo, &one.path)).any(|one| {
            let undo = frame.runbook.steps.get(one.step).and_then(|step| step.undo.as_deref());
            match (undo, one.child.borrow().as_ref()) {
                (Some(undo), _) => undo.action.effect() == Effect::Changes && !is_primitive(&undo.action, DISARM),
                (None, Some(child)) => self.has_changes_left(child),
                (None, None) => false,
            }
        })
    }

    /// Closes what an undo, or a part of one, has opened that did not come out well.
    pub(super) async fn close_opened(&self, task: &Task<'_>) -> String {
        if task.phase != Phase::Undo {
            return String::new();
        }
        let path = &task.begun.path;
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
        let closed = self.close_opened(task).await;
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
                let is_begun = frame.begun.borrow().iter().any(|one| one.step == at);
                // After a second abort nothing else of a runbook is done, and nothing is waited for.
                let may_begin = is_primitive(&step.work.action, DISARM) || self.aborts() < 2;
                if !is_begun && step.work.action.does(DISARM) && may_begin {
                    // How that came out is on record; the undo has failed either way.
                    drop(self.step(frame, at).await);
                }
                let begun: Vec<_> = frame.begun.borrow().iter().filter(|one| one.step == at).cloned().collect();
                for one in &begun {
                    let task = Task { frame, begun: one, work: &step.work, phase: Phase::Undo, interrupted: None };
                    let was_cut_off = is_primitive(&step.work.action, DISARM) && one.status.get() == Status::Running;
                    let gate = self.gate_of(&task).filter(|_| was_cut_off);
                    self.close_all(gate.map(|gate| (Arc::from(gate), Arc::clone(&one.path)))).await;
                }
                for child in begun.iter().filter_map(|one| one.child.borrow().clone()) {
                    self.close_what_is_left(&child).await;
                }
            }
        })
    }

    /// The gate that an action is about.
    fn gate_of(&self, task: &Task<'_>) -> Option<String> {
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
            let came = self.close(&step, &gate).await;
            let failure = came.clone().err();
            self.may_be_open.set(self.may_be_open.get() || failure.is_some());
            self.past.borrow_mut().gate_closed(&step);
            self.note(Happened::GateClosed { step, gate: Arc::clone(&gate), failure });
            Closing { gate, came }
        });
        join_all(closed).await
    }

    fn close<'a>(&'a self, step: &'a Arc<str>, gate: &'a str) -> Wait<'a, Result<(), Failure>> {
        Box::pin(async move {
            let missing = || Failure::new(ErrorClass::Refused, format!("no primitive is called `{DISARM}`"));
            let declaration = (self.job.primitives)(DISARM).ok_or_else(missing)?.declaration();
            let with = Value::map([("gate", Value::text(gate)), ("reason", Value::text(REASON))]);
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

fn is_primitive(action: &Action, name: &str) -> bool {
    matches!(&action.kind, ActionKind::Primitive(declaration) if declaration.name == name)
}
