//! The comments at the end of a collection: from which column on one that follows it is still its own.

use crate::source::Span;

use super::{Node, NodeKind};

/// From which column on a comment behind a block collection belongs to it.
pub fn foot_column(text: &str, node: &Node) -> usize {
    let is_dashed = matches!(node.kind, NodeKind::List(_)) && !starts_with(text, node, &['-']);
    // A list that stands no deeper than its key begins, for the parser, behind its first dash.
    let dash = text.get(..node.span.start).and_then(|before| before.rfind('-')).filter(|_| is_dashed);
    dash.map_or_else(|| column(text, node.span.start), |dash| column(text, dash) + 1)
}

/// The lines of a text, with what the comments on them stand together with.
#[derive(Debug)]
pub struct Lines<'a> {
    text: &'a str,
    /// In the order of the text.
    all: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    span: Span,
    /// The least column of the comments that stand together from the last value to this line: what
    /// ends the collection above does so with everything before it.
    least: Option<usize>,
    /// The next line with something on it that is no comment.
    next: Option<Span>,
}

impl<'a> Lines<'a> {
    /// The lines of a text.
    pub fn of(text: &'a str) -> Self {
        let mut all = Vec::new();
        let (mut start, mut least) = (0, None);
        for line in text.split(['\n', '\r']) {
            let words = line.trim_start();
            if words.starts_with('#') {
                let column = line.len() - words.len();
                least = Some(least.map_or(column, |least: usize| least.min(column)));
            } else if !words.is_empty() {
                least = None;
            }
            all.push(Line { span: Span::new(start, start + line.len()), least, next: None });
            start += line.len() + 1;
        }
        let mut next = None;
        for line in all.iter_mut().rev() {
            line.next = next;
            let words = text.get(line.span.start..line.span.end).unwrap_or("").trim_start();
            if !words.is_empty() && !words.starts_with('#') {
                next = Some(line.span);
            }
        }
        Self { text, all }
    }

    /// Whether a comment alone on its line, at `at`, ends a collection above it, and so says nothing of
    /// what stands below.
    pub fn is_foot(&self, root: &Node, at: usize) -> bool {
        let next = self.below(at).and_then(|next| self.text.get(next.start..next.end));
        let closes = next.is_some_and(|line| line.trim_start().starts_with(['}', ']']));
        let least = || self.line(at).and_then(|line| line.least).unwrap_or(0);
        closes || ended(self.text, root, at).is_some_and(|node| foot_column(self.text, node) <= least())
    }

    /// The next line below a place with something on it that is no comment.
    pub fn below(&self, at: usize) -> Option<Span> {
        self.line(at)?.next
    }

    fn line(&self, at: usize) -> Option<&Line> {
        let after = self.all.partition_point(|line| line.span.start <= at);
        self.all.get(after.checked_sub(1)?)
    }
}

/// The outermost block collection below the root that has ended where a comment stands.
fn ended<'a>(text: &str, root: &'a Node, at: usize) -> Option<&'a Node> {
    let mut outermost = None;
    let mut node = root;
    loop {
        let (child, is_last) = match &node.kind {
            NodeKind::Scalar(_) => return outermost.filter(|_| node.span.start < at),
            NodeKind::List(items) if items.is_empty() => return outermost,
            NodeKind::Map(entries) if entries.is_empty() => return outermost,
            NodeKind::List(items) => {
                let before = items.partition_point(|item| item.span.start < at);
                (items.get(before.checked_sub(1)?)?, before == items.len())
            }
            NodeKind::Map(entries) => {
                let before = entries.partition_point(|(key, _)| key.span.start < at);
                (&entries.get(before.checked_sub(1)?)?.1, before == entries.len())
            }
        };
        let is_block = !matches!(child.kind, NodeKind::Scalar(_)) && !starts_with(text, child, &['{', '[']);
        outermost = outermost.filter(|_| is_last).or(is_block.then_some(child));
        node = child;
    }
}

fn column(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or("");
    before.rsplit(['\n', '\r']).next().unwrap_or("").chars().count()
}

fn starts_with(text: &str, node: &Node, signs: &[char]) -> bool {
    text.get(node.span.start..node.span.end).is_some_and(|written| written.starts_with(signs))
}
