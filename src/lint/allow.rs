//! Comments that allow what a rule finds: `# titan: allow(code, code) reason`.
//!
//! A comment on a line of its own speaks for the key or item below it with everything inside; one
//! behind something speaks for its line, and one that ends a map or list for nothing. It takes away what rules find, never what reading finds.

use crate::diagnostic::{Diagnostic, Findings};
use crate::source::{SourceFile, Span, Spanned};
use crate::yaml::{self, Lines, Node, NodeKind};

/// What such a comment begins with, behind its `#`.
const MARK: &str = "titan:";

/// One code that a comment allows.
#[derive(Debug)]
pub struct Allow {
    /// The code as written; empty where the comment names none.
    pub code: Spanned<String>,
    /// Whether the comment says why.
    pub has_reason: bool,
    /// The whole comment with the blanks before it.
    pub comment: Span,
    /// Whether the comment has its line to itself.
    pub has_line: bool,
    /// Whether it is the comment's only code.
    pub is_alone: bool,
    /// Whether it took something away.
    pub is_used: bool,
    range: Option<Span>,
}

/// Everything the comments of one file allow.
#[derive(Debug)]
pub struct Allows {
    /// In the order of the text.
    pub all: Vec<Allow>,
    /// Whether the rules looked at the file, so that an unused one says something.
    pub is_whole: bool,
}

impl Allow {
    /// What it speaks for; nothing where it ends a collection or the file.
    pub(super) fn speaks_for(&self) -> Option<Span> {
        self.range
    }
}

impl Allows {
    /// Reads the comments of a file; `read_as` is its tree, where the rules looked at it.
    pub(super) fn of(file: &SourceFile, read_as: Option<&Node>) -> Self {
        let mut all = Vec::new();
        if may_allow(file.text()) {
            // What is wrong with the text is said by those who read it as a runbook.
            let broken = read_as.is_none().then(|| yaml::parse(file, &mut Findings::new(file.clone()))).flatten();
            let tree = read_as.or(broken.as_ref());
            let text = Text::of(file, tree);
            for comment in comments(file.text(), tree) {
                all.extend(read(&text, comment));
            }
        }
        Self { all, is_whole: read_as.is_some() }
    }

    /// Whether a finding is allowed, which makes what allows it used.
    pub(super) fn allow(&mut self, found: &Diagnostic) -> bool {
        let at = found.loc().map_or(0, |loc| loc.span.start);
        let allows = |one: &&mut Allow| {
            let speaks_of_it = one.range.is_some_and(|range| (range.start..range.end).contains(&at));
            one.code.value == found.code && one.has_reason && speaks_of_it
        };
        let mut is_allowed = false;
        for one in self.all.iter_mut().filter(allows) {
            one.is_used = true;
            is_allowed = true;
        }
        is_allowed
    }
}

/// Whether there may be such a comment: most files have none.
pub(super) fn may_allow(text: &str) -> bool {
    text.split('#').skip(1).any(|behind| behind.trim_start_matches([' ', '\t']).starts_with(MARK))
}

/// Where comments stand that are meant for titan-run.
fn comments(text: &str, tree: Option<&Node>) -> Vec<Span> {
    let mut scalars = Vec::new();
    if let Some(tree) = tree {
        visit(tree, &mut |span, is_scalar| {
            if is_scalar {
                scalars.push(span);
            }
        });
    }
    let starts = text.match_indices('#').map(|(at, _)| at).filter(|at| {
        let before = text.get(..*at).and_then(|before| before.chars().next_back());
        let behind = text.get(at + 1..).unwrap_or("").trim_start_matches([' ', '\t']);
        before.is_none_or(char::is_whitespace) && behind.starts_with(MARK)
    });
    let is_text = |at: usize| {
        let after = scalars.partition_point(|span| span.start <= at);
        after.checked_sub(1).and_then(|last| scalars.get(last)).is_some_and(|span| at < span.end)
    };
    starts.filter(|at| !is_text(*at)).map(|at| Span::new(at, line_end(text, at))).collect()
}

