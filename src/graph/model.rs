//! From a runbook to its graph.

use crate::declaration::Effect;
use crate::runbook::{ActionKind, EdgeOutcome, OnFailure, Runbook, Step, Watch, Work};
use crate::visible::visible;

use super::{Edge, EdgeKind, Graph, Node, NodeKind};

/// How much of a guard is shown: enough to recognise it.
const MAX_GUARD: usize = 48;

/// The graph of a runbook; `with_rollback` adds every undo, in the order of a complete rollback.
pub fn graph_of(runbook: &Runbook, with_rollback: bool) -> Graph {
    let mut graph = steps_of(runbook);
    let steps = runbook.steps.len();
    let is_last = |at: usize, graph: &Graph| !graph.edges.iter().any(|edge| edge.from == at && edge.to < steps);
    let last: Vec<_> = (0..steps).filter(|at| is_last(*at, &graph)).collect();
    let rolls_back = runbook.watches.iter().any(|watch| watch.on_breach == OnFailure::Rollback);
    let rollback = (with_rollback || rolls_back)
        .then(|| graph.add(plain(vec!["rollback".into(), "after a failure or a breach".into()], NodeKind::Rollback)));
    for watch in &runbook.watches {
        add_watch(&mut graph, watch, rollback);
    }
    let mut end = rollback;
    if with_rollback {
        let mut undos = Vec::new();
        collect_undos(runbook, "", &mut undos);
        for (path, work) in undos.iter().rev() {
            let mut lines = vec![format!("undo {path}"), work.action.name().to_owned()];
            lines.extend(work.when.iter().map(|guard| short("when", guard.text())));
            let undo = graph.add(plain(lines, NodeKind::Undo));
            graph.join(end, Some(undo), EdgeKind::Undo);
            end = Some(undo);
        }
    }
    for ensure in &runbook.ensures {
        let lines = vec![format!("ensure {}", ensure.id), visible(ensure.work.action.name()).into_owned()];
        let ensure = graph.add(plain(lines, NodeKind::Ensure));
        for from in last.iter().copied().chain(end) {
            graph.join(Some(from), Some(ensure), EdgeKind::Exit);
        }
    }
    graph
}

impl Graph {
    fn add(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn join(&mut self, from: Option<usize>, to: Option<usize>, kind: EdgeKind) {
        if let (Some(from), Some(to)) = (from, to) {
            self.edges.push(Edge { from, to, kind });
        }
    }
}

fn plain(lines: Vec<String>, kind: NodeKind) -> Node {
    Node { lines, kind, inner: None }
}

/// The steps of a runbook and the edges between them; a step has the place it has there.
fn steps_of(runbook: &Runbook) -> Graph {
    let mut graph = Graph { name: runbook.name.as_str().to_owned(), ..Graph::default() };
    for step in &runbook.steps {
        graph.add(step_node(step));
    }
    for (to, step) in runbook.steps.iter().enumerate() {
        for edge in &step.needs {
            let kind = match edge.on {
                EdgeOutcome::OkOrSkipped => EdgeKind::Then,
                EdgeOutcome::Ok => EdgeKind::Ok,
                EdgeOutcome::Failed => EdgeKind::Failed,
                EdgeOutcome::Skipped => EdgeKind::Skipped,
                EdgeOutcome::Done => EdgeKind::Done,
            };
            graph.join(Some(edge.from), Some(to), kind);
        }
    }
    graph
}

fn step_node(step: &Step) -> Node {
    let kind = match step.work.action.effect() {
        Effect::Observes => NodeKind::Observes,
        Effect::Changes => NodeKind::Changes,
        Effect::Asks => NodeKind::Asks,
    };
    let mut lines = vec![step.id.to_string(), visible(step.work.action.name()).into_owned()];
    lines.extend(step.foreach.iter().map(|each| short("for each of", each.list.text())));
    lines.extend(step.work.when.iter().map(|guard| short("when", guard.text())));
    lines.extend(step.work.require.iter().map(|guard| short("require", guard.text())));
    lines.extend(match step.on_failure {
        OnFailure::Rollback => None,
        OnFailure::Continue => Some("a failure: go on".to_owned()),
        OnFailure::Pause => Some("a failure: pause".to_owned()),
    });
    let inner = match &step.work.action.kind {
        ActionKind::Runbook(inner) => Some(steps_of(inner)),
        ActionKind::Primitive(_) | ActionKind::Script(_) => None,
    };
    Node { lines, kind, inner }
}

fn short(word: &str, guard: &str) -> String {
    let guard = guard.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown = visible(&guard);
    if shown.chars().count() <= MAX_GUARD {
        return format!("{word} {shown}");
    }
    format!("{word} {}…", shown.chars().take(MAX_GUARD - 1).collect::<String>())
}

fn add_watch(graph: &mut Graph, watch: &Watch, rollback: Option<usize>) {
    let lines = vec![
        format!("watch {}", watch.id),
        watch.work.action.name().to_owned(),
        short("breach when", watch.breach_when.text()),
    ];
    let at = Some(graph.add(plain(lines, NodeKind::Watch)));
    graph.join(at, Some(watch.from), EdgeKind::LiveBefore);
    graph.join(at, watch.to, EdgeKind::Until);
    if watch.on_breach == OnFailure::Rollback {
        graph.join(at, rollback, EdgeKind::Breach);
    }
}

/// Every undo in the order of the steps: a step's own, else those of the steps inside it.
fn collect_undos<'a>(runbook: &'a Runbook, prefix: &str, undos: &mut Vec<(String, &'a Work)>) {
    for step in &runbook.steps {
        let path = format!("{prefix}{}", step.id);
        match (&step.undo, &step.work.action.kind) {
            (Some(undo), _) => undos.push((path, undo)),
            (None, ActionKind::Runbook(inner)) => collect_undos(inner, &format!("{path}/"), undos),
            (None, ActionKind::Primitive(_) | ActionKind::Script(_)) => {}
        }
    }
}
