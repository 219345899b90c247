//! The functions a guard can call: one table for the engine, `titan-run list functions` and the
//! reference.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use regex::{Regex, RegexBuilder};
use rhai::{Array, Dynamic, Engine, ImmutableString, Map};

use crate::policy;
use crate::source::SourceFile;
use crate::value::parse_duration;

use super::convert::{to_dynamic, to_value};
use super::operators::{Evaluated, equal, fault, kind};
use super::plain;

/// A function of the language.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub takes: &'static [Parameter],
    /// What it gives.
    pub gives: Simple,
    /// One sentence.
    pub about: &'static str,
}

/// One argument of a function.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// What it is called, where its type does not say it.
    pub name: Option<&'static str>,
    /// The types it may have.
    pub types: &'static [Simple],
}

/// A type as a signature says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is its word")]
pub enum Simple {
    Value,
    Null,
    Bool,
    Int,
    Float,
    Number,
    Text,
    Duration,
    List,
    Map,
    File,
}

impl Simple {
    /// The word in signatures.
    pub fn word(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float",
            Self::Number => "int | float",
            Self::Text => "text",
            Self::Duration => "duration",
            Self::List => "list",
            Self::Map => "map",
            Self::File => "file",
        }
    }
}

impl Function {
    /// The function with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        FUNCTIONS.iter().find(|function| function.name == name)
    }

    /// How it is called and what it gives, such as `has(map, key) -> bool`.
    pub fn signature(&self) -> String {
        let takes: Vec<_> = self
            .takes
            .iter()
            .map(|parameter| match parameter.name {
                Some(name) => name.to_owned(),
                None => parameter.types.iter().map(|one| one.word()).collect::<Vec<_>>().join(" | "),
            })
            .collect();
        format!("{}({}) -> {}", self.name, takes.join(", "), self.gives.word())
    }
}

const fn one_of(types: &'static [Simple]) -> Parameter {
    Parameter { name: None, types }
}

const fn called(name: &'static str, types: &'static [Simple]) -> Parameter {
    Parameter { name: Some(name), types }
}

const VALUE: Parameter = one_of(&[Simple::Value]);
/// A value that stands in JSON.
const PLAIN: Parameter =
    called("value", &[Simple::Null, Simple::Bool, Simple::Number, Simple::Text, Simple::List, Simple::Map]);
/// A value that is there.
const GIVEN: Parameter =
    called("value", &[Simple::Bool, Simple::Number, Simple::Text, Simple::Duration, Simple::List, Simple::Map]);
const TEXT: Parameter = one_of(&[Simple::Text]);
const LIST: Parameter = one_of(&[Simple::List]);
const MAP: Parameter = one_of(&[Simple::Map]);
const PART: Parameter = called("part", &[Simple::Text]);
const KEY: Parameter = called("key", &[Simple::Text]);

const fn entry(name: &'static str, takes: &'static [Parameter], gives: Simple, about: &'static str) -> Function {
    Function { name, takes, gives, about }
}

/// Every function, in alphabetical order.
pub const FUNCTIONS: &[Function] = &[
    entry("all_equal", &[LIST], Simple::Bool, "Whether a list holds at least one item and all are equal."),
    entry("canonical_json", &[PLAIN], Simple::Text, "The value as RFC 8785 canonical JSON."),
    entry("contains_text", &[TEXT, PART], Simple::Bool, "Whether a text contains another."),
    entry("duration", &[TEXT], Simple::Duration, "Reads a duration such as `90s`."),
    entry("ends_with", &[TEXT, PART], Simple::Bool, "Whether a text ends with another."),
    entry(
        "get",
        &[MAP, KEY, called("default", &[Simple::Value])],
        Simple::Value,
        "A value that may be missing, or the default.",
    ),
    entry("has", &[MAP, KEY], Simple::Bool, "Whether a map has a key."),
    entry("is_null", &[VALUE], Simple::Bool, "Whether a value is null."),
    entry(
        "len",
        &[one_of(&[Simple::Text, Simple::List, Simple::Map])],
        Simple::Int,
        "The number of characters, items or entries.",
    ),
    entry("lower", &[TEXT], Simple::Text, "The text in small letters."),
    entry(
        "matches",
        &[TEXT, called("pattern", &[Simple::Text])],
        Simple::Bool,
        "Whether a regular expression matches somewhere in a text.",
    ),
    entry("number", &[TEXT], Simple::Number, "The number a text is, as YAML reads it."),
    entry(
        "policy_hash",
        &[one_of(&[Simple::File, Simple::Text])],
        Simple::Text,
        "The SHA-256 of a policy's canonical JSON, 64 hex digits.",
    ),
    entry("seconds", &[one_of(&[Simple::Duration])], Simple::Float, "A duration in seconds."),
    entry("starts_with", &[TEXT, PART], Simple::Bool, "Whether a text starts with another."),
    entry("text", &[GIVEN], Simple::Text, "The value as a template inserts it."),
    entry("trim", &[TEXT], Simple::Text, "The text without blanks at its ends."),
];

/// The largest compiled pattern: an author's pattern must not eat the memory.
const MAX_PATTERN_SIZE: usize = 1 << 20;
/// The most compiled patterns kept.
const MAX_PATTERNS: usize = 64;

