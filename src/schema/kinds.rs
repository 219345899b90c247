//! The types of arguments as schemas of what is written out.

use serde_json::{Value, json};

use crate::declaration::Kind;

/// A value of a type, without `${ }` inside.
pub(super) fn kind(kind: Kind) -> Value {
    match kind {
        Kind::Any => json!({}),
        Kind::Text | Kind::Service | Kind::Gate | Kind::GateState | Kind::Pattern => json!({ "type": "string" }),
        Kind::Hash => json!({ "type": "string", "pattern": "^[0-9a-fA-F]{64}$", "not": { "pattern": "^0*$" } }),
        Kind::Int => json!({ "type": "integer" }),
        Kind::Count => json!({ "type": "integer", "minimum": 1 }),
        Kind::Number => json!({ "type": "number" }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Duration => duration(),
        Kind::Subject => json!({ "type": "string", "pattern": r"^[^ .*>]+(\.[^ .*>]+)*$" }),
        Kind::SubjectPattern => json!({ "type": "string", "pattern": r"^[^ .]+(\.[^ .]+)*$" }),
        Kind::Url => json!({ "type": "string", "pattern": "^https?://[^ ]+$" }),
        Kind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::Argv => json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 }),
        Kind::Map | Kind::Record(_) => json!({ "type": "object" }),
        Kind::List => json!({ "type": "array" }),
    }
}

/// A length of time, as it is written.
pub(super) fn duration() -> Value {
    json!({
        "type": "string",
        "minLength": 1,
        "pattern": "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$",
        "examples": ["90s", "5m", "1h30m"],
    })
}

/// Refuses what is empty, as an effect does.
pub(super) fn not_empty(schema: &mut Value) {
    let bound = match schema.get("type").and_then(Value::as_str) {
        Some("string") => "minLength",
        Some("array") => "minItems",
        Some("object") => "minProperties",
        _ => return,
    };
    if let Some(schema) = schema.as_object_mut() {
        schema.insert(bound.to_owned(), json!(1));
    }
}
