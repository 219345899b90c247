//! Where an expression reads the names in a map: `steps.a`, `steps["a"]`, `get(steps, "a", ...)`.

use std::ops::Range;

use super::tokens::{Token, TokenKind, tokens};

/// A place where a map is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Use<'t> {
    /// One name in it, without quotes.
    Of(&'t str, Range<usize>),
    /// All of it, or a name that only a run knows.
    Whole(Range<usize>),
}

/// Functions whose second argument is a name in the first.
const READERS: [&str; 2] = ["get", "has"];

/// Every place where the map of this name is read.
pub(super) fn uses<'t>(text: &'t str, map: &str) -> Vec<Use<'t>> {
    let tokens = tokens(text);
    let found = tokens.iter().enumerate().filter(|(_, token)| token.is_word(&[map]));
    found.filter_map(|(at, token)| read(token, tokens.get(..at)?, tokens.get(at + 1..)?)).collect()
}

fn read<'t>(token: &Token<'t>, before: &[Token<'t>], behind: &[Token<'t>]) -> Option<Use<'t>> {
    let is_other = before.last().is_some_and(Token::is_dot);
    let is_key = behind.first().is_some_and(|next| next.is(":"));
    if is_other || is_key {
        return None;
    }
    let whole = Use::Whole(token.range());
    Some(match behind {
        // Half-typed.
        [dot] if dot.is_dot() => return None,
        [dot, name, rest @ ..] if dot.is_dot() && name.kind == TokenKind::Word => {
            let is_method = rest.first().is_some_and(|next| next.is("("));
            if is_method { whole } else { Use::Of(name.text, name.range()) }
        }
        [open, name, close, ..] if open.opens_index() && close.is("]") => named(name).unwrap_or(whole),
        [comma, name, end, ..] if comma.is(",") && (end.is(",") || end.is(")")) && is_read(before) => {
            named(name).unwrap_or(whole)
        }
        _ => whole,
    })
}

fn is_read(before: &[Token<'_>]) -> bool {
    let [.., reader, open] = before else {
        return false;
    };
    open.is("(") && reader.is_word(&READERS)
}

fn named<'t>(token: &Token<'t>) -> Option<Use<'t>> {
    token.said().map(|(name, at)| Use::Of(name, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_a_map_are_found_however_they_are_read() {
        let cases: [(&str, &[&str]); 12] = [
            ("steps.a.out + steps?.b", &["a", "b"]),
            ("steps . a + x.steps.b", &["a"]),
            ("steps[\"a\"] + steps?[`b`] + steps[ 'c' ]", &["a", "b", "c"]),
            ("get(steps, \"a\", 1) + has(steps, \"b\")", &["a", "b"]),
            ("`${get(steps, \"a\", `${steps.b}`)} steps.c`", &["a", "b"]),
            ("keys(steps) + steps[a] + steps[`${a}`]", &["*", "*", "*"]),
            ("steps.contains(\"a\") + f(steps, \"b\")", &["*", "*"]),
            ("let s = steps; s.a", &["*"]),
            ("get(steps, \"a\\x41\", 1) + has(steps, a)", &["*", "*"]),
            ("#{ steps: 1, a: \"steps.b\" } // steps.c", &[]),
            ("steps.", &[]),
            ("\"a\" in steps", &["*"]),
        ];
        for (text, wanted) in cases {
            let found = uses(text, "steps").into_iter().map(|one| match one {
                Use::Of(name, at) => {
                    assert_eq!(&text[at], name);
                    name
                }
                Use::Whole(at) => {
                    assert_eq!(&text[at], "steps");
                    "*"
                }
            });
            assert_eq!(found.collect::<Vec<_>>(), wanted, "{text}");
        }
    }
}
