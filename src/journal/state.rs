//! What follows from a journal: the state after each record, by one pure function.
//!
//! The same [`State::apply`] checks a record before it is written and rebuilds the state when a
//! run is resumed, so a record that could not be read back is never written. What a crash left
//! open stays open here: a piece of work without an outcome.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::declaration::Effect;
use crate::event::{Asked, Cause, Ended, Ending, Event, Happened, Header, Phase, Status};
use crate::value::Value;

use super::gates::Gates;
use super::known::{Known, Outcome, ScriptRecord};

/// Everything the records so far say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// What the run is made of; absent before the first record.
    pub header: Option<Box<Header>>,
    /// Why the rollback began, once it has.
    pub rollback: Option<Cause>,
    /// The end, once there is one that stands.
    pub ended: Option<Box<Ended>>,
    /// What was asked for, in order.
    pub requests: Vec<Asked>,
    /// Who resumed the run, in order.
    pub resumed_by: Vec<String>,
    /// Milliseconds since the run began, of the last record.
    pub at_ms: u64,
    /// How many records there are.
    pub records: u64,
    /// The gates that the run has moved.
    pub gates: Gates,
    /// Shared between the record that goes on and the run that takes it up.
    work: [BTreeMap<Arc<str>, Arc<Known>>; 3],
    watches: BTreeMap<Arc<str>, WatchState>,
}

/// What is known of a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchState {
    /// It looks on.
    Live,
    /// It has ended.
    Ended,
    /// It had ended, and who went on after a breach knows that nobody looked since.
    Told,
}

/// A record that cannot follow the ones before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {seq} cannot follow: {why}")]
pub struct IllegalTransition {
    /// The record's place.
    pub seq: u64,
    /// Why not.
    pub why: String,
}

