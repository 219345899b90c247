//! The one layout of runbooks, targets and test files: the same tree, every comment kept.
//!
//! `comments` finds what stands between the values, `attach` joins each comment to the entry it
//! belongs to, `order` says in which order keys read best, `write` puts the lines down, and `same`
//! holds the result against the original: a layout that would say something else is refused.
//! The room takes their order from the tables that declare them, and checks nothing. Called by `cli/`.

mod attach;
mod comments;
mod order;
mod same;
mod scalar;
#[cfg(test)]
mod tests;
mod write;

use crate::diagnostic::{Diagnostic, Findings};
use crate::source::SourceFile;
use crate::yaml;

/// The widest line that a collection written over several lines is joined into.
const WIDTH: usize = 120;

/// Spaces a level.
const INDENT: usize = 2;

/// Why a file keeps the layout it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It cannot be read as YAML of the language.
    Wrong(Vec<Diagnostic>),
    /// Laid out, it would say something else.
    Changed,
}

/// The text of a file in the one layout.
///
/// The result reads as the same tree, holds the same comments, and is its own layout.
///
/// # Errors
/// [`Refusal`]: what is wrong with the file, or that it cannot be laid out without changing it.
pub fn lay_out(file: &SourceFile) -> Result<String, Refusal> {
    let original = read(file)?;
    let plain = SourceFile::new(file.name(), line_feeds(file.text()));
    let root = read(&plain)?;
    let shape = order::shape_of(&root);
    let found = comments::find(&plain, &root);
    let text = write::write(&attach::attach(&plain, &root, shape, found));
    let again = SourceFile::new(file.name(), text.as_str());
    let is_same = read(&again).is_ok_and(|laid| {
        let kept = comments::find(&again, &laid).sorted_texts() == comments::find(&plain, &root).sorted_texts();
        kept && same::same(&original, &laid, shape)
    });
    if is_same { Ok(text) } else { Err(Refusal::Changed) }
}

fn read(file: &SourceFile) -> Result<yaml::Node, Refusal> {
    let mut findings = Findings::new(file.clone());
    match yaml::parse(file, &mut findings) {
        Some(root) if !findings.has_errors() => Ok(root),
        _ => Err(Refusal::Wrong(findings.into_sorted())),
    }
}

fn line_feeds(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}
