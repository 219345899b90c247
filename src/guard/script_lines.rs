//! Where the lines of a script stand in its file, so that what is wrong is told at its place.

use rhai::Position;

use crate::source::{SourceFile, Span};
use crate::yaml::Scalar;

/// The places of a script's lines.
#[derive(Clone, Debug)]
pub(super) struct ScriptLines {
    /// All of the script.
    span: Span,
    /// Each line; none where the file has them otherwise.
    lines: Vec<Line>,
}

/// A line of a script: a place is found in it without reading it from its start.
#[derive(Clone, Debug)]
struct Line {
    /// Where it begins in the script.
    start: usize,
    /// Where it begins in the file.
    file_start: usize,
    /// How many bytes it has.
    length: usize,
    /// Where each of its characters begins in it; none where each is one byte.
    characters: Vec<u32>,
}

impl ScriptLines {
    /// The places of a text on one line, or under a `|`.
    pub(super) fn of(scalar: &Scalar, span: Span, file: &SourceFile) -> Self {
        let starts = match scalar.verbatim && !scalar.text.contains('\n') {
            true => Some(vec![scalar.text_start]),
            false => of_block(&scalar.text, span, file),
        };
        let lines = lines(&scalar.text).zip(starts.unwrap_or_default());
        let lines = lines.map(|((start, line), file_start)| Line::at(start, file_start, line)).collect();
        Self { span, lines }
    }

    /// The places of a text that is a file of its own.
    pub(super) fn of_file(file: &SourceFile) -> Self {
        let lines = lines(file.text()).map(|(start, line)| Line::at(start, start, line)).collect();
        Self { span: Span::new(0, file.text().len()), lines }
    }

    /// The place of the word that begins at a line and column of the script; all of the script where
    /// that cannot be told.
    pub(super) fn word(&self, text: &str, position: Position) -> Span {
        let found = || {
            let (line, column) = (position.line()?.checked_sub(1)?, position.position()?.checked_sub(1)?);
            let line = self.lines.get(line)?;
            let at = line.byte_of(column)?;
            let written = text.get(line.start + at..)?;
            let first = written.chars().next().map_or(1, char::len_utf8);
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let end = written.find(|c| !is_word(c)).unwrap_or(written.len());
            Some(Span::new(line.file_start + at, line.file_start + at + end.max(first)))
        };
        found().unwrap_or(self.span)
    }
}

impl Line {
    fn at(start: usize, file_start: usize, line: &str) -> Self {
        let characters = match line.is_ascii() {
            true => Vec::new(),
            false => line.char_indices().filter_map(|(at, _)| u32::try_from(at).ok()).collect(),
        };
        Self { start, file_start, length: line.len(), characters }
    }

    fn byte_of(&self, column: usize) -> Option<usize> {
        match self.characters.is_empty() {
            true => Some(column).filter(|column| *column < self.length),
            false => self.characters.get(column).map(|at| *at as usize),
        }
    }
}

/// The lines of a text, each with the byte it begins at.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split('\n').scan(0, |next, line| {
        let start = *next;
        *next += line.len() + 1;
        Some((start, line))
    })
}

/// Below a `|`, each line stands as it is behind its indent.
fn of_block(text: &str, span: Span, file: &SourceFile) -> Option<Vec<usize>> {
    let mut starts = Vec::new();
    let mut at = file.text().get(..span.start)?.rfind('\n')? + 1;
    // What is above the first word is no part of the span.
    for _ in text.chars().take_while(|c| *c == '\n') {
        at = file.text().get(..at.checked_sub(1)?)?.rfind('\n')? + 1;
    }
    let mut lines = file.text().get(at..)?.split_inclusive('\n');
    for line in text.lines() {
        let there = lines.next()?;
        let indent = there.trim_end_matches(['\n', '\r']).strip_suffix(line)?.len();
        starts.push(at + indent);
        at += there.len();
    }
    Some(starts)
}
