//! The types that arguments and results have.

use crate::value::{Value, parse_duration};

use super::Argument;

/// The type an argument or result field has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any value at all.
    Any,
    /// A text.
    Text,
    /// A whole number.
    Int,
    /// A whole number above zero.
    Count,
    /// An int or a float.
    Number,
    /// A truth value.
    Bool,
    /// A length of time, such as `90s`.
    Duration,
    /// A SHA-256 that somebody computed: 64 hex digits, not all zero.
    Hash,
    /// A regular expression, checked when the runbook is read.
    Pattern,
    /// The name of a service of the target.
    Service,
    /// The name of a gate of the target.
    Gate,
    /// What a gate is: one of [`GATE_STATES`].
    GateState,
    /// A NATS subject; each `${ }` inside it fills exactly one token.
    Subject,
    /// A NATS subject in which `*` and `>` stand for tokens.
    SubjectPattern,
    /// An absolute `http` or `https` URL; each `${ }` inside it fills one percent-encoded part.
    Url,
    /// A list of texts.
    Texts,
    /// An argv array: program first, never a shell line.
    Argv,
    /// A map.
    Map,
    /// A map of these entries.
    Record(&'static [Argument]),
    /// A list of anything.
    List,
}

/// What a gate can be, as results say it.
pub const GATE_STATES: &[&str] = &["armed", "disarmed"];

impl Kind {
    /// The word for this type, as messages and docs say it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Any => "any value",
            Self::Text => "text",
            Self::Int => "int",
            Self::Count => "int above 0",
            Self::Number => "number",
            Self::Bool => "bool",
            Self::Duration => "duration",
            Self::Hash => "policy hash",
            Self::Pattern => "pattern",
            Self::Service => "service",
            Self::Gate => "gate",
            Self::GateState => "text",
            Self::Subject => "subject",
            Self::SubjectPattern => "subject pattern",
            Self::Url => "URL",
            Self::Texts => "list of texts",
            Self::Argv => "list of texts",
            Self::Map | Self::Record(_) => "map",
            Self::List => "list",
        }
    }

    /// Whether a map can be of this type.
    pub fn can_be_map(self) -> bool {
        matches!(self, Self::Any | Self::Map | Self::Record(_))
    }

    /// Whether a value is of this type and well formed; a duration may be written as its text.
    pub fn accepts(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Any, _)
            | (Self::Text | Self::Service | Self::Gate | Self::GateState, Value::Text(_))
            | (Self::Int | Self::Number, Value::Int(_))
            | (Self::Number, Value::Float(_))
            | (Self::Bool, Value::Bool(_))
            | (Self::Duration, Value::Duration(_))
            | (Self::Map, Value::Map(_))
            | (Self::List, Value::List(_)) => true,
            (Self::Count, Value::Int(count)) => *count > 0,
            (Self::Hash, Value::Text(text)) => is_hash(text),
            (Self::Subject, Value::Text(text)) => is_subject(text) && !text.contains(['*', '>']),
            (Self::SubjectPattern, Value::Text(text)) => is_subject(text),
            (Self::Url, Value::Text(text)) => is_url(text),
            (Self::Pattern, Value::Text(text)) => regex::Regex::new(text).is_ok(),
            (Self::Duration, Value::Text(text)) => parse_duration(text).is_some(),
            (Self::Record(known), Value::Map(given)) => given
                .iter()
                .all(|(key, value)| known.iter().any(|entry| entry.name == &**key && entry.kind.accepts(value))),
            (Self::Texts, Value::List(items)) => are_texts(items),
            (Self::Argv, Value::List(items)) => are_texts(items) && !items.is_empty(),
            _ => false,
        }
    }
}

/// The word for a type, as `a text` or `an int`.
pub fn with_article(word: &str) -> String {
    let article = if word.starts_with(['a', 'i']) { "an" } else { "a" };
    format!("{article} {word}")
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) && text.bytes().any(|b| b != b'0')
}

/// Whether a text can be a subject: tokens joined by dots, no blank or control characters.
fn is_subject(text: &str) -> bool {
    text.split('.').all(|token| !token.is_empty()) && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

fn is_url(text: &str) -> bool {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    host.is_some_and(|host| !host.is_empty()) && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

fn are_texts(items: &[Value]) -> bool {
    items.iter().all(|item| item.as_text().is_some())
}
