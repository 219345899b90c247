//! Every action of a runbook and of those it uses: of its steps, of their undos and of its ensures.

use crate::source::Span;

use super::Subject;
use super::flow::{Flow, Node, Part};

impl<'a> Subject<'a> {
    /// Looks at every action, with the graph it is in and the place where that is said.
    pub(super) fn everywhere(&self, look: &mut dyn FnMut(&Flow<'a>, &Node<'a>, Span)) {
        let whole = |flow: &Flow<'a>, look: &mut dyn FnMut(&Node<'a>, Span), span: &dyn Fn(usize) -> Span| {
            let nodes = flow.nodes().filter(|(_, node)| node.part == Part::Whole);
            nodes.for_each(|(id, node)| look(node, span(id)));
        };
        let flow = &self.scene().flow;
        whole(flow, &mut |node, span| look(flow, node, span), &|id| self.span_of(id));
        for (undone, _) in self.undos() {
            let undoing = &undone.scene.flow;
            whole(undoing, &mut |node, span| look(undoing, node, span), &|_| self.undo_span(undone));
        }
        for (ensure, scene) in self.ensures() {
            let ensuring = &scene.flow;
            whole(ensuring, &mut |node, span| look(ensuring, node, span), &|_| ensure.span);
        }
    }
}
