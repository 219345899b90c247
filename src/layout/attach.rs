//! Joins every comment to the entry it belongs to.
//!
//! A comment alone on its line belongs to the entry below it; one behind a value to that value.
//! Where nothing follows in the same collection, it belongs to the collection's end: the deepest
//! one whose indentation it shares.

use crate::source::{SourceFile, Spanned};
use crate::yaml::{Node, NodeKind, foot_column};

use super::comments::{Between, Comment, Header, is_blank_above, line_start};
use super::order::Shape;
use super::scalar::{self, Block};
use super::{INDENT, WIDTH};

/// A collection's entry with everything that belongs to it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) leading: Vec<Comment>,
    pub(super) blank_before: bool,
    /// The key, where the collection is a map.
    pub(super) key: Option<String>,
    pub(super) value: Value,
    pub(super) trailing: Option<Comment>,
}

/// What an entry holds.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A scalar on one or more lines, or a collection on one.
    Lines(Vec<String>),
    Block(Block),
    /// A map or a list, one entry below the other.
    Entries(Vec<Entry>, Vec<Comment>),
}

/// The keys that begin a file: comments above the first of them are about the file.
const HEAD: [&str; 5] = ["titan", "runbook", "target", "test", "about"];

/// The whole file as one entry: its value, its comments.
pub(super) fn attach(file: &SourceFile, root: &Node, shape: Shape, between: Between) -> Entry {
    let mut attacher = Attacher {
        file,
        comments: between.comments.into_iter().peekable(),
        headers: between.headers.into_iter().peekable(),
        leaves: 0,
    };
    let leading = if is_leaf(root) { attacher.before(root.span.start) } else { Vec::new() };
    let mut value = attacher.value(root, shape, 0, 0);
    if let (Value::Entries(entries, _), NodeKind::Map(written)) = (&mut value, &root.kind) {
        let head = written.first().map(|(key, _)| HEAD.contains(&key.value.as_str()));
        let header = entries.first_mut().map(|first| file_header(first, head == Some(true)));
        sort(entries, written, shape);
        if let (Some((mut header, is_apart)), Some(first)) = (header, entries.first_mut()) {
            match first.leading.first_mut() {
                Some(own) => own.blank_before |= is_apart,
                None => first.blank_before |= is_apart,
            }
            header.append(&mut first.leading);
            first.leading = header;
        }
    }
    let rest: Vec<_> = attacher.comments.collect();
    let mut whole = Entry { leading, blank_before: false, key: None, value, trailing: None };
    match &mut whole.value {
        Value::Entries(_, foot) => foot.extend(rest),
        Value::Lines(_) | Value::Block(_) => whole.leading.extend(rest),
    }
    whole
}

/// Takes the comments about the file off its first entry, and says whether a blank line follows.
fn file_header(first: &mut Entry, is_head: bool) -> (Vec<Comment>, bool) {
    let blank_after = |at: usize, first: &Entry| match first.leading.get(at + 1) {
        Some(next) => next.blank_before,
        None => first.blank_before,
    };
    let last = (0..first.leading.len()).rev().find(|at| blank_after(*at, first));
    let count = if is_head { first.leading.len() } else { last.map_or(0, |at| at + 1) };
    let is_apart = count > 0 && blank_after(count - 1, first);
    let rest = first.leading.split_off(count);
    (std::mem::replace(&mut first.leading, rest), is_apart)
}

/// Brings entries into the order of a shape.
fn sort(entries: &mut Vec<Entry>, written: &[(Spanned<String>, Node)], shape: Shape) {
    let ranks = written.iter().map(|(key, _)| shape.rank(&key.value));
    let mut ranked: Vec<_> = ranks.zip(std::mem::take(entries)).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    entries.extend(ranked.into_iter().map(|(_, entry)| entry));
}

fn is_leaf(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Scalar(_) => true,
        NodeKind::List(items) => items.is_empty(),
        NodeKind::Map(entries) => entries.is_empty(),
    }
}

