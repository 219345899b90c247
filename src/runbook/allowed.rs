//! Comments of a file of functions that allow what is found there: `// titan: allow(code, code) reason`.
//!
//! One behind something speaks for its line; one on a line of its own for the next line with something on
//! it, and for all of a function that begins there. Without a reason it allows nothing.

use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// What such a comment begins with.
const COMMENT: &str = "//";
/// What says that it is meant for titan-run.
const MARK: &str = "titan:";

/// What is found in a file of functions and not allowed there; `may_be` tells what can be.
pub(super) fn not_allowed(text: &str, found: Vec<Diagnostic>, may_be: impl Fn(&str) -> bool) -> Vec<Diagnostic> {
    let allowed = allowed(text);
    let is_allowed = |one: &Diagnostic| {
        let at = one.loc().map_or(0, |loc| loc.span.start);
        let allows =
            |(codes, range): &(Vec<&str>, Span)| codes.contains(&one.code) && (range.start..range.end).contains(&at);
        may_be(one.code) && allowed.iter().any(allows)
    };
    found.into_iter().filter(|one| !is_allowed(one)).collect()
}

/// The codes that each comment allows, and where.
fn allowed(text: &str) -> Vec<(Vec<&str>, Span)> {
    let mut lines = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        lines.push((start, line.trim_end()));
        start += line.len();
    }
    let comments = lines.iter().enumerate().filter_map(|(at, (start, line))| {
        let (before, comment) = line.split_once(COMMENT)?;
        let codes = codes(comment)?;
        let here = Span::new(*start, start + line.len());
        let range = if before.trim().is_empty() { below(lines.get(at + 1..)?)? } else { here };
        Some((codes, range))
    });
    comments.collect()
}

/// The codes of a comment that says why.
fn codes(comment: &str) -> Option<Vec<&str>> {
    let said = comment.trim_start().strip_prefix(MARK)?.trim_start().strip_prefix("allow")?.trim_start();
    let (codes, reason) = said.strip_prefix('(')?.split_once(')')?;
    reason.chars().any(char::is_alphanumeric).then(|| codes.split(',').map(str::trim).collect())
}

/// The first line with something on it, and all of the function that begins there: it ends where the next
/// one begins.
fn below(lines: &[(usize, &str)]) -> Option<Span> {
    let is_said = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with(COMMENT);
    let mut lines = lines.iter().skip_while(|(_, line)| !is_said(line));
    let (start, first) = lines.next()?;
    let is_function = |line: &str| ["fn ", "private fn "].iter().any(|word| line.starts_with(word));
    let inside = lines.take_while(|(_, line)| is_function(first) && !is_function(line));
    let (last, line) = inside.last().map_or((*start, *first), |last| *last);
    Some(Span::new(*start, last + line.len()))
}
