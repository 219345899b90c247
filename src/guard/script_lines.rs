//! Where the lines of a script stand in its file, so that what is wrong is told at its place.

use rhai::Position;

use crate::source::{SourceFile, Span};
use crate::yaml::Scalar;

/// The places of a script's lines.
#[derive(Clone, Debug)]
pub(super) struct ScriptLines {
    /// All of the script.
    span: Span,
    /// Where each line begins; none where the file has them otherwise.
    starts: Vec<usize>,
}

impl ScriptLines {
    /// The places of a text on one line, or under a `|`.
    pub(super) fn of(scalar: &Scalar, span: Span, file: &SourceFile) -> Self {
        let starts = match scalar.verbatim && !scalar.text.contains('\n') {
            true => Some(vec![scalar.text_start]),
            false => of_block(&scalar.text, span, file),
        };
        Self { span, starts: starts.unwrap_or_default() }
    }

    /// The place of the word that begins at a line and column of the script; all of the script where
    /// that cannot be told.
    pub(super) fn word(&self, text: &str, position: Position) -> Span {
        let found = || {
            let (line, column) = (position.line()?.checked_sub(1)?, position.position()?.checked_sub(1)?);
            let start = self.starts.get(line)?;
            let rest = text.split('\n').nth(line)?.char_indices().nth(column).map(|(at, _)| at)?;
            let written = text.split('\n').nth(line)?.get(rest..)?;
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let end = written.find(|c| !is_word(c)).unwrap_or(written.len());
            let first = written.chars().next().map_or(1, char::len_utf8);
            Some(Span::new(start + rest, start + rest + end.max(first)))
        };
        found().unwrap_or(self.span)
    }
}

/// Below a `|`, each line stands as it is behind its indent.
fn of_block(text: &str, span: Span, file: &SourceFile) -> Option<Vec<usize>> {
    let mut starts = Vec::new();
    let mut at = file.text().get(..span.start)?.rfind('\n')? + 1;
    let mut lines = file.text().get(at..)?.split_inclusive('\n');
    for line in text.lines() {
        let there = lines.next()?;
        let indent = there.trim_end_matches(['\n', '\r']).strip_suffix(line)?.len();
        starts.push(at + indent);
        at += there.len();
    }
    Some(starts)
}
