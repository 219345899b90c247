//! Graphviz: `dot -Tsvg` draws it.

use std::fmt::Write as _;

use super::{Edge, EdgeKind, Graph, Node, NodeKind};

/// The graph as DOT.
pub fn dot(graph: &Graph) -> String {
    let mut text = format!("digraph \"{}\" {{\n", escaped(&graph.name));
    text.push_str("  compound=true;\n  node [shape=box, fontname=\"monospace\", fontsize=11];\n");
    text.push_str("  edge [fontname=\"monospace\", fontsize=10];\n");
    write_graph(graph, "n", 1, &mut text);
    text.push_str("}\n");
    text
}

fn write_graph(graph: &Graph, prefix: &str, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    for (at, node) in graph.nodes.iter().enumerate() {
        let id = format!("{prefix}{at}");
        match &node.inner {
            Some(inner) => {
                let _ = writeln!(text, "{indent}subgraph cluster_{id} {{");
                let _ = writeln!(text, "{indent}  label=\"{}\";", label(node));
                write_graph(inner, &format!("{id}_"), depth + 1, text);
                let _ = writeln!(text, "{indent}}}");
            }
            None => {
                let _ = writeln!(text, "{indent}{id} [label=\"{}\"{}];", label(node), style(node.kind));
            }
        }
    }
    for edge in &graph.edges {
        write_edge(graph, edge, prefix, &indent, text);
    }
}

fn write_edge(graph: &Graph, edge: &Edge, prefix: &str, indent: &str, text: &mut String) {
    let mut attributes = Vec::new();
    if !edge.kind.word().is_empty() {
        attributes.push(format!("label=\"{}\"", edge.kind.word()));
    }
    if edge.kind.is_broken() {
        attributes.push("style=dashed".to_owned());
    }
    if edge.kind.is_trouble() {
        attributes.push("color=\"#b3261e\"".to_owned());
    }
    if edge.kind == EdgeKind::LiveBefore || edge.kind == EdgeKind::Until {
        attributes.push("arrowhead=odot".to_owned());
    }
    let is_cluster = |at: usize| graph.nodes.get(at).is_some_and(|node| node.inner.is_some());
    for (word, at) in [("ltail", edge.from), ("lhead", edge.to)] {
        if is_cluster(at) {
            attributes.push(format!("{word}=cluster_{prefix}{at}"));
        }
    }
    let from = anchor(graph, edge.from, prefix, true);
    let to = anchor(graph, edge.to, prefix, false);
    let attributes = if attributes.is_empty() { String::new() } else { format!(" [{}]", attributes.join(", ")) };
    let _ = writeln!(text, "{indent}{from} -> {to}{attributes};");
}

/// The plain node an edge of a cluster is tied to: its last one, or its first.
fn anchor(graph: &Graph, at: usize, prefix: &str, is_tail: bool) -> String {
    let id = format!("{prefix}{at}");
    match graph.nodes.get(at).and_then(|node| node.inner.as_ref()) {
        Some(inner) if !inner.nodes.is_empty() => {
            let place = if is_tail { inner.nodes.len() - 1 } else { 0 };
            anchor(inner, place, &format!("{id}_"), is_tail)
        }
        _ => id,
    }
}

fn label(node: &Node) -> String {
    node.lines.iter().map(|line| escaped(line)).collect::<Vec<_>>().join("\\n")
}

fn style(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Observes => ", style=rounded",
        NodeKind::Changes => ", style=bold",
        NodeKind::Asks => ", shape=parallelogram",
        NodeKind::Watch => ", style=\"rounded,dashed\"",
        NodeKind::Rollback => ", shape=octagon, color=\"#b3261e\"",
        NodeKind::Undo => ", color=\"#b3261e\"",
        NodeKind::Ensure => ", shape=hexagon",
    }
}

/// A text inside a quoted string of DOT.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
