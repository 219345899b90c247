//! A tree of a document under way: of what is typed so far, also where it is no YAML yet.
//!
//! It reads as `yaml/` does and never refuses: a word without its colon is a key without a value,
//! a bracket that is never closed ends with the lines that are indented below it. It goes by
//! indentation and judges nothing; whole documents are read by the real parser instead.

use crate::source::{Span, Spanned};
use crate::yaml::{MAX_DEPTH, Node, NodeKind, Scalar};

use super::flow;

/// The tree of a text; an empty map where there is nothing.
pub(super) fn sketch(text: &str) -> Node {
    let mut reader = Reader { text, lines: lines(text), at: 0 };
    let mut entries = Vec::new();
    while reader.at < reader.lines.len() {
        let before = reader.at;
        let node = reader.block(0, 0);
        if let NodeKind::Map(found) = node.kind {
            entries.extend(found);
        }
        // A line that begins nothing is passed over.
        reader.at = reader.at.max(before + 1);
    }
    Node { kind: NodeKind::Map(entries), span: Span::new(0, text.len()) }
}

/// A line that says something.
struct Line {
    /// Where its first character stands.
    start: usize,
    /// Where it ends, without the line end.
    end: usize,
    /// How far it is indented; behind a dash, as far as what follows it.
    indent: usize,
}

struct Reader<'t> {
    text: &'t str,
    lines: Vec<Line>,
    at: usize,
}

fn lines(text: &str) -> Vec<Line> {
    let mut found = Vec::new();
    let mut start = 0;
    for whole in text.split_inclusive('\n') {
        let line = whole.trim_end_matches(['\n', '\r']);
        let said = line.trim_start_matches(' ');
        let indent = line.len() - said.len();
        let is_marker = line.starts_with("---") || line.starts_with("...");
        if !said.trim().is_empty() && !said.starts_with('#') && !is_marker {
            found.push(Line { start: start + indent, end: start + line.trim_end().len(), indent });
        }
        start += whole.len();
    }
    found
}

impl Reader<'_> {
    fn slice(&self, start: usize, end: usize) -> &str {
        self.text.get(start..end).unwrap_or("")
    }

    /// The indentation of the line that comes next.
    fn indent(&self) -> Option<usize> {
        self.lines.get(self.at).map(|line| line.indent)
    }

    fn is_item(&self) -> bool {
        let line = self.lines.get(self.at).map_or("", |line| self.slice(line.start, line.end));
        line == "-" || line.starts_with("- ")
    }

    /// What begins with the next line, which is indented at least so far.
    fn block(&mut self, least: usize, depth: usize) -> Node {
        let start = self.lines.get(self.at).map_or(self.text.len(), |line| line.start);
        let Some(indent) = self.indent().filter(|indent| *indent >= least && depth < MAX_DEPTH) else {
            return nothing(start);
        };
        if self.is_item() {
            return self.list(indent, depth, start);
        }
        let mut entries: Vec<(Spanned<String>, Node)> = Vec::new();
        let mut end = start;
        while let Some(found) = self.indent() {
            if found < indent || (found == indent && self.is_item()) {
                break;
            }
            if found > indent {
                // Deeper than its neighbours: it belongs to the key above, or is a continued text.
                let inner = self.block(indent + 1, depth + 1);
                end = inner.span.end;
                if let Some((_, value)) = entries.last_mut().filter(|(_, value)| is_nothing(value)) {
                    *value = inner;
                }
                continue;
            }
            let Some(entry) = self.entry(indent, depth) else {
                break;
            };
            end = entry.1.span.end;
            entries.push(entry);
        }
        Node { kind: NodeKind::Map(entries), span: Span::new(start, end) }
    }

    fn list(&mut self, indent: usize, depth: usize, start: usize) -> Node {
        let mut items = Vec::new();
        let mut end = start;
        while self.indent() == Some(indent) && self.is_item() {
            let Some(line) = self.lines.get_mut(self.at) else {
                break;
            };
            let behind = self.text.get(line.start + 1..line.end).unwrap_or("");
            let blanks = 1 + behind.len() - behind.trim_start().len();
            let (from, to) = ((line.start + blanks).min(line.end), line.end);
            line.start = from;
            line.indent += blanks;
            let said = self.slice(from, to);
            let item = if said.is_empty() {
                self.at += 1;
                self.block(indent + 1, depth + 1)
            } else if flow::key_end(said).is_some() {
                self.block(indent + 1, depth + 1)
            } else {
                self.value(from, to, indent)
            };
            end = item.span.end;
            items.push(item);
        }
        Node { kind: NodeKind::List(items), span: Span::new(start, end) }
    }

    /// A key with its value, or a word that may become a key.
    fn entry(&mut self, indent: usize, depth: usize) -> Option<(Spanned<String>, Node)> {
        let line = self.lines.get(self.at)?;
        let (start, end) = (line.start, line.end);
        let said = self.slice(start, end);
        let Some((key, colon)) = flow::key_end(said) else {
            let word = said.trim_end();
            let key = Spanned::new(word.to_owned(), Span::new(start, start + word.len()));
            self.at += 1;
            return Some((key, nothing(end)));
        };
        let key = Spanned::new(key.text, Span::new(start, start + key.length));
        let behind = self.slice(start + colon + 1, end);
        let value = start + colon + 1 + (behind.len() - behind.trim_start().len());
        let said = self.slice(value, end);
        if said.is_empty() || said.starts_with('#') {
            self.at += 1;
            let next = self.indent();
            let is_list_beside = next == Some(indent) && self.is_item();
            let node = match next {
                Some(next) if next > indent || is_list_beside => self.block(indent, depth + 1),
                _ => nothing(value),
            };
            return Some((key, node));
        }
        Some((key, self.value(value, end, indent)))
    }

    /// A value that begins in this line; lines that are indented deeper may go on with it.
    fn value(&mut self, start: usize, end: usize, indent: usize) -> Node {
        self.at += 1;
        let first_below = self.at;
        while self.indent().is_some_and(|below| below > indent) {
            self.at += 1;
        }
        let last = self.lines.get(self.at.saturating_sub(1)).map_or(end, |line| line.end.max(end));
        let said = self.slice(start, last);
        match said.chars().next() {
            Some('|' | '>') => literal(said, start, end - start),
            Some('{' | '[' | '"' | '\'') => flow::value(self.text, start, last),
            _ => {
                // A half-typed word stands before what was there; that is read for itself.
                let is_map_below = self.lines.get(first_below).is_some_and(|line| {
                    first_below < self.at && flow::key_end(self.text.get(line.start..line.end).unwrap_or("")).is_some()
                });
                if is_map_below {
                    self.at = first_below;
                    return flow::plain(self.text, start, end);
                }
                flow::plain(self.text, start, last)
            }
        }
    }
}

