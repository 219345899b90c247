//! Places for the nodes of a graph: in layers from top to bottom, few crossings, edges routed
//! around nodes (after Sugiyama, Tagawa and Toda, 1981). A node with a graph inside is laid out
//! from the inside out, so that it is one box to the graph around it.

use super::{Edge, EdgeKind, Graph, Node, NodeKind};

/// The width of a character, in the font that `svg` asks for.
const CHARACTER: f64 = 7.7;
/// The height of a line of text.
pub(super) const LINE: f64 = 16.0;
/// The room between a box and its text or its inner graph.
pub(super) const PADDING: f64 = 10.0;
/// The room between boxes beside each other.
const BESIDE: f64 = 28.0;
/// The room between layers: an edge's word stands in it.
const BELOW: f64 = 42.0;
/// The width an edge takes where it passes a layer.
const PASSING: f64 = 10.0;
/// How often the order in layers and the places in them are bettered; more changes nothing visible.
const SWEEPS: usize = 12;

/// A graph with a place for everything, measured from its own top left corner.
#[derive(Debug, Default)]
pub(super) struct Placed {
    pub(super) width: f64,
    pub(super) height: f64,
    /// A box for each node.
    pub(super) boxes: Vec<Frame>,
    /// The points of each edge, from its start to its end.
    pub(super) routes: Vec<Vec<(f64, f64)>>,
}

/// The box of a node.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) inner: Option<Placed>,
}

/// Something that stands in a layer: a node, or an edge that passes.
struct Slot {
    layer: usize,
    width: f64,
    /// Its centre.
    x: f64,
    above: Vec<usize>,
    below: Vec<usize>,
}

/// Gives everything its place.
pub(super) fn place(graph: &Graph) -> Placed {
    let mut boxes: Vec<_> = graph.nodes.iter().map(measured).collect();
    let ranks = ranks(graph);
    let mut slots: Vec<_> = boxes.iter().zip(&ranks).map(|(one, rank)| slot(*rank, one.width)).collect();
    let chains: Vec<_> = graph.edges.iter().map(|edge| chain(edge, &ranks, &mut slots)).collect();
    let mut layers = vec![Vec::new(); ranks.iter().max().map_or(0, |rank| rank + 1)];
    for (at, slot) in slots.iter().enumerate() {
        if let Some(layer) = layers.get_mut(slot.layer) {
            layer.push(at);
        }
    }
    order(&mut layers, &slots);
    spread(&layers, &mut slots);
    let (tops, height) = tops(&boxes, &ranks, layers.len());
    for ((one, slot), rank) in boxes.iter_mut().zip(&slots).zip(&ranks) {
        one.left = slot.x - one.width / 2.0;
        one.top = tops.get(*rank).map_or(0.0, |(top, _)| *top);
    }
    let routes =
        graph.edges.iter().zip(&chains).map(|(edge, chain)| route(edge, chain, &boxes, &slots, &tops)).collect();
    let width = slots.iter().map(|slot| slot.x + slot.width / 2.0).fold(0.0, f64::max);
    Placed { width, height, boxes, routes }
}

fn slot(layer: usize, width: f64) -> Slot {
    Slot { layer, width, x: 0.0, above: Vec::new(), below: Vec::new() }
}

/// A node's box, without a place.
fn measured(node: &Node) -> Frame {
    let characters = node.lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let mut width = size(characters) * CHARACTER + 2.0 * PADDING;
    let mut height = size(node.lines.len()) * LINE + 2.0 * PADDING;
    let inner = node.inner.as_ref().map(place);
    if let Some(inner) = &inner {
        width = width.max(inner.width + 2.0 * PADDING);
        height += inner.height + PADDING;
    }
    Frame { left: 0.0, top: 0.0, width, height, inner }
}

#[expect(clippy::cast_precision_loss, reason = "counts of characters and lines are small")]
fn size(count: usize) -> f64 {
    count as f64
}

