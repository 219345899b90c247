//! SVG, which browsers draw; one file, no scripts, readable on light and dark grounds.

use std::fmt::Write as _;

use super::layers::{Frame, LINE, PADDING, Placed, place};
use super::{Edge, EdgeKind, Graph, Node, NodeKind};

/// The room around the picture.
const MARGIN: f64 = 16.0;

const STYLE: &str = "\
text{font:12px monospace;fill:#1b1b1f}.first{font-weight:bold}.word{font-size:10px;fill:#555}
.box{fill:#fff;stroke:#44474f}.changes{stroke-width:2.5;fill:#fff4e5}.asks{fill:#e8f0fe}
.watch{stroke-dasharray:5 3;fill:#f3f6ee}.rollback,.undo{stroke:#b3261e;fill:#fdecea}
.ensure{fill:#ece8f6}.cluster{fill:#f6f6f9;stroke:#90939a}
.edge{fill:none;stroke:#44474f}.broken{stroke-dasharray:5 3}.trouble{stroke:#b3261e}";

/// The graph as an SVG document.
pub fn svg(graph: &Graph) -> String {
    let placed = place(graph);
    let (width, height) = (placed.width + 2.0 * MARGIN, placed.height + 2.0 * MARGIN);
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        text,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\">"
    );
    let _ = writeln!(text, "<title>{}</title>\n<style>{STYLE}</style>", escaped(&graph.name));
    text.push_str("<defs>\n");
    for (id, colour) in [("end", "#44474f"), ("trouble-end", "#b3261e")] {
        let _ = writeln!(
            text,
            "<marker id=\"{id}\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"7\" markerHeight=\"7\" \
             orient=\"auto\"><path d=\"M0 0L10 5L0 10z\" fill=\"{colour}\"/></marker>"
        );
    }
    let _ = writeln!(text, "</defs>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>");
    write_graph(graph, &placed, MARGIN, MARGIN, &mut text);
    text.push_str("</svg>\n");
    text
}

fn write_graph(graph: &Graph, placed: &Placed, left: f64, top: f64, text: &mut String) {
    for (node, frame) in graph.nodes.iter().zip(&placed.boxes) {
        write_node(node, frame, left + frame.left, top + frame.top, text);
    }
    for (edge, route) in graph.edges.iter().zip(&placed.routes) {
        let route: Vec<_> = route.iter().map(|(x, y)| (left + x, top + y)).collect();
        write_edge(edge, &route, text);
    }
}

fn write_node(node: &Node, frame: &Frame, left: f64, top: f64, text: &mut String) {
    let class = match (node.kind, &node.inner) {
        (_, Some(_)) => "cluster",
        (NodeKind::Observes, None) => "observes",
        (NodeKind::Changes, None) => "changes",
        (NodeKind::Asks, None) => "asks",
        (NodeKind::Watch, None) => "watch",
        (NodeKind::Rollback, None) => "rollback",
        (NodeKind::Undo, None) => "undo",
        (NodeKind::Ensure, None) => "ensure",
    };
    let round = if node.kind == NodeKind::Changes || node.inner.is_some() { 2 } else { 9 };
    let Frame { width, height, .. } = frame;
    let _ = writeln!(
        text,
        "<rect class=\"box {class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
         rx=\"{round}\"/>"
    );
    let mut line_top = top + PADDING;
    for (at, line) in node.lines.iter().enumerate() {
        let class = if at == 0 { " class=\"first\"" } else { "" };
        let (x, y) = (left + PADDING, line_top + LINE * 0.75);
        let _ = writeln!(text, "<text{class} x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escaped(line));
        line_top += LINE;
    }
    if let (Some(inner), Some(placed)) = (&node.inner, &frame.inner) {
        write_graph(inner, placed, left + (width - placed.width) / 2.0, line_top + PADDING, text);
    }
}

fn write_edge(edge: &Edge, route: &[(f64, f64)], text: &mut String) {
    let Some((first, rest)) = route.split_first() else {
        return;
    };
    let mut path = format!("M{:.1} {:.1}", first.0, first.1);
    let mut before = *first;
    for point in rest {
        let bend = (before.1 + point.1) / 2.0;
        let _ = write!(path, "C{:.1} {bend:.1} {:.1} {bend:.1} {:.1} {:.1}", before.0, point.0, point.0, point.1);
        before = *point;
    }
    let broken = if edge.kind.is_broken() { " broken" } else { "" };
    let (trouble, end) = if edge.kind.is_trouble() { (" trouble", "trouble-end") } else { ("", "end") };
    let end = match edge.kind {
        EdgeKind::LiveBefore | EdgeKind::Until => String::new(),
        _ => format!(" marker-end=\"url(#{end})\""),
    };
    let _ = writeln!(text, "<path class=\"edge{broken}{trouble}\" d=\"{path}\"{end}/>");
    if let ([.., from, to], false) = (route, edge.kind.word().is_empty()) {
        // Nearer to where it comes from: there the edges to one node are still apart.
        let (x, y) = (from.0 * 0.8 + to.0 * 0.2 + 4.0, from.1 * 0.65 + to.1 * 0.35 + 3.0);
        let _ = writeln!(text, "<text class=\"word\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", edge.kind.word());
    }
}

/// A text inside an element; control characters, which XML cannot hold, are visible already.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
