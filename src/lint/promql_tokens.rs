//! The words and signs of a PromQL text with their places, which the parser's tree does not keep, and
//! the times among them that the parser could not hold.

use std::ops::Range;

/// The longest time in seconds, about three centuries; a number of them need not have a unit.
const MAX_SECONDS: f64 = 1e10;

/// A word, number, quoted text or sign.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) place: Range<usize>,
    /// The bracket it stands in: `{`, `[` or none of them.
    pub(super) inside: Option<char>,
}

/// The words, numbers, quoted texts and signs of a text, without blanks and comments.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut inside = None;
    let mut at = 0;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = text.get(at..).unwrap_or("");
        let len = match c {
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '#' => {
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            '"' | '\'' | '`' => quoted_len(rest, c),
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            '=' | '!' | '<' | '>' if rest.get(1..2).is_some_and(|next| next == "=" || next == "~") => 2,
            c => c.len_utf8(),
        };
        if matches!(c, '}' | ']') {
            inside = None;
        }
        found.push(Token { place: at..at + len, inside });
        if matches!(c, '{' | '[') {
            inside = Some(c);
        }
        at += len;
    }
    found
}

fn quoted_len(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == quote && !escaped {
            return at + 1;
        }
        escaped = c == '\\' && quote != '`' && !escaped;
    }
    text.len()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || "_:.".contains(c)
}

/// A time that is longer than any: the parser cannot hold it, and would end the program.
pub(super) fn overlong(text: &str, all: &[Token]) -> Option<Range<usize>> {
    let word = |at: usize| all.get(at).and_then(|token| text.get(token.place.clone())).unwrap_or("");
    let is_offset = |at: usize| word(at).eq_ignore_ascii_case("offset");
    let times = all
        .iter()
        .enumerate()
        .filter(|(at, token)| token.inside == Some('[') || (at.saturating_sub(2)..*at).any(is_offset));
    for (_, token) in times {
        let starts = text.get(token.place.clone())?.match_indices(':').map(|(at, _)| token.place.start + at + 1);
        for start in std::iter::once(token.place.start).chain(starts) {
            let seconds = text.get(start..).and_then(leading_number);
            if seconds.is_some_and(|seconds| seconds.is_nan() || seconds > MAX_SECONDS) {
                return Some(start..token.place.end.max(start));
            }
        }
    }
    None
}

/// The number that a text begins with, whatever unit it has.
fn leading_number(text: &str) -> Option<f64> {
    let mut before = ' ';
    let end = text.find(|c: char| {
        let is_part = c.is_ascii_alphanumeric() || c == '.' || ("+-".contains(c) && "eE".contains(before));
        before = c;
        !is_part
    });
    let number = text.get(..end.unwrap_or(text.len()))?;
    number.parse().or_else(|_| number.trim_end_matches(char::is_alphabetic).parse()).ok()
}
