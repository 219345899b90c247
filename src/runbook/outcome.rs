//! What an edge waits for, and what a failure means for the run.

/// The outcome an edge waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeOutcome {
    /// Ended ok.
    Ok,
    /// Failed.
    Failed,
    /// Skipped.
    Skipped,
    /// Ended in any way.
    Done,
    /// Ok or skipped: the implicit edge to the step above.
    OkOrSkipped,
}

impl EdgeOutcome {
    /// The word in messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Done => "done",
            Self::OkOrSkipped => "ok or skipped",
        }
    }

    /// The outcomes an author can write; the implicit one is none.
    pub const WRITTEN: [Self; 4] = [Self::Ok, Self::Failed, Self::Skipped, Self::Done];

    /// The outcome an author writes.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::WRITTEN.into_iter().find(|outcome| outcome.word() == word)
    }

    /// One sentence.
    pub fn about(self) -> &'static str {
        match self {
            Self::Ok => "The step ended ok.",
            Self::Failed => "The step failed.",
            Self::Skipped => "The step was skipped.",
            Self::Done => "The step ended, in any way.",
            Self::OkOrSkipped => "The step ended ok or was skipped.",
        }
    }
}

/// What a step's failure means for the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// Roll back.
    #[default]
    Rollback,
    /// Recorded; the run goes on.
    Continue,
    /// No new step starts; a person is waited for.
    Pause,
}

impl OnFailure {
    /// Every meaning with its word.
    pub const ALL: [(&'static str, Self); 3] =
        [("rollback", Self::Rollback), ("continue", Self::Continue), ("pause", Self::Pause)];

    /// One sentence.
    pub fn about(self) -> &'static str {
        match self {
            Self::Rollback => "What was done is undone.",
            Self::Continue => "It is recorded, and the run goes on.",
            Self::Pause => "No step starts any more; a person is waited for.",
        }
    }
}
