//! One of the services that must hold one policy is changed, and the other is not.
//!
//! With a new policy on one side only, every order is rejected. A run that goes on after it changed
//! one service of the parity group therefore changes every other one too, or verifies against a
//! hash that it holds the same policy; else it fails, and the rollback puts the first one back. A
//! deploy that is skipped only where its version runs already counts as done. And where a rollback brings
//! one of them back, it brings back every one that the run changes. A service that is named only when the
//! runbook runs may be any of them.
//! A script changes the services that it surely deploys and writes out, outside of every `if` and loop;
//! any other one may change whichever, and counts for none.
//!
//! ```yaml bad
//! titan: 1
//! runbook: change
//! params:
//!   version: { type: text }
//! steps:
//!   disarm:
//!     do: disarm
//!     with: { gate: execution, reason: "change" }
//!   deploy:
//!     do: deploy
//!     with: { service: execution, version: "${params.version}" }
//!     no_undo: an example
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: change
//! params:
//!   version: { type: text }
//! steps:
//!   disarm:
//!     do: disarm
//!     with: { gate: execution, reason: "change" }
//!   execution:
//!     do: deploy
//!     with: { service: execution, version: "${params.version}" }
//!     no_undo: an example
//!   brain:
//!     do: deploy
//!     with: { service: brain, version: "${params.version}" }
//!     no_undo: an example
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::lint::deploying::deployed_in;
use crate::lint::flow::{Known, NodeId};
use crate::lint::scene::{Deed, Scene};
use crate::lint::unverified::is_counted;
use crate::value::Value;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "one-sided-deploy",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("one_sided_deploy.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    check_rollback(subject, report);
    let scene = subject.scene();
    for (deploy, service) in scene.deploys() {
        let named = subject.text_of(service).map(|name| Known::Value(Value::text(name)));
        let service = named.as_ref().unwrap_or(service);
        let group: Vec<_> = scene.setting.target.parity().map(|name| Known::Value(Value::text(name))).collect();
        // A service that is named only when it runs may be any of them.
        for other in group.iter().filter(|other| *other != service && group.len() > 1) {
            if is_changed_too(scene, deploy, other) {
                continue;
            }
            let (changed, left) = (service.shown(), other.shown());
            let message = format!("a run can change `{changed}` and leave `{left}` as it was");
            let found = report.at(message, subject.span_of(deploy));
            report.push(found.help(format!(
                "deploy `{left}` in the same run, in a step that cannot be skipped, or verify its hash after this; \
                 services that need no one policy are left out of `parity` in the target"
            )));
        }
    }
}

/// A rollback that brings one service back and leaves another as the run made it.
fn check_rollback(subject: &Subject<'_>, report: &mut Report<'_>) {
    let scene = subject.scene();
    let undone = subject.undos().flat_map(|(undone, _)| deployed_in(&undone.scene)).map(|(_, service)| service);
    let undone: Vec<_> = undone.collect();
    let is_named = undone.iter().all(|service| matches!(service, Some(Known::Value(_))));
    // Where nothing is brought back, each deploy says why it stays.
    let Some(Some(back)) = undone.first().filter(|_| is_named) else {
        return;
    };
    // What an undo leaves out, `undo-incomplete` tells.
    let has_undo = |id: NodeId| scene.flow.node(id).and_then(|node| node.step?.undo.as_deref()).is_some();
    let is_left = |id: NodeId, service: &Option<Known>| {
        matches!(service, Some(Known::Value(_))) && !undone.contains(service) && !has_undo(id)
    };
    for (deploy, service) in deployed_in(scene).into_iter().filter(|(id, service)| is_left(*id, service)) {
        let left = service.map_or_else(String::new, |service| service.shown());
        let message = format!("a rollback brings `{}` back and leaves `{left}` as it was changed", back.shown());
        let found = report.at(message, subject.span_of(deploy));
        report.push(found.help(format!("add `undo:` with a `deploy` of `{left}`")));
    }
}

/// Whether every run that goes on after a deploy also changes, or verifies, another service.
fn is_changed_too(scene: &Scene<'_>, deploy: NodeId, other: &Known) -> bool {
    let counts = |id: NodeId, deed: &Deed| match deed {
        Deed::Deploys(service) => service == other,
        Deed::Verifies { service, against: Some(_), is_old } => {
            let is_now = || !is_old || is_counted(scene, id, &|one| one == other, &[]);
            service == other && scene.before(id).has(deploy) && is_now()
        }
        _ => false,
    };
    let proof = scene.proof_after(&scene.nodes_that(counts), deploy);
    proof.is_done_at_end() || proof.holds_at_start(deploy)
}