/// The layer of each node: below everything it comes after; a watch just above its first step.
fn ranks(graph: &Graph) -> Vec<usize> {
    let is_watch = |at: usize| graph.nodes.get(at).is_some_and(|node| node.kind == NodeKind::Watch);
    let mut ranks = vec![0; graph.nodes.len()];
    sink(graph, &mut ranks, &|edge| !is_watch(edge.from));
    for at in (0..graph.nodes.len()).filter(|at| is_watch(*at)) {
        let is_first = |edge: &&Edge| edge.from == at && edge.kind == EdgeKind::LiveBefore;
        let first = graph.edges.iter().find(is_first).and_then(|edge| ranks.get(edge.to));
        let above = first.map_or(0, |rank| rank.saturating_sub(1));
        if let Some(rank) = ranks.get_mut(at) {
            *rank = above;
        }
    }
    sink(graph, &mut ranks, &|_| true);
    ranks
}

/// Sinks each node below those it comes after.
fn sink(graph: &Graph, ranks: &mut [usize], counts: &dyn Fn(&Edge) -> bool) {
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); graph.nodes.len()];
    let mut waiting = vec![0_usize; graph.nodes.len()];
    for edge in graph.edges.iter().filter(|edge| counts(edge)) {
        if let (Some(after), Some(waiting)) = (after.get_mut(edge.from), waiting.get_mut(edge.to)) {
            after.push(edge.to);
            *waiting += 1;
        }
    }
    let mut free: Vec<_> = (0..waiting.len()).filter(|at| waiting.get(*at) == Some(&0)).collect();
    while let Some(at) = free.pop() {
        let least = ranks.get(at).map_or(0, |rank| rank + 1);
        for next in after.get(at).into_iter().flatten() {
            if let (Some(rank), Some(left)) = (ranks.get_mut(*next), waiting.get_mut(*next)) {
                *rank = least.max(*rank);
                *left -= 1;
                if *left == 0 {
                    free.push(*next);
                }
            }
        }
    }
}

/// The slots an edge passes between its ends, joined from above to below.
fn chain(edge: &Edge, ranks: &[usize], slots: &mut Vec<Slot>) -> Vec<usize> {
    let rank = |at: usize| ranks.get(at).copied().unwrap_or(0);
    let mut passed = Vec::new();
    let mut above = edge.from;
    for layer in rank(edge.from) + 1..rank(edge.to) {
        slots.push(slot(layer, PASSING));
        let at = slots.len() - 1;
        join(above, at, slots);
        passed.push(at);
        above = at;
    }
    if rank(edge.from) < rank(edge.to) {
        join(above, edge.to, slots);
    }
    passed
}

fn join(above: usize, below: usize, slots: &mut [Slot]) {
    if let Some(slot) = slots.get_mut(above) {
        slot.below.push(below);
    }
    if let Some(slot) = slots.get_mut(below) {
        slot.above.push(above);
    }
}

/// Orders each layer by the middle of what its slots are joined to, down and up in turns.
fn order(layers: &mut [Vec<usize>], slots: &[Slot]) {
    let mut places = vec![0.0; slots.len()];
    let keep = |layer: &[usize], places: &mut Vec<f64>| {
        for (place, at) in layer.iter().enumerate() {
            if let Some(slot) = places.get_mut(*at) {
                *slot = size(place);
            }
        }
    };
    layers.iter().for_each(|layer| keep(layer, &mut places));
    for sweep in 0..SWEEPS {
        let is_down = sweep % 2 == 0;
        let numbers: Vec<_> = if is_down { (0..layers.len()).collect() } else { (0..layers.len()).rev().collect() };
        for number in numbers {
            let Some(layer) = layers.get_mut(number) else { continue };
            let mut ranked: Vec<_> = layer.iter().map(|at| (middle(*at, is_down, slots, &places), *at)).collect();
            ranked.sort_by(|(one, _), (other, _)| one.total_cmp(other));
            *layer = ranked.into_iter().map(|(_, at)| at).collect();
            keep(layer, &mut places);
        }
    }
}

