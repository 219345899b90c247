//! What stands between the values of a file: comments, and the headers of block scalars.

use crate::source::{SourceFile, Span};
use crate::yaml::{Node, NodeKind};

/// A comment, from its `#` to the end of its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Comment {
    pub(super) text: String,
    pub(super) start: usize,
    /// The characters before it on its line.
    pub(super) column: usize,
    /// Whether its author put it at a column: more than one blank stands before it.
    pub(super) is_aligned: bool,
    /// Whether nothing else stands on its line.
    pub(super) is_alone: bool,
    /// Whether the line above it is blank.
    pub(super) blank_before: bool,
    /// How many keys and values stand before it.
    pub(super) leaves_before: usize,
}

/// The header line of a block scalar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// `|` or `>` with its indicators.
    pub(super) mark: String,
    pub(super) comment: Option<Comment>,
    /// Where the mark stands.
    pub(super) start: usize,
    /// Where the line after it starts.
    pub(super) end: usize,
}

/// Everything found between the values.
#[derive(Clone, Debug, Default)]
pub(super) struct Between {
    pub(super) comments: Vec<Comment>,
    /// By the index of the scalar's leaf.
    pub(super) headers: Vec<(usize, Header)>,
}

impl Between {
    /// Every comment's text, those of headers included, without regard to order.
    pub(super) fn sorted_texts(&self) -> Vec<&str> {
        let of_headers = self.headers.iter().filter_map(|(_, header)| header.comment.as_ref());
        let mut texts: Vec<_> = self.comments.iter().chain(of_headers).map(|comment| comment.text.as_str()).collect();
        texts.sort_unstable();
        texts
    }
}

/// Finds every comment of a file: only between leaves can there be one.
pub(super) fn find(file: &SourceFile, root: &Node) -> Between {
    let mut leaves = Vec::new();
    collect(root, &mut leaves);
    let mut between = Between::default();
    let mut at = 0;
    for (index, (span, quoted)) in leaves.iter().enumerate() {
        let starts_with_mark = *quoted && file.slice(*span).starts_with(['|', '>']);
        let header = gap(file, at, span.start, index, &mut between);
        // An empty block scalar has its own header as its place.
        let header = header.or_else(|| starts_with_mark.then_some(span.start));
        at = span.end.max(at);
        if let Some(start) = header {
            let header = read_header(file, start, index);
            at = at.max(header.end);
            between.headers.push((index, header));
        }
    }
    gap(file, at, file.text().len(), leaves.len(), &mut between);
    between
}

/// Keys and scalars in the order of the text, each with whether it may be a block scalar.
fn collect(node: &Node, leaves: &mut Vec<(Span, bool)>) {
    match &node.kind {
        NodeKind::Scalar(scalar) => leaves.push((node.span, scalar.quoted)),
        NodeKind::List(items) => items.iter().for_each(|item| collect(item, leaves)),
        NodeKind::Map(entries) => {
            for (key, value) in entries {
                leaves.push((key.span, false));
                collect(value, leaves);
            }
        }
    }
}

/// Reads one gap; gives the place of the block scalar's mark that ends it.
fn gap(file: &SourceFile, from: usize, to: usize, leaf: usize, between: &mut Between) -> Option<usize> {
    let text = file.text();
    let mut at = from;
    while at < to {
        let c = text.get(at..)?.chars().next()?;
        let before = text.get(..at)?;
        let is_line_start = before.is_empty() || before.ends_with('\n');
        let is_comment = c == '#' && (is_line_start || before.ends_with([' ', '\t']) || at == from);
        if is_comment || (c == '%' && is_line_start) {
            let end = line_end(text, at);
            if is_comment {
                between.comments.push(comment(text, at, end, leaf));
            }
            at = end;
        } else if c == '|' || c == '>' {
            return Some(at);
        } else {
            at += c.len_utf8();
        }
    }
    None
}

fn comment(text: &str, start: usize, end: usize, leaves_before: usize) -> Comment {
    let line_start = line_start(text, start);
    let before = text.get(line_start..start).unwrap_or("");
    Comment {
        text: text.get(start..end).unwrap_or("").trim_end().to_owned(),
        start,
        column: before.chars().count(),
        is_aligned: before.ends_with("  ") || before.ends_with('\t'),
        is_alone: before.trim().is_empty(),
        blank_before: before.trim().is_empty() && is_blank_above(text, start),
        leaves_before,
    }
}

fn read_header(file: &SourceFile, start: usize, leaf: usize) -> Header {
    let text = file.text();
    let end = line_end(text, start);
    let line = text.get(start..end).unwrap_or("");
    let mark = line.split([' ', '\t']).next().unwrap_or("|");
    let comment = line.find('#').map(|at| comment(text, start + at, end, leaf));
    Header { mark: mark.to_owned(), comment, start, end: (end + 1).min(text.len()) }
}

/// Whether the line above the one a place is on is blank.
pub(super) fn is_blank_above(text: &str, at: usize) -> bool {
    let above = text.get(..line_start(text, at)).unwrap_or("");
    let Some(above) = above.strip_suffix('\n') else {
        return false;
    };
    above.rsplit('\n').next().is_some_and(|line| line.trim().is_empty())
}

/// Where the line of a place starts.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
}

fn line_end(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|rest| rest.find('\n')).map_or(text.len(), |newline| at + newline)
}
