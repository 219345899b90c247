//! Where the characters of a text stand in its file: through quotes, escapes and folded lines.
//!
//! Unquoting and folding only change blanks and escapes, so every other character of the text
//! stands in the file in the same order. That is checked letter by letter and never guessed.

use std::ops::Range;

use crate::source::{Span, Spanned};

use super::Scalar;

/// Where the characters of a text stand in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// Where all of it stands, quotes included.
    whole: Span,
    /// How many bytes the text has.
    length: usize,
    letters: Letters,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Letters {
    /// Byte for byte from here.
    Verbatim(usize),
    /// Every character that is no blank, in the order of the text.
    Each(Vec<Letter>),
}

/// A character of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Letter {
    inside: Range<usize>,
    written: Span,
}

impl Places {
    /// The places of a scalar's text; `None` where the file does not have its characters in order.
    pub fn of(scalar: &Scalar, span: Span, document: &str) -> Option<Self> {
        let (text, whole) = (scalar.text.as_str(), span);
        if scalar.verbatim {
            let length = text.len();
            return Some(Self { whole, length, letters: Letters::Verbatim(scalar.text_start) });
        }
        let written = document.get(span.start..span.end)?;
        let is_quoted = scalar.text_start > span.start;
        Self::aligned(text, whole, written, written.chars().next().filter(|_| is_quoted))
    }

    /// The places of a key's text.
    pub fn of_key(key: &Spanned<String>, document: &str) -> Option<Self> {
        let written = document.get(key.span.start..key.span.end)?;
        let quote = written.chars().next().filter(|c| matches!(c, '"' | '\''));
        Self::aligned(&key.value, key.span, written, quote)
    }

    fn aligned(text: &str, whole: Span, written: &str, quote: Option<char>) -> Option<Self> {
        let from = |skipped: usize| {
            let start = whole.start + skipped;
            let mut there = characters(written.get(skipped..)?, quote).filter(|(c, _)| !c.is_whitespace());
            let inside = text.char_indices().filter(|(_, c)| !c.is_whitespace());
            let letters = inside.map(|(at, c)| {
                let (_, range) = there.next().filter(|(other, _)| *other == c)?;
                let written = Span::new(start + range.start, start + range.end);
                Some(Letter { inside: at..at + c.len_utf8(), written })
            });
            letters.collect::<Option<Vec<_>>>()
        };
        // A `|` or `>` and what stands beside it are no part of a text.
        let header = || written.find('\n').filter(|_| quote.is_none() && written.starts_with(['|', '>']));
        let letters = from(usize::from(quote.is_some())).or_else(|| from(header()?))?;
        Some(Self { whole, length: text.len(), letters: Letters::Each(letters) })
    }

    /// Where a part of the text stands; for an empty one, where it would be written.
    pub fn part(&self, part: Range<usize>) -> Span {
        let letters = match &self.letters {
            Letters::Verbatim(start) => return Span::new(start + part.start, start + part.end),
            Letters::Each(letters) => letters,
        };
        let first = letters.partition_point(|letter| letter.inside.start < part.start);
        let behind = letters.partition_point(|letter| letter.inside.start < part.end);
        let inside = letters.get(first..behind).unwrap_or(&[]);
        if let (Some(first), Some(last)) = (inside.first(), inside.last()) {
            return first.written.to(last.written);
        }
        let before = first.checked_sub(1).and_then(|at| letters.get(at));
        let at = match (before, letters.get(first)) {
            (Some(before), _) if before.inside.end == part.start => before.written.end,
            (_, Some(next)) => next.written.start,
            (Some(before), None) => before.written.end,
            (None, None) => self.whole.start,
        };
        Span::new(at, at)
    }

    /// The byte of the text that stands at a place of the file; `None` outside of it.
    pub fn offset(&self, at: usize) -> Option<usize> {
        (self.whole.start <= at && at <= self.whole.end).then_some(())?;
        let letters = match &self.letters {
            Letters::Verbatim(start) => return at.checked_sub(*start).filter(|inside| *inside <= self.length),
            Letters::Each(letters) => letters,
        };
        let next = letters.partition_point(|letter| letter.written.end <= at);
        let most = letters.get(next).map_or(self.length, |letter| letter.inside.start);
        let before = next.checked_sub(1).and_then(|at| letters.get(at));
        let (inside, behind) = before.map_or((0, self.whole.start), |one| (one.inside.end, one.written.end));
        Some((inside + at - behind).min(most))
    }
}

/// What a text between quotes says, without them; what is no escape stands for itself.
pub fn unquoted(inner: &str, quote: char) -> String {
    characters(inner, Some(quote)).map(|(c, _)| c).collect()
}

/// The characters that are written, each with its bytes.
fn characters(written: &str, quote: Option<char>) -> impl Iterator<Item = (char, Range<usize>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at;
            let rest = written.get(start..)?;
            let c = rest.chars().next()?;
            let (said, length) = match (quote, c) {
                (Some('\''), '\'') if rest.starts_with("''") => (Some(c), 2),
                (Some('"'), '\\') => escape(rest).unwrap_or((Some(c), 1)),
                _ => (Some(c), c.len_utf8()),
            };
            at += length;
            if let Some(said) = said {
                return Some((said, start..at));
            }
        }
    })
}

/// What the escape at the beginning of a text says, and how long it is: YAML 1.2, section 5.7.
fn escape(written: &str) -> Option<(Option<char>, usize)> {
    let word = written.chars().nth(1)?;
    let coded = |digits: usize| {
        let code = u32::from_str_radix(written.get(2..2 + digits)?, 16).ok()?;
        Some((Some(char::from_u32(code)?), 2 + digits))
    };
    let said = match word {
        '0' => '\0',
        'a' => '\u{7}',
        'b' => '\u{8}',
        't' | '\t' => '\t',
        'n' => '\n',
        'v' => '\u{B}',
        'f' => '\u{C}',
        'r' => '\r',
        'e' => '\u{1B}',
        ' ' | '"' | '/' | '\\' => word,
        'N' => '\u{85}',
        '_' => '\u{A0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        'x' => return coded(2),
        'u' => return coded(4),
        'U' => return coded(8),
        // The line goes on below.
        '\n' | '\r' => return Some((None, 2)),
        _ => return None,
    };
    Some((Some(said), 2))
}
