//! YAML text to a tree of spanned nodes: the only room that knows the YAML parser.
//!
//! Called by `runbook/`. It refuses what a runbook must not hold (tags, anchors, aliases, merge
//! keys, duplicate keys, second documents, oversize) and goes on, so that one pass reports all.
//! It knows no key's meaning.

mod foot;
mod parse;
mod places;
#[cfg(test)]
mod tests;
mod text;

pub use foot::{Lines, foot_column};
pub use parse::{MAX_DEPTH, MAX_NODES, parse};
pub use places::{Places, unquoted};
pub use text::{MAX_TEXT, read_text};

use crate::source::{Span, Spanned};

/// A node and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Where it stands; quotes included.
    pub span: Span,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    /// A single value.
    Scalar(Scalar),
    /// `[a, b]` or a dashed list.
    List(Vec<Node>),
    /// Key and value pairs in reading order; keys are unique.
    Map(Vec<(Spanned<String>, Node)>),
}

/// A scalar as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// The text after unquoting and folding.
    pub text: String,
    /// Whether it was quoted or a block scalar, and so can only be a text.
    pub quoted: bool,
    /// Whether the text stands in the file byte for byte, so that an offset in the text is an
    /// offset in the file: from `text_start`.
    pub verbatim: bool,
    /// Where the text itself starts, behind an opening quote.
    pub text_start: usize,
}

impl Node {
    /// The word for what this node is, as messages say it.
    pub fn type_name(&self) -> &'static str {
        match &self.kind {
            NodeKind::Scalar(_) => "a single value",
            NodeKind::List(_) => "a list",
            NodeKind::Map(_) => "a map",
        }
    }

    /// The keys and values of a map; nothing for any other node.
    pub fn entries(&self) -> &[(Spanned<String>, Node)] {
        match &self.kind {
            NodeKind::Map(entries) => entries,
            NodeKind::Scalar(_) | NodeKind::List(_) => &[],
        }
    }

    /// The value of a key, where this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(name, _)| name.value == key).map(|(_, node)| node)
    }

    /// The items of a list; nothing for any other node.
    pub fn items(&self) -> &[Node] {
        match &self.kind {
            NodeKind::List(items) => items,
            NodeKind::Scalar(_) | NodeKind::Map(_) => &[],
        }
    }
}
