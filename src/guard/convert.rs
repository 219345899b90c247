//! Between the language's values and the expression engine's.

use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use rhai::{Array, Dynamic, Map};

use crate::value::{MAX_DEPTH, Value};

use super::sandbox::MAX_ITEMS;

/// A value as the expression engine holds it.
pub(super) fn to_dynamic(value: &Value) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(truth) => (*truth).into(),
        Value::Int(int) => (*int).into(),
        Value::Float(float) => (*float).into(),
        Value::Text(text) => text.as_ref().into(),
        Value::Duration(duration) => Dynamic::from(*duration),
        Value::List(items) => Dynamic::from_array(items.iter().map(to_dynamic).collect()),
        Value::Map(map) => {
            let entries: Map = map.iter().map(|(name, value)| (name.as_ref().into(), to_dynamic(value))).collect();
            Dynamic::from_map(entries)
        }
    }
}

/// The other way; a function or another thing that is no value is refused.
pub(super) fn to_value(dynamic: &Dynamic) -> Result<Value, String> {
    inner_value(dynamic, MAX_DEPTH)
}

fn inner_value(dynamic: &Dynamic, left: usize) -> Result<Value, String> {
    if dynamic.is_unit() {
        return Ok(Value::Null);
    }
    if let Ok(truth) = dynamic.as_bool() {
        return Ok(Value::Bool(truth));
    }
    if let Ok(int) = dynamic.as_int() {
        return Ok(Value::Int(int));
    }
    if let Ok(float) = dynamic.as_float() {
        return Ok(Value::Float(float));
    }
    if let Some(text) = dynamic.read_lock::<rhai::ImmutableString>() {
        return Ok(Value::text(text.as_str()));
    }
    if let Ok(c) = dynamic.as_char() {
        return Ok(Value::text(c.to_string()));
    }
    if let Some(duration) = dynamic.read_lock::<Duration>() {
        return Ok(Value::Duration(*duration));
    }
    if let Some(items) = dynamic.read_lock::<Array>() {
        let left = left.checked_sub(1).ok_or_else(too_deep)?;
        let items: Result<Vec<_>, _> = items.iter().map(|item| inner_value(item, left)).collect();
        return items.map(Value::list);
    }
    if let Some(map) = dynamic.read_lock::<Map>() {
        let left = left.checked_sub(1).ok_or_else(too_deep)?;
        let entries: Result<Vec<_>, String> =
            map.iter().map(|(name, item)| Ok((name.as_str(), inner_value(item, left)?))).collect();
        return entries.map(Value::map);
    }
    if let Some(range) = dynamic.read_lock::<Range<i64>>() {
        return counted(range.start, range.end);
    }
    if let Some(range) = dynamic.read_lock::<RangeInclusive<i64>>() {
        return counted(*range.start(), range.end().saturating_add(1));
    }
    Err(format!("a {} is not a value", dynamic.type_name()))
}

fn too_deep() -> String {
    format!("this value is nested more than {MAX_DEPTH} deep")
}

/// The whole numbers from one to before another, as `1..4` says them.
fn counted(from: i64, before: i64) -> Result<Value, String> {
    let count = usize::try_from(before.saturating_sub(from)).unwrap_or(0);
    if count > MAX_ITEMS {
        return Err(format!("{from}..{before} are more than {MAX_ITEMS} numbers"));
    }
    Ok(Value::list((from..before).map(Value::Int)))
}
