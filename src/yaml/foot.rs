//! The comments at the end of a collection: from which column on one that follows it is still its own.

use super::{Node, NodeKind};

/// From which column on a comment behind a block collection belongs to it.
pub fn foot_column(text: &str, node: &Node) -> usize {
    let is_dashed = matches!(node.kind, NodeKind::List(_)) && !starts_with(text, node, &['-']);
    // A list that stands no deeper than its key begins, for the parser, behind its first dash.
    let dash = text.get(..node.span.start).and_then(|before| before.rfind('-')).filter(|_| is_dashed);
    dash.map_or_else(|| column(text, node.span.start), |dash| column(text, dash) + 1)
}

/// Whether a comment alone on its line, at `at`, ends a collection above it, and so says nothing of
/// what stands below.
pub fn is_foot(text: &str, root: &Node, at: usize) -> bool {
    let closes = next_line(text, at).is_some_and(|line| line.starts_with(['}', ']']));
    closes || ended(text, root, at).is_some_and(|node| foot_column(text, node) <= least_column(text, at))
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

/// The least column of the comments that stand together from the last value to this one: what ends
/// the collection above does so with everything before it.
fn least_column(text: &str, at: usize) -> usize {
    let above = text.get(..at).unwrap_or("").rsplit(['\n', '\r']).skip(1).map(|line| (line, line.trim_start()));
    let together = above.take_while(|(_, words)| words.is_empty() || words.starts_with('#'));
    let columns = together.filter(|(_, words)| !words.is_empty()).map(|(line, words)| line.len() - words.len());
    columns.chain([column(text, at)]).min().unwrap_or(0)
}

/// The next line with something on it that is no comment.
fn next_line(text: &str, at: usize) -> Option<&str> {
    let below = text.get(at..)?.split(['\n', '\r']).skip(1).map(str::trim_start);
    below.into_iter().find(|line| !line.is_empty() && !line.starts_with('#'))
}

fn column(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or("");
    before.rsplit(['\n', '\r']).next().unwrap_or("").chars().count()
}

fn starts_with(text: &str, node: &Node, signs: &[char]) -> bool {
    text.get(node.span.start..node.span.end).is_some_and(|written| written.starts_with(signs))
}
