//! One open document: its text, its tree, and where an editor's positions are in it.
//!
//! An editor counts lines from 0 and columns in UTF-16 units; everything else here in bytes.

use lsp_types::{Position, Range};

use crate::diagnostic::Findings;
use crate::runbook::grammar::Table;
use crate::schema::FileKind;
use crate::source::{SourceFile, Span};
use crate::yaml::{self, Node};

use super::sketch::sketch;
use super::walk;

/// A document as an editor has it.
#[derive(Clone, Debug)]
pub(super) struct Document {
    /// Its text under the name of its file.
    pub(super) file: SourceFile,
    /// The editor's count of its changes.
    pub(super) version: i32,
    /// Its tree; a sketch where it is no YAML.
    pub(super) root: Node,
    /// Whether the tree is the real parser's.
    pub(super) is_whole: bool,
    /// What it is.
    pub(super) kind: FileKind,
    lines: Vec<usize>,
}

impl Document {
    /// Reads a text.
    pub(super) fn new(file: SourceFile, version: i32) -> Self {
        let mut findings = Findings::new(file.clone());
        let parsed = yaml::parse(&file, &mut findings).filter(|_| !findings.has_errors());
        let is_whole = parsed.is_some();
        let root = parsed.unwrap_or_else(|| sketch(file.text()));
        let lines = line_starts(file.text());
        let kind = kind_of(&root);
        Self { version, root, is_whole, kind, lines, file }
    }

    pub(super) fn text(&self) -> &str {
        self.file.text()
    }

    /// The keys such a file has.
    pub(super) fn table(&self) -> &'static Table {
        self.kind.table()
    }

    /// Whether it is a file of this language, or may become one: others are left alone.
    pub(super) fn is_ours(&self) -> bool {
        // With a map below, `test` and `target` are another language's.
        let names = |key: &&str| walk::get(&self.root, key).is_some_and(|node| node.entries().is_empty());
        let says = ["titan", "runbook", "target", "test"].iter().any(names);
        let is_begun = walk::entries(&self.root).iter().all(|(_, node)| walk::text(node) == Some(""));
        says || is_begun
    }

    /// The byte an editor's position means; the end of the line where it is beyond it.
    pub(super) fn offset(&self, position: Position) -> usize {
        let line = position.line as usize;
        let Some(start) = self.lines.get(line).copied() else {
            return self.text().len();
        };
        let end = self.lines.get(line + 1).copied().unwrap_or(self.text().len());
        let said = self.text().get(start..end).unwrap_or("").trim_end_matches(['\n', '\r']);
        let mut left = position.character as usize;
        for (at, c) in said.char_indices() {
            if left < c.len_utf16() {
                return start + at;
            }
            left -= c.len_utf16();
        }
        start + said.len()
    }

    /// The position of a byte.
    pub(super) fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.text().len());
        let line = self.lines.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.lines.get(line).copied().unwrap_or(0);
        let before = self.text().get(start..offset).unwrap_or("");
        let character: usize = before.chars().map(char::len_utf16).sum();
        Position::new(narrow(line), narrow(character))
    }

    /// The range of a span.
    pub(super) fn range(&self, span: Span) -> Range {
        Range::new(self.position(span.start), self.position(span.end.max(span.start)))
    }
}

/// A count as the protocol has it.
fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Where each line starts: after a line feed, a carriage return, or both.
fn line_starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let is_end = |(at, byte): &(usize, &u8)| match byte {
        b'\n' => true,
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    };
    std::iter::once(0).chain(bytes.iter().enumerate().filter(is_end).map(|(at, _)| at + 1)).collect()
}

/// A test file says `test:`, and a target `target:` where a runbook says `runbook:`.
fn kind_of(root: &Node) -> FileKind {
    let has = |key| walk::get(root, key).is_some();
    match (has("test"), has("target"), has("runbook")) {
        (true, _, false) => FileKind::Test,
        (_, true, false) => FileKind::Target,
        _ => FileKind::Runbook,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_utf16_and_every_line_end() {
        let document = Document::new(SourceFile::new("x.yaml", "a: 🚨é\r\nb: x\rc: ä\n"), 0);
        let cases = [
            (0, (0, 0)),
            (3, (0, 3)),
            (7, (0, 5)),
            (9, (0, 6)),
            (11, (1, 0)),
            (16, (2, 0)),
            (21, (2, 4)),
            (22, (3, 0)),
        ];
        for (offset, (line, character)) in cases {
            assert_eq!(document.position(offset), Position::new(line, character), "{offset}");
            assert_eq!(document.offset(Position::new(line, character)), offset);
        }
        assert_eq!(document.offset(Position::new(0, 4)), 3, "in the middle of a character");
        assert_eq!(document.offset(Position::new(0, 99)), 9, "beyond the line");
        assert_eq!(document.offset(Position::new(99, 0)), document.text().len());
    }
}
