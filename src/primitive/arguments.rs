//! Checked arguments: what `with` came to once templates were filled.
//!
//! [`Arguments::check`] holds the values against a declaration; after it the getters cannot meet
//! a wrong type, so a primitive reads them without error paths of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::declaration::{Argument, Declaration, ErrorClass, Failure, Kind, mismatch};
use crate::value::{Value, parse_duration};

/// The arguments of one call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments(BTreeMap<Arc<str>, Value>);

impl Arguments {
    /// Checks filled values against a declaration: known names, required ones present, types
    /// right, durations and numbers read. For an effect, nothing may be empty.
    ///
    /// # Errors
    /// `refused`, naming every argument that is wrong.
    pub fn check(declaration: &Declaration, with: &Value) -> Result<Self, Failure> {
        let mut checked = BTreeMap::new();
        let mut wrong = Vec::new();
        let empty = crate::value::Map::new();
        let given = with.as_map().unwrap_or(&empty);
        for (name, value) in given {
            let Some(argument) = declaration.argument(name) else {
                wrong.push(format!("`{name}` is not an argument"));
                continue;
            };
            match mismatch(declaration, argument, value) {
                None => drop(checked.insert(Arc::clone(name), read(argument, value))),
                Some(message) => wrong.push(message),
            }
        }
        for argument in declaration.arguments {
            if argument.required && !given.contains_key(argument.name) {
                wrong.push(format!("`{}` is missing", argument.name));
            }
        }
        if wrong.is_empty() {
            return Ok(Self(checked));
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
        Value::Map(Arc::new(self.0.clone()))
    }
}

/// The value as the primitive reads it: a duration may have been written as its text.
fn read(argument: &Argument, value: &Value) -> Value {
    match (argument.kind, value) {
        (Kind::Duration, Value::Text(text)) => parse_duration(text).map_or(Value::Null, Value::Duration),
        _ => value.clone(),
    }
}