struct Attacher<'a> {
    file: &'a SourceFile,
    comments: std::iter::Peekable<std::vec::IntoIter<Comment>>,
    headers: std::iter::Peekable<std::vec::IntoIter<(usize, Header)>>,
    /// How many keys and scalars are behind.
    leaves: usize,
}

impl Attacher<'_> {
    /// The comments before a place that belong to nothing yet.
    fn before(&mut self, at: usize) -> Vec<Comment> {
        std::iter::from_fn(|| self.comments.next_if(|comment| comment.start < at)).collect()
    }

    /// The comment on the same line behind a place.
    fn behind(&mut self, end: usize) -> Option<Comment> {
        let text = self.file.text();
        let leaves = self.leaves;
        self.comments.next_if(|comment| {
            let is_near = text.get(end..comment.start).is_some_and(|between| !between.contains('\n'));
            is_near && comment.leaves_before == leaves
        })
    }

    fn value(&mut self, node: &Node, shape: Shape, indent: usize, column: usize) -> Value {
        if let Some(one) = self.on_one_line(node, shape, column) {
            self.leaves += count_leaves(node);
            return Value::Lines(vec![one]);
        }
        match &node.kind {
            NodeKind::Scalar(scalar) => {
                let header = self.headers.next_if(|(leaf, _)| *leaf == self.leaves);
                self.leaves += 1;
                match header {
                    Some((_, header)) => Value::Block(scalar::block(self.file, node.span, scalar, &header)),
                    None => Value::Lines(scalar::lines(self.file, node.span)),
                }
            }
            NodeKind::List(items) => {
                let entries = items.iter().map(|item| self.item(item, shape, indent)).collect();
                Value::Entries(entries, self.foot(node, indent))
            }
            NodeKind::Map(written) => {
                let mut entries =
                    written.iter().map(|(key, node)| self.entry(key, node, shape, indent)).collect::<Vec<_>>();
                if indent > 0 {
                    sort(&mut entries, written, shape);
                }
                Value::Entries(entries, self.foot(node, indent))
            }
        }
    }

    fn entry(&mut self, key: &Spanned<String>, node: &Node, shape: Shape, indent: usize) -> Entry {
        let mut leading = self.before(key.span.start);
        let blank_before = self.is_blank_before(key.span.start);
        self.leaves += 1;
        let text = scalar::key(self.file, key.span, &key.value);
        let column = indent + text.chars().count() + 2;
        let below = shape.under(&key.value);
        let mut trailing = self.behind(key.span.end);
        let is_inline = is_leaf(node) || self.on_one_line(node, below, column).is_some();
        if is_inline {
            let header = self.headers.peek().filter(|(leaf, _)| *leaf == self.leaves);
            let start = header.map_or(node.span.start, |(_, header)| header.start);
            let within = if matches!(node.kind, NodeKind::Scalar(_)) { start } else { node.span.end };
            let mut between = self.before(within.max(key.span.end));
            leading.append(&mut between);
            if let Some(comment) = header_comment(self.headers.peek(), self.leaves) {
                leading.extend(trailing.replace(comment));
            }
        }
        let mut value = self.value(node, below, indent + INDENT, column);
        self.after(node, &mut value, &mut leading, &mut trailing);
        Entry { leading, blank_before, key: Some(text), value, trailing }
    }

    fn item(&mut self, node: &Node, shape: Shape, indent: usize) -> Entry {
        let header = self.headers.peek().filter(|(leaf, _)| *leaf == self.leaves);
        let start = header.map_or(node.span.start, |(_, header)| header.start);
        let mut leading = self.before(start);
        let blank_before = self.is_blank_before(start);
        let column = indent + INDENT;
        let mut trailing = header_comment(self.headers.peek(), self.leaves);
        if is_leaf(node) && !matches!(node.kind, NodeKind::Scalar(_)) {
            leading.extend(self.before(node.span.end));
        }
        let mut value = self.value(node, shape, indent + INDENT, column);
        if let Value::Entries(entries, _) = &mut value
            && let Some(first) = entries.first_mut()
        {
            leading.append(&mut first.leading);
        }
        self.after(node, &mut value, &mut leading, &mut trailing);
        Entry { leading, blank_before, key: None, value, trailing }
    }

    /// Takes the comment behind a value that has ended.
    fn after(&mut self, node: &Node, value: &mut Value, leading: &mut Vec<Comment>, trailing: &mut Option<Comment>) {
        let is_flow = self.is_flow(node);
        match value {
            Value::Block(_) => {}
            Value::Lines(_) => {
                if let Some(comment) = self.behind(node.span.end) {
                    leading.extend(trailing.replace(comment));
                }
            }
            Value::Entries(_, foot) if is_flow => {
                if let Some(comment) = self.behind(node.span.end) {
                    foot.push(comment);
                }
            }
            Value::Entries(..) => {}
        }
    }

    /// The comments at the end of a collection.
    fn foot(&mut self, node: &Node, indent: usize) -> Vec<Comment> {
        if self.is_flow(node) {
            return self.before(node.span.end);
        }
        let least = foot_column(self.file.text(), node);
        let leaves = self.leaves;
        let is_foot = |comment: &Comment| {
            comment.is_alone && comment.leaves_before == leaves && comment.column >= least && indent > 0
        };
        std::iter::from_fn(|| self.comments.next_if(is_foot)).collect()
    }

    fn is_flow(&self, node: &Node) -> bool {
        !matches!(node.kind, NodeKind::Scalar(_)) && self.file.slice(node.span).starts_with(['{', '['])
    }

    fn is_blank_before(&self, at: usize) -> bool {
        let text = self.file.text();
        let line = text.get(line_start(text, at)..at).unwrap_or("");
        line.chars().all(|c| matches!(c, ' ' | '-' | '?')) && is_blank_above(text, at)
    }

    /// A flow collection, or a pair in one, as one line; `None` where it does not fit on one.
    fn on_one_line(&mut self, node: &Node, shape: Shape, column: usize) -> Option<String> {
        if !self.is_flow(node) {
            return None;
        }
        let holds_comment = self.comments.peek().is_some_and(|comment| comment.start < node.span.end);
        if holds_comment && !is_leaf(node) {
            return None;
        }
        let line = one_line(self.file, node, shape)?;
        let is_wide = column + line.chars().count() > WIDTH;
        (!is_wide || !self.file.slice(node.span).contains('\n')).then_some(line)
    }
}

