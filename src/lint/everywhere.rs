//! Every action of a runbook and of those it uses: of its steps, of their undos, of its watches and of
//! its ensures.

use crate::source::Span;

use super::Subject;
use super::flow::{Flow, Node, NodeId, Part, Watched};

impl<'a> Subject<'a> {
    /// Looks at every action, with the graph it is in and the place where that is said.
    pub(super) fn everywhere(&self, look: &mut dyn FnMut(&Flow<'a>, &Node<'a>, Span)) {
        each(&self.scene().flow, look, &|id| self.span_of(id), &|watched| self.watch_span(watched));
        for (undone, _) in self.undos() {
            let span = self.undo_span(undone);
            each(&undone.scene.flow, look, &|_| span, &|_| span);
        }
        for (ensure, scene) in self.ensures() {
            each(&scene.flow, look, &|_| ensure.span, &|_| ensure.span);
        }
    }
}

/// Looks at every action of one graph.
fn each<'a>(
    flow: &Flow<'a>,
    look: &mut dyn FnMut(&Flow<'a>, &Node<'a>, Span),
    span: &dyn Fn(NodeId) -> Span,
    watch_span: &dyn Fn(&Watched<'a>) -> Span,
) {
    let whole = flow.nodes().filter(|(_, node)| node.part == Part::Whole);
    whole.for_each(|(id, node)| look(flow, node, span(id)));
    for watched in flow.watches() {
        look(flow, &flow.watch_node(watched), watch_span(watched));
    }
}
