//! What is known of one piece of work.

use std::sync::Arc;

use crate::declaration::{Effect, Failure};
use crate::event::Status;
use crate::value::Value;

use super::state::Intent;

/// What is known of one piece of work.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// The place of its first record, which orders the rollback.
    pub order: u64,
    /// When it began, in milliseconds since the run began.
    pub began_ms: u64,
    /// The attempt it came to, from 1; 0 where it failed before its intent.
    pub attempt: u32,
    /// The action's name.
    pub action: Arc<str>,
    /// Whether it may have had an effect.
    pub acted: bool,
    /// Whether nobody knows if its effect took place, or still will.
    pub unsettled: bool,
    /// The arguments.
    pub with: Value,
    /// What its primitive must know again.
    pub memory: Option<Value>,
    /// The calls of its script, in order.
    pub calls: Vec<ScriptRecord>,
    /// The calls of its earlier tries that did not come out well.
    pub left: Vec<ScriptRecord>,
    /// How it came out; absent while it is under way, or after a crash.
    pub outcome: Option<Outcome>,
    /// Whether it is to be begun anew, and stands on record for what it may have changed.
    pub again: bool,
    /// Whether the run paused inside it, so that its time begins anew.
    pub has_stood: bool,
    /// Whether its runner has died since it was last begun.
    pub(super) interrupted: bool,
}

/// How a piece of work came out.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It ended.
    Ended {
        /// How.
        status: Status,
        /// Why, where it did not end ok.
        failure: Option<Failure>,
        /// Its result.
        out: Value,
    },
    /// It was not done.
    Skipped {
        /// Which edge or guard said so.
        reason: String,
    },
}

/// One call of a script.
#[derive(Clone, Debug, PartialEq)]
pub struct ScriptRecord {
    /// When it began, in milliseconds since the run began.
    pub began_ms: u64,
    /// The primitive.
    pub primitive: Arc<str>,
    /// The arguments.
    pub with: Value,
    /// What came of it; absent where that is unknown.
    pub result: Option<Result<Value, Failure>>,
}

impl Known {
    /// Whether it was begun, and how it came out is not known.
    pub fn is_open(&self) -> bool {
        self.outcome.is_none() && !self.again
    }

    /// Whether it is known how it came out, and that stands.
    pub fn has_come_out(&self) -> bool {
        self.outcome.is_some() && !self.again
    }

    /// Whether it ended well.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.outcome, Some(Outcome::Ended { status: Status::Ok, .. }))
    }

    /// Whether it ended, and not ok.
    pub fn has_failed(&self) -> bool {
        matches!(self.outcome, Some(Outcome::Ended { status: Status::Failed | Status::InDoubt, .. }))
    }

    /// Whether it ended, and a look or a person can still say whether it took effect. The calls of
    /// a script are on record with what they came to.
    pub(super) fn can_be_settled(&self) -> bool {
        let is_in_doubt = matches!(self.outcome, Some(Outcome::Ended { status: Status::InDoubt, .. }));
        is_in_doubt && !self.again && self.calls.is_empty()
    }

    /// As it begins for the first time.
    pub(super) fn begun(order: u64, at_ms: u64, intent: &Intent<'_>) -> Self {
        Self {
            order,
            began_ms: at_ms,
            attempt: intent.attempt,
            action: Arc::clone(intent.action),
            acted: intent.effect == Effect::Changes,
            unsettled: intent.effect == Effect::Changes,
            with: intent.with.clone(),
            memory: None,
            calls: Vec::new(),
            left: Vec::new(),
            outcome: None,
            again: false,
            has_stood: false,
            interrupted: false,
        }
    }

    /// Begins once more: its place in the rollback stays that of its first beginning, and that it
    /// may have changed something.
    pub(super) fn begin_anew(&mut self, at_ms: u64, intent: &Intent<'_>) {
        self.leave_calls();
        let anew = Self { left: std::mem::take(&mut self.left), ..Self::begun(self.order, at_ms, intent) };
        *self = Self { acted: self.acted || anew.acted, unsettled: self.unsettled || anew.unsettled, ..anew };
    }

    /// Has the calls of a script be those of an earlier try.
    pub(super) fn leave_calls(&mut self) {
        let went_well = |call: &ScriptRecord| matches!(call.result, Some(Ok(_)));
        self.left.extend(self.calls.drain(..).filter(|call| !went_well(call)));
    }

    pub(super) fn call_started(&mut self, index: usize, call: ScriptRecord) -> Result<(), String> {
        match self.calls.get(index) {
            None if index == self.calls.len() => {
                self.calls.push(call);
                self.memory = None;
            }
            Some(before)
                if before.result.is_none() && before.primitive == call.primitive && before.with == call.with => {}
            Some(_) | None => return Err(format!("call {index} does not follow")),
        }
        Ok(())
    }

    pub(super) fn call_finished(&mut self, index: usize, result: Result<Value, Failure>) -> Result<(), String> {
        match self.calls.get_mut(index) {
            Some(call) if call.result.is_none() => {
                call.result = Some(result);
                Ok(())
            }
            Some(_) | None => Err(format!("call {index} is not under way")),
        }
    }
}
