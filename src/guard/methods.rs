//! The functions that come with the expression engine, by the type they are called on. They are
//! written `value.name()` or `name(value)`; functions that only change a value are of no use here.

use super::types::Type;

/// On every value.
const ANY: &[&str] = &["to_debug", "to_string"];
/// On a text.
const TEXT: &[&str] = &[
    "append",
    "bytes",
    "chars",
    "clear",
    "contains",
    "crop",
    "ends_with",
    "index_of",
    "is_empty",
    "len",
    "make_lower",
    "make_upper",
    "max",
    "min",
    "pad",
    "pop",
    "remove",
    "replace",
    "set",
    "split",
    "split_rev",
    "starts_with",
    "sub_string",
    "to_blob",
    "to_chars",
    "to_lower",
    "to_upper",
    "trim",
    "truncate",
    "get",
];
/// On a list.
const LIST: &[&str] = &[
    "all",
    "append",
    "chop",
    "clear",
    "contains",
    "dedup",
    "drain",
    "extract",
    "filter",
    "find",
    "find_map",
    "for_each",
    "get",
    "index_of",
    "insert",
    "is_empty",
    "len",
    "map",
    "order",
    "order_by",
    "order_desc",
    "pad",
    "pop",
    "push",
    "reduce",
    "reduce_rev",
    "remove",
    "retain",
    "reverse",
    "set",
    "shift",
    "some",
    "sort",
    "sort_by",
    "sort_desc",
    "splice",
    "split",
    "truncate",
    "zip",
];
/// On a map.
const MAP: &[&str] = &[
    "clear",
    "contains",
    "drain",
    "fill_with",
    "filter",
    "get",
    "is_empty",
    "keys",
    "len",
    "map",
    "mixin",
    "remove",
    "retain",
    "set",
    "to_json",
    "values",
];
/// On a number.
const NUMBER: &[&str] =
    &["abs", "bits", "is_even", "is_odd", "is_zero", "range", "sign", "to_binary", "to_hex", "to_octal"];
/// What can also be read like a property, and on what.
const TEXT_PROPERTIES: [&str; 4] = ["bytes", "chars", "is_empty", "len"];
const LIST_PROPERTIES: [&str; 2] = ["is_empty", "len"];
const NUMBER_PROPERTIES: [&str; 4] = ["bits", "is_even", "is_odd", "is_zero"];

/// The names of the functions that a type has.
pub(super) fn methods(kind: &Type) -> Vec<&'static str> {
    let own: Vec<&[&'static str]> = match kind {
        Type::Any => vec![TEXT, LIST, MAP, NUMBER],
        Type::Text | Type::Word(_) | Type::Char => vec![TEXT],
        Type::List(_) => vec![LIST],
        Type::Map(_) => vec![MAP],
        Type::Int | Type::Number => vec![NUMBER],
        Type::Null | Type::Bool | Type::Duration | Type::Maybe(_) => Vec::new(),
    };
    own.into_iter().flatten().chain(ANY).copied().collect()
}

/// The type of a property that is a function without arguments; `None` where there is none.
pub(super) fn property(kind: &Type, name: &str) -> Option<Type> {
    let known: &[&str] = match kind {
        Type::Text | Type::Word(_) => &TEXT_PROPERTIES,
        Type::List(_) => &LIST_PROPERTIES,
        Type::Int | Type::Number => &NUMBER_PROPERTIES,
        _ => &[],
    };
    known.contains(&name).then(|| result(name, kind))
}

/// What a function gives, as far as that is plain.
pub(super) fn result(name: &str, on: &Type) -> Type {
    match name {
        "len" | "index_of" | "bytes" | "sign" => Type::Int,
        "is_empty" | "contains" | "starts_with" | "ends_with" | "is_even" | "is_odd" | "is_zero" => Type::Bool,
        "to_string" | "to_debug" | "to_upper" | "to_lower" | "to_hex" | "to_octal" | "to_binary" | "to_json" => {
            Type::Text
        }
        "sub_string" if !on.is_any() => Type::Text,
        "keys" => Type::list(Type::Text),
        "abs" if matches!(on, Type::Int | Type::Number) => on.clone(),
        _ => Type::Any,
    }
}
