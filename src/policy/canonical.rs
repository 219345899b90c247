//! Writing the canonical form: RFC 8785.

use crate::value::Value;

use super::json::{Json, MAX_SAFE_INTEGER};

/// Why a value has no canonical form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    /// NaN and infinities are not JSON.
    #[error("`{0}` is not a JSON number")]
    NotFinite(String),
    /// An integer that a double does not hold exactly.
    #[error("`{0}` is an integer that not every reader holds exactly")]
    Integer(i64),
    /// A duration has no JSON form.
    #[error("a duration has no canonical form; use a number of seconds")]
    Duration,
}

/// Writes a parsed text; `size` is what the result will about have.
pub(super) fn write(json: &Json<'_>, size: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(size);
    write_json(json, &mut out);
    out
}

/// The canonical form of a value.
///
/// # Errors
/// [`CanonicalError`] for what JSON cannot say.
pub fn canonicalize(value: &Value) -> Result<Vec<u8>, CanonicalError> {
    let mut out = Vec::new();
    write_value(value, &mut out)?;
    Ok(out)
}

fn write_json(json: &Json<'_>, out: &mut Vec<u8>) {
    match json {
        Json::Null => out.extend_from_slice(b"null"),
        Json::Bool(truth) => write_bool(*truth, out),
        Json::Int(int) => write_int(*int, out),
        Json::Float(float) => write_float(*float, out),
        Json::Text(text) => write_text(text, out),
        Json::List(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                comma(at, out);
                write_json(item, out);
            }
            out.push(b']');
        }
        Json::Map(members) => {
            out.push(b'{');
            for (at, member) in members.iter().enumerate() {
                comma(at, out);
                write_text(&member.key, out);
                out.push(b':');
                write_json(&member.value, out);
            }
            out.push(b'}');
        }
    }
}

fn write_value(value: &Value, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(truth) => write_bool(*truth, out),
        Value::Int(int) if int.abs() <= MAX_SAFE_INTEGER => write_int(*int, out),
        Value::Int(int) => return Err(CanonicalError::Integer(*int)),
        Value::Float(float) if float.is_finite() => write_float(*float, out),
        Value::Float(float) => return Err(CanonicalError::NotFinite(float.to_string())),
        Value::Text(text) => write_text(text, out),
        Value::Duration(_) => return Err(CanonicalError::Duration),
        Value::List(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                comma(at, out);
                write_value(item, out)?;
            }
            out.push(b']');
        }
        Value::Map(map) => {
            let mut members: Vec<_> = map.iter().collect();
            members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push(b'{');
            for (at, (key, item)) in members.into_iter().enumerate() {
                comma(at, out);
                write_text(key, out);
                out.push(b':');
                write_value(item, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

fn comma(at: usize, out: &mut Vec<u8>) {
    if at > 0 {
        out.push(b',');
    }
}

fn write_bool(truth: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if truth { b"true" } else { b"false" });
}

fn write_int(int: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(int.to_string().as_bytes());
}

/// ECMAScript's number form; minus zero is zero.
fn write_float(float: f64, out: &mut Vec<u8>) {
    let mut buffer = ryu_js::Buffer::new();
    out.extend_from_slice(buffer.format_finite(float).as_bytes());
}

/// Escapes only what JSON demands, in the shortest form; everything else as it is.
fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut from = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if *byte >= 0x20 && *byte != b'"' && *byte != b'\\' {
            continue;
        }
        out.extend_from_slice(bytes.get(from..at).unwrap_or_default());
        from = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            other => out.extend_from_slice(format!("\\u{other:04x}").as_bytes()),
        }
    }
    out.extend_from_slice(bytes.get(from..).unwrap_or_default());
    out.push(b'"');
}
