//! The one-line parts of a sketch: keys, quoted and plain texts, and what stands in brackets.

use crate::source::{Span, Spanned};
use crate::yaml::{MAX_DEPTH, Node, NodeKind, Scalar, unquoted};

use super::sketch::nothing;

/// A key as written.
pub(super) struct Written {
    /// Its text.
    pub(super) text: String,
    /// How many bytes it takes, quotes included.
    pub(super) length: usize,
}

/// The key a line begins with, and where its colon stands; `None` where there is none.
pub(super) fn key_end(line: &str) -> Option<(Written, usize)> {
    if let Some(quote) = line.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let length = quoted_length(line, quote)?;
        let behind = line.get(length..)?;
        let colon = length + (behind.len() - behind.trim_start().len());
        line.get(colon..)?.starts_with(':').then_some(())?;
        let text = line.get(1..length.checked_sub(1)?)?.to_owned();
        return Some((Written { text, length }, colon));
    }
    if line.starts_with(['{', '[', '#', '|', '>', '&', '*', '!']) {
        return None;
    }
    let ends = |at: &usize| line.get(at + 1..).is_none_or(|rest| rest.is_empty() || rest.starts_with(' '));
    let colon = line.match_indices(':').map(|(at, _)| at).find(ends)?;
    if line.get(..colon)?.contains(" #") {
        return None;
    }
    let key = line.get(..colon)?.trim_end();
    Some((Written { text: key.to_owned(), length: key.len() }, colon))
}

/// How long a quoted text is, its quotes included; `None` where it is not closed.
fn quoted_length(text: &str, quote: char) -> Option<usize> {
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = letters.next() {
        if quote == '"' && c == '\\' {
            letters.next();
        } else if c == quote {
            if quote == '\'' && letters.peek().is_some_and(|(_, next)| *next == '\'') {
                letters.next();
                continue;
            }
            return Some(at + 1);
        }
    }
    None
}

/// A value that begins here and ends before `end`.
pub(super) fn value(text: &str, start: usize, end: usize) -> Node {
    let mut reader = Flow { text, at: start, end };
    reader.value(0)
}

/// A plain text up to a comment.
pub(super) fn plain(text: &str, start: usize, end: usize) -> Node {
    let said = text.get(start..end).unwrap_or("");
    let said = said.split(" #").next().unwrap_or(said).trim_end();
    let is_one_line = !said.contains('\n');
    let words: Vec<_> = said.lines().map(str::trim).collect();
    let scalar = Scalar { text: words.join(" "), quoted: false, verbatim: is_one_line, text_start: start };
    Node { kind: NodeKind::Scalar(scalar), span: Span::new(start, start + said.len()) }
}

struct Flow<'t> {
    text: &'t str,
    at: usize,
    end: usize,
}

impl Flow<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..self.end).unwrap_or("")
    }

    fn next(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Passes blanks, line ends and comments.
    fn blanks(&mut self) {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start().len();
            if !self.rest().starts_with('#') {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    fn value(&mut self, depth: usize) -> Node {
        let start = self.at;
        match self.next() {
            Some('{') if depth < MAX_DEPTH => self.map(depth),
            Some('[') if depth < MAX_DEPTH => self.list(depth),
            Some(quote @ ('"' | '\'')) => self.quoted(quote),
            Some(_) => self.word(),
            None => nothing(start),
        }
    }

    fn map(&mut self, depth: usize) -> Node {
        let start = self.at;
        self.at += 1;
        let mut entries = Vec::new();
        loop {
            self.blanks();
            match self.next() {
                None => break,
                Some('}') => {
                    self.at += 1;
                    break;
                }
                Some(',' | ']' | ':') => self.at += 1,
                Some(_) => {
                    let key = self.value(depth + 1);
                    let NodeKind::Scalar(scalar) = key.kind else {
                        continue;
                    };
                    let key = Spanned::new(scalar.text, key.span);
                    let behind = self.at;
                    self.blanks();
                    let value = if self.next() == Some(':') {
                        self.at += 1;
                        let after = self.at;
                        self.blanks();
                        match self.next() {
                            None | Some(',' | '}') => nothing(after),
                            Some(_) => self.value(depth + 1),
                        }
                    } else {
                        nothing(behind)
                    };
                    entries.push((key, value));
                }
            }
        }
        Node { kind: NodeKind::Map(entries), span: Span::new(start, self.at) }
    }

    fn list(&mut self, depth: usize) -> Node {
        let start = self.at;
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.blanks();
            match self.next() {
                None => break,
                Some(']') => {
                    self.at += 1;
                    break;
                }
                Some(',' | '}' | ':') => self.at += 1,
                Some(_) => items.push(self.value(depth + 1)),
            }
        }
        Node { kind: NodeKind::List(items), span: Span::new(start, self.at) }
    }

    fn quoted(&mut self, quote: char) -> Node {
        let start = self.at;
        let rest = self.rest();
        let closed = quoted_length(rest, quote);
        // Never closed: it ends with its line.
        let length = closed.unwrap_or_else(|| rest.find(['\n', '\r']).unwrap_or(rest.len()));
        let inner = rest.get(1..length - usize::from(closed.is_some())).unwrap_or("");
        let text = unquoted(inner, quote);
        let verbatim = text == inner;
        self.at += length;
        let scalar = Scalar { text, quoted: true, verbatim, text_start: start + 1 };
        Node { kind: NodeKind::Scalar(scalar), span: Span::new(start, self.at) }
    }

    /// A plain text: up to what ends one between brackets; `${ }` is passed over whole.
    fn word(&mut self) -> Node {
        let start = self.at;
        let rest = self.rest();
        let mut depth = 0_usize;
        let mut before = ' ';
        let mut length = rest.len();
        for (at, c) in rest.char_indices() {
            let opens = c == '{' && (before == '$' || depth > 0);
            let next = rest.get(at + 1..).and_then(|rest| rest.chars().next());
            let is_colon = c == ':' && next.is_none_or(|next| next.is_whitespace() || ",}]".contains(next));
            let ends =
                matches!(c, ',' | '}' | ']' | '[' | '{' | '\n' | '\r') || is_colon || (c == '#' && before == ' ');
            if opens {
                depth += 1;
            } else if c == '}' && depth > 0 {
                depth -= 1;
            } else if (depth == 0 && ends) || c == '\n' {
                length = at;
                break;
            }
            before = c;
        }
        // A bracket that opens nothing is passed, so that reading goes on.
        let length = if length == 0 { rest.chars().next().map_or(0, char::len_utf8) } else { length };
        let said = rest.get(..length).unwrap_or("");
        let (text, said) = (said.trim_end().to_owned(), said.trim_end().len());
        self.at += length;
        let scalar = Scalar { text, quoted: false, verbatim: true, text_start: start };
        Node { kind: NodeKind::Scalar(scalar), span: Span::new(start, start + said) }
    }
}
