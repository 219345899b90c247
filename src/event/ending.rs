//! How a run ends, and why.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::declaration::{ErrorClass, Failure};
use crate::value::Value;

/// Why a run did not simply succeed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case", deny_unknown_fields)]
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
    /// What happens could not be recorded any more.
    Journal {
        /// Why.
        message: String,
    },
    /// An effect's outcome is unknown, and only a person can say it.
    InDoubt {
        /// The step's path.
        step: Arc<str>,
        /// What to find out, and how to say it.
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
            Self::Journal { message } => message.clone(),
            Self::InDoubt { step, message } => format!("`{step}` is in doubt: {message}"),
            Self::Operator { request } => format!("the operator asked: {request}"),
        }
    }

    /// What went wrong, without the failure: for a line beneath the one that tells it in full.
    pub fn brief(&self) -> String {
        match self {
            Self::Step { step, .. } => format!("step `{step}` failed"),
            Self::Breach { watch, .. } => format!("watch `{watch}` was breached"),
            Self::Limit { .. } | Self::Journal { .. } | Self::InDoubt { .. } | Self::Operator { .. } => self.sentence(),
        }
    }

    /// What was said by whatever failed.
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Step { failure, .. } | Self::Breach { failure, .. } => Some(&failure.message),
            Self::Limit { .. } | Self::Journal { .. } | Self::InDoubt { .. } | Self::Operator { .. } => None,
        }
    }

    /// The class a failure with this cause has.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Step { failure, .. } | Self::Breach { failure, .. } => failure.class,
            Self::Limit { .. } => ErrorClass::Timeout,
            Self::Journal { .. } => ErrorClass::Refused,
            Self::InDoubt { .. } | Self::Operator { .. } => ErrorClass::Aborted,
        }
    }
}

/// How a run can end; each with its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Where it paused under a limit: what is left of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Running>,
}

/// A limit that runs on while nobody carries its run out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Running {
    /// `total` or `disarmed`.
    pub limit: String,
    /// When it passes, in milliseconds since the run began; resumed later, the run rolls back.
    pub passes_ms: u64,
}
