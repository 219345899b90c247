//! Events: what happened in a run, in order. The engine emits them, reports consume them.
//!
//! Every transition is an [`Event`] and must arrive; what a step is waiting for is
//! [`Progress`] and may be dropped. Events carry a format version because they are stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::declaration::{Effect, ErrorClass, Failure};
use crate::value::Value;

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
        /// The step's path.
        step: Arc<str>,
        /// Why.
        failure: Failure,
        /// The wait before the next attempt.
        wait_ms: u64,
    },
    /// A script's call of a primitive began.
    CallStarted {
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
    /// The undos begin.
    RollbackStarted {
        /// Why.
        cause: Cause,
    },
    /// The run ended.
    RunEnded(Box<Ended>),
}

/// What a run is made of.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Header {
    /// The run's id.
    pub run: String,
    /// The runbook's name.
    pub runbook: String,
    /// Its sentence.
    pub about: Option<Arc<str>>,
    /// The target's name.
    pub target: String,
    /// Whether the target is a simulated world.
    pub simulated: bool,
    /// The version of the engine.
    pub engine: String,
    /// Wall clock at the start, milliseconds since the Unix epoch.
    pub started_unix_ms: u64,
    /// SHA-256 of every file read, by name.
    pub digests: BTreeMap<String, String>,
    /// The params.
    pub params: Value,
    /// The steps' ids, in reading order.
    pub steps: Vec<Arc<str>>,
}

/// The part of a run something belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The steps.
    Forward,
    /// The undos.
    Undo,
    /// What runs on every exit.
    Ensure,
}

/// The state of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
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

/// Why a run did not simply succeed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum Cause {
    /// A step failed.
    Step {
        /// Its path.
        step: Arc<str>,
        /// How.
        failure: Failure,
    },
    /// A watch saw what must not happen.
    Breach {
        /// Its id.
        watch: Arc<str>,
        /// What it saw.
        failure: Failure,
    },
    /// A bound on the run passed.
    Limit {
        /// `total` or `disarmed`.
        limit: String,
        /// What happened.
        message: String,
    },
    /// An operator stopped it.
    Operator {
        /// What was asked for.
        request: String,
    },
}

impl Cause {
    /// One line for people.
    pub fn sentence(&self) -> String {
        match self {
            Self::Step { step, failure } => format!("step `{step}` failed ({failure})"),
            Self::Breach { watch, failure } => format!("watch `{watch}` was breached ({})", failure.message),
            Self::Limit { limit, message } => format!("limit `{limit}`: {message}"),
            Self::Operator { request } => format!("the operator asked: {request}"),
        }
    }

    /// The class a failure with this cause has.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Step { failure, .. } | Self::Breach { failure, .. } => failure.class,
            Self::Limit { .. } => ErrorClass::Timeout,
            Self::Operator { .. } => ErrorClass::Aborted,
        }
    }
}

/// How a run can end; each with its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Every step ended as written.
    Succeeded,
    /// Stopped before anything had an effect.
    Refused,
    /// Every undo was done and held.
    RolledBack,
    /// An undo or ensure failed, or an effect stays in doubt.
    Stuck,
    /// Waiting for a person.
    Paused,
}

impl Ending {
    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Refused => "refused",
            Self::RolledBack => "rolled_back",
            Self::Stuck => "stuck",
            Self::Paused => "paused",
        }
    }
}

/// The end of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ended {
    /// How.
    pub ending: Ending,
    /// Why, where it did not simply succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// What a person is needed for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs_person: Vec<String>,
    /// The runbook's outputs.
    pub outputs: Value,
    /// How long the run took.
    pub took_ms: u64,
}

/// What a step waits for, for the live view only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The step's path.
    pub step: Arc<str>,
    /// What it waits for.
    pub text: String,
}