/// A `|` or `>` text: its lines without their common indentation.
fn literal(said: &str, start: usize, head: usize) -> Node {
    let body = said.get(head..).unwrap_or("").trim_start_matches(['\r', '\n']);
    let indents = body.lines().filter(|line| !line.trim().is_empty());
    let common = indents.map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    let lines: Vec<_> = body.lines().map(|line| line.get(common..).unwrap_or("")).collect();
    let scalar = Scalar { text: lines.join("\n"), quoted: true, verbatim: false, text_start: start };
    Node { kind: NodeKind::Scalar(scalar), span: Span::new(start, start + said.len()) }
}

/// The value of a key that has none yet.
pub(super) fn nothing(at: usize) -> Node {
    let scalar = Scalar { text: String::new(), quoted: false, verbatim: true, text_start: at };
    Node { kind: NodeKind::Scalar(scalar), span: Span::new(at, at) }
}

fn is_nothing(node: &Node) -> bool {
    matches!(&node.kind, NodeKind::Scalar(scalar) if scalar.text.is_empty() && !scalar.quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(node: &Node) -> String {
        match &node.kind {
            NodeKind::Scalar(scalar) => scalar.text.clone(),
            NodeKind::List(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
            NodeKind::Map(entries) => {
                let entries = entries.iter().map(|(key, value)| format!("{}: {}", key.value, shown(value)));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
            }
        }
    }

    #[test]
    fn half_typed_documents_have_a_tree() {
        let cases = [
            ("titan: 1\nrun", "{titan: 1, run: }"),
            ("steps:\n  a:\n    do: note\n    wi\n  b:\n    do: arm\n", "{steps: {a: {do: note, wi: }, b: {do: arm}}}"),
            ("a:\n  with: { gate: x, re\n  more: 1\n", "{a: {with: {gate: x, re: }, more: 1}}"),
            ("a:\n  needs: [x, \n  do: y\n", "{a: {needs: [x], do: y}}"),
            ("a:\n- b\n- c: d\n  e: f\n-\n", "{a: [b, {c: d, e: f}, ]}"),
            ("a: \"x ${st\nb: 1\n", "{a: x ${st, b: 1}"),
            ("a: |\n  one\n   two\n\n  three\nb: 'it''s'\n", "{a: one\n two\n\nthree, b: it's}"),
            ("a: {b: {c: ${x.y}}}\n", "{a: {b: {c: ${x.y}}}}"),
            ("a:\r\n  b: 1 # more\r\n# c: 2\r\n", "{a: {b: 1}}"),
            ("a:\n  do: no\n    b: 1\n", "{a: {do: no}}"),
            ("", "{}"),
            ("- a\n- b\n", "{}"),
        ];
        for (text, wanted) in cases {
            assert_eq!(shown(&sketch(text)), wanted, "{text}");
        }
    }
}
