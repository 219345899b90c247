//! A gate is opened although a service may hold another policy.
//!
//! Both services must hold one policy while a gate is open: else every order is rejected, or worse.
//! So on every path to an `arm`, every service of the parity group is verified *after* the last
//! deploy of any of them: by `expect_hash`, by a `wait_log` whose `expect` compares the logged hash, or by the
//! handshake counter of the service that asks the other one, which starts again after the other was
//! deployed: what it counted before was another handshake. A verification that may be skipped, goes over a
//! list that may be empty, or whose failure the step tolerates (`needs: { verify: done }`), proves nothing.
//!
//! ```yaml bad
//! titan: 1
//! runbook: open
//! steps:
//!   verify:
//!     when: target.simulated
//!     do: expect_hash
//!     with: { service: execution, expected: "0000000000000000000000000000000000000000000000000000000000000001" }
//!   arm:
//!     do: arm
//!     with: { gate: execution, reason: "open" }
//! ```
//!
//! Verify every service, in steps that `arm` needs to be ok:
//!
//! ```yaml good
//! titan: 1
//! runbook: open
//! params:
//!   policy: { type: file }
//! steps:
//!   verify:
//!     do: expect_hash
//!     with: { service: execution, expected: "${policy_hash(params.policy)}" }
//!   handshake:
//!     do: wait_metric
//!     with: { service: brain, metric: handshake_success }
//!     until: out.value >= 1
//!   arm:
//!     needs: [verify, handshake]
//!     do: arm
//!     with: { gate: execution, reason: "open" }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::lint::flow::{Known, NodeId};
use crate::lint::proof::Proof;
use crate::lint::scene::{Deed, Scene};

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "arm-unverified",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("arm_unverified.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    for found in unverified(&subject.scene) {
        let (service, gate) = (shown(&found.service), shown(&found.gate));
        let message = format!("`{gate}` is opened before the policy of `{service}` is verified");
        let diagnostic = report.at(message, subject.span_of(found.arm)).label(found.way);
        let diagnostic = match found.again {
            Some((deploy, changed)) if changed == service => {
                diagnostic.help(format!("verify `{service}` after `{deploy}` has changed it"))
            }
            Some((deploy, changed)) => {
                diagnostic.help(format!("verify `{service}` once more after `{deploy}` has changed `{changed}`"))
            }
            None => diagnostic.help(format!(
                "let this step need an `expect_hash` of `{service}`, or a `wait_log` or handshake counter that is held \
                 against a hash, to be ok"
            )),
        };
        report.push(diagnostic);
    }
}

/// A service that is not verified on some way to the opening of a gate.
pub(super) struct Unverified {
    pub(super) arm: NodeId,
    pub(super) gate: Known,
    pub(super) service: Known,
    /// The way on which it is not.
    pub(super) way: String,
    /// A deploy that may come after its verification, by its path, and what it changes.
    pub(super) again: Option<(String, String)>,
}

/// Every opening of a gate for which a verification is missing.
pub(super) fn unverified(scene: &Scene<'_>) -> Vec<Unverified> {
    let mut found = Vec::new();
    for (arm, gate) in scene.arms() {
        let later = scene.flow.after(arm);
        let deploys: Vec<_> = scene.deploys().into_iter().filter(|(id, _)| !later.has(*id)).collect();
        for service in scene.needed_before() {
            let asked_again = asked_again(scene, &service, &deploys);
            // Where the gate is named by whoever uses this runbook, so may its service be.
            let is_named = |one: &Known| matches!((gate, one), (Known::Symbol(_), Known::Symbol(_)));
            let is_it = |verified: &Known| *verified == service || is_named(verified);
            let counts = |id: NodeId, deed: &Deed| match deed {
                Deed::Verifies { service: verified, against } if is_it(verified) => {
                    let before = scene.before(id);
                    let is_fresh =
                        against.is_some() || asked_again.as_ref().is_none_or(|again| again.holds_at_start(id));
                    is_fresh && deploys.iter().all(|(deploy, _)| before.has(*deploy))
                }
                _ => false,
            };
            let proof = scene.proof(&scene.nodes_that(counts));
            if proof.holds_at_start(arm) {
                continue;
            }
            let verifies =
                |_: NodeId, deed: &Deed| matches!(deed, Deed::Verifies { service: one, .. } if *one == service);
            let ever = scene.nodes_that(verifies);
            let is_late = |deploy: NodeId| ever.iter().any(|id| !scene.before(id).has(deploy));
            let again = deploys.iter().rfind(|(deploy, _)| is_late(*deploy));
            let again = again.filter(|_| scene.proof(&ever).holds_at_start(arm));
            found.push(Unverified {
                arm,
                gate: gate.clone(),
                way: proof.way_to(arm),
                again: again.and_then(|(id, changed)| Some((scene.flow.node(*id)?.path.clone(), shown(changed)))),
                service,
            });
        }
    }
    found
}

/// Whether a service has started again, and so made its handshake again, after the last deploy of
/// the others; `None` where none of them is deployed. What it counted before says nothing of them.
fn asked_again<'s, 'a>(scene: &'s Scene<'a>, service: &Known, deploys: &[(NodeId, &Known)]) -> Option<Proof<'s, 'a>> {
    let others: Vec<_> = deploys.iter().filter(|(_, one)| *one != service).collect();
    let starts = |id: NodeId, deed: &Deed| match deed {
        Deed::Deploys(one) if one == service => {
            let before = scene.before(id);
            others.iter().all(|(other, _)| before.has(*other))
        }
        _ => false,
    };
    (!others.is_empty()).then(|| scene.proof_of_change(&scene.nodes_that(starts)))
}

/// A name as messages show it.
pub(super) fn shown(known: &Known) -> String {
    match known {
        Known::Value(value) => value.to_string(),
        Known::Symbol(text) => format!("${{{}}}", text.rsplit(':').next().unwrap_or(text)),
    }
}
