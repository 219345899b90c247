//! An undo verifies the policy that it is to leave.
//!
//! A rollback brings the previous versions back, with the policy they carry. Where its verification
//! expects the same hash as the step it undoes, it fails whenever the rollback worked, and the run
//! ends `stuck`. Expect what was read before anything changed; where the policy stays and only the
//! version changes, read that hash before as well.
//!
//! ```yaml bad
//! titan: 1
//! runbook: change
//! params:
//!   policy: { type: file }
//!   version: { type: text }
//!   previous: { type: text }
//! let:
//!   expected: policy_hash(params.policy)
//! steps:
//!   pair:
//!     do: std/deploy_pair
//!     with: { execution: "${params.version}", brain: "${params.version}", expected: "${expected}" }
//!     undo:
//!       do: std/deploy_pair
//!       with: { execution: "${params.previous}", brain: "${params.previous}", expected: "${expected}" }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: change
//! params:
//!   policy: { type: file }
//!   version: { type: text }
//!   previous: { type: text }
//! let:
//!   expected: policy_hash(params.policy)
//! steps:
//!   held:
//!     do: service_hash
//!     with: { service: execution }
//!   pair:
//!     do: std/deploy_pair
//!     with: { execution: "${params.version}", brain: "${params.version}", expected: "${expected}" }
//!     undo:
//!       do: std/deploy_pair
//!       with:
//!         execution: "${params.previous}"
//!         brain: "${params.previous}"
//!         expected: "${steps.held.out.hash}"
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::lint::flow::{Known, NodeId};
use crate::lint::scene::{Deed, Scene};

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "undo-same-policy",
    severity: Severity::Error,
    strength: Strength::Heuristic,
    group: Group::Safety,
    source: include_str!("undo_same_policy.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let scene = subject.scene();
    for (undone, node) in subject.undos() {
        let (id, undoing) = (undone.id, &undone.scene);
        let own = scene.deeds_inside(id);
        let changes = |deeds: &[(NodeId, Deed)], service: &Known| {
            deeds.iter().any(|(_, deed)| *deed == Deed::Deploys(service.clone()))
        };
        let forward: Vec<_> = own.iter().filter_map(|(_, deed)| held(scene, deed)).collect();
        let same = undoing.deeds().iter().filter_map(|(_, deed)| held(scene, deed)).find(|(service, hash)| {
            let is_read = scene.hash_of(hash).is_some();
            !is_read
                && forward.contains(&(service.clone(), hash.clone()))
                && changes(own, service)
                && changes(undoing.deeds(), service)
        });
        if let Some((service, hash)) = same {
            let message = format!(
                "the undo of `{}` holds `{}` against `{}`, as the step itself does",
                node.path,
                service.shown(),
                hash.shown()
            );
            let found = report.at(message, subject.undo_span(undone));
            report.push(found.help("read the hash with `service_hash` before this step, and expect that one"));
        }
    }
}

/// The service a deed verifies, and where the hash it must have comes from.
fn held(scene: &Scene<'_>, deed: &Deed) -> Option<(Known, Known)> {
    match deed {
        Deed::Verifies { service, against: Some(against), .. } => Some((service.clone(), scene.origin(against))),
        _ => None,
    }
}
