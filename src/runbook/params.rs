//! Params: from what the operator gave to typed values, all problems at once.
//!
//! Files are read through [`FileReader`], once; the run uses those bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::did_you_mean;
use crate::source::Span;
use crate::value::{Value, parse_duration};

use super::Runbook;

/// A declared parameter.
#[derive(Clone, Debug)]
pub struct Param {
    /// Its name, as in `params.NAME`.
    pub name: Arc<str>,
    /// Its type.
    pub kind: ParamKind,
    /// The value where none is given; required when `None`.
    pub default: Option<Value>,
    /// The values it may take; any when empty.
    pub one_of: Vec<Value>,
    /// One sentence.
    pub about: Option<Arc<str>>,
    /// Where it is declared.
    pub span: Span,
}

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// A text.
    Text,
    /// A whole number.
    Int,
    /// An int or a float.
    Number,
    /// A truth value.
    Bool,
    /// A length of time.
    Duration,
    /// A file, read once; `params.NAME.path` and `params.NAME.text`.
    File,
    /// A list.
    List,
    /// A map.
    Map,
}

impl ParamKind {
    /// Every type with its word.
    pub const ALL: [(&'static str, Self); 8] = [
        ("text", Self::Text),
        ("int", Self::Int),
        ("number", Self::Number),
        ("bool", Self::Bool),
        ("duration", Self::Duration),
        ("file", Self::File),
        ("list", Self::List),
        ("map", Self::Map),
    ];

    /// One sentence.
    pub fn about(self) -> &'static str {
        match self {
            Self::Text => "A text.",
            Self::Int => "A whole number.",
            Self::Number => "An int or a float.",
            Self::Bool => "`true` or `false`.",
            Self::Duration => "A length of time, such as `90s`.",
            Self::File => "A file, read once; `params.NAME.path` and `params.NAME.text`.",
            Self::List => "A list.",
            Self::Map => "A map.",
        }
    }

    /// The word an author writes.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(word, _)| word)
    }
}

/// Reads a file named by a param.
pub type FileReader<'a> = &'a dyn Fn(&str) -> Result<String, String>;

/// Values from one place, with the words for that place.
#[derive(Clone, Debug)]
pub struct ParamSource {
    /// Where the values come from, such as `--set` or `the target`.
    pub from: String,
    /// Whether a name that no param has is an error here; not so for targets, which serve many runbooks.
    pub strict: bool,
    /// The values.
    pub values: BTreeMap<String, Value>,
}

/// Gives every param its value: from the first source that has one, else its default.
///
/// # Errors
/// One sentence for every param that is missing, unknown, of the wrong type or outside `one_of`.
pub fn resolve_params(runbook: &Runbook, sources: &[ParamSource], read: FileReader<'_>) -> Result<Value, Vec<String>> {
    resolve_all(runbook, sources, Files::Named(read))
}

/// Gives every param of a runbook used as an action its value: from `with`, else its default. A file
/// is one that was read already, a file param of whoever uses it.
///
/// # Errors
/// As [`resolve_params`].
pub fn handed_over(runbook: &Runbook, with: &Value) -> Result<Value, Vec<String>> {
    let entries = with.as_map().into_iter().flatten();
    let values = entries.map(|(name, value)| (name.to_string(), value.clone())).collect();
    let given = ParamSource { from: "`with`".to_owned(), strict: true, values };
    resolve_all(runbook, &[given], Files::Read)
}

/// How the values of file params come.
#[derive(Clone, Copy)]
enum Files<'a> {
    /// As paths, which this reads.
    Named(FileReader<'a>),
    /// As files that were read.
    Read,
}

