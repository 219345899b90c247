//! A runbook as nodes and edges, written as Mermaid, DOT or SVG.
//!
//! `model` reads the runbook into a graph: steps, what waits for which outcome, watches, the
//! rollback and what runs on every exit; a runbook used as an action is a graph inside a node.
//! `layers` gives every node of an SVG its place. Whatever an author wrote is escaped by the format
//! that writes it. Called by `cli/`.

mod dot;
mod layers;
mod mermaid;
mod model;
mod svg;
#[cfg(test)]
mod tests;

pub use dot::dot;
pub use mermaid::mermaid;
pub use model::graph_of;
pub use svg::svg;

/// A runbook, or one used as an action, as nodes and edges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// Its name.
    pub name: String,
    /// Its nodes; the place of one is its index.
    pub nodes: Vec<Node>,
    /// Its edges, between nodes of this graph only.
    pub edges: Vec<Edge>,
}

/// A thing that is done or looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The lines that tell what it is; the first is its id.
    pub lines: Vec<String>,
    /// What kind of thing.
    pub kind: NodeKind,
    /// What it is made of, where it is a runbook used as an action.
    pub inner: Option<Graph>,
}

/// The kinds of node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A step that only looks.
    Observes,
    /// A step that changes something.
    Changes,
    /// A step that asks people.
    Asks,
    /// A watch.
    Watch,
    /// Where the rollback begins.
    Rollback,
    /// The undo of a step.
    Undo,
    /// What runs on every exit.
    Ensure,
}

/// An edge, by the places of its nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Where it starts.
    pub from: usize,
    /// Where it ends.
    pub to: usize,
    /// What it means.
    pub kind: EdgeKind,
}

/// What an edge means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeKind {
    /// Waits until the other ended ok or was skipped: the order of reading.
    Then,
    /// Waits for ok.
    Ok,
    /// Waits for a failure.
    Failed,
    /// Waits for a skip.
    Skipped,
    /// Waits for any end.
    Done,
    /// A watch that is live before the step begins.
    LiveBefore,
    /// A watch that ends with the step.
    Until,
    /// A watch whose breach rolls back.
    Breach,
    /// The order of undos.
    Undo,
    /// Runs whatever happened.
    Exit,
}

impl EdgeKind {
    /// The word beside the edge; empty where it needs none.
    pub fn word(self) -> &'static str {
        match self {
            Self::Then | Self::Ok | Self::Undo | Self::Exit => "",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Done => "done",
            Self::LiveBefore => "live before",
            Self::Until => "until",
            Self::Breach => "breach",
        }
    }

    /// Whether it is no edge between steps, and so drawn broken.
    pub fn is_broken(self) -> bool {
        matches!(self, Self::LiveBefore | Self::Until | Self::Breach | Self::Exit)
    }

    /// Whether it is about something going wrong.
    pub fn is_trouble(self) -> bool {
        matches!(self, Self::Failed | Self::Breach | Self::Undo)
    }
}
