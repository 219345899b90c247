//! What keeps a frame from starting steps: an operator's pause, a watch's breach, and failed steps
//! for which a person is waited for.
//!
//! A runbook used as an action does not end while it is held: it stands where it is, keeps the
//! runbooks around it from starting steps, and goes on when a person says how. The run pauses once
//! nothing is under way but what stands like that, or asks people.

use std::rc::Rc;
use std::sync::Arc;

use crate::declaration::Effect;
use crate::event::{Asked, Cause, Phase, Progress, Request, Status};
use crate::runbook::ActionKind;

use super::plan::Next;
use super::steps::words;
use super::{Frame, Run};

/// What keeps a frame from starting steps.
#[derive(Default)]
pub(super) struct Held {
    /// Whether an operator asked for a pause.
    pub(super) is_paused: bool,
    /// What a watch saw that a person must know.
    pub(super) breach: Option<Cause>,
    /// The failed steps for which a person is waited for.
    failed: Vec<(usize, Cause)>,
    /// The steps that a person wants done again, whatever holds the others.
    again: Vec<usize>,
    /// How many requests were held against failed steps.
    heard: usize,
}

impl Held {
    /// By nothing yet; earlier requests are none of this frame's.
    pub(super) fn after(heard: usize) -> Self {
        Self { heard, ..Self::default() }
    }

    /// Has a person be waited for after a failure.
    pub(super) fn failed(&mut self, at: usize, cause: Cause) {
        self.failed.push((at, cause));
    }

    /// Why the run pauses: first of all what `resume` does again.
    fn cause(&self) -> Option<Cause> {
        let failed = self.failed.first().map(|(_, cause)| cause.clone());
        let pause = || self.is_paused.then(|| Cause::Operator { request: "pause".to_owned() });
        failed.or_else(|| self.breach.clone()).or_else(pause)
    }

    /// Whether nothing new starts.
    pub(super) fn holds(&self) -> bool {
        self.is_paused || self.waits()
    }

    /// Whether a person is waited for.
    fn waits(&self) -> bool {
        self.breach.is_some() || !self.failed.is_empty()
    }
}

/// Counts a frame inside another as waiting, as long as it waits and is not given up.
pub(super) struct Waiting<'r, 'j> {
    run: &'r Run<'j>,
    frame: &'r Frame,
    is_counted: bool,
    is_at_rest: bool,
}

impl<'r, 'j> Waiting<'r, 'j> {
    pub(super) fn new(run: &'r Run<'j>, frame: &'r Frame) -> Self {
        Self { run, frame, is_counted: false, is_at_rest: false }
    }

    /// Takes note of how a frame stands; the frames around it look again where that is new.
    pub(super) fn tell(&mut self, waits: bool, is_at_rest: bool) {
        if (self.is_counted, self.is_at_rest) == (waits, is_at_rest) {
            return;
        }
        let others = self.run.waiting.get() - usize::from(self.is_counted);
        self.run.waiting.set(others + usize::from(waits));
        (self.is_counted, self.is_at_rest) = (waits, is_at_rest);
        self.run.stirred.send_replace(());
    }
}

impl Drop for Waiting<'_, '_> {
    fn drop(&mut self) {
        drop(self.frame.held.take());
        self.tell(false, false);
        // What is under way around it may have been only this.
        self.run.stirred.send_replace(());
    }
}

