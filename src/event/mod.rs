//! Events: what happened in a run, in order. The engine emits them, reports consume them.
//!
//! Every transition is an [`Event`] and must arrive; what a step is waiting for is
//! [`Progress`] and may be dropped. Events carry a format version because they are stored.

mod ending;
mod header;
mod request;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::declaration::{Effect, Failure};
use crate::value::Value;

pub use ending::{Cause, Ended, Ending, Running};
pub use header::Header;
pub use request::{Asked, Request};

/// The version of the event format.
pub const EVENT_FORMAT: u32 = 1;

/// One transition of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// [`EVENT_FORMAT`].
    pub v: u32,
    /// Its place in the run, from 0, without gaps.
    pub seq: u64,
    /// Milliseconds since the run began.
    pub at_ms: u64,
    /// What happened.
    pub what: Happened,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Happened {
    /// The run began.
    RunStarted(Box<Header>),
    /// A `let` was computed.
    LetComputed {
        /// Its name.
        name: Arc<str>,
        /// Its value.
        value: Value,
    },
    /// A watch is confirmed live.
    WatchLive {
        /// Its id.
        watch: Arc<str>,
    },
    /// A watch ended, without a breach where `breach` is absent.
    WatchEnded {
        /// Its id.
        watch: Arc<str>,
        /// What it saw that must not happen.
        #[serde(skip_serializing_if = "Option::is_none")]
        breach: Option<Failure>,
    },
    /// The intent: stands before any effect of the call.
    Started {
        /// Which part of the run.
        phase: Phase,
        /// The step's path, such as `arm`, `prepare/deploy` or `drain[2]`.
        step: Arc<str>,
        /// The action's name.
        action: Arc<str>,
        /// What the action does to the world.
        effect: Effect,
        /// The attempt, from 1.
        attempt: u32,
        /// The arguments.
        with: Value,
    },
    /// An attempt failed and will be made again.
    Retrying {
        /// Which part of the run.
        phase: Phase,
        /// The step's path.
        step: Arc<str>,
        /// Why.
        failure: Failure,
        /// The wait before the next attempt.
        wait_ms: u64,
    },
    /// A script's call of a primitive began.
    CallStarted {
        /// Which part of the run.
        phase: Phase,
        /// The step's path.
        step: Arc<str>,
        /// The call's place in the script's record, from 0.
        index: usize,
        /// The primitive.
        primitive: Arc<str>,
        /// The arguments.
        with: Value,
    },
    /// A script's call ended.
    CallFinished {
        /// Which part of the run.
        phase: Phase,
        /// The step's path.
        step: Arc<str>,
        /// The call's place in the script's record.
        index: usize,
        /// Its result, where it has one.
        out: Value,
        /// Its failure, where it failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
    },
    /// The outcome.
    Finished {
        /// Which part of the run.
        phase: Phase,
        /// The step's path.
        step: Arc<str>,
        /// How it ended.
        status: Status,
        /// Why, where it did not end ok.
        #[serde(skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
        /// Its result.
        out: Value,
        /// How long it took.
        took_ms: u64,
    },
    /// It was not done.
    Skipped {
        /// Which part of the run.
        phase: Phase,
        /// The step's path.
        step: Arc<str>,
        /// Which edge or guard said so.
        reason: String,
    },
    /// What a primitive must know again after a crash, kept before its effect.
    Remembered {
        /// Which part of the run.
        phase: Phase,
        /// The step's path.
        step: Arc<str>,
        /// What it remembers.
        memory: Value,
    },
    /// Somebody asked for something while the run went on, or while it waited.
    Requested(Asked),
    /// The run goes on after its runner had ended.
    Resumed {
        /// Who resumed it, as far as the machine knows.
        who: String,
        /// Wall clock, milliseconds since the Unix epoch.
        unix_ms: u64,
        /// The bytes of an unfinished last record that were cut off.
        cut_bytes: u64,
    },
    /// The undos begin.
    RollbackStarted {
        /// Why.
        cause: Cause,
    },
    /// The engine closes a gate itself that a step, or its undo, has tried to open.
    GateClosing {
        /// The step's path.
        step: Arc<str>,
        /// The gate.
        gate: Arc<str>,
    },
    /// The gate is verified closed, or could not be closed.
    GateClosed {
        /// The step's path.
        step: Arc<str>,
        /// The gate.
        gate: Arc<str>,
        /// Why it may be open.
        #[serde(skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
    },
    /// What was seen before the run waited was looked at once more, before a gate is opened.
    LookedAgain {
        /// Which part of the run.
        phase: Phase,
        /// The path of the step that had seen it.
        step: Arc<str>,
        /// How it is not as it was.
        #[serde(skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
    },
    /// The run ended.
    RunEnded(Box<Ended>),
}

/// The part of a run something belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The steps.
    Forward,
    /// The undos.
    Undo,
    /// What runs on every exit.
    Ensure,
}

impl Phase {
    /// Every part, in the order of a run.
    pub const ALL: [Self; 3] = [Self::Forward, Self::Undo, Self::Ensure];
}

/// The state of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not begun.
    #[default]
    Pending,
    /// Under way.
    Running,
    /// Ended as written.
    Ok,
    /// Failed.
    Failed,
    /// Not done.
    Skipped,
    /// Started, outcome unknown.
    InDoubt,
}

impl Status {
    /// The word in guards and messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::InDoubt => "in_doubt",
        }
    }

    /// Whether it can change no more.
    pub fn is_ended(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }
}

/// What a step waits for, for the live view only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is under way.
    Waits {
        /// Its path.
        step: Arc<str>,
        /// What it waits for.
        text: String,
    },
    /// It failed, and a person is to say how the run goes on.
    Asks {
        /// Its path.
        step: Arc<str>,
        /// Whether the run may go on without it.
        may_skip: bool,
    },
}
