//! Exit codes: each with one meaning, the same in every command.

use crate::event::Ending;

/// Everything is as asked for.
pub const SUCCEEDED: u8 = 0;
/// A run stopped before anything had an effect; a check found something wrong.
pub const REFUSED: u8 = 1;
/// The command line or a file is wrong; nothing began.
pub const USAGE: u8 = 2;
/// A run was rolled back, and every undo held.
pub const ROLLED_BACK: u8 = 3;
/// A person is needed; the message says for what.
pub const STUCK: u8 = 4;
/// A run waits for a person.
pub const PAUSED: u8 = 5;

/// The exit code of a run's ending.
pub fn of(ending: Ending) -> u8 {
    match ending {
        Ending::Succeeded => SUCCEEDED,
        Ending::Refused => REFUSED,
        Ending::RolledBack => ROLLED_BACK,
        Ending::Stuck => STUCK,
        Ending::Paused => PAUSED,
    }
}

/// Why a command did not do what was asked: an exit code and a sentence.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: u8,
    pub(super) why: String,
}

impl Refusal {
    /// The command line is wrong.
    pub(super) fn usage(why: String) -> Self {
        Self { code: USAGE, why }
    }
}

impl From<String> for Refusal {
    fn from(why: String) -> Self {
        Self { code: REFUSED, why }
    }
}

impl From<&str> for Refusal {
    fn from(why: &str) -> Self {
        why.to_owned().into()
    }
}
