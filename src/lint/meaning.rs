//! What a name stands for, as far as that is known before the run.

use std::sync::Arc;

use crate::value::Value;

/// What a name stands for where a step uses it, as far as that is known before the run.
#[derive(Clone, Debug, PartialEq)]
pub enum Known {
    /// This value.
    Value(Value),
    /// What this expression gives; the same expression gives the same value.
    Symbol(Arc<str>),
}

impl Known {
    /// The text, where it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Value(value) => value.as_text(),
            Self::Symbol(_) => None,
        }
    }

    /// The name as messages show it.
    pub fn shown(&self) -> String {
        match self {
            Self::Value(value) => value.to_string(),
            Self::Symbol(text) => format!("${{{}}}", text.rsplit(':').next().unwrap_or(text)),
        }
    }
}
