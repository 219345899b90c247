//! Whatever the graph: no box over another, every edge downwards, and well-formed XML.

use proptest::prelude::*;

use super::layers::{Placed, place};
use super::*;

const KINDS: [EdgeKind; 5] = [EdgeKind::Then, EdgeKind::Ok, EdgeKind::Failed, EdgeKind::Skipped, EdgeKind::Done];

/// A graph whose edges lead from earlier nodes to later ones, with graphs inside some nodes.
fn graphs(depth: u32) -> BoxedStrategy<Graph> {
    let inner = if depth == 0 { Just(None).boxed() } else { prop::option::weighted(0.2, graphs(depth - 1)).boxed() };
    let node = (prop::collection::vec("[ -~]{0,30}", 1..4), inner).prop_map(|(lines, inner)| Node {
        lines,
        kind: NodeKind::Changes,
        inner,
    });
    let edges = prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..5_usize), 0..20);
    (prop::collection::vec(node, 1..12), edges)
        .prop_map(|(nodes, edges)| {
            let count = nodes.len();
            let edges = edges.iter().filter_map(|(from, to, kind)| {
                let (one, other) = (from.index(count), to.index(count));
                (one != other).then(|| Edge { from: one.min(other), to: one.max(other), kind: KINDS[*kind] })
            });
            Graph { name: "g".to_owned(), edges: edges.collect(), nodes }
        })
        .boxed()
}

fn is_sound(graph: &Graph, placed: &Placed) -> Result<(), TestCaseError> {
    let apart = |one: &layers::Frame, other: &layers::Frame| {
        one.left + one.width <= other.left
            || other.left + other.width <= one.left
            || one.top + one.height <= other.top
            || other.top + other.height <= one.top
    };
    for (at, one) in placed.boxes.iter().enumerate() {
        prop_assert!(placed.boxes.iter().skip(at + 1).all(|other| apart(one, other)), "box {} lies over another", at);
        prop_assert!(one.left >= -0.01 && one.top >= 0.0);
        prop_assert!(one.left + one.width <= placed.width + 0.01 && one.top + one.height <= placed.height + 0.01);
        if let (Some(inner), Some(within)) = (&graph.nodes[at].inner, &one.inner) {
            prop_assert!(within.width <= one.width && within.height < one.height);
            is_sound(inner, within)?;
        }
    }
    for route in &placed.routes {
        prop_assert!(route.windows(2).all(|pair| pair[0].1 <= pair[1].1), "an edge leads upwards: {:?}", route);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_layout_is_sound_and_its_svg_is_xml(graph in graphs(2)) {
        is_sound(&graph, &place(&graph))?;
        let text = svg(&graph);
        let read = roxmltree::Document::parse(&text);
        prop_assert!(read.is_ok(), "{:?} in\n{}", read.err(), text);
    }
}

#[test]
fn each_format_escapes_what_it_would_read() {
    let line = "</text>\"; a\\ [b] #c & `d` -->|x| <script>";
    let node = Node { lines: vec![line.to_owned()], kind: NodeKind::Observes, inner: None };
    let graph = Graph { name: "\"g\"".to_owned(), nodes: vec![node], edges: Vec::new() };
    let text = svg(&graph);
    let read = roxmltree::Document::parse(&text).unwrap();
    assert!(read.descendants().any(|one| one.text() == Some(line)), "{text}");
    assert!(dot(&graph).contains(r#"label="</text>\"; a\\ [b] #c & `d` -->|x| <script>""#), "{}", dot(&graph));
    assert!(
        mermaid(&graph)
            .contains(r##"n0("#60;/text#62;#34;; a#92; [b] #35;c #38; #96;d#96; --#62;|x| #60;script#62;")"##),
        "{}",
        mermaid(&graph)
    );
}
