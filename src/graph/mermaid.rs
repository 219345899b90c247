//! Mermaid, which code hosts draw inside Markdown.

use std::fmt::Write as _;

use super::{EdgeKind, Graph, NodeKind};

/// The graph as a Mermaid flowchart.
pub fn mermaid(graph: &Graph) -> String {
    let mut text = "flowchart TD\n".to_owned();
    write_graph(graph, "n", 1, &mut text);
    for (class, style) in
        [("changes", "stroke-width:3px"), ("watch", "stroke-dasharray:4"), ("trouble", "stroke:#b3261e")]
    {
        let _ = writeln!(text, "  classDef {class} {style}");
    }
    text
}

fn write_graph(graph: &Graph, prefix: &str, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    for (at, node) in graph.nodes.iter().enumerate() {
        let id = format!("{prefix}{at}");
        let label = node.lines.iter().map(|line| escaped(line)).collect::<Vec<_>>().join("<br>");
        if let Some(inner) = &node.inner {
            let _ = writeln!(text, "{indent}subgraph {id} [\"{label}\"]");
            write_graph(inner, &format!("{id}_"), depth + 1, text);
            let _ = writeln!(text, "{indent}end");
            continue;
        }
        let (open, close, class) = match node.kind {
            NodeKind::Observes => ("(", ")", ""),
            NodeKind::Changes => ("[", "]", ":::changes"),
            NodeKind::Asks => ("[/", "/]", ""),
            NodeKind::Watch => ("(", ")", ":::watch"),
            NodeKind::Rollback => ("{{", "}}", ":::trouble"),
            NodeKind::Undo => ("[", "]", ":::trouble"),
            NodeKind::Ensure => ("([", "])", ""),
        };
        let _ = writeln!(text, "{indent}{id}{open}\"{label}\"{close}{class}");
    }
    for edge in &graph.edges {
        let arrow = match edge.kind {
            EdgeKind::LiveBefore | EdgeKind::Until => "-.-o",
            kind if kind.is_broken() => "-.->",
            EdgeKind::Undo => "==>",
            _ => "-->",
        };
        let word = edge.kind.word();
        let word = if word.is_empty() { String::new() } else { format!("|{word}|") };
        let _ = writeln!(text, "{indent}{prefix}{} {arrow}{word} {prefix}{}", edge.from, edge.to);
    }
}

/// A text inside a quoted label: everything that means something to Mermaid or HTML as its number.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '#' | '"' | '<' | '>' | '&' | '`' | '\\' | '*' | '~' => {
                let _ = write!(escaped, "#{};", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped
}
