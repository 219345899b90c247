//! Values: what steps return, guards read, templates insert and records store.
//!
//! A value is JSON plus durations. It is cheap to clone (shared), ordered (maps are sorted, so
//! the same value always prints the same bytes) and knows nothing of YAML or Rhai.

mod map;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

pub use map::{Entries, Map};

/// How deep lists and maps of a value may lie in each other: far below what a reader of the record
/// follows, whatever the value stands in.
pub const MAX_DEPTH: usize = 48;

/// Any value a runbook can handle.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Nothing: `null` in YAML and JSON, `()` in a guard.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A real number; may be NaN, which no comparison accepts.
    Float(f64),
    /// A text.
    Text(Arc<str>),
    /// A length of time, written `90s`, `5m`, `1h30m`.
    Duration(Duration),
    /// A list.
    List(Arc<[Value]>),
    /// A map.
    Map(Arc<Map>),
}

impl Value {
    /// A text value.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// A list value.
    pub fn list(items: impl IntoIterator<Item = Value>) -> Self {
        Self::List(items.into_iter().collect())
    }

    /// A map value from name and value pairs.
    pub fn map<K: Into<Arc<str>>>(pairs: impl IntoIterator<Item = (K, Value)>) -> Self {
        Self::Map(Arc::new(pairs.into_iter().map(|(k, v)| (k.into(), v)).collect()))
    }

    /// How deep its lists and maps lie in each other; 0 for what is neither.
    pub fn depth(&self) -> usize {
        let deepest = match self {
            Self::List(items) => items.iter().map(Self::depth).max(),
            Self::Map(map) => map.values().map(Self::depth).max(),
            _ => return 0,
        };
        1 + deepest.unwrap_or(0)
    }

    /// The word for this value's type, as messages say it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Text(_) => "text",
            Self::Duration(_) => "duration",
            Self::List(_) => "list",
            Self::Map(_) => "map",
        }
    }

    /// The text, when this is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items, when this is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// The map, when this is one.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The value under `name`, when this is a map that has it.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.as_map()?.get(name)
    }

    /// The number as a float, when this is an int or a float.
    #[expect(clippy::cast_precision_loss, reason = "metric values are floats already")]
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Int(int) => Some(*int as f64),
            Self::Float(float) => Some(*float),
            _ => None,
        }
    }

    /// The value with every text in it, keys included, changed where `change` changes it.
    #[must_use]
    pub fn map_texts(self, change: &dyn Fn(&str) -> Option<String>) -> Self {
        if self.has_text(&|text| change(text).is_some()) { self.mapped(change) } else { self }
    }

    /// Whether it holds a text, or a key, of some kind.
    fn has_text(&self, is_it: &dyn Fn(&str) -> bool) -> bool {
        match self {
            Self::Text(text) => is_it(text),
            Self::List(items) => items.iter().any(|item| item.has_text(is_it)),
            Self::Map(map) => map.iter().any(|(key, value)| is_it(key) || value.has_text(is_it)),
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Float(_) | Self::Duration(_) => false,
        }
    }

    fn mapped(self, change: &dyn Fn(&str) -> Option<String>) -> Self {
        match self {
            Self::Text(text) => change(&text).map_or(Self::Text(text), Self::text),
            Self::List(items) => Self::list(items.iter().cloned().map(|item| item.mapped(change))),
            Self::Map(map) => Self::map(map.iter().map(|(key, value)| {
                let key = change(key).map_or_else(|| Arc::clone(key), Arc::from);
                (key, value.clone().mapped(change))
            })),
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Float(_) | Self::Duration(_) => self,
        }
    }

    /// Whether this value says nothing: null, an empty text, list or map. No effect accepts one.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Map(map) => map.is_empty(),
            Self::Bool(_) | Self::Int(_) | Self::Float(_) | Self::Duration(_) => false,
        }
    }
}

impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(truth) => Self::Bool(truth),
            serde_json::Value::Number(number) => {
                number.as_i64().map_or_else(|| Self::Float(number.as_f64().unwrap_or(f64::NAN)), Self::Int)
            }
            serde_json::Value::String(text) => Self::text(text),
            serde_json::Value::Array(items) => Self::list(items.into_iter().map(Self::from)),
            serde_json::Value::Object(map) => Self::map(map.into_iter().map(|(name, item)| (name, Self::from(item)))),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(truth) => serializer.serialize_bool(*truth),
            Self::Int(int) => serializer.serialize_i64(*int),
            Self::Float(float) => serializer.serialize_f64(*float),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Duration(duration) => serializer.serialize_str(&format_duration(*duration)),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items.iter() {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (name, item) in entries.iter() {
                    map.serialize_entry(&**name, item)?;
                }
                map.end()
            }
        }
    }
}

/// Prints a value the way a template inserts it into a text: texts bare, everything else as JSON.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Duration(duration) => f.write_str(&format_duration(*duration)),
            Self::Null => f.write_str("null"),
            Self::Bool(truth) => write!(f, "{truth}"),
            Self::Int(int) => write!(f, "{int}"),
            Self::Float(float) => write!(f, "{float}"),
            Self::List(_) | Self::Map(_) => f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?),
        }
    }
}

/// A value as a duration, which may be written as its text.
pub fn as_duration(value: &Value) -> Option<Duration> {
    match value {
        Value::Duration(duration) => Some(*duration),
        Value::Text(text) => parse_duration(text),
        _ => None,
    }
}

/// Reads a duration such as `250ms`, `90s`, `5m`, `1h30m` or `2d`. Units go from large to small,
/// each at most once; a bare number has no unit and is refused.
pub fn parse_duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    let mut rest = text;
    let mut total: u64 = 0;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let amount: u64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let letters = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_lowercase()).len();
        let unit = rest.get(..letters)?;
        rest = rest.get(letters..)?;
        let place = UNITS.iter().position(|(name, _)| *name == unit)?;
        if place < next_unit {
            return None;
        }
        next_unit = place + 1;
        let (_, factor) = UNITS.get(place)?;
        total = total.checked_add(amount.checked_mul(*factor)?)?;
    }
    (!text.is_empty()).then(|| Duration::from_millis(total))
}

/// Prints a duration so that [`parse_duration`] reads it back: `1h30m`, `250ms`, `0s`.
pub fn format_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, factor) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        if rest >= factor {
            text.push_str(&format!("{}{unit}", rest / factor));
            rest %= factor;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_reads_back_as_it_prints() {
        for (text, millis) in [("0s", 0), ("250ms", 250), ("90s", 90_000), ("1h30m", 5_400_000), ("2d", 172_800_000)] {
            let duration = parse_duration(text);
            assert_eq!(duration, Some(Duration::from_millis(millis)), "{text}");
            let printed = format_duration(Duration::from_millis(millis));
            assert_eq!(parse_duration(&printed), duration, "{printed}");
        }
    }

    #[test]
    fn a_duration_without_a_unit_or_out_of_order_is_refused() {
        for text in ["", "5", "m", "1s1m", "1s1s", "-1s", "1.5s", "5 m", "99999999999999999999s"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
