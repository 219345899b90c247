//! Which names an expression uses, and where: from its syntax, and from the text alone where the
//! expression engine understands more than our parser.

use crate::source::Span;

use super::Place;
use super::syntax::Expr;

/// A dotted name an expression uses, such as `steps.verify.out.hash`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    path: Vec<String>,
    span: Span,
}

impl Reference {
    /// Its words; the first is the root.
    pub fn path(&self) -> &[String] {
        &self.path
    }

    /// Its first word.
    pub fn root(&self) -> &str {
        self.path.first().map_or("", String::as_str)
    }

    /// Where it stands.
    pub fn span(&self) -> Span {
        self.span
    }
}

/// Words that are not names.
const KEYWORDS: [&str; 12] =
    ["true", "false", "in", "if", "else", "switch", "is", "let", "const", "fn", "return", "this"];

/// The names an expression uses; functions and map keys are none.
pub(super) fn of_syntax(expression: &Expr, place: Place) -> Vec<Reference> {
    let mut found = Vec::new();
    collect(expression, place, &mut found);
    found
}

fn collect(expression: &Expr, place: Place, found: &mut Vec<Reference>) {
    match expression.path() {
        Some(path) => {
            let path = path.into_iter().map(str::to_owned).collect();
            found.push(Reference { path, span: place.part(expression.span.start, expression.span.end) });
        }
        None => expression.parts().into_iter().for_each(|part| collect(part, place, found)),
    }
}

/// Where the names of a text's first closure stand; all of the text where it has none.
pub(super) fn closure_of(text: &str, place: Place) -> Span {
    let mut at = 0;
    let mut start = None;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        match (c, start) {
            ('"' | '\'' | '`', _) => at = end_of_text(text, at, c),
            ('|', None) if text.get(at..).is_some_and(|rest| rest.starts_with("||")) => at += 2,
            ('|', None) => {
                start = Some(at);
                at += 1;
            }
            ('|', Some(start)) => return place.part(start, at + 1),
            _ => at += c.len_utf8(),
        }
    }
    place.span
}

/// Finds every name in a text; texts, calls and map keys are not names.
pub(super) fn of_text(text: &str, place: Place) -> Vec<Reference> {
    let mut found = Vec::new();
    let mut at = 0;
    let mut after_dot = false;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        if matches!(c, '"' | '\'' | '`') {
            at = end_of_text(text, at, c);
            after_dot = false;
        } else if c.is_ascii_digit() {
            // A dot behind the digits may be the first of `..`.
            at += count(text, at, |c| c.is_ascii_alphanumeric() || c == '_');
            after_dot = false;
        } else if is_word(c) {
            let end = path_end(text, at);
            if !after_dot {
                found.extend(reference(text, at, end, place));
            }
            at = end;
            after_dot = false;
        } else {
            let is_range = after_dot && c == '.';
            after_dot = !is_range && (c == '.' || (after_dot && c.is_whitespace()));
            at += c.len_utf8();
        }
    }
    found
}

fn reference(text: &str, start: usize, end: usize, place: Place) -> Option<Reference> {
    let written = text.get(start..end)?;
    let mut path: Vec<String> = written.split('.').map(|word| word.trim_matches('?').to_owned()).collect();
    let next = text.get(end..).unwrap_or("").trim_start();
    let mut shown = end;
    if next.starts_with('(') {
        let called = path.pop()?;
        shown = end - called.len();
    }
    let is_key = next.starts_with(':') && !next.starts_with("::");
    let root = path.first()?;
    if KEYWORDS.contains(&root.as_str()) || is_key {
        return None;
    }
    let shown = if shown < end { shown.saturating_sub(1) } else { shown };
    Some(Reference { path, span: place.part(start, shown.max(start + 1)) })
}

/// The end of a dotted name that starts here.
fn path_end(text: &str, start: usize) -> usize {
    let mut at = start + count(text, start, is_word);
    loop {
        let rest = text.get(at..).unwrap_or("");
        let dots = if rest.starts_with("?.") { 2 } else { usize::from(rest.starts_with('.')) };
        let word = count(text, at + dots, is_word);
        if dots == 0 || word == 0 {
            return at;
        }
        at += dots + word;
    }
}

fn end_of_text(text: &str, start: usize, quote: char) -> usize {
    let mut escaped = false;
    for (offset, c) in text.get(start..).unwrap_or("").char_indices().skip(1) {
        if !escaped && c == quote {
            return start + offset + 1;
        }
        escaped = !escaped && c == '\\';
    }
    text.len()
}

fn count(text: &str, at: usize, holds: impl Fn(char) -> bool) -> usize {
    let rest = text.get(at..).unwrap_or("");
    rest.find(|c| !holds(c)).unwrap_or(rest.len())
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
