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
use crate::lint::flow::{Known, Node, NodeId};
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

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let scene = subject.scene();
    for (id, deed) in scene.deeds() {
        let Deed::Verifies { service, against: Some(against) } = deed else {
            continue;
        };
        let Some(read) = read_by(scene, against) else {
            continue;
        };
        let node = scene.flow.node(read);
        let before = scene.before(*id);
        let since = scene.flow.after(read);
        let is_changed =
            scene.deploys().iter().any(|(deploy, one)| *one == service && before.has(*deploy) && since.has(*deploy));
        if node.is_some_and(|node| is_of(subject, node, service)) && before.has(read) && !is_changed {
            let path = node.map_or("", |node| node.path.as_str());
            let message = format!("`{}` is held against the hash it gave itself in `{path}`", service.shown());
            let found = report.at(message, subject.span_of(*id));
            report.push(found.help("hold it against `policy_hash(...)` of the reviewed policy"));
        }
    }
}

/// The step a hash was read by, where it was held against nothing there.
fn read_by(scene: &Scene<'_>, hash: &Known) -> Option<NodeId> {
    let id = scene.hash_of(&scene.origin(hash))?;
    let is_read = |node: &&Node<'_>| ["service_hash", "wait_log", "nats_req"].contains(&node.work.action.name());
    scene.flow.node(id).filter(is_read).map(|_| id)
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
