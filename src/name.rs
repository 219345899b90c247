//! Names: newtypes whose only way in is a parse that checks.
//!
//! Holding a name means it is well formed; nothing downstream checks again.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// The longest name accepted: longer ones are unreadable in a terminal row.
pub const MAX_NAME_LENGTH: usize = 64;

/// Why a text is not a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {form}")]
pub struct NameError {
    /// What was written.
    pub text: String,
    /// The form it should have, with its article.
    pub form: &'static str,
}

/// The id of a step, watch or ensure: `snake_case`, so that a guard can say `steps.arm.out`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct StepId(Arc<str>);

/// The name of a runbook: `kebab-case`, equal to its file's stem.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct RunbookName(Arc<str>);

impl StepId {
    /// Checks that a text is `snake_case`: a letter, then letters, digits and underscores.
    ///
    /// # Errors
    /// [`NameError`] when it is not, or is longer than [`MAX_NAME_LENGTH`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        parse(text, '_', "a snake_case id").map(Self)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as a shared text.
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl RunbookName {
    /// Checks that a text is `kebab-case`: a letter, then letters, digits and hyphens.
    ///
    /// # Errors
    /// [`NameError`] when it is not, or is longer than [`MAX_NAME_LENGTH`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        parse(text, '-', "a kebab-case name").map(Self)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn parse(text: &str, joint: char, form: &'static str) -> Result<Arc<str>, NameError> {
    let mut letters = text.chars();
    let starts_well = letters.next().is_some_and(|c| c.is_ascii_lowercase());
    let goes_on_well = letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == joint);
    if starts_well && goes_on_well && text.len() <= MAX_NAME_LENGTH && !text.ends_with(joint) {
        return Ok(Arc::from(text));
    }
    Err(NameError { text: text.chars().take(MAX_NAME_LENGTH).collect(), form })
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for RunbookName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
