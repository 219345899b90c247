//! Comparison and logic: where a language that fails open is made to fail.
//!
//! One comparison over any two values takes the place of the built-in ones. It is reached only
//! because fast operators are off; the tests hold that.

use std::cmp::Ordering;
use std::time::Duration;

use rhai::{Array, Dynamic, Engine, EvalAltResult, ImmutableString, Map};

use super::wording::word;

/// An evaluation's result.
pub(super) type Evaluated<T> = Result<T, Box<EvalAltResult>>;

/// Puts the operators in.
pub(super) fn register(engine: &mut Engine) {
    engine.register_fn("==", |a: Dynamic, b: Dynamic| equal(&a, &b));
    engine.register_fn("!=", |a: Dynamic, b: Dynamic| equal(&a, &b).map(|same| !same));
    engine.register_fn("<", |a: Dynamic, b: Dynamic| order(&a, &b).map(Ordering::is_lt));
    engine.register_fn("<=", |a: Dynamic, b: Dynamic| order(&a, &b).map(Ordering::is_le));
    engine.register_fn(">", |a: Dynamic, b: Dynamic| order(&a, &b).map(Ordering::is_gt));
    engine.register_fn(">=", |a: Dynamic, b: Dynamic| order(&a, &b).map(Ordering::is_ge));
    engine.register_fn("!", |a: Dynamic| match a.as_bool() {
        Ok(truth) => Ok(!truth),
        Err(kind) => Err(fault(format!("`!` needs true or false, not {}", word(kind)))),
    });
    engine.register_fn("contains", |list: &mut Array, item: Dynamic| contains(list, &item));
    engine.register_fn("contains", |map: &mut Map, key: ImmutableString| map.contains_key(key.as_str()));
    engine.register_fn("contains", |text: &mut ImmutableString, part: ImmutableString| text.contains(part.as_str()));
    engine.register_fn("contains", |a: Dynamic, b: Dynamic| -> Evaluated<bool> {
        Err(fault(format!("`in` does not look for {} in {}", kind(&b), kind(&a))))
    });
}

/// An error in the words of the language.
pub(super) fn fault(message: impl Into<String>) -> Box<EvalAltResult> {
    let message: String = message.into();
    Box::new(EvalAltResult::ErrorRuntime(message.into(), rhai::Position::NONE))
}

/// The language's word for a value's type.
pub(super) fn kind(value: &Dynamic) -> &str {
    if value.is::<Duration>() {
        return "a duration";
    }
    word(value.type_name())
}

/// Whether two values of one type are the same.
pub(super) fn equal(a: &Dynamic, b: &Dynamic) -> Evaluated<bool> {
    if a.is_map() && b.is_map() {
        let (Some(a), Some(b)) = (a.read_lock::<Map>(), b.read_lock::<Map>()) else {
            return Err(incomparable(a, b));
        };
        if a.len() != b.len() || !a.keys().eq(b.keys()) {
            return Ok(false);
        }
        return all_equal(a.values().zip(b.values()));
    }
    if a.is_array() && b.is_array() {
        let (Some(a), Some(b)) = (a.read_lock::<Array>(), b.read_lock::<Array>()) else {
            return Err(incomparable(a, b));
        };
        return Ok(a.len() == b.len() && all_equal(a.iter().zip(b.iter()))?);
    }
    if let (Ok(a), Ok(b)) = (a.as_bool(), b.as_bool()) {
        return Ok(a == b);
    }
    order(a, b).map(Ordering::is_eq)
}

fn all_equal<'a>(pairs: impl Iterator<Item = (&'a Dynamic, &'a Dynamic)>) -> Evaluated<bool> {
    for (a, b) in pairs {
        let both_null = a.is_unit() && b.is_unit();
        if !both_null && !equal(a, b)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The order of two values of one ordered type.
fn order(a: &Dynamic, b: &Dynamic) -> Evaluated<Ordering> {
    if let (Ok(a), Ok(b)) = (a.as_int(), b.as_int()) {
        return Ok(a.cmp(&b));
    }
    if let (Some(x), Some(y)) = (number(a), number(b)) {
        return x.partial_cmp(&y).ok_or_else(|| fault("NaN compares with nothing"));
    }
    if a.is_string()
        && b.is_string()
        && let (Some(a), Some(b)) = (a.read_lock::<ImmutableString>(), b.read_lock::<ImmutableString>())
    {
        return Ok(a.as_str().cmp(b.as_str()));
    }
    if let (Some(a), Some(b)) = (a.clone().try_cast::<Duration>(), b.clone().try_cast::<Duration>()) {
        return Ok(a.cmp(&b));
    }
    Err(incomparable(a, b))
}

#[expect(clippy::cast_precision_loss, reason = "an int beside a float is compared as one")]
fn number(value: &Dynamic) -> Option<f64> {
    value.as_float().ok().or_else(|| value.as_int().ok().map(|int| int as f64))
}

fn incomparable(a: &Dynamic, b: &Dynamic) -> Box<EvalAltResult> {
    if a.is_unit() || b.is_unit() {
        return fault("nothing compares with null; ask `is_null(x)`");
    }
    fault(format!("{} does not compare with {}", kind(a), kind(b)))
}

/// Whether a list holds an item; an item of a type the list does not hold is a mistake.
fn contains(list: &mut Array, item: &Dynamic) -> Evaluated<bool> {
    let mut mistake = None;
    for one in list.iter() {
        match equal(one, item) {
            Ok(true) => return Ok(true),
            Ok(false) => return Ok(list.iter().any(|one| equal(one, item).unwrap_or(false))),
            Err(error) => mistake = Some(error),
        }
    }
    match mistake {
        Some(error) => Err(error),
        None if item.is_unit() => Err(fault("`in` does not look for null")),
        None => Ok(false),
    }
}