/// The codes of one comment; nothing where it does not speak of allowing.
fn read(text: &Text<'_>, comment: Span) -> Vec<Allow> {
    let file = text.file;
    let written = file.slice(comment);
    let Some(mark) = written.find(MARK) else {
        return Vec::new();
    };
    let rest = written.get(mark + MARK.len()..).unwrap_or("");
    let said = rest.trim_start();
    if !said.starts_with("allow") {
        return Vec::new();
    }
    let said_at = comment.end - said.len();
    let line_start = file.text().get(..comment.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let before = file.slice(Span::new(line_start, comment.start)).trim_end();
    let is_own_line = before.is_empty();
    let range = match is_own_line {
        true => text.below(comment),
        false => Some(Span::new(line_start, comment.end)),
    };
    let shown = Span::new(line_start + before.len(), comment.end);
    let list = said.strip_prefix("allow").unwrap_or("").trim_start();
    let inner = list.strip_prefix('(').and_then(|list| list.split_once(')'));
    let allow = |code: &str, span: Span, has_reason: bool, is_alone: bool| Allow {
        code: Spanned::new(code.to_owned(), span),
        has_reason,
        comment: shown,
        has_line: is_own_line,
        is_alone,
        is_used: false,
        range,
    };
    let Some((codes, reason)) = inner.filter(|(codes, _)| !codes.trim().is_empty()) else {
        return vec![allow("", Span::new(said_at, comment.end), true, true)];
    };
    let has_reason = reason.chars().any(char::is_alphanumeric);
    let is_alone = !codes.contains(',');
    let codes_at = comment.end - reason.len() - 1 - codes.len();
    let mut found = Vec::new();
    let mut at = codes_at;
    for part in codes.split(',') {
        let code = part.trim();
        let start = at + (part.len() - part.trim_start().len());
        found.push(allow(code, Span::new(start, start + code.len()), has_reason, is_alone));
        at += part.len() + 1;
    }
    found
}

/// A file with what its comments stand above.
struct Text<'a> {
    file: &'a SourceFile,
    tree: Option<&'a Node>,
    lines: Lines<'a>,
    /// Every entry and item of its tree, in the order of the text.
    blocks: Vec<Span>,
}

impl<'a> Text<'a> {
    fn of(file: &'a SourceFile, tree: Option<&'a Node>) -> Self {
        let mut blocks = Vec::new();
        if let Some(tree) = tree {
            visit(tree, &mut |span, is_scalar| {
                if !is_scalar {
                    blocks.push(span);
                }
            });
        }
        // What begins where something inside of it begins stays before that.
        blocks.sort_by_key(|span| span.start);
        Self { file, tree, lines: Lines::of(file.text()), blocks }
    }

    /// The key or item that begins on the next line with something on it, with everything inside;
    /// nothing where the comment ends what stands above it.
    fn below(&self, comment: Span) -> Option<Span> {
        if self.tree.is_some_and(|tree| self.lines.is_foot(tree, comment.start)) {
            return None;
        }
        let line = self.lines.below(comment.start)?;
        let first = self.blocks.get(self.blocks.partition_point(|span| span.start < line.start));
        Some(first.copied().filter(|span| span.start < line.end).unwrap_or(line))
    }
}

/// Hands over every scalar, and every entry and item as a block, in the order of the text.
fn visit(node: &Node, see: &mut impl FnMut(Span, bool)) {
    match &node.kind {
        NodeKind::Scalar(_) => see(node.span, true),
        NodeKind::List(items) => {
            for item in items {
                see(item.span, false);
                visit(item, see);
            }
        }
        NodeKind::Map(entries) => {
            for (key, value) in entries {
                see(key.span.to(value.span), false);
                see(key.span, true);
                visit(value, see);
            }
        }
    }
}

fn line_end(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|rest| rest.find(['\n', '\r'])).map_or(text.len(), |offset| at + offset)
}
