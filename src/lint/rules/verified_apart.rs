//! The services are held against different hashes before a gate is opened.
//!
//! That both were verified says nothing when each was held against a hash of its own. One expected
//! hash, computed once from the reviewed policy, goes into every verification between the last deploy
//! and the `arm`. An output such as `steps.verify.out.hash` counts as the hash it was held against.
//!
//! ```yaml bad
//! titan: 1
//! runbook: open
//! params:
//!   policy: { type: file }
//!   other: { type: file }
//! steps:
//!   execution:
//!     do: expect_hash
//!     with: { service: execution, expected: "${policy_hash(params.policy)}" }
//!   brain:
//!     do: expect_hash
//!     with: { service: brain, expected: "${policy_hash(params.other)}" }
//!   arm:
//!     do: arm
//!     with: { gate: execution, reason: "open" }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: open
//! params:
//!   policy: { type: file }
//! let:
//!   expected: policy_hash(params.policy)
//! steps:
//!   execution:
//!     do: expect_hash
//!     with: { service: execution, expected: "${expected}" }
//!   brain:
//!     do: expect_hash
//!     with: { service: brain, expected: "${expected}" }
//!   arm:
//!     do: arm
//!     with: { gate: execution, reason: "open" }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::lint::flow::Known;
use crate::lint::scene::Deed;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "verified-apart",
    severity: Severity::Error,
    strength: Strength::Heuristic,
    group: Group::Safety,
    source: include_str!("verified_apart.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let scene = subject.scene();
    for (arm, _) in scene.arms() {
        let (before, after) = (scene.before(arm), scene.flow.after(arm));
        let deploys: Vec<_> = scene.deploys().into_iter().filter(|(id, _)| !after.has(*id)).collect();
        let mut first: Option<(&Known, Known)> = None;
        for (id, deed) in scene.deeds().iter().filter(|(id, _)| before.has(*id) || *id == arm) {
            let Deed::Verifies { service, against: Some(against), .. } = deed else {
                continue;
            };
            let verified_after = scene.before(*id);
            let is_last = |(deploy, other): &(usize, &Known)| *other != service || verified_after.has(*deploy);
            if !deploys.iter().all(is_last) {
                continue;
            }
            let against = scene.plain_hash_at(against, *id);
            let Some((earlier, expected)) = &first else {
                first = Some((service, against));
                continue;
            };
            if *expected != against {
                let message = format!(
                    "`{}` is held against `{}`, and `{}` against `{}`",
                    earlier.shown(),
                    expected.shown(),
                    service.shown(),
                    against.shown()
                );
                let found = report.at(message, subject.span_of(*id));
                report.push(found.help("hold every service against the same expression, computed once under `let`"));
                break;
            }
        }
    }
}
