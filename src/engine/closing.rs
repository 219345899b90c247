//! Closes gates in the engine's own words: nothing that an author wrote keeps a gate open that a
//! rollback wants closed.
//!
//! A rollback closes what was opened before it undoes anything: what was begun after it may take its
//! time. An undo that fails, or is done again, closes what it had opened.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use crate::declaration::{ARM, DISARM, ErrorClass, Failure};
use crate::event::{Happened, Phase};
use crate::primitive::{Arguments, Call, Memory};
use crate::runbook::{Action, ActionKind, Work};
use crate::value::Value;
use crate::world::Wait;

use super::perform::Task;
use super::recorder::Recorder;
use super::{Begun, Frame, Run};

/// Why a gate is closed that a run has tried to open.
const REASON: &str = "the run rolls back, and has tried to open this gate";

impl Run<'_> {
    /// Takes note that a piece of work may have an effect from now on.
    pub(super) fn takes_effect(&self, task: &Task<'_>) {
        task.begun.acted.set(true);
        self.touched.set(true);
        if is_primitive(&task.work.action, ARM) {
            self.closed.borrow_mut().clear();
        }
    }

    /// Closes every gate that was opened in a frame, the last first. An undo that does that and
    /// nothing else is done with it; any other comes in its turn.
    pub(super) fn close_first<'a>(&'a self, frame: &'a Rc<Frame>) -> Wait<'a, Vec<String>> {
        Box::pin(async move {
            let mut unsolved = Vec::new();
            for one in self.turned_back(frame).iter().rev().filter(|one| one.acted.get()) {
                let gates = self.opened_by(frame, one);
                let is_undone = self.is_past(Phase::Undo, &one.path);
                let Some(step) = frame.runbook.steps.get(one.step).filter(|_| !is_undone && !gates.is_empty()) else {
                    continue;
                };
                let child = one.child.borrow().clone();
                unsolved.extend(match (step.undo.as_deref(), child) {
                    (Some(undo), _) if self.only_closes(frame, one, undo, &gates) => {
                        self.undo_one(frame, one, false).await
                    }
                    (None, Some(child)) => self.close_first(&child).await,
                    (Some(_) | None, _) => {
                        let task = Task { frame, begun: one, work: &step.work, phase: Phase::Undo, interrupted: None };
                        let closed = self.close_all(&task, &gates).await;
                        closed
                            .into_iter()
                            .filter_map(|(gate, closed)| Some(may_be_open(&gate, &closed.err()?)))
                            .collect()
                    }
                });
            }
            unsolved
        })
    }

    /// Whether an undo closes these gates whatever happens, and does nothing else.
    fn only_closes(&self, frame: &Rc<Frame>, begun: &Begun, undo: &Work, gates: &BTreeSet<String>) -> bool {
        let task = Task { frame, begun, work: undo, phase: Phase::Undo, interrupted: None };
        let closes = is_primitive(&undo.action, DISARM) && undo.when.is_none();
        closes && self.gate_of(&task).is_some_and(|gate| gates.iter().eq([&gate]))
    }

    /// Closes at once what a runbook has opened that failed as an undo, or as a part of one.
    pub(super) async fn close_opened(&self, task: &Task<'_>, frame: &Rc<Frame>) {
        self.close_all(task, &self.opened_in(frame)).await;
    }

    /// Closes the gates that an undo which failed has opened, was to close, or was to close what opened
    /// them; gives the failure with what became of them.
    pub(super) async fn close_after(&self, task: &Task<'_>, undone: &Begun, failure: Failure) -> Failure {
        let child = task.begun.child.borrow().clone();
        child.iter().for_each(|child| self.recollect(child));
        let mut gates = self.opened_by(task.frame, undone);
        gates.extend(self.gate_opened(task));
        gates.extend(child.iter().flat_map(|child| self.opened_in(child)));
        let mut message = failure.message;
        for (gate, closed) in self.close_all(task, &gates).await {
            message.push_str(&match closed {
                Ok(()) => format!("; gate `{gate}` was closed without it, and is verified disarmed"),
                Err(why) => format!("; closing gate `{gate}` without it failed: {}", why.message),
            });
        }
        // What else a runbook or a script was to close is not known.
        let is_all = matches!(task.work.action.kind, ActionKind::Primitive(_)) && !gates.is_empty();
        self.may_be_open.set(self.may_be_open.get() || (task.work.action.does(DISARM) && !is_all));
        if let Some(child) = &child {
            self.close_what_is_left(child).await;
        }
        Failure { message, ..failure }
    }

    /// Closes the gates that a runbook used as an undo had yet to close when it failed. What else the
    /// steps change that close them is not done any more: a gate may be open.
    fn close_what_is_left<'a>(&'a self, frame: &'a Rc<Frame>) -> Wait<'a, ()> {
        Box::pin(async move {
            for (at, step) in frame.runbook.steps.iter().enumerate() {
                let is_begun = frame.begun.borrow().iter().any(|one| one.step == at);
                if !is_begun && step.work.action.does(DISARM) {
                    // How that came out is on record; the undo has failed either way.
                    drop(self.step(frame, at).await);
                }
                let begun: Vec<_> = frame.begun.borrow().iter().filter(|one| one.step == at).cloned().collect();
                for child in begun.iter().filter_map(|one| one.child.borrow().clone()) {
                    self.close_what_is_left(&child).await;
                }
            }
        })
    }

    /// The gates that a piece of work, or one inside it, has tried to open.
    fn opened_by(&self, frame: &Rc<Frame>, begun: &Begun) -> BTreeSet<String> {
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

    /// The gates that the steps of a frame have tried to open.
    fn opened_in(&self, frame: &Rc<Frame>) -> BTreeSet<String> {
        frame.all_begun().iter().flat_map(|begun| self.opened_by(frame, begun)).collect()
    }

    /// The gate that a piece of work itself has tried to open.
    fn gate_opened(&self, task: &Task<'_>) -> Option<String> {
        let has_opened = is_primitive(&task.work.action, ARM) && task.begun.acted.get();
        let gate = has_opened.then(|| self.gate_of(task)).flatten();
        gate.filter(|gate| !self.closed.borrow().contains(gate))
    }

    /// The gate that an action is about.
    fn gate_of(&self, task: &Task<'_>) -> Option<String> {
        let with = &task.work.action.with;
        // What else is filled in may be gone by now.
        let written = with.constant_field("gate").cloned();
        let gate = written.or_else(|| self.filled(task, with).ok()?.get("gate").cloned())?;
        gate.as_text().map(str::to_owned)
    }

    /// Closes gates, and says what became of each; behind one that may be open nothing is changed.
    async fn close_all(&self, task: &Task<'_>, gates: &BTreeSet<String>) -> Vec<(String, Result<(), Failure>)> {
        let mut came = Vec::with_capacity(gates.len());
        for gate in gates {
            let step = || Arc::clone(&task.begun.path);
            self.note(Happened::GateClosing { step: step(), gate: Arc::from(gate.as_str()) });
            let closed = self.close(task, gate).await;
            let failure = closed.clone().err();
            self.note(Happened::GateClosed { step: step(), gate: Arc::from(gate.as_str()), failure });
            match closed {
                Ok(()) => drop(self.closed.borrow_mut().insert(gate.clone())),
                Err(_) => self.may_be_open.set(true),
            }
            came.push((gate.clone(), closed));
        }
        came
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

fn is_primitive(action: &Action, name: &str) -> bool {
    matches!(&action.kind, ActionKind::Primitive(declaration) if declaration.name == name)
}

fn may_be_open(gate: &str, why: &Failure) -> String {
    format!("gate `{gate}` may be open: {}", why.message)
}
