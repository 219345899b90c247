//! Declarations: what a primitive says about itself, once.
//!
//! The same declaration checks `with` in YAML, shapes the Rhai function in scripts, fills
//! `titan-run list primitives` and the reference, and tells the engine what a crash in the
//! middle means. This room holds plain data and knows no primitive.

mod kind;
mod need;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::value::{Map, Value};

pub use kind::{GATE_STATES, Kind, with_article};
pub use need::Need;

/// One argument of a primitive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argument {
    /// The key under `with`, or in the map that holds it.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Whether leaving it out is an error.
    pub required: bool,
    /// One sentence; says the default where there is one.
    pub about: &'static str,
}

/// One field of a primitive's result.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The name under `out`.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Whether the field can be absent; a guard must then use `get(out, "name", default)`.
    pub optional: bool,
    /// One sentence, with the unit where there is one.
    pub about: &'static str,
}

/// What a primitive does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Looks, and may be repeated at will.
    Observes,
    /// Changes something; preceded by a record.
    Changes,
    /// Asks a person.
    Asks,
}

/// The argument by which an author says that what would else change something only looks; it
/// counts where it is written out, not where it is filled in.
pub const OBSERVES: Argument = Argument {
    name: "observes",
    kind: Kind::Bool,
    required: false,
    about: "`true`: it changes nothing, so that it may be repeated and needs no undo; `false` where it is left out",
};

/// The name of the primitive that opens a gate.
pub const ARM: &str = "arm";
/// The name of the primitive that closes a gate.
pub const DISARM: &str = "disarm";
/// The name of the primitive that changes a service.
pub const DEPLOY: &str = "deploy";

/// Why a step failed: data, named in `retry.on` and in the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// The other side, or a guard, said no before anything happened.
    Refused,
    /// The bound on the wait passed.
    Timeout,
    /// Nobody listens on the subject.
    NoResponders,
    /// The connection was lost, so the outcome cannot be trusted.
    Disconnected,
    /// Two things that must be equal are not.
    Mismatch,
    /// An answer that is not of the agreed form.
    Malformed,
    /// There is nothing to judge by.
    NoData,
    /// A process ended with a code other than the expected one.
    Exit,
    /// A watch or `hold` saw what must not happen.
    Breach,
    /// A person or a permission said no.
    Denied,
    /// The operator stopped the run.
    Aborted,
}

impl ErrorClass {
    /// Every class, in the order of the reference.
    pub const ALL: [Self; 11] = [
        Self::Refused,
        Self::Timeout,
        Self::NoResponders,
        Self::Disconnected,
        Self::Mismatch,
        Self::Malformed,
        Self::NoData,
        Self::Exit,
        Self::Breach,
        Self::Denied,
        Self::Aborted,
    ];

    /// The word an author writes in `retry.on`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::NoResponders => "no_responders",
            Self::Disconnected => "disconnected",
            Self::Mismatch => "mismatch",
            Self::Malformed => "malformed",
            Self::NoData => "no_data",
            Self::Exit => "exit",
            Self::Breach => "breach",
            Self::Denied => "denied",
            Self::Aborted => "aborted",
        }
    }

    /// One sentence.
    pub fn about(self) -> &'static str {
        match self {
            Self::Refused => "The other side, or a guard, said no before anything happened.",
            Self::Timeout => "The bound on the wait passed.",
            Self::NoResponders => "Nobody listens on the subject.",
            Self::Disconnected => "The connection was lost, so the outcome cannot be trusted.",
            Self::Mismatch => "Two things that must be equal are not.",
            Self::Malformed => "An answer was not of the agreed form.",
            Self::NoData => "There was nothing to judge by.",
            Self::Exit => "A process ended with a code other than the expected one.",
            Self::Breach => "A watch or `hold` saw what must not happen.",
            Self::Denied => "A person or a permission said no.",
            Self::Aborted => "The operator stopped the run.",
        }
    }

    /// The class with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.word() == word)
    }

    /// Whether the failure says nothing about the world, so that a poll goes on: neither good nor bad.
    pub fn is_inconclusive(self) -> bool {
        matches!(self, Self::Timeout | Self::NoResponders | Self::Disconnected | Self::NoData)
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What is done about an effect that was started and whose outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InDoubt {
    /// Done again: it only looks, or doing it twice is doing it once.
    Repeat,
    /// The service's version is read; never assumed.
    ReadVersion,
    /// The gate is disarmed and verified, then the step starts anew.
    DisarmFirst,
    /// A person decides, unless the step says `idempotent: true`.
    AskPerson,
    /// The question is asked again.
    AskAgain,
}

impl InDoubt {
    /// Whether a failure leaves it unknown if the effect took place, or still will. A program that
    /// deploys gives up on what goes on without it, so only what it never began is known.
    pub fn is_left_by(self, failure: ErrorClass, is_idempotent: bool) -> bool {
        match self {
            Self::ReadVersion => failure != ErrorClass::Refused,
            Self::AskPerson => !is_idempotent && matches!(failure, ErrorClass::Timeout | ErrorClass::Disconnected),
            Self::Repeat | Self::DisarmFirst | Self::AskAgain => false,
        }
    }

    /// Whether the primitive has looked at what it leaves behind, whatever it comes to.
    pub fn is_looked_at(self) -> bool {
        matches!(self, Self::Repeat | Self::DisarmFirst | Self::AskAgain)
    }

    /// One phrase for the reference.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Repeat => "repeated",
            Self::ReadVersion => "the version is read, never assumed",
            Self::DisarmFirst => "disarmed and verified, then started anew",
            Self::AskPerson => "a person decides, unless `idempotent: true`",
            Self::AskAgain => "asked again",
        }
    }
}