impl Run<'_> {
    /// The next thing to do in a frame. While it is held, only what a person wants done again
    /// starts, and what can never start is skipped.
    pub(super) fn next_of(&self, frame: &Frame) -> Option<Next> {
        if let Some(at) = frame.held.borrow_mut().again.pop() {
            return Some(Next::Start(at));
        }
        let is_held = frame.held.borrow().holds() || (self.waiting.get() > 0 && waits_inside(frame));
        let mut plan = frame.plan.borrow_mut();
        if is_held { plan.take_skip() } else { plan.take_next() }
    }

    /// Waits until no runbook inside a frame waits for a person: no item of a fan-out begins before.
    pub(super) async fn let_go_on(&self, frame: &Frame) {
        if self.waiting.get() > 0 && waits_inside(frame) {
            // With this one nothing may be under way any more.
            self.stirred.send_replace(());
        }
        let mut stirred = self.stirred.subscribe();
        while self.waiting.get() > 0 && waits_inside(frame) {
            drop(stirred.changed().await);
        }
    }

    /// Whether nothing is under way in a frame but what waits for people.
    pub(super) fn is_at_rest(&self, frame: &Frame) -> bool {
        let is_paused = match frame.is_outermost() {
            true => frame.held.borrow().is_paused,
            false => self.job.signals.borrow().is_to_pause(),
        };
        (is_paused || self.waiting.get() > 0 || frame.held.borrow().holds()) && rests(frame, is_paused)
    }

    /// Waits until a person says how to go on after a failure that holds the frame.
    pub(super) async fn released(&self, frame: &Frame) -> (usize, Asked) {
        let mut signals = self.job.signals.clone();
        loop {
            let heard = frame.held.borrow().heard;
            let asked = signals.borrow_and_update().asked.get(heard..).map(<[Asked]>::to_vec);
            for one in asked.unwrap_or_default() {
                let mut held = frame.held.borrow_mut();
                held.heard += 1;
                let (Request::Skip { step } | Request::Retry { step }) = &one.request else {
                    continue;
                };
                if let Some((at, _)) = held.failed.iter().find(|(at, _)| *frame.path(*at) == **step) {
                    return (*at, one);
                }
            }
            if frame.held.borrow().failed.is_empty() || signals.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Tells people of each failed step that waits for them, once.
    pub(super) fn tell_of_waiting(&self, frame: &Frame) {
        if self.waiting.get() == 0 && !frame.waits() {
            return;
        }
        for (at, _) in &frame.held.borrow().failed {
            let step = frame.path(*at);
            let may_skip = frame.runbook.steps.get(*at).is_some_and(|step| step.may_skip && step.foreach.is_none());
            if self.told.borrow_mut().insert(Arc::clone(&step)) {
                (self.job.progress)(Progress::Asks { step, may_skip });
            }
        }
        frame
            .begun
            .borrow()
            .iter()
            .filter_map(|one| one.child_under_way())
            .for_each(|child| self.tell_of_waiting(&child));
    }

    /// Goes on as a person said: does the failed step again, or goes on without it.
    pub(super) fn release(&self, frame: &Rc<Frame>, at: usize, asked: &Asked) {
        frame.held.borrow_mut().failed.retain(|(failed, _)| *failed != at);
        self.told.borrow_mut().remove(&frame.path(at));
        self.has_waited();
        match &asked.request {
            Request::Skip { .. } => {
                let (path, heard) = (frame.path(at), self.job.signals.borrow().asked.len());
                self.skippable.borrow_mut().insert(Arc::clone(&path), heard);
                frame
                    .begun
                    .borrow()
                    .iter()
                    .filter(|one| one.step == at)
                    .for_each(|one| one.status.set(Status::Skipped));
                self.skip(frame, at, path, words(asked));
            }
            _ => {
                frame.set_aside(at);
                self.past.borrow_mut().redo(&frame.path(at));
                frame.plan.borrow_mut().again(at);
                frame.held.borrow_mut().again.push(at);
            }
        }
    }
}

impl Frame {
    /// Whether it stands where it is while a person is waited for. A rollback waits for nobody.
    pub(super) fn may_wait_inside(&self) -> bool {
        self.phase == Phase::Forward && !self.is_outermost()
    }

    /// Whether a person is waited for in it.
    pub(super) fn waits(&self) -> bool {
        self.held.borrow().waits()
    }

    /// Why it is held, or a runbook inside it.
    pub(super) fn hold(&self) -> Option<Cause> {
        let own = self.held.borrow().cause();
        let inside = self.begun.borrow();
        let inside = || inside.iter().filter_map(|one| one.child_under_way()).find_map(|child| child.hold());
        match own {
            Some(Cause::Operator { .. }) | None => inside().or(own),
            Some(cause) => Some(cause),
        }
    }
}

/// Whether a person is waited for in a runbook that is under way inside a frame.
fn waits_inside(frame: &Frame) -> bool {
    let begun = frame.begun.borrow();
    begun.iter().filter_map(|one| one.child_under_way()).any(|child| child.waits() || waits_inside(&child))
}

/// Whether nothing is under way in a frame but steps that failed and wait, runbooks that stand like
/// that, and, where a pause was asked for, questions to people: whoever goes on asks them again.
fn rests(frame: &Frame, is_paused: bool) -> bool {
    let (held, plan) = (frame.held.borrow(), frame.plan.borrow());
    let asks_only = is_paused && !frame.is_watched.get();
    let steps = frame.runbook.steps.iter().enumerate();
    let mut under_way = steps
        .filter(|(at, _)| plan.status(*at) == Status::Running && held.failed.iter().all(|(failed, _)| failed != at))
        .peekable();
    (held.waits() || under_way.peek().is_some())
        && under_way.all(|(at, step)| match &step.work.action.kind {
            _ if asks_only && step.work.action.effect() == Effect::Asks => true,
            _ if step.foreach.is_some() && waits_for_its_next_item(frame, at) => true,
            ActionKind::Runbook(_) => rests_inside(frame, at, is_paused),
            ActionKind::Primitive(_) | ActionKind::Script(_) => false,
        })
}

/// Whether no item of a fan-out is under way, and none begins while a person is waited for.
fn waits_for_its_next_item(frame: &Frame, at: usize) -> bool {
    let begun = frame.begun.borrow();
    waits_inside(frame) && begun.iter().all(|one| one.step != at || one.status.get() != Status::Running)
}

/// Whether every runbook that is under way for a step stands still.
fn rests_inside(frame: &Frame, at: usize, is_paused: bool) -> bool {
    let begun = frame.begun.borrow();
    let mut under_way = begun.iter().filter(|one| one.step == at && one.status.get() == Status::Running).peekable();
    under_way.peek().is_some()
        && under_way.all(|one| one.child_under_way().is_some_and(|child| rests(&child, is_paused)))
}