fn resolve_all(runbook: &Runbook, sources: &[ParamSource], files: Files<'_>) -> Result<Value, Vec<String>> {
    let mut problems = unknown_names(runbook, sources);
    let mut values = Vec::with_capacity(runbook.params.len());
    for param in &runbook.params {
        match resolve(param, sources, files) {
            Ok(value) => values.push((Arc::clone(&param.name), value)),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        return Ok(Value::map(values));
    }
    Err(problems)
}

fn unknown_names(runbook: &Runbook, sources: &[ParamSource]) -> Vec<String> {
    let known: Vec<_> = runbook.params.iter().map(|p| &*p.name).collect();
    let mut problems = Vec::new();
    for source in sources.iter().filter(|source| source.strict) {
        for name in source.values.keys().filter(|name| !known.contains(&name.as_str())) {
            let help = match did_you_mean(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("its params are: {}", known.join(", ")),
            };
            problems.push(format!("{}: `{}` has no param `{name}`; {help}", source.from, runbook.name));
        }
    }
    problems
}

fn resolve(param: &Param, sources: &[ParamSource], files: Files<'_>) -> Result<Value, String> {
    let found = sources.iter().find_map(|source| Some((source, source.values.get(&*param.name)?)));
    let (from, written) = match (found, &param.default) {
        (Some((source, value)), _) => (source.from.as_str(), value),
        (None, Some(default)) => ("its default", default),
        (None, None) => {
            let about = param.about.as_deref().unwrap_or("no description");
            return Err(format!(
                "param `{}` ({}: {about}) has no value; give it with `--set {}=VALUE`",
                param.name,
                param.kind.word(),
                param.name
            ));
        }
    };
    let wrong = |why: String| format!("param `{}` from {from}: {why}", param.name);
    if param.kind != ParamKind::File {
        return fitting(param, written).map_err(wrong);
    }
    let read = match files {
        Files::Named(read) => read,
        Files::Read => {
            let path =
                path_of(written).ok_or_else(|| wrong(format!("`{written}` is no file; {}", hand_over(param))))?;
            return fitting(param, path).map(|_| written.clone()).map_err(wrong);
        }
    };
    let path = fitting(param, written).map_err(wrong)?.to_string();
    let text = read(&path).map_err(wrong)?;
    Ok(Value::map([("path", Value::text(path)), ("text", Value::text(text))]))
}

/// The path of a file that was read.
fn path_of(file: &Value) -> Option<&Value> {
    let is_text = |value: &&Value| value.as_text().is_some();
    file.get("text").filter(is_text).and_then(|_| file.get("path")).filter(is_text)
}

/// How a runbook used as an action gets a file.
pub(super) fn hand_over(param: &Param) -> String {
    format!("hand over a file param of this runbook, such as `\"${{params.{}}}\"`", param.name)
}

/// A value as a param takes it.
///
/// # Errors
/// Why it does not.
pub(super) fn fitting(param: &Param, written: &Value) -> Result<Value, String> {
    let value = as_kind(param.kind, written).ok_or_else(|| is_no(param.kind, written))?;
    if !param.one_of.is_empty() && !param.one_of.contains(&value) {
        let known: Vec<_> = param.one_of.iter().map(|v| format!("`{v}`")).collect();
        return Err(format!("`{value}` is not one of {}", known.join(", ")));
    }
    Ok(value)
}

/// Whether a value reads as a number or a truth, and would be a text in quotes: a number does not say how
/// it was written, as `1.10` does not.
pub(super) fn is_unquoted(value: &Value) -> bool {
    matches!(value, Value::Int(_) | Value::Float(_) | Value::Bool(_))
}

/// Why a value is none of a param's type.
fn is_no(kind: ParamKind, value: &Value) -> String {
    let quotes = if kind == ParamKind::Text && is_unquoted(value) { "; put it in quotes" } else { "" };
    format!("`{value}` is no {}{quotes}", kind.word())
}

/// A value as a param's type; a text from the command line or the environment is read as the
/// type asks. `None` when it cannot be.
pub(super) fn as_kind(kind: ParamKind, value: &Value) -> Option<Value> {
    match (kind, value) {
        (ParamKind::Text, Value::Text(_))
        | (ParamKind::Int | ParamKind::Number, Value::Int(_))
        | (ParamKind::Number, Value::Float(_))
        | (ParamKind::Bool, Value::Bool(_))
        | (ParamKind::Duration, Value::Duration(_))
        | (ParamKind::List, Value::List(_))
        | (ParamKind::Map, Value::Map(_)) => Some(value.clone()),
        (ParamKind::File, Value::Text(path)) => (!path.is_empty()).then(|| value.clone()),
        (ParamKind::Int, Value::Text(text)) => text.parse().ok().map(Value::Int),
        (ParamKind::Number, Value::Text(text)) => text.parse().ok().filter(|n: &f64| n.is_finite()).map(Value::Float),
        (ParamKind::Bool, Value::Text(text)) => text.parse().ok().map(Value::Bool),
        (ParamKind::Duration, Value::Text(text)) => parse_duration(text).map(Value::Duration),
        (ParamKind::List, Value::Text(text)) => json(text).filter(|v| v.as_list().is_some()),
        (ParamKind::Map, Value::Text(text)) => json(text).filter(|v| v.as_map().is_some()),
        _ => None,
    }
}

fn json(text: &str) -> Option<Value> {
    serde_json::from_str::<serde_json::Value>(text).ok().map(Value::from)
}
