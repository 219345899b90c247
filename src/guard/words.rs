//! The words of the expression language: no name that an expression is to read may be one.

/// The words that are no names, not even behind a dot, sorted.
const WORDS: [&str; 60] = [
    "as",
    "async",
    "await",
    "break",
    "call",
    "case",
    "catch",
    "const",
    "continue",
    "curry",
    "debug",
    "default",
    "do",
    "else",
    "eval",
    "export",
    "false",
    "fn",
    "for",
    "go",
    "goto",
    "if",
    "import",
    "in",
    "is",
    "is_def_fn",
    "is_def_var",
    "is_shared",
    "let",
    "loop",
    "match",
    "module",
    "new",
    "nil",
    "null",
    "package",
    "print",
    "private",
    "protected",
    "public",
    "return",
    "shared",
    "spawn",
    "static",
    "super",
    "switch",
    "sync",
    "this",
    "thread",
    "throw",
    "true",
    "try",
    "type_of",
    "until",
    "use",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

/// Why no expression can read a dotted name such as `steps.look`; `None` where one can.
pub fn unreadable(path: &str) -> Option<String> {
    let word = path.rsplit('.').next()?;
    let message = || match word == path {
        true => format!("`{word}` is a word of expressions, so it names nothing else"),
        false => format!("`{word}` is a word of expressions, so none can read `{path}`"),
    };
    WORDS.binary_search(&word).is_ok().then(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::{lexer, sandbox};

    #[test]
    fn the_words_are_those_of_the_engine() {
        let engine = sandbox::engine();
        let is_id = |word: &str| word.starts_with(|c: char| c.is_ascii_lowercase());
        let known = lexer::RESERVED.iter().copied().chain(["else", "false", "if", "in", "true", "look"]).chain(WORDS);
        for word in known.filter(|word| is_id(word)) {
            let path = format!("steps.{word}");
            let is_refused = engine.compile_expression(format!("{path}.status")).is_err();
            assert_eq!(unreadable(&path).is_some(), is_refused, "{word}");
        }
        assert!(WORDS.is_sorted());
    }
}
