//! What people ask of a run.

use serde::{Deserialize, Serialize};

use crate::approval::Signed;

/// A person's request, and on whose word it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// What was asked for.
    pub request: Request,
    /// Who asked, as far as the machine knows.
    pub who: String,
    /// Why, in their words.
    pub why: String,
}

/// What a person can ask of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Stop, and roll back.
    Abort,
    /// Stop at the next safe point.
    Pause,
    /// Go on without a step, where the runbook allows it.
    Skip {
        /// Its path.
        step: String,
    },
    /// Do a failed step again.
    Retry {
        /// Its path.
        step: String,
    },
    /// Answer an approval.
    Decide {
        /// The asking step's path.
        step: String,
        /// The answer.
        signed: Signed,
    },
    /// Take the effect in doubt as done.
    TookEffect {
        /// Its path.
        step: String,
    },
    /// Take the effect in doubt as not done, and do it.
    TookNone {
        /// Its path.
        step: String,
    },
}

impl Request {
    /// The step in doubt whose outcome this says.
    pub fn word_on(&self) -> Option<&str> {
        match self {
            Self::TookEffect { step } | Self::TookNone { step } => Some(step),
            Self::Abort | Self::Pause | Self::Skip { .. } | Self::Retry { .. } | Self::Decide { .. } => None,
        }
    }

    /// The step that is gone on without.
    pub fn skips(&self) -> Option<&str> {
        match self {
            Self::Skip { step } => Some(step),
            _ => None,
        }
    }

    /// One phrase for people.
    pub fn phrase(&self) -> String {
        match self {
            Self::Abort => "abort".to_owned(),
            Self::Pause => "pause".to_owned(),
            Self::Skip { step } => format!("skip `{step}`"),
            Self::Retry { step } => format!("retry `{step}`"),
            Self::Decide { step, signed } => {
                format!("{} `{step}` with key {}", if signed.yes { "approve" } else { "deny" }, signed.key)
            }
            Self::TookEffect { step } => format!("take `{step}` as done"),
            Self::TookNone { step } => format!("take `{step}` as not done"),
        }
    }
}
