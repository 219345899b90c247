//! A watch in the graph of a runbook and every runbook it uses.

use crate::runbook::Watch;

use super::flow::NodeId;

/// A watch, in the graph.
#[derive(Debug)]
pub struct Watched<'a> {
    /// The watch.
    pub watch: &'a Watch,
    /// The node before whose start it is live.
    pub from: NodeId,
    /// The node with whose end it ends; `None` for the end of the run.
    pub to: Option<NodeId>,
    /// The index of the step of the outermost runbook it is inside of.
    pub outer: Option<usize>,
    /// The names of its runbook's params.
    pub(super) params: usize,
    /// Where its runbook's steps are: `""`, or the path of the step it is the action of and a `/`.
    pub(super) place: String,
}
