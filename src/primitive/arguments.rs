//! Checked arguments: what `with` came to once templates were filled.
//!
//! [`Arguments::check`] holds the values against a declaration; after it the getters cannot meet
//! a wrong type, so a primitive reads them without error paths of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::declaration::{Declaration, ErrorClass, Failure, Kind, mismatch};
use crate::value::{Map, Value, parse_duration};

/// The arguments of one call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments(Arc<Map>);

impl Arguments {
    /// Checks filled values against a declaration: known names, required ones present, types
    /// right, durations and numbers read. For an effect, nothing may be empty.
    ///
    /// # Errors
    /// `refused`, naming every argument that is wrong.
    pub fn check(declaration: &Declaration, with: &Value) -> Result<Self, Failure> {
        let mut wrong = Vec::new();
        let given = match with {
            Value::Map(given) => Arc::clone(given),
            _ => Arc::default(),
        };
        for (name, value) in &*given {
            let Some(argument) = declaration.argument(name) else {
                wrong.push(format!("`{name}` is not an argument"));
                continue;
            };
            wrong.extend(mismatch(declaration, argument, value));
        }
        for argument in declaration.arguments {
            if argument.required && !given.contains_key(argument.name) {
                wrong.push(format!("`{}` is missing", argument.name));
            }
        }
        if wrong.is_empty() {
            return Ok(Self(read(declaration, given)));
        }
        let message = format!("{}: {}", declaration.name, wrong.join("; "));
        Err(Failure::new(ErrorClass::Refused, message))
    }

    /// The value of an argument, when given.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A text argument; empty when not given.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).and_then(Value::as_text).unwrap_or("")
    }

    /// A text argument, when given.
    pub fn optional_text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_text)
    }

    /// A bool argument; false when not given.
    pub fn is_set(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Value::Bool(true)))
    }

    /// An int argument, when given.
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.get(name) {
            Some(Value::Int(int)) => Some(*int),
            _ => None,
        }
    }

    /// A number argument, when given.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.get(name).and_then(Value::as_number)
    }

    /// A duration argument, when given.
    pub fn duration(&self, name: &str) -> Option<Duration> {
        match self.get(name) {
            Some(Value::Duration(duration)) => Some(*duration),
            _ => None,
        }
    }

    /// A list argument; empty when not given.
    pub fn list(&self, name: &str) -> &[Value] {
        self.get(name).and_then(Value::as_list).unwrap_or(&[])
    }

    /// The texts of a list argument; empty when not given.
    pub fn texts(&self, name: &str) -> Vec<String> {
        self.list(name).iter().map(Value::to_string).collect()
    }

    /// Name and value pairs of a map argument; empty when not given.
    pub fn pairs(&self, name: &str) -> BTreeMap<String, String> {
        self.get(name)
            .and_then(Value::as_map)
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect()
    }

    /// All of them as one value, for the record.
    pub fn to_value(&self) -> Value {
        Value::Map(Arc::clone(&self.0))
    }
}

/// The values as the primitive reads them: a duration may have been written as its text.
fn read(declaration: &Declaration, given: Arc<Map>) -> Arc<Map> {
    let duration = |name: &str, value: &Value| match (declaration.argument(name)?.kind, value) {
        (Kind::Duration, Value::Text(text)) => Some(parse_duration(text).map_or(Value::Null, Value::Duration)),
        _ => None,
    };
    if given.iter().all(|(name, value)| duration(name, value).is_none()) {
        return given;
    }
    let read =
        given.iter().map(|(name, value)| (Arc::clone(name), duration(name, value).unwrap_or_else(|| value.clone())));
    Arc::new(read.collect())
}
