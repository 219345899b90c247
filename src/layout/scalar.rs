//! Scalars as they are put down: quotes made alike where nothing has to be escaped for it.

use crate::source::{SourceFile, Span};
use crate::yaml::Scalar;

use super::comments::Header;

/// The lines of a scalar that stands on one or more lines; the first follows its key.
pub(super) fn lines(file: &SourceFile, span: Span) -> Vec<String> {
    let written = file.slice(span);
    let blanks = [' ', '\t'];
    let mut all: Vec<_> = written.split('\n').map(|line| bare(line).to_owned()).collect();
    all.iter_mut().skip(1).for_each(|line| *line = line.trim_start_matches(blanks).to_owned());
    if let [only] = all.as_mut_slice() {
        *only = alike(only);
    }
    all
}

/// A line without the blanks at its end, which folding drops; an escaped one stays.
fn bare(line: &str) -> &str {
    let trimmed = line.trim_end_matches([' ', '\t']);
    if trimmed.ends_with('\\') { line } else { trimmed }
}

/// A key on one line.
pub(super) fn key(file: &SourceFile, span: Span, text: &str) -> String {
    let written = file.slice(span);
    let is_plain = written == text && !written.contains('\n');
    let is_quoted = written.starts_with(['"', '\'']) && !written.contains('\n');
    if is_plain {
        return written.to_owned();
    }
    if is_quoted { alike(written) } else { alike(&serde_json::Value::from(text).to_string()) }
}

/// Single quotes where double ones only escape quotes. Single ones stay: patterns stand in them, and
/// in double quotes a `\b` added later would be another character.
fn alike(written: &str) -> String {
    let inner = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let plain = inner.filter(|text| !text.contains('\'')).map(|text| text.replace("\\\"", "\""));
    match plain {
        Some(plain) if plain.contains('"') && !plain.contains('\\') => format!("'{plain}'"),
        _ => written.to_owned(),
    }
}

/// A block scalar without its indentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) mark: String,
    pub(super) lines: Vec<String>,
    /// Whether the blank lines at its end belong to it.
    pub(super) is_kept: bool,
}

/// Reads a block scalar's lines off the file.
pub(super) fn block(file: &SourceFile, span: Span, scalar: &Scalar, header: &Header) -> Block {
    let is_kept = header.mark.contains('+');
    let content = file.text().get(header.end..span.end).unwrap_or("");
    let mut lines: Vec<&str> = content.split('\n').collect();
    let is_blank = |line: &&str| line.trim().is_empty();
    if lines.last().is_some_and(is_blank) {
        lines.pop();
    }
    while !is_kept && lines.last().is_some_and(is_blank) {
        lines.pop();
    }
    let blanks = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let written = lines.iter().find(|line| !is_blank(line)).map_or(0, |line| blanks(line));
    let meant = scalar.text.split('\n').find(|line| !is_blank(line)).map_or(0, blanks);
    // Without a line that says something, every line is an empty one.
    let indent = if lines.iter().all(is_blank) { usize::MAX } else { written.saturating_sub(meant) };
    let bare = |line: &str| line.get(indent.min(blanks(line))..).unwrap_or("").to_owned();
    let mark = header.mark.chars().map(|c| if c.is_ascii_digit() { '2' } else { c }).collect();
    Block { mark, lines: lines.iter().map(|line| bare(line)).collect(), is_kept }
}