/// Puts the functions in.
pub(super) fn register(engine: &mut Engine) {
    engine.register_fn("all_equal", |list: Array| all_equal(&list));
    engine.register_fn("canonical_json", |value: Dynamic| canonical_json(&value));
    engine.register_fn("contains_text", |text: ImmutableString, part: ImmutableString| text.contains(part.as_str()));
    engine.register_fn("duration", |text: ImmutableString| duration(&text));
    engine.register_fn("ends_with", |text: ImmutableString, part: ImmutableString| text.ends_with(part.as_str()));
    engine.register_fn("get", |map: Map, key: ImmutableString, default: Dynamic| {
        map.get(key.as_str()).cloned().unwrap_or(default)
    });
    engine.register_fn("has", |map: Map, key: ImmutableString| map.contains_key(key.as_str()));
    engine.register_fn("is_null", |value: Dynamic| value.is_unit());
    engine.register_fn("len", |text: ImmutableString| count(text.chars().count()));
    engine.register_fn("len", |list: Array| count(list.len()));
    engine.register_fn("len", |map: Map| count(map.len()));
    engine.register_fn("lower", |text: ImmutableString| text.to_lowercase());
    let patterns = Patterns::default();
    engine.register_fn("matches", move |text: ImmutableString, pattern: ImmutableString| {
        patterns.matches(&text, &pattern)
    });
    engine.register_fn("number", |text: ImmutableString| number(&text));
    engine.register_fn("policy_hash", |policy: Dynamic| policy_hash(&policy));
    engine.register_fn("seconds", |duration: Duration| duration.as_secs_f64());
    engine.register_fn("starts_with", |text: ImmutableString, part: ImmutableString| text.starts_with(part.as_str()));
    engine.register_fn("text", |value: Dynamic| as_text(&value));
    engine.register_fn("trim", |text: ImmutableString| text.trim().to_owned());
}

fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn all_equal(list: &Array) -> Evaluated<bool> {
    let Some(first) = list.first() else {
        return Err(fault("`all_equal` needs at least one item"));
    };
    for item in list {
        if !equal(first, item)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn canonical_json(value: &Dynamic) -> Evaluated<String> {
    let value = to_value(value).map_err(fault)?;
    let bytes = policy::canonicalize(&value).map_err(|error| fault(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| fault(error.to_string()))
}

fn duration(text: &str) -> Evaluated<Duration> {
    parse_duration(text).ok_or_else(|| fault(format!("`{text}` is not a duration such as `90s`")))
}

fn number(text: &str) -> Evaluated<Dynamic> {
    let read = plain::number(text).ok_or_else(|| fault(format!("`{text}` is not a number")))?;
    Ok(to_dynamic(&read))
}

/// The hash of a file param, or of a policy's text.
fn policy_hash(policy: &Dynamic) -> Evaluated<String> {
    let value = to_value(policy).map_err(fault)?;
    let (name, text) = match (value.get("path"), value.get("text"), value.as_text()) {
        (Some(path), Some(text), _) => (path.to_string(), text.to_string()),
        (_, _, Some(text)) => ("the policy".to_owned(), text.to_owned()),
        _ => return Err(fault(format!("`policy_hash` needs a file param or a text, not {}", kind(policy)))),
    };
    let file = SourceFile::new(name.as_str(), text);
    policy::policy_hash(&file).map_err(|found| {
        let told: Vec<_> = found
            .iter()
            .map(|d| {
                let place = d.labels.first().map_or((1, 1), |label| file.line_column(label.loc.span.start));
                format!("{name}:{}:{}: {}", place.0, place.1, d.message)
            })
            .collect();
        fault(told.join("; "))
    })
}

fn as_text(value: &Dynamic) -> Evaluated<String> {
    match to_value(value).map_err(fault)? {
        crate::value::Value::Null => Err(fault("null has no text")),
        value => Ok(value.to_string()),
    }
}

fn compiled(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(MAX_PATTERN_SIZE).build()
}

/// What is wrong with a text that is written out as the argument of a function, and what to write
/// instead.
pub(super) fn wrong_text(function: &str, text: &str) -> Option<(String, String)> {
    let (why, help) = match function {
        "duration" if parse_duration(text).is_none() => {
            ("a duration", "write a number with its unit, such as `90s`, `5m` or `1h30m`")
        }
        "number" if plain::number(text).is_none() => ("a number", "write one, such as `5` or `0.5`"),
        "policy_hash" if policy::policy_hash(&SourceFile::new("policy", text)).is_err() => {
            ("the text of a policy", "hand over a file param, such as `policy_hash(params.policy)`")
        }
        _ => return None,
    };
    Some((format!("`{text}` is not {why}"), help.to_owned()))
}

/// What is wrong with a pattern, in one line.
pub(super) fn wrong_pattern(pattern: &str) -> Option<String> {
    let error = compiled(pattern).err()?.to_string();
    let last = error.lines().last().unwrap_or_default();
    Some(last.trim_start_matches("error: ").to_owned())
}

/// Patterns compiled so far.
#[derive(Default)]
struct Patterns(RefCell<BTreeMap<String, Regex>>);

impl Patterns {
    fn matches(&self, text: &str, pattern: &str) -> Evaluated<bool> {
        if let Some(known) = self.0.borrow().get(pattern) {
            return Ok(known.is_match(text));
        }
        let compiled = compiled(pattern).map_err(|error| fault(format!("`{pattern}` is not a pattern: {error}")))?;
        let found = compiled.is_match(text);
        let mut known = self.0.borrow_mut();
        if known.len() >= MAX_PATTERNS {
            known.clear();
        }
        known.insert(pattern.to_owned(), compiled);
        Ok(found)
    }
}
