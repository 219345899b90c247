//! Where expressions stand in a document, and the names in them: by their text alone, so that a
//! half-typed one counts as well.

use std::collections::BTreeSet;
use std::ops::Range;
use std::rc::Rc;

use crate::guard::insertion_places;
use crate::source::Span;
use crate::yaml::{Node, NodeKind, Places};

use super::tokens::{Token, TokenKind, is_in_text, tokens};
use super::uses::{Use, uses};
use super::walk::Expressions;

/// An expression as the language reads it, without the document's quotes and escapes.
#[derive(Clone, Debug)]
pub(super) struct Expression<'n> {
    /// Its text.
    pub(super) text: &'n str,
    /// Where it begins in its value.
    start: usize,
    /// Where its value stands; `None` where that cannot be told.
    places: Option<Rc<Places>>,
    /// All of its value.
    whole: Span,
}

/// A dotted name in an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path<'t> {
    /// Its words with their places; the last may be empty while it is typed.
    pub(super) words: Vec<(&'t str, Range<usize>)>,
    /// Whether a parenthesis follows.
    pub(super) is_call: bool,
}

/// The expressions in a value.
pub(super) fn expressions<'n>(document: &str, node: &'n Node, how: Expressions) -> Vec<Expression<'n>> {
    let NodeKind::Scalar(scalar) = &node.kind else {
        return Vec::new();
    };
    let text = scalar.text.as_str();
    let parts = match how {
        Expressions::None => return Vec::new(),
        Expressions::Whole | Expressions::Script => std::iter::once(0..text.len()).collect(),
        Expressions::Inserted => inserted(text),
    };
    let places = Places::of(scalar, node.span, document).map(Rc::new);
    let whole = node.span;
    let found = parts.into_iter().filter_map(|part| {
        Some(Expression { text: text.get(part.clone())?, start: part.start, places: places.clone(), whole })
    });
    found.collect()
}

/// What stands between `${` and `}`; one that is never closed ends with the value.
fn inserted(text: &str) -> Vec<Range<usize>> {
    let closed = insertion_places(text);
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = text.get(at..).and_then(|rest| rest.find("${")).map(|offset| at + offset) {
        let is_escaped = text.get(at..open).is_some_and(|before| before.ends_with('$'));
        at = open + 2;
        if is_escaped {
            continue;
        }
        let end = closed.iter().find(|place| place.start == open).map(|place| place.end);
        found.push(at..end.map_or(text.len(), |end| end - 1));
        at = end.unwrap_or(text.len());
    }
    found
}

impl<'n> Expression<'n> {
    /// Where a part of it stands in the document.
    pub(super) fn part(&self, part: &Range<usize>) -> Option<Span> {
        Some(self.places.as_ref()?.part(self.start + part.start..self.start + part.end))
    }

    /// All of the value it stands in.
    pub(super) fn whole(&self) -> Span {
        self.whole
    }

    /// The byte of it that stands at a place of the document, where that is in it.
    pub(super) fn offset(&self, at: usize) -> Option<usize> {
        let inside = self.places.as_ref()?.offset(at)?.checked_sub(self.start)?;
        Some(inside).filter(|inside| *inside <= self.text.len())
    }

    /// Every dotted name; what stands in its texts is none.
    pub(super) fn paths(&self) -> Vec<Path<'n>> {
        let mut found = paths(self.text);
        for map in ["steps", "params"] {
            let known: BTreeSet<_> = found.iter().flat_map(|path| &path.words).map(|(_, at)| at.start).collect();
            found.extend(uses(self.text, map).into_iter().filter_map(|one| match one {
                Use::Of(name, at) if !known.contains(&at.start) => {
                    let words = vec![(map, at.start..at.start), (name, at)];
                    Some(Path { words, is_call: false })
                }
                Use::Of(..) | Use::Whole(_) => None,
            }));
        }
        found
    }

    /// The names that a script declares for itself.
    pub(super) fn locals(&self) -> Vec<&'n str> {
        let tokens = tokens(self.text);
        let pairs = tokens.iter().zip(tokens.iter().skip(1));
        pairs.filter(|(word, _)| word.is_word(&["let", "const", "for"])).map(|(_, name)| name.text).collect()
    }

    /// Whether a place of it is inside a text.
    pub(super) fn is_in_text(&self, at: usize) -> bool {
        is_in_text(self.text, at)
    }

    /// The name that is typed at a place: the words up to it, the last one cut there.
    pub(super) fn typed(&self, at: usize) -> Vec<&'n str> {
        let before = self.text.get(..at).unwrap_or("");
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '?');
        let length = before.chars().rev().take_while(|c| is_part(*c)).map(char::len_utf8).sum::<usize>();
        let typed = before.get(before.len() - length..).unwrap_or("");
        typed.split('.').map(|word| word.trim_matches('?')).collect()
    }
}

fn paths(text: &str) -> Vec<Path<'_>> {
    let tokens = tokens(text);
    let is_root = |at: usize, token: &Token<'_>| {
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        token.kind == TokenKind::Word && !before.is_some_and(Token::is_dot)
    };
    let roots = tokens.iter().enumerate().filter(|(at, token)| is_root(*at, token));
    roots.map(|(at, _)| path(tokens.get(at..).unwrap_or(&[]))).collect()
}

fn path<'t>(tokens: &[Token<'t>]) -> Path<'t> {
    let mut words = Vec::new();
    let mut rest = tokens;
    while let Some((first, behind)) = rest.split_first() {
        if first.kind != TokenKind::Word {
            break;
        }
        words.push((first.text, first.range()));
        rest = behind;
        while let [open, name, close, behind @ ..] = rest
            && open.opens_index()
            && close.is("]")
            && let Some(said) = name.said()
        {
            words.push(said);
            rest = behind;
        }
        let Some((dot, behind)) = rest.split_first().filter(|(dot, _)| dot.is_dot()) else {
            break;
        };
        rest = behind;
        if rest.first().is_none_or(|next| next.kind != TokenKind::Word) {
            // Half-typed.
            words.push(("", dot.range().end..dot.range().end));
        }
    }
    Path { words, is_call: rest.first().is_some_and(|next| next.is("(")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let found = paths(text);
        found.iter().map(|path| path.words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(".")).collect()
    }

    #[test]
    fn names_are_found_and_texts_are_not() {
        let cases: [(&str, &[&str]); 10] = [
            ("steps.a.out.hash == expected", &["steps.a.out.hash", "expected"]),
            ("has(steps?.b.out, 'steps.c')", &["has", "steps.b.out"]),
            ("\"steps.a\" + `steps.b` + steps.d", &["steps.d"]),
            ("1.5 + 2e3 < steps.a", &["steps.a"]),
            ("len(get(x, \"y\", []).z)", &["len", "get", "x"]),
            ("steps.", &["steps."]),
            ("steps . a\n  .out", &["steps.a.out"]),
            ("`a ${steps.a} b`", &["steps.a"]),
            ("a ?? b.c[d.e]", &["a", "b.c", "d.e"]),
            ("a[\"b\"]?['c'].d", &["a.b.c.d"]),
        ];
        for (text, wanted) in cases {
            assert_eq!(words(text), wanted, "{text}");
        }
    }

    #[test]
    fn insertions_end_where_they_are_closed() {
        let text = r#"a ${b + "}" + #{ c: 1 }} $${d} ${e"#;
        let found: Vec<_> = inserted(text).into_iter().map(|part| &text[part]).collect();
        assert_eq!(found, [r#"b + "}" + #{ c: 1 }"#, "e"]);
    }
}
