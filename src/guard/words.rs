//! The words of the expression language: no name that an expression is to read may be one.

use super::lexer::RESERVED;

/// What no name is on its own, and what can be read behind a dot.
const BEHIND_A_DOT: [&str; 13] = [
    "Fn",
    "_",
    "exit",
    "global",
    "no_closure",
    "no_float",
    "no_function",
    "no_index",
    "no_module",
    "no_object",
    "sleep",
    "timestamp",
    "unsafe",
];

/// Words that expressions do have.
const SPOKEN: [&str; 5] = ["else", "false", "if", "in", "true"];

/// Why no expression can read a dotted name such as `steps.look`; `None` where one can.
pub fn unreadable(path: &str) -> Option<String> {
    let word = path.rsplit('.').next()?;
    let message = || match word == path {
        true => format!("`{word}` is a word of expressions, so it names nothing else"),
        false => format!("`{word}` is a word of expressions, so none can read `{path}`"),
    };
    let is_reserved = RESERVED.binary_search(&word).is_ok() && !BEHIND_A_DOT.contains(&word);
    (is_reserved || SPOKEN.contains(&word)).then(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::sandbox;

    #[test]
    fn the_words_are_those_of_the_engine() {
        let engine = sandbox::engine();
        let is_id = |word: &str| word.starts_with(|c: char| c.is_ascii_lowercase());
        let known = RESERVED.iter().copied().chain(["else", "false", "if", "in", "true", "look"]);
        for word in known.filter(|word| is_id(word)) {
            let path = format!("steps.{word}");
            let is_refused = engine.compile_expression(format!("{path}.status")).is_err();
            assert_eq!(unreadable(&path).is_some(), is_refused, "{word}");
        }
        assert!(RESERVED.is_sorted());
    }
}
