//! The result of checking files, as every format shows it.
//!
//! [`Found`] is what all formats say, with lines and columns counted and foreign text made
//! visible; `json` writes it as it is. Its fields are documented in `docs/ci.md` and only ever
//! grow with a new version.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, Fix, Label, Severity};
use crate::source::{SourceFile, Span};
use crate::visible::visible;

/// What a check of many files found.
#[derive(Debug, Default)]
pub struct Checkup {
    /// How many files were checked.
    pub checked: usize,
    /// How many YAML files of other kinds lie beside them.
    pub passed_over: usize,
    /// What was found in each of them, and in files read for them.
    pub files: BTreeMap<String, OneFile>,
    /// A sentence for everything that cannot be read.
    pub trouble: Vec<String>,
}

/// What was found in one file.
#[derive(Debug)]
pub struct OneFile {
    /// In the order of the text.
    pub found: Vec<Diagnostic>,
    /// From which severity on something is wrong.
    pub deny: Severity,
    /// Whether it was asked for itself, and not only read for one that was.
    pub is_asked: bool,
}

impl Default for OneFile {
    fn default() -> Self {
        Self { found: Vec::new(), deny: Severity::Error, is_asked: false }
    }
}

impl OneFile {
    /// Whether something at or above the denied severity was found.
    pub fn is_denied(&self) -> bool {
        self.found.iter().any(|found| found.severity >= self.deny)
    }
}

impl Checkup {
    /// Everything found, as the formats say it, in the order of the files' names.
    pub(super) fn found(&self) -> impl Iterator<Item = Found> {
        self.files.values().flat_map(|file| &file.found).map(Found::of)
    }
}

/// One diagnostic, for machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// The file of the primary place.
    pub file: String,
    /// The stable code.
    pub code: String,
    /// `error`, `warning` or `note`.
    pub severity: String,
    /// `proved` or `heuristic`; null where the file itself says it.
    pub strength: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to type instead.
    pub help: Option<String>,
    /// Where; the first is the primary place.
    pub labels: Vec<Marked>,
    /// What would answer it.
    pub fix: Option<Remedy>,
}

/// A marked place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marked {
    /// The file.
    pub file: String,
    /// The words beside the place; may be empty.
    pub text: String,
    /// Its first character.
    pub start: Point,
    /// The character behind its last one.
    pub end: Point,
}

/// A place between two characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The offset in bytes, from 0.
    pub byte: usize,
}

/// A change of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remedy {
    /// What it does.
    pub title: String,
    /// Whether `--fix` does it without `--unsafe`.
    pub safe: bool,
    /// The changes, in the file of the diagnostic.
    pub edits: Vec<Replacement>,
}

/// New text for a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replacement {
    /// Where what is replaced begins.
    pub start: Point,
    /// Where it ends.
    pub end: Point,
    /// By what.
    pub text: String,
}

impl Found {
    pub(super) fn of(diagnostic: &Diagnostic) -> Self {
        let shown = |text: &str| visible(text).into_owned();
        let file = diagnostic.loc().map(|loc| &loc.file);
        let remedy = |fix: &Fix| file.map(|file| Remedy::of(fix, file));
        Self {
            file: file.map_or_else(String::new, |file| shown(file.name())),
            code: diagnostic.code.to_owned(),
            severity: diagnostic.severity.word().to_owned(),
            strength: diagnostic.strength.map(|strength| strength.words().to_owned()),
            message: shown(&diagnostic.message),
            help: diagnostic.help.as_deref().map(shown),
            labels: diagnostic.labels.iter().map(Marked::of).collect(),
            fix: diagnostic.fix.as_ref().and_then(remedy),
        }
    }

    /// Message and help in one text.
    pub(super) fn whole_message(&self, between: &str) -> String {
        match &self.help {
            Some(help) => format!("{}{between}{help}", self.message),
            None => self.message.clone(),
        }
    }
}

impl Marked {
    fn of(label: &Label) -> Self {
        let (start, end) = points(&label.loc.file, label.loc.span);
        Self { file: visible(label.loc.file.name()).into_owned(), text: visible(&label.text).into_owned(), start, end }
    }
}

impl Remedy {
    fn of(fix: &Fix, file: &SourceFile) -> Self {
        let edits = fix.edits.iter().map(|edit| {
            let (start, end) = points(file, edit.span);
            Replacement { start, end, text: edit.text.clone() }
        });
        Self { title: visible(&fix.title).into_owned(), safe: fix.is_safe, edits: edits.collect() }
    }
}

fn points(file: &SourceFile, span: Span) -> (Point, Point) {
    let point = |byte: usize| {
        let (line, column) = file.line_column(byte);
        Point { line, column, byte }
    };
    (point(span.start), point(span.end))
}

/// The last line of a check: `12 files checked: 1 error in 1 file, 2 warnings`.
pub fn checkup_line(checkup: &Checkup) -> String {
    let files = counted(checkup.checked, "file");
    let mut said = Vec::new();
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        let of = |file: &OneFile| file.found.iter().filter(|found| found.severity == severity).count();
        let count: usize = checkup.files.values().map(of).sum();
        let wrong = checkup.files.values().filter(|file| of(file) > 0).count();
        said.extend(match (count, severity) {
            (0, _) => None,
            (_, Severity::Error) => Some(format!("{} in {}", counted(count, "error"), counted(wrong, "file"))),
            (_, Severity::Warning | Severity::Note) => Some(counted(count, severity.word())),
        });
    }
    if !checkup.trouble.is_empty() {
        said.push(format!("{} that cannot be read", counted(checkup.trouble.len(), "path")));
    }
    let is_safe = |found: &&Diagnostic| found.fix.as_ref().is_some_and(|fix| fix.is_safe);
    let asked = checkup.files.values().filter(|file| file.is_asked);
    let line = match (said.is_empty(), asked.flat_map(|file| &file.found).filter(is_safe).count()) {
        (true, _) => format!("{files} checked, nothing wrong"),
        (false, 0) => format!("{files} checked: {}", said.join(", ")),
        (false, mended) => format!("{files} checked: {}; `--fix` mends {mended}", said.join(", ")),
    };
    match checkup.passed_over {
        0 => line,
        others => format!("{line}; {} of other kinds passed over", counted(others, "YAML file")),
    }
}

/// A number with its noun.
pub(super) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}