/// The comment on the header line of a block scalar that comes next.
fn header_comment(header: Option<&(usize, Header)>, leaves: usize) -> Option<Comment> {
    header.filter(|(leaf, _)| *leaf == leaves).and_then(|(_, header)| header.comment.clone())
}

fn count_leaves(node: &Node) -> usize {
    match &node.kind {
        NodeKind::Scalar(_) => 1,
        NodeKind::List(items) => items.iter().map(count_leaves).sum(),
        NodeKind::Map(entries) => entries.iter().map(|(_, value)| 1 + count_leaves(value)).sum(),
    }
}

/// A node inside a flow collection as one line.
fn one_line(file: &SourceFile, node: &Node, shape: Shape) -> Option<String> {
    match &node.kind {
        NodeKind::Scalar(_) if node.span.is_empty() => Some("~".to_owned()),
        NodeKind::Scalar(_) => match scalar::lines(file, node.span).as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        },
        NodeKind::List(items) => {
            let items: Option<Vec<_>> = items.iter().map(|item| one_line(file, item, shape)).collect();
            Some(format!("[{}]", items?.join(", ")))
        }
        NodeKind::Map(entries) if entries.is_empty() => Some("{}".to_owned()),
        NodeKind::Map(entries) => {
            let pair = |(key, value): &&(Spanned<String>, Node)| {
                let text = scalar::key(file, key.span, &key.value);
                Some(format!("{text}: {}", one_line(file, value, shape.under(&key.value))?))
            };
            let pairs: Option<Vec<_>> = shape.sorted(entries).iter().map(pair).collect();
            Some(format!("{{ {} }}", pairs?.join(", ")))
        }
    }
}
