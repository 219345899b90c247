//! Whether the version that an undo deploys is the one that ran before the run.

use crate::source::Span;

use super::fanout::{OfItem, of_item};
use super::flow::{Flow, Known, Node, NodeId};
use super::scene::{Deed, Scene};

/// Whether a version, as a deploy in an undo of the step `undone` has it, ran before that step: it was
/// read then, a deploy of the service says it of itself, or whoever starts the run must give it.
pub(super) fn is_brought_back(scene: &Scene<'_>, undone: NodeId, service: &Known, version: &Known) -> bool {
    let version = scene.origin(version);
    let flow = &scene.flow;
    let giver = |property: &str, primitive: &str| {
        let id = flow.giver_of(&version, property)?;
        let node = flow.node(id).filter(|node| node.work.action.name() == primitive)?;
        let is_of_it = node.foreach.is_some() || is_of(flow, node, service);
        is_of_it.then_some(id)
    };
    let begin = flow.begin_of(undone);
    if giver("version", "service_version").is_some_and(|read| flow.before(begin).has(read)) {
        return true;
    }
    let param = match &version {
        Known::Symbol(symbol) => symbol.strip_prefix("params.").filter(|name| !name.contains(['.', '[', '('])),
        Known::Value(_) => None,
    };
    let is_of_item = |item: OfItem| {
        let primitive = flow.node(item.giver).map_or("", |node| node.work.action.name());
        let is_read = || flow.before(begin).has(item.giver) && item.part == "version" && primitive == "service_version";
        item.service == *service && (is_read() || (item.part == "previous" && primitive == "deploy"))
    };
    giver("previous", "deploy").is_some()
        || of_item(flow, &version, scene.setting).is_some_and(is_of_item)
        || param.is_some_and(|param| flow.default_of(&version).is_none() && !is_deployed(scene, param))
}

/// Whether a node asks, or is, a service, or each one that a fan-out hands over.
fn is_of(flow: &Flow<'_>, node: &Node<'_>, service: &Known) -> bool {
    flow.argument(node, "service").is_some_and(|asked| asked == *service || flow.per_item(&asked).is_some())
}

/// Whether what a param says is deployed, or a part of that.
fn is_deployed(scene: &Scene<'_>, param: &str) -> bool {
    let name = format!("params.{param}");
    let versions = scene.deeds().iter().filter_map(|(id, deed)| match deed {
        Deed::Deploys(_) => Some(scene.origin(&scene.flow.argument(scene.flow.node(*id)?, "version")?)),
        _ => None,
    });
    let is_read = |path: &Vec<(String, Span)>| {
        let mut words = path.iter().map(|(word, _)| word.as_str());
        words.next() == Some("params") && words.next() == Some(param)
    };
    let mut scripts = scene.flow.nodes().filter_map(|(_, node)| node.work.action.script());
    let by_script = scripts.any(|script| script.said().calls("deploy") && script.reads().iter().any(is_read));
    by_script
        || versions.into_iter().any(|version| match version {
            Known::Symbol(symbol) => {
                let is_end = |at: usize| {
                    !symbol.get(at..).unwrap_or_default().starts_with(|c: char| c.is_alphanumeric() || c == '_')
                };
                symbol.match_indices(&name).any(|(at, _)| is_end(at + name.len()))
            }
            Known::Value(_) => false,
        })
}
