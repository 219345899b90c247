//! A service is held against the hash it gave itself.
//!
//! Comparing what a service answers now with what it answered a moment ago is always true, whatever
//! policy it holds, and whether it was asked, logged it or replied. The expected hash comes from the
//! reviewed policy, or was read before the service was last changed.
//!
//! ```yaml bad
//! titan: 1
//! runbook: look
//! steps:
//!   read:
//!     do: service_hash
//!     with: { service: execution }
//!   verify:
//!     do: expect_hash
//!     with: { service: execution, expected: "${steps.read.out.hash}" }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: look
//! params:
//!   policy: { type: file }
//! steps:
//!   verify:
//!     do: expect_hash
//!     with: { service: execution, expected: "${policy_hash(params.policy)}" }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::guard::{Given, Guard};
use crate::lint::carried::carried;
use crate::lint::flow::{Known, Node, NodeId, Part};
use crate::lint::scene::{Deed, Scene};

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "verified-against-itself",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("verified_against_itself.rs"),
    check: Check::Runbook(check),
};

/// How often a name is followed to what passes it on.
const MAX_PASSED: usize = 8;

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let scene = subject.scene();
    for (id, deed) in scene.deeds() {
        let Deed::Verifies { service, against: Some(against) } = deed else {
            continue;
        };
        let before = scene.before(*id);
        let is_itself = |read: &&NodeId| {
            let since = scene.flow.after(**read);
            let is_changed = scene
                .deploys()
                .iter()
                .any(|(deploy, one)| *one == service && before.has(*deploy) && since.has(*deploy));
            let node = scene.flow.node(**read);
            node.is_some_and(|node| is_of(subject, node, service)) && before.has(**read) && !is_changed
        };
        let reads: Vec<_> = read_by(scene, against).into_iter().chain(passed_on(subject, *id)).collect();
        if let Some(read) = reads.iter().find(is_itself) {
            let path = scene.flow.node(*read).map_or("", |node| node.path.as_str());
            let message = format!("`{}` is held against the hash it gave itself in `{path}`", service.shown());
            let found = report.at(message, subject.span_of(*id));
            report.push(found.help("hold it against `policy_hash(...)` of the reviewed policy"));
        } else if let Some((read, other)) = reads.iter().find_map(|read| Some((*read, unasked(subject, *read, *id)?))) {
            let path = scene.flow.node(read).map_or("", |node| node.path.as_str());
            let (service, other) = (service.shown(), other.shown());
            let message =
                format!("`{service}` is held against what `{other}` says in `{path}`, which nobody has asked for");
            let found = report.at(message, subject.span_of(*id));
            report.push(found.help(format!(
                "hold it against `policy_hash(...)` of the reviewed policy, or hold `{other}` against that first"
            )));
        }
    }
}

/// The service that a hash was read from after this run has changed it, where nothing before the node
/// `user` holds that service against anything but what services say.
fn unasked(subject: &Subject<'_>, read: NodeId, user: NodeId) -> Option<Known> {
    let scene = subject.scene();
    let other = scene.flow.argument(scene.flow.node(read)?, "service")?;
    let (before, of_read) = (scene.before(user), scene.before(read));
    let is_changed = scene.deploys().iter().any(|(deploy, one)| **one == other && of_read.has(*deploy));
    let is_asked = scene.deeds().iter().any(|(id, deed)| match deed {
        Deed::Verifies { service, against: Some(against) } => {
            let is_told = || read_by(scene, against).is_none() && passed_on(subject, *id).is_empty();
            (before.has(*id) || *id == read) && *service == other && is_told()
        }
        _ => false,
    });
    (is_changed && !is_asked).then_some(other)
}

/// The steps whose hash an expression passes on that a service is held against.
fn passed_on(subject: &Subject<'_>, id: NodeId) -> Vec<NodeId> {
    let mut reads = Vec::new();
    let node = subject.scene().flow.node(id);
    if let Some((node, Given::Expression(guard))) =
        node.and_then(|node| Some((node, node.work.action.with.given("expected")?)))
    {
        follow(subject, node, guard, MAX_PASSED, &mut reads);
    }
    reads
}

fn follow(subject: &Subject<'_>, node: &Node<'_>, guard: &Guard, left: usize, reads: &mut Vec<NodeId>) {
    let Some(left) = left.checked_sub(1) else {
        return;
    };
    let flow = &subject.scene().flow;
    for name in carried(guard) {
        let words: Vec<_> = name.path().iter().map(String::as_str).collect();
        match words.as_slice() {
            ["steps", step, "out", ..] => {
                let path = node.beside(step);
                let Some((id, giver)) = flow.nodes().find(|(_, one)| one.path == path && one.part == Part::Whole)
                else {
                    continue;
                };
                if is_reading(giver) {
                    reads.push(id);
                } else if let ("note", Some(Given::Expression(said))) =
                    (giver.work.action.name(), giver.work.action.with.given("text"))
                {
                    follow(subject, giver, said, left, reads);
                }
            }
            [name] if !node.path.contains('/') => {
                let binding = subject.runbook.lets.iter().find(|binding| &*binding.name == *name);
                binding.into_iter().for_each(|binding| follow(subject, node, &binding.guard, left, reads));
            }
            _ => {}
        }
    }
}

/// The step a hash was read by, where it was held against nothing there.
fn read_by(scene: &Scene<'_>, hash: &Known) -> Option<NodeId> {
    let id = scene.hash_of(&scene.origin(hash))?;
    scene.flow.node(id).filter(|node| is_reading(node)).map(|_| id)
}

/// Whether a step reads a hash from a service.
fn is_reading(node: &Node<'_>) -> bool {
    ["service_hash", "wait_log", "nats_req"].contains(&node.work.action.name())
}

/// Whether what a step reads is what a service says of itself.
fn is_of(subject: &Subject<'_>, node: &Node<'_>, service: &Known) -> bool {
    let flow = &subject.scene().flow;
    if node.work.action.name() != "nats_req" {
        return flow.argument(node, "service").as_ref() == Some(service);
    }
    let asked = service.as_text().and_then(|name| subject.setting.target.services.get(name)?.hash.as_ref());
    let asked = asked.map(|hash| hash.subject.as_str());
    asked.is_some() && flow.argument(node, "subject").as_ref().and_then(Known::as_text) == asked
}