impl State {
    /// The state after all of these events.
    ///
    /// # Errors
    /// [`IllegalTransition`] for the first event that cannot follow.
    pub fn after<'a>(events: impl IntoIterator<Item = &'a Event>) -> Result<Self, IllegalTransition> {
        let mut state = Self::default();
        events.into_iter().try_for_each(|event| state.apply(event))?;
        Ok(state)
    }

    /// What is known of a piece of work.
    pub fn known(&self, phase: Phase, path: &str) -> Option<&Known> {
        self.of(phase).get(path).map(|known| &**known)
    }

    /// Every piece of work of a part of the run, by path.
    pub fn all(&self, phase: Phase) -> impl Iterator<Item = (&Arc<str>, &Known)> {
        self.of(phase).iter().map(|(path, known)| (path, &**known))
    }

    /// Takes what is known of a piece of work out: whoever takes it goes on from it.
    pub fn take(&mut self, phase: Phase, path: &str) -> Option<Arc<Known>> {
        self.of_mut(phase).remove(path)
    }

    /// What is known of a watch.
    pub fn watch(&self, path: &str) -> Option<WatchState> {
        self.watches.get(path).copied()
    }

    /// Whether a resumed run may follow.
    ///
    /// # Errors
    /// A sentence saying how the run ended.
    pub fn goes_on(&self) -> Result<(), String> {
        match self.ended.as_ref().map(|ended| ended.ending) {
            None | Some(Ending::Paused | Ending::Stuck) => Ok(()),
            Some(ending @ (Ending::Succeeded | Ending::Refused | Ending::RolledBack)) => {
                Err(format!("the run has ended: {}", ending.word()))
            }
        }
    }

    /// The state as the next runner takes it up.
    #[must_use]
    pub fn resumed(mut self) -> Self {
        self.reopen();
        self
    }

    /// Takes what is known of a watch out.
    pub fn take_watch(&mut self, path: &str) -> Option<WatchState> {
        self.watches.remove(path)
    }

    /// Applies the next record.
    ///
    /// # Errors
    /// [`IllegalTransition`]; the state is then as it was.
    pub fn apply(&mut self, event: &Event) -> Result<(), IllegalTransition> {
        self.follow(event).map_err(|why| IllegalTransition { seq: event.seq, why })?;
        self.gates.follow(&event.what);
        self.at_ms = event.at_ms;
        self.records += 1;
        Ok(())
    }

    fn follow(&mut self, event: &Event) -> Result<(), String> {
        self.check_place(event)?;
        match &event.what {
            Happened::RunStarted(header) => self.header = Some(header.clone()),
            Happened::Resumed { who, .. } => {
                self.goes_on()?;
                self.resumed_by.push(who.clone());
                self.reopen();
            }
            Happened::Requested(asked) => self.requested(asked),
            Happened::RollbackStarted { cause } => match &self.rollback {
                None => {
                    self.rollback = Some(cause.clone());
                    // A rollback that was asked for on the way out ensures once more.
                    self.of_mut(Phase::Ensure).clear();
                    self.forget_watches("");
                }
                Some(_) => return Err("the rollback has begun already".to_owned()),
            },
            Happened::RunEnded(ended) => self.ended = Some(ended.clone()),
            Happened::LetComputed { .. }
            | Happened::Retrying { .. }
            | Happened::GateClosed { .. }
            | Happened::LookedAgain { .. } => {}
            Happened::GateClosing { step, .. } => self.gate_closed(step),
            Happened::WatchLive { watch } => self.watch_live(watch)?,
            Happened::WatchEnded { watch, .. } => self.watch_ended(watch)?,
            Happened::Started { phase, step, action, effect, attempt, with } => {
                self.started(event, *phase, step, Intent { action, effect: *effect, attempt: *attempt, with })?;
            }
            Happened::Remembered { phase, step, memory } => {
                self.open(*phase, step)?.memory = Some(memory.clone());
            }
            Happened::CallStarted { phase, step, index, primitive, with } => {
                let (began_ms, primitive, with) = (event.at_ms, Arc::clone(primitive), with.clone());
                let call = ScriptRecord { began_ms, primitive, with, result: None };
                self.open(*phase, step)?.call_started(*index, call)?;
            }
            Happened::CallFinished { phase, step, index, out, failure } => {
                let result = failure.clone().map_or_else(|| Ok(out.clone()), Err);
                self.open(*phase, step)?.call_finished(*index, result)?;
            }
            Happened::Finished { phase, step, status, failure, out, .. } => {
                let outcome = Outcome::Ended { status: *status, failure: failure.clone(), out: out.clone() };
                self.came_out(event, *phase, step, outcome)?;
            }
            Happened::Skipped { phase, step, reason } => {
                self.came_out(event, *phase, step, Outcome::Skipped { reason: reason.clone() })?;
            }
        }
        Ok(())
    }

    fn check_place(&self, event: &Event) -> Result<(), String> {
        if event.seq != self.records {
            return Err(format!("record {} was to follow", self.records));
        }
        if event.at_ms < self.at_ms {
            return Err("it is older than the record before it".to_owned());
        }
        let is_first = matches!(event.what, Happened::RunStarted(_));
        match (self.header.is_some(), is_first) {
            (false, false) => return Err("a run begins with its header".to_owned()),
            (true, true) => return Err("a run has one header".to_owned()),
            _ => {}
        }
        let goes_on = matches!(event.what, Happened::Resumed { .. } | Happened::Requested(_));
        match &self.ended {
            Some(ended) if !goes_on => Err(format!("the run has ended: {}", ended.ending.word())),
            _ => Ok(()),
        }
    }

    /// What was under way is open again; what a person was needed for may be tried anew.
    fn reopen(&mut self) {
        // An `ensure` that failed makes a pause a run that is stuck, and changes nothing else of it.
        if let (Some(Ended { cause: Some(cause), .. }), None) = (self.ended.take().as_deref(), &self.rollback) {
            self.stood();
            match cause {
                Cause::Step { step, .. } => self.take_up(step),
                // Who goes on after a breach knows of it: the watch looks on anew, and so do the
                // others for which a person was to be asked.
                Cause::Breach { watch, .. } => {
                    self.watches.remove(watch);
                    let ended = self.watches.values_mut().filter(|state| **state == WatchState::Ended);
                    ended.for_each(|state| *state = WatchState::Told);
                }
                Cause::Limit { .. } | Cause::Journal { .. } | Cause::InDoubt { .. } | Cause::Operator { .. } => {}
            }
        }
        self.reopen_undos();
        self.of_mut(Phase::Ensure).clear();
        // What a rollback was at is never too late: no watch over an undo has missed anything.
        if self.rollback.is_some() {
            self.forget_watches("");
        }
        for known in self.work.iter_mut().flat_map(BTreeMap::values_mut).filter(|known| known.is_open()) {
            Arc::make_mut(known).interrupted = true;
        }
    }

    fn started(&mut self, event: &Event, phase: Phase, path: &Arc<str>, intent: Intent<'_>) -> Result<(), String> {
        if phase == Phase::Forward && self.rollback.is_some() {
            return Err(format!("`{path}` cannot begin during the rollback"));
        }
        if let Some(known) = self.of_mut(phase).get_mut(path).filter(|known| known.again && intent.attempt == 1) {
            Arc::make_mut(known).begin_anew(event.at_ms, &intent);
            return Ok(());
        }
        let Intent { attempt, with, .. } = intent;
        let earlier = self.of(phase).get(path).map(|known| (!known.is_open(), known.attempt, known.interrupted));
        match earlier {
            None if attempt == 1 => {
                // A step, its undo and an ensure may have one name.
                self.forget_watches(&format!("{path}/"));
                let known = Known::begun(event.seq, event.at_ms, &intent);
                self.of_mut(phase).insert(Arc::clone(path), Arc::new(known));
                Ok(())
            }
            Some((false, before, _)) if attempt == before + 1 => {
                self.begin_anew_inside(phase, path);
                let known = self.open(phase, path)?;
                (known.attempt, known.memory, known.interrupted) = (attempt, None, false);
                known.with = with.clone();
                known.leave_calls();
                Ok(())
            }
            Some((false, before, true)) if attempt == before => {
                let known = self.open(phase, path)?;
                known.interrupted = false;
                if std::mem::take(&mut known.has_stood) {
                    known.began_ms = event.at_ms;
                }
                // A person's word was on what was begun before, and not on what begins now.
                self.requests.retain(|asked| asked.request.word_on() != Some(path));
                Ok(())
            }
            Some((true, ..)) => Err(format!("`{path}` has ended")),
            Some(_) | None => Err(format!("attempt {attempt} of `{path}` does not follow")),
        }
    }

    fn came_out(&mut self, event: &Event, phase: Phase, path: &Arc<str>, outcome: Outcome) -> Result<(), String> {
        self.requests.retain(|asked| asked.request.skips() != Some(path));
        let Some(known) = self.of_mut(phase).get_mut(path) else {
            let needs_intent = matches!(outcome, Outcome::Ended { status: Status::Ok | Status::InDoubt, .. });
            if needs_intent {
                return Err(format!("`{path}` ended and was never begun"));
            }
            let known = Known {
                order: event.seq,
                began_ms: event.at_ms,
                attempt: 0,
                action: Arc::from(""),
                acted: false,
                unsettled: false,
                with: Value::Null,
                memory: None,
                calls: Vec::new(),
                left: Vec::new(),
                outcome: Some(outcome),
                again: false,
                interrupted: false,
                has_stood: false,
            };
            self.of_mut(phase).insert(Arc::clone(path), Arc::new(known));
            return Ok(());
        };
        if known.has_come_out() {
            return Err(format!("`{path}` has ended"));
        }
        let known = Arc::make_mut(known);
        if let Outcome::Ended { status, .. } = outcome {
            known.unsettled = status == Status::InDoubt;
        }
        (known.outcome, known.again) = (Some(outcome), false);
        Ok(())
    }

    fn open(&mut self, phase: Phase, path: &str) -> Result<&mut Known, String> {
        let known = self.of_mut(phase).get_mut(path).filter(|known| known.is_open());
        known.map(Arc::make_mut).ok_or_else(|| format!("`{path}` is not under way"))
    }

    fn watch_live(&mut self, path: &Arc<str>) -> Result<(), String> {
        match self.watches.insert(Arc::clone(path), WatchState::Live) {
            None | Some(WatchState::Told) => Ok(()),
            Some(before) => {
                self.watches.insert(Arc::clone(path), before);
                Err(format!("watch `{path}` was live before"))
            }
        }
    }

    fn watch_ended(&mut self, path: &str) -> Result<(), String> {
        match self.watches.get_mut(path) {
            Some(state @ WatchState::Live) => {
                *state = WatchState::Ended;
                Ok(())
            }
            Some(WatchState::Ended | WatchState::Told) | None => Err(format!("watch `{path}` is not live")),
        }
    }

    /// Forgets the watches whose paths begin like that.
    pub(super) fn forget_watches(&mut self, beginning: &str) {
        self.watches.retain(|path, _| !path.starts_with(beginning));
    }

    pub(super) fn of(&self, phase: Phase) -> &BTreeMap<Arc<str>, Arc<Known>> {
        let [forward, undo, ensure] = &self.work;
        match phase {
            Phase::Forward => forward,
            Phase::Undo => undo,
            Phase::Ensure => ensure,
        }
    }

    pub(super) fn of_mut(&mut self, phase: Phase) -> &mut BTreeMap<Arc<str>, Arc<Known>> {
        let [forward, undo, ensure] = &mut self.work;
        match phase {
            Phase::Forward => forward,
            Phase::Undo => undo,
            Phase::Ensure => ensure,
        }
    }
}

/// What an intent says.
pub(super) struct Intent<'a> {
    pub(super) action: &'a Arc<str>,
    pub(super) effect: Effect,
    pub(super) attempt: u32,
    pub(super) with: &'a Value,
}