/// Everything a primitive says about itself.
#[derive(Debug)]
pub struct Declaration {
    /// The word after `do:`.
    pub name: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// Its arguments, required ones first.
    pub arguments: &'static [Argument],
    /// The fields of its result.
    pub result: &'static [Field],
    /// What it needs the target to say.
    pub needs: &'static [Need],
    /// What it does to the world.
    pub effect: Effect,
    /// The classes it can fail with.
    pub errors: &'static [ErrorClass],
    /// Whether doing it twice is doing it once.
    pub idempotent: bool,
    /// The bound on one call where the step names none.
    pub timeout: Duration,
    /// What happens when its outcome is unknown.
    pub in_doubt: InDoubt,
}

impl Declaration {
    /// The argument with this name.
    pub fn argument(&self, name: &str) -> Option<&'static Argument> {
        self.arguments.iter().find(|argument| argument.name == name)
    }

    /// What it does to the world with this value of [`OBSERVES`], where it has that argument.
    pub fn effect_where(&self, observes: Option<&Value>) -> Effect {
        let only_looks = observes == Some(&Value::Bool(true)) && self.argument(OBSERVES.name).is_some();
        if only_looks { Effect::Observes } else { self.effect }
    }
}

/// What is wrong with a value as this argument; `None` when it fits. The one check behind both
/// the decoder (for constants) and the call (for filled templates).
pub fn mismatch(declaration: &Declaration, argument: &Argument, value: &Value) -> Option<String> {
    if declaration.effect == Effect::Changes && value.is_empty() {
        return Some(format!("`{}` is empty, and an effect accepts nothing empty", argument.name));
    }
    if declaration.effect == Effect::Asks && argument.required && says_nothing(value) {
        return Some(format!("`{}` is empty or has an empty entry, and nobody can answer that", argument.name));
    }
    if argument.kind.accepts(value) {
        return None;
    }
    match (argument.kind, value) {
        (Kind::Record(known), Value::Map(given)) => return wrong_entry(declaration, argument.name, known, given),
        (Kind::Hash, Value::Text(text)) => return Some(format!("`{}` is no policy hash: `{text}`", argument.name)),
        _ => {}
    }
    Some(format!(
        "`{}` must be {}, not {} `{value}`",
        argument.name,
        with_article(argument.kind.word()),
        value.type_name()
    ))
}

/// What is wrong inside of a map whose entries are known.
fn wrong_entry(declaration: &Declaration, name: &str, known: &[Argument], given: &Map) -> Option<String> {
    given.iter().find_map(|(key, value)| match known.iter().find(|entry| entry.name == &**key) {
        None => Some(format!("`{name}` has no entry `{key}`")),
        Some(entry) => mismatch(declaration, entry, value).map(|wrong| format!("in `{name}`, {wrong}")),
    })
}

/// Whether a question holds nothing, or something that says nothing.
fn says_nothing(value: &Value) -> bool {
    let is_blank = |value: &Value| value.as_text().map_or(value.is_empty(), |text| text.trim().is_empty());
    is_blank(value) || value.as_map().is_some_and(|entries| entries.values().any(is_blank))
}

/// The primitives a runbook may name; handed to the decoder so that it knows none itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Catalogue(pub &'static [&'static Declaration]);

impl Catalogue {
    /// The primitive with this name.
    pub fn find(self, name: &str) -> Option<&'static Declaration> {
        self.0.iter().copied().find(|one| one.name == name)
    }

    /// Every name.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|one| one.name)
    }
}

/// A step's failure: a class to act on and a sentence for the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{class}: {message}")]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// The class.
    pub class: ErrorClass,
    /// What happened, lower case, no full stop.
    pub message: String,
}

impl Failure {
    /// A failure of a class with its sentence.
    pub fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }
}
