//! Where expressions stand in a document, and the names in them: by their text alone, so that a
//! half-typed one counts as well.

use crate::source::Span;
use crate::yaml::{Node, NodeKind};

use super::walk::Expressions;

/// A dotted name in an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path<'t> {
    /// Its words with their places; the last may be empty while it is typed.
    pub(super) words: Vec<(&'t str, Span)>,
    /// Whether a parenthesis follows.
    pub(super) is_call: bool,
}

/// The expressions in a value: where each stands in the document.
pub(super) fn expressions(text: &str, node: &Node, how: Expressions) -> Vec<Span> {
    let NodeKind::Scalar(scalar) = &node.kind else {
        return Vec::new();
    };
    let (start, end) = match scalar.verbatim {
        true => (scalar.text_start, scalar.text_start + scalar.text.len()),
        false => (node.span.start, node.span.end),
    };
    match how {
        Expressions::None => Vec::new(),
        Expressions::Whole | Expressions::Script => vec![Span::new(start, end)],
        Expressions::Inserted => inserted(text, start, end),
    }
}

/// What stands between `${` and `}`; one that is never closed ends with the value.
fn inserted(text: &str, start: usize, end: usize) -> Vec<Span> {
    let mut found = Vec::new();
    let mut at = start;
    while let Some(open) = text.get(at..end).and_then(|rest| rest.find("${")).map(|offset| at + offset) {
        at = open + 2;
        if text.get(start..open).is_some_and(|before| before.ends_with('$')) {
            continue;
        }
        let close = closing(text, at, end);
        found.push(Span::new(at, close));
        at = close;
    }
    found
}

fn closing(text: &str, start: usize, end: usize) -> usize {
    let mut depth = 0_usize;
    let mut letters = Letters::new(text, start, end);
    while let Some((at, c, in_text)) = letters.next() {
        match c {
            _ if in_text => {}
            '{' => depth += 1,
            '}' if depth == 0 => return at,
            '}' => depth -= 1,
            _ => {}
        }
    }
    end
}

/// Every dotted name of an expression; what stands in its texts is none.
pub(super) fn paths(text: &str, expression: Span) -> Vec<Path<'_>> {
    let mut found = Vec::new();
    let mut letters = Letters::new(text, expression.start, expression.end);
    let mut passed = expression.start;
    let mut before = ' ';
    while let Some((at, c, in_text)) = letters.next() {
        if in_text || at < passed {
            continue;
        }
        if (c.is_alphabetic() || c == '_') && before != '.' {
            let path = path(text, at, expression.end);
            passed = path.words.last().map_or(at, |(_, span)| span.end).max(at + c.len_utf8());
            found.push(path);
            before = text.get(..passed).and_then(|read| read.chars().next_back()).unwrap_or(' ');
        } else if c.is_ascii_digit() && before != '.' {
            passed = at + word(text, at, expression.end);
            before = '0';
        } else if !c.is_whitespace() {
            before = c;
        }
    }
    found
}

/// The name that is typed at a place: the words up to it, the last one cut there.
pub(super) fn typed(text: &str, expression: Span, at: usize) -> Vec<&str> {
    let before = text.get(expression.start..at).unwrap_or("");
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '?');
    let length = before.chars().rev().take_while(|c| is_part(*c)).map(char::len_utf8).sum::<usize>();
    let typed = before.get(before.len() - length..).unwrap_or("");
    typed.split('.').map(|word| word.trim_matches('?')).collect()
}

/// Whether a place is inside a text of an expression.
pub(super) fn is_in_text(text: &str, expression: Span, at: usize) -> bool {
    let mut letters = Letters::new(text, expression.start, at.min(expression.end));
    while letters.next().is_some() {}
    letters.quote.is_some()
}

fn path(text: &str, start: usize, end: usize) -> Path<'_> {
    let mut words = Vec::new();
    let mut at = start;
    loop {
        let length = word(text, at, end);
        words.push((text.get(at..at + length).unwrap_or(""), Span::new(at, at + length)));
        at += length;
        let rest = text.get(at..end).unwrap_or("");
        let blanks = rest.len() - rest.trim_start().len();
        let joint = rest.trim_start();
        let dot =
            if joint.starts_with("?.") { 2 } else { usize::from(joint.starts_with('.') && !joint.starts_with("..")) };
        if dot == 0 || length == 0 {
            return Path { words, is_call: joint.starts_with('(') };
        }
        at += blanks + dot;
    }
}

fn word(text: &str, start: usize, end: usize) -> usize {
    let rest = text.get(start..end).unwrap_or("");
    rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len())
}

/// The characters of an expression, each with its place and whether it is part of a text.
struct Letters<'t> {
    rest: std::str::CharIndices<'t>,
    start: usize,
    quote: Option<char>,
    escaped: bool,
    /// Whether the last backslash stood outside a text: the document's own escape of a quote.
    outside: bool,
}

impl<'t> Letters<'t> {
    fn new(text: &'t str, start: usize, end: usize) -> Self {
        let rest = text.get(start..end).unwrap_or("").char_indices();
        Self { rest, start, quote: None, escaped: false, outside: false }
    }

    fn next(&mut self) -> Option<(usize, char, bool)> {
        let (offset, c) = self.rest.next()?;
        let at = self.start + offset;
        let mut in_text = self.quote.is_some();
        match (self.quote, c) {
            (Some(_), _) if self.escaped && !self.outside => self.escaped = false,
            (Some(open), c) if c == open => self.quote = None,
            (Some(_), '\\') => self.escaped = !self.outside,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => {
                // `\"` opens a text where the document itself is between quotes.
                self.outside = self.escaped;
                self.escaped = false;
                self.quote = Some(c);
                in_text = true;
            }
            (None, c) => self.escaped = c == '\\',
        }
        Some((at, c, in_text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let found = paths(text, Span::new(0, text.len()));
        found.iter().map(|path| path.words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(".")).collect()
    }

    #[test]
    fn names_are_found_and_texts_are_not() {
        let cases: [(&str, &[&str]); 8] = [
            ("steps.a.out.hash == expected", &["steps.a.out.hash", "expected"]),
            ("has(steps?.b.out, 'steps.c')", &["has", "steps.b.out"]),
            ("\"steps.a\" + `steps.b` + steps.d", &["steps.d"]),
            (r#"steps.a.out == \"steps.b\" && steps.c"#, &["steps.a.out", "steps.c"]),
            ("1.5 + 2e3 < steps.a", &["steps.a"]),
            ("len(get(x, \"y\", []).z)", &["len", "get", "x"]),
            ("steps.", &["steps."]),
            ("a ?? b.c[d.e]", &["a", "b.c", "d.e"]),
        ];
        for (text, wanted) in cases {
            assert_eq!(words(text), wanted, "{text}");
        }
    }

    #[test]
    fn insertions_end_where_they_are_closed() {
        let text = r#"a ${b + "}" + #{ c: 1 }} $${d} ${e"#;
        let found: Vec<_> = inserted(text, 0, text.len()).iter().map(|s| &text[s.start..s.end]).collect();
        assert_eq!(found, [r#"b + "}" + #{ c: 1 }"#, "e"]);
    }
}