/// The middle of what a slot is joined to on one side; its own place where that is nothing.
fn middle(at: usize, is_above: bool, slots: &[Slot], places: &[f64]) -> f64 {
    let joined = slots.get(at).map(|slot| if is_above { &slot.above } else { &slot.below });
    let near: Vec<_> = joined.into_iter().flatten().filter_map(|other| places.get(*other)).collect();
    if near.is_empty() {
        return places.get(at).copied().unwrap_or(0.0);
    }
    near.iter().copied().sum::<f64>() / size(near.len())
}

/// Gives every slot its centre: as near to the middle of what it is joined to as its layer lets it.
fn spread(layers: &[Vec<usize>], slots: &mut [Slot]) {
    let mut places = vec![0.0; slots.len()];
    for sweep in 0..SWEEPS {
        let is_down = sweep % 2 == 0;
        let numbers: Vec<_> = if is_down { (0..layers.len()).collect() } else { (0..layers.len()).rev().collect() };
        for layer in numbers.into_iter().filter_map(|number| layers.get(number)) {
            let wanted: Vec<_> = layer.iter().map(|at| middle(*at, is_down, slots, &places)).collect();
            let widths: Vec<_> = layer.iter().map(|at| slots.get(*at).map_or(0.0, |slot| slot.width)).collect();
            for (at, x) in layer.iter().zip(apart(&wanted, &widths)) {
                if let Some(place) = places.get_mut(*at) {
                    *place = x;
                }
            }
        }
    }
    let lefts = slots.iter().zip(&places).map(|(slot, x)| x - slot.width / 2.0);
    let least = lefts.fold(f64::INFINITY, f64::min);
    for (slot, x) in slots.iter_mut().zip(places) {
        slot.x = x - least;
    }
}

/// The centres nearest to those wanted, in the same order, that keep their distance: pooled
/// neighbours share the mean of what they want (isotonic regression).
fn apart(wanted: &[f64], widths: &[f64]) -> Vec<f64> {
    let mut offsets = Vec::with_capacity(wanted.len());
    let mut offset = 0.0;
    let mut before: Option<f64> = None;
    for width in widths {
        if let Some(before) = before {
            offset += (before + width) / 2.0 + BESIDE;
        }
        offsets.push(offset);
        before = Some(*width);
    }
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (want, offset) in wanted.iter().zip(&offsets) {
        let mut pool = (want - offset, 1);
        while let Some((mean, count)) = pools.last().copied().filter(|(mean, _)| *mean > pool.0) {
            pools.pop();
            let both = count + pool.1;
            pool = ((mean * size(count) + pool.0 * size(pool.1)) / size(both), both);
        }
        pools.push(pool);
    }
    let means = pools.into_iter().flat_map(|(mean, count)| std::iter::repeat_n(mean, count));
    means.zip(offsets).map(|(mean, offset)| mean + offset).collect()
}

/// The top and bottom of each layer, and the height of all.
fn tops(boxes: &[Frame], ranks: &[usize], layers: usize) -> (Vec<(f64, f64)>, f64) {
    let mut heights = vec![0.0_f64; layers];
    for (one, rank) in boxes.iter().zip(ranks) {
        if let Some(height) = heights.get_mut(*rank) {
            *height = height.max(one.height);
        }
    }
    let mut top = 0.0;
    let mut all = Vec::with_capacity(layers);
    for height in heights {
        all.push((top, top + height));
        top += height + BELOW;
    }
    (all, (top - BELOW).max(0.0))
}

/// From the bottom of one box, past every layer between, to the top of the other.
fn route(edge: &Edge, chain: &[usize], boxes: &[Frame], slots: &[Slot], tops: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let (Some(from), Some(to)) = (boxes.get(edge.from), boxes.get(edge.to)) else {
        return Vec::new();
    };
    let mut points = vec![(from.left + from.width / 2.0, from.top + from.height)];
    for slot in chain.iter().filter_map(|at| slots.get(*at)) {
        if let Some((top, bottom)) = tops.get(slot.layer) {
            points.extend([(slot.x, *top), (slot.x, *bottom)]);
        }
    }
    points.push((to.left + to.width / 2.0, to.top));
    points
}
