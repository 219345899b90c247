//! `titan-run lint --fix`: does what diagnostics say would answer them, and writes the files.
//!
//! Fixes are made in rounds, those that do not overlap at once, until none is left. A round that
//! would leave more errors than there were is not kept, and a file is replaced as a whole or not
//! at all.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Edit, Fix, Severity};
use crate::source::SourceFile;

use super::check::Checker;

/// The most rounds: a fix seldom shows more than one other.
const MAX_ROUNDS: usize = 10;

/// A file with its fixes made.
pub(super) struct Fixed {
    /// Its text now.
    pub(super) file: SourceFile,
    /// How often each fix was made.
    pub(super) done: BTreeMap<String, usize>,
}

impl Fixed {
    /// One sentence with what was done.
    pub(super) fn said(&self) -> String {
        let done = self.done.iter().map(|(title, count)| match count {
            1 => title.clone(),
            _ => format!("{title} ({count} times)"),
        });
        format!("`{}` was fixed: {}", self.file.name(), done.collect::<Vec<_>>().join(", "))
    }
}

/// Makes the fixes of a file; with `is_unsafe` also those that may change what it means.
pub(super) fn fixed(file: &SourceFile, is_unsafe: bool, checker: &mut Checker) -> Fixed {
    let mut fixed = Fixed { file: file.clone(), done: BTreeMap::new() };
    let mut found = checker.check(file).diagnostics;
    for _ in 0..MAX_ROUNDS {
        let Some((titles, file, now)) = round(&fixed.file, &found, is_unsafe, checker) else {
            break;
        };
        for title in titles {
            *fixed.done.entry(title).or_default() += 1;
        }
        fixed.file = file;
        found = now;
    }
    fixed
}

/// What a round does, the text it leaves, and what is wrong with that.
type Round = (Vec<String>, SourceFile, Vec<Diagnostic>);

/// All fixes at once; where they make the file worse, the first that does not, alone.
fn round(file: &SourceFile, found: &[Diagnostic], is_unsafe: bool, checker: &mut Checker) -> Option<Round> {
    let fixes = apart(file, found, is_unsafe);
    let together = std::iter::once(fixes.as_slice());
    let mut tries = together.chain(fixes.chunks(1)).filter(|fixes| !fixes.is_empty());
    tries.find_map(|fixes| {
        let text = edited(file.text(), fixes.iter().flat_map(|fix| &fix.edits))?;
        let file = SourceFile::new(file.name(), text);
        let now = checker.check(&file).diagnostics;
        let titles = fixes.iter().map(|fix| fix.title.clone()).collect();
        (weight(&now) <= weight(found)).then_some((titles, file, now))
    })
}

/// The fixes of a file that do not overlap, in the order of the text.
fn apart<'a>(file: &SourceFile, found: &'a [Diagnostic], is_unsafe: bool) -> Vec<&'a Fix> {
    let is_here = |one: &&Diagnostic| one.loc().is_some_and(|loc| loc.file == *file);
    let fixes = found.iter().filter(is_here).filter_map(|one| one.fix.as_ref());
    let mut fixes: Vec<_> = fixes.filter(|fix| (fix.is_safe || is_unsafe) && !fix.edits.is_empty()).collect();
    let start = |fix: &Fix| fix.edits.iter().map(|edit| edit.span.start).min();
    let end = |fix: &Fix| fix.edits.iter().map(|edit| edit.span.end).max();
    fixes.sort_by_key(|fix| start(fix));
    let mut chosen: Vec<&Fix> = Vec::new();
    for fix in fixes {
        if chosen.last().is_none_or(|last| end(last) < start(fix)) {
            chosen.push(fix);
        }
    }
    chosen
}

/// How bad it is: a file that can be read is better than one that cannot, then fewer errors count.
fn weight(found: &[Diagnostic]) -> (bool, usize) {
    let errors = || found.iter().filter(|one| one.severity == Severity::Error);
    (errors().any(|one| one.strength.is_none()), errors().count())
}

/// A text with edits made, which must not overlap.
fn edited<'a>(text: &str, edits: impl Iterator<Item = &'a Edit>) -> Option<String> {
    let mut edits: Vec<_> = edits.collect();
    edits.sort_by_key(|edit| edit.span);
    let mut whole = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        whole.push_str(text.get(at..edit.span.start)?);
        whole.push_str(&edit.text);
        at = edit.span.end;
    }
    whole.push_str(text.get(at..)?);
    Some(whole)
}
