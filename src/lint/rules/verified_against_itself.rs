//! A service is held against the hash it gave itself.
//!
//! Comparing what a service answers now with what it answered a moment ago is always true, whatever
//! policy it holds. The expected hash comes from the reviewed policy, or was read before the service
//! was last changed.
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

use super::arm_unverified::shown;
use crate::diagnostic::{Severity, Strength};
use crate::lint::flow::{Known, NodeId};
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
    let scene = &subject.scene;
    for (id, deed) in scene.deeds() {
        let Deed::Verifies { service, against: Some(against) } = deed else {
            continue;
        };
        let Some(read) = read_by(scene, against) else {
            continue;
        };
        let node = scene.flow.node(read);
        let of = node.and_then(|node| scene.flow.argument(node, "service"));
        let before = scene.flow.before(*id);
        let since = scene.flow.after(read);
        let is_changed =
            scene.deploys().iter().any(|(deploy, one)| *one == service && before.has(*deploy) && since.has(*deploy));
        if of.as_ref() == Some(service) && before.has(read) && !is_changed {
            let path = node.map_or("", |node| node.path.as_str());
            let message = format!("`{}` is held against the hash it gave itself in `{path}`", shown(service));
            let found = report.at(message, subject.span_of(*id));
            report.push(found.help("hold it against `policy_hash(...)` of the reviewed policy"));
        }
    }
}

/// The `service_hash` step a hash was read by.
fn read_by(scene: &Scene<'_>, hash: &Known) -> Option<NodeId> {
    let id = scene.hash_of(&scene.origin(hash))?;
    scene.flow.node(id).filter(|node| node.work.action.name() == "service_hash").map(|_| id)
}
