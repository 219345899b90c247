//! The tokens of an expression or script, by the text alone: a half-typed one has some as well.
//!
//! Coarser than what the guards' own parser reads, and never refused. What stands in the `${ }` of
//! a backtick text is read like everything around it.

use std::ops::Range;

/// A token with its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub(super) kind: TokenKind,
    pub(super) text: &'t str,
    pub(super) start: usize,
}

/// The kinds of token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A name or a word of the language.
    Word,
    Number,
    /// A text with its quotes, or a piece of one that has insertions.
    Text,
    /// A comment.
    Note,
    /// Anything else.
    Mark,
}

/// Marks of more than one character that must not be taken for their beginning.
const LONG_MARKS: [&str; 4] = ["?.", "?[", "..", "::"];

impl<'t> Token<'t> {
    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    pub(super) fn is(&self, mark: &str) -> bool {
        self.kind == TokenKind::Mark && self.text == mark
    }

    pub(super) fn is_word(&self, words: &[&str]) -> bool {
        self.kind == TokenKind::Word && words.contains(&self.text)
    }

    /// What a whole text says in so many words, and where.
    pub(super) fn said(&self) -> Option<(&'t str, Range<usize>)> {
        let quote = self.text.chars().next().filter(|_| self.kind == TokenKind::Text)?;
        let said = self.text.strip_prefix(quote)?.strip_suffix(quote)?;
        let start = self.start + quote.len_utf8();
        (quote != '}' && !said.contains('\\')).then(|| (said, start..start + said.len()))
    }

    /// Whether a name of a map may follow.
    pub(super) fn is_dot(&self) -> bool {
        self.is(".") || self.is("?.")
    }

    /// Whether a name of a map may follow in brackets.
    pub(super) fn opens_index(&self) -> bool {
        self.is("[") || self.is("?[")
    }
}

/// Every token; comments are none.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer { text, at: 0, inserted: Vec::new(), is_open: false };
    let all = std::iter::from_fn(|| lexer.next());
    all.filter(|token| token.kind != TokenKind::Note).collect()
}

/// Whether a place is inside a text or a comment.
pub(super) fn is_in_text(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or(text);
    let mut lexer = Lexer { text: before, at: 0, inserted: Vec::new(), is_open: false };
    while lexer.next().is_some() {}
    lexer.is_open
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    /// For every backtick text around, how many braces its insertion has opened.
    inserted: Vec<usize>,
    /// Whether the last text or comment goes on behind the end.
    is_open: bool,
}

impl<'t> Lexer<'t> {
    fn next(&mut self) -> Option<Token<'t>> {
        let rest = self.text.get(self.at..)?;
        let start = self.at + rest.len() - rest.trim_start().len();
        let rest = rest.trim_start();
        let first = rest.chars().next()?;
        self.is_open = false;
        let (kind, length) = match first {
            '/' if rest.starts_with("//") => (TokenKind::Note, self.up_to(rest, "\n", 2)),
            '/' if rest.starts_with("/*") => (TokenKind::Note, self.up_to(rest, "*/", 2)),
            '"' | '\'' => (TokenKind::Text, self.quoted(rest, first)),
            '`' => (TokenKind::Text, self.piece(rest, 1)),
            '}' if self.inserted.last() == Some(&0) => {
                self.inserted.pop();
                (TokenKind::Text, self.piece(rest, 1))
            }
            c if c.is_alphabetic() || c == '_' => (TokenKind::Word, word(rest)),
            c if c.is_ascii_digit() => (TokenKind::Number, number(rest)),
            _ => (TokenKind::Mark, self.mark(rest, first)),
        };
        self.at = start + length;
        Some(Token { kind, text: rest.get(..length)?, start })
    }

    fn up_to(&mut self, rest: &str, end: &str, from: usize) -> usize {
        let found = rest.get(from..).and_then(|behind| behind.find(end));
        self.is_open = found.is_none();
        found.map_or(rest.len(), |at| from + at + end.len())
    }

    fn quoted(&mut self, rest: &str, quote: char) -> usize {
        let mut letters = rest.char_indices().skip(1);
        while let Some((at, c)) = letters.next() {
            if c == '\\' {
                letters.next();
            } else if c == quote {
                return at + 1;
            }
        }
        self.is_open = true;
        rest.len()
    }

    /// A backtick text up to its end or its next insertion.
    fn piece(&mut self, rest: &str, from: usize) -> usize {
        let behind = rest.get(from..).unwrap_or("");
        let end = behind.find('`').map(|at| from + at);
        let insertion = behind.find("${").map(|at| from + at);
        match (end, insertion) {
            (end, Some(insertion)) if end.is_none_or(|end| insertion < end) => {
                self.inserted.push(0);
                insertion + 2
            }
            (Some(end), _) => end + 1,
            (None, _) => {
                self.is_open = true;
                rest.len()
            }
        }
    }

    fn mark(&mut self, rest: &str, first: char) -> usize {
        if let Some(depth) = self.inserted.last_mut() {
            *depth += usize::from(first == '{');
            *depth -= usize::from(first == '}');
        }
        let long = LONG_MARKS.iter().find(|long| rest.starts_with(**long));
        long.map_or(first.len_utf8(), |long| long.len())
    }
}

fn word(rest: &str) -> usize {
    rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len())
}

/// Digits and what belongs to them; the two dots of a range do not.
fn number(rest: &str) -> usize {
    let whole = word(rest);
    let behind = rest.get(whole..).unwrap_or("");
    let fraction = behind.strip_prefix('.').filter(|digits| digits.starts_with(|c: char| c.is_ascii_digit()));
    whole + fraction.map_or(0, |digits| 1 + word(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_comments_hold_no_names_and_insertions_do() {
        let cases: [(&str, &[&str]); 8] = [
            ("a \"b\\\" c\" d", &["a", "d"]),
            ("`a ${b + `c ${d} e`} f ${#{ g: 1 }} h` i", &["b", "d", "g", "i"]),
            ("a // it's b\nc /* \" d */ e", &["a", "c", "e"]),
            ("`\\` + a", &["a"]),
            ("1.5e3 + a.b 2..c", &["a", "b", "c"]),
            ("'a' + b + \"c", &["b"]),
            ("} a } b", &["a", "b"]),
            ("`a ${b", &["b"]),
        ];
        for (text, wanted) in cases {
            let words: Vec<_> =
                tokens(text).iter().filter(|t| t.kind == TokenKind::Word).map(|token| token.text).collect();
            assert_eq!(words, wanted, "{text}");
        }
    }

    #[test]
    fn a_place_is_in_a_text_or_not() {
        for (text, wanted) in [
            ("a + \"b▮\"", true),
            ("a + \"b\"▮", false),
            ("`b ${▮}`", false),
            ("`b ${c}▮`", true),
            ("a // b▮\nc", true),
            ("a // b\n▮c", false),
        ] {
            let at = text.find('▮').unwrap();
            assert_eq!(is_in_text(&text.replace('▮', ""), at), wanted, "{text}");
        }
    }
}
