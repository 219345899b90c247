//! What a scalar of a file stands for where no expression is in it.

use crate::value::Value;
use crate::yaml::Scalar;

/// The value of a scalar as written: a quoted one is a text, a plain one what it looks like.
/// `yes`, `on`, `0x1F` and other old spellings are texts.
pub fn plain_value(scalar: &Scalar) -> Value {
    let text = scalar.text.as_str();
    if scalar.quoted {
        return Value::text(text);
    }
    match text {
        "" | "~" | "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => number(text).unwrap_or_else(|| Value::text(text)),
    }
}

/// A text as a number: `0x1F`, `1_000` and `NaN` are none.
pub(super) fn number(text: &str) -> Option<Value> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let starts_well = digits.starts_with(|c: char| c.is_ascii_digit());
    let leading_zero = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    let fits = digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-' | '+'));
    if !starts_well || leading_zero || !fits {
        return None;
    }
    if digits.chars().all(|c| c.is_ascii_digit()) {
        return text.parse().ok().map(Value::Int);
    }
    text.parse().ok().filter(|float: &f64| float.is_finite()).map(Value::Float)
}
