//! What the expression engine reports, in the words of the language.

use rhai::EvalAltResult;

/// The error under all the calls it passed through.
pub(super) fn innermost(error: &EvalAltResult) -> &EvalAltResult {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) => innermost(inner),
        other => other,
    }
}

/// The sentence for an evaluation error, in the words of the language.
pub(super) fn describe(error: &EvalAltResult) -> String {
    match innermost(error) {
        EvalAltResult::ErrorVariableNotFound(name, _) => format!("there is no `{name}`"),
        EvalAltResult::ErrorPropertyNotFound(name, _) => {
            format!("there is no property `{name}`; `get(map, \"{name}\", default)` reads one that may be missing")
        }
        EvalAltResult::ErrorFunctionNotFound(call, _) => format!("no function fits `{call}`"),
        EvalAltResult::ErrorTerminated(why, _) => why.to_string(),
        EvalAltResult::ErrorTooManyOperations(_) => "this takes too many operations".to_owned(),
        EvalAltResult::ErrorRuntime(what, _) => what.to_string(),
        other => {
            let text = other.to_string();
            let cut = text.rfind(" (line ").and_then(|at| text.get(..at)).unwrap_or(&text);
            lower(cut)
        }
    }
}

/// What stands in other languages for something a guard says otherwise.
pub(super) fn meant(fault: &str) -> Option<&'static str> {
    match fault {
        "Unexpected '='" => Some("`==` compares, as in `a == b`"),
        "'null' is a reserved keyword" => Some(
            "`is_null(value)` asks whether a value is null, `has(map, key)` whether a key is there; \
             `value ?? other` stands in for null",
        ),
        _ => None,
    }
}

/// A text with its first letter small.
pub(super) fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect()
}

/// The language's word for a type of the expression engine.
pub(super) fn word(kind: &str) -> &str {
    match kind {
        "()" => "null",
        "i64" => "an int",
        "f64" => "a float",
        "string" => "a text",
        "array" => "a list",
        "map" => "a map",
        other => other,
    }
}
