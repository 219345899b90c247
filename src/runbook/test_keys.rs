//! The keys of a test file, each declared once.

use crate::event::{Ending, Status};

use super::grammar::{Holds, Key, Names, Table, Word};

/// The endings of a run by the words a test says them with.
pub(super) const ENDINGS: [(&str, Ending); 5] = [
    ("succeeded", Ending::Succeeded),
    ("refused", Ending::Refused),
    ("rolled_back", Ending::RolledBack),
    ("stuck", Ending::Stuck),
    ("paused", Ending::Paused),
];

/// The endings of a step by the words a test says them with.
pub(super) const STATUSES: [(&str, Status); 6] = [
    ("ok", Status::Ok),
    ("failed", Status::Failed),
    ("skipped", Status::Skipped),
    ("in_doubt", Status::InDoubt),
    ("pending", Status::Pending),
    ("running", Status::Running),
];

/// The states of a gate, and whether it is armed.
pub(super) const GATE_STATES: [(&str, bool); 2] = [("armed", true), ("disarmed", false)];

const ABOUT: Key = Key::optional("about", Holds::Text, "One sentence.");

const VALUES: Holds = Holds::Named(Names::Free, &Holds::Value);

const TEXTS: Holds = Holds::Named(Names::Free, &Holds::Text);

const SEED: Holds = Holds::Whole(0, u64::MAX);

/// A test file.
pub static TEST: Table = Table {
    what: "a test file",
    parts: &[&[
        Key::required("titan", Holds::Version, "The language's version."),
        Key::required("test", Holds::Text, "The runbook: the name of one beside this file, or `std/...`."),
        ABOUT,
        Key::optional("params", VALUES, "The runbook's params, in every case."),
        Key::optional("world", TEXTS, "Options of the simulated world, in every case."),
        Key::required("cases", Holds::Named(Names::SomeIds, &Holds::Map(&CASE)), "The cases, each a run."),
    ]],
};

/// A case.
pub static CASE: Table = Table {
    what: "a case",
    parts: &[&[
        ABOUT,
        Key::optional("params", VALUES, "The runbook's params, over those of the file."),
        Key::optional("world", TEXTS, "Options of the simulated world, over those of the file."),
        Key::optional("seed", SEED, "The seed of the world's randomness; 1 by default."),
        Key::optional(
            "confirm",
            Holds::List(&Holds::Text),
            "The items of checklists that are confirmed; every one where it is left out.",
        ),
        Key::required("expect", Holds::Map(&EXPECT), "What must be so when the run has ended."),
    ]],
};

/// What must be so.
pub static EXPECT: Table = Table {
    what: "`expect`",
    parts: &[&[
        Key::required("ending", Holds::Words(endings), "How the run ends."),
        Key::optional("cause", Holds::StepPath, "The step, watch or limit because of which it did not simply succeed."),
        Key::optional(
            "gates",
            Holds::Named(Names::Free, &Holds::Words(gate_states)),
            "Whether each gate is armed, in the world itself.",
        ),
        Key::optional("versions", TEXTS, "The version each service runs, in the world itself."),
        Key::optional(
            "state",
            Holds::Named(Names::Free, &VALUES),
            "Parts of each service's state, in the world itself.",
        ),
        Key::optional("steps", Holds::Named(Names::StepPaths, &Holds::Words(statuses)), "How steps ended."),
        Key::optional("undone", Holds::List(&Holds::StepPath), "The steps that were undone, in that order."),
        Key::optional("outputs", VALUES, "Outputs of the runbook."),
        Key::optional(
            "broken",
            Holds::List(&Holds::Text),
            "The invariants that the world breaks by itself; none may break that is not named here.",
        ),
    ]],
};

fn endings() -> Vec<Word> {
    let about = |ending| match ending {
        Ending::Succeeded => "Every step ended as written.",
        Ending::Refused => "It stopped before anything had an effect.",
        Ending::RolledBack => "Every undo was done and held.",
        Ending::Stuck => "An undo or ensure failed, or an effect stays in doubt: a person is needed.",
        Ending::Paused => "It waits for a person.",
    };
    ENDINGS.iter().map(|(text, ending)| Word { text, about: about(*ending) }).collect()
}

fn statuses() -> Vec<Word> {
    let about = |status| match status {
        Status::Pending => "It did not begin.",
        Status::Running => "It was cut off.",
        Status::Ok => "It ended as written.",
        Status::Failed => "It failed.",
        Status::Skipped => "It was not done.",
        Status::InDoubt => "It was started, and its outcome is unknown.",
    };
    STATUSES.iter().map(|(text, status)| Word { text, about: about(*status) }).collect()
}

fn gate_states() -> Vec<Word> {
    let about = |is_armed| if is_armed { "Orders are accepted." } else { "Orders are refused." };
    GATE_STATES.iter().map(|(text, is_armed)| Word { text, about: about(*is_armed) }).collect()
}
