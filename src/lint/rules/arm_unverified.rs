//! A gate is opened although a service may hold another policy.
//!
//! Both services must hold one policy while a gate is open: else every order is rejected, or worse.
//! So on every path to an `arm`, every service of the parity group is verified *after* the last
//! deploy of any of them: by `expect_hash`, by a `wait_log` whose `expect` compares the logged hash or
//! whose pattern is filled with the expected one (`Hash: ${expected}`), or by the
//! handshake counter of the service that asks the other one, which starts again after the other was
//! deployed: what it counted before was another handshake. So the deploy of the one that asks is skipped
//! only where the other was not changed either: `when: steps.deploy_execution.status == "ok" || ...`.
//! In a run that deploys neither, nobody knows what was changed before it: there the last handshake in
//! the log of the one that asks is compared with the expected hash, and its counter tells that the
//! running process made it.
//! The comparison may stand in a function of a file that does nothing else, such as
//! `fn same_hash(a, b) { lower(a) == lower(b) }`.
//! A script verifies a service that it surely asks by `expect_hash`, outside of every `if` and loop.
//! A hash that was read after that deploy verifies as well where an `assert`, or the `require` or `when` of
//! the step that opens, compares it with the expected one.
//! A verification that may be skipped, goes over a list that may be empty, or whose failure the step
//! tolerates (`needs: { verify: done }`), proves nothing. Of two whose
//! `when` say the opposite of each other, as `params.slow` and `!params.slow` do, one is done.
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
//!   agreed:
//!     do: wait_log
//!     with: { service: brain, pattern: "${target.patterns.handshake_ok}", since: "" }
//!     expect: lower(out.captures.hash) == policy_hash(params.policy)
//!   arm:
//!     needs: [verify, agreed]
//!     do: arm
//!     with: { gate: execution, reason: "open" }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::lint::unverified::unverified;

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
    for found in unverified(subject.scene()) {
        let (service, gate) = (found.service.shown(), found.gate.shown());
        let message = format!("`{gate}` is opened before the policy of `{service}` is verified");
        let diagnostic = report.at(message, subject.span_of(found.arm)).label(found.way);
        let diagnostic = match found.again {
            Some((deploy, changed)) if changed == service => {
                diagnostic.help(format!("verify `{service}` after `{deploy}` has changed it"))
            }
            Some((deploy, changed)) => {
                diagnostic.help(format!("verify `{service}` once more after `{deploy}` has changed `{changed}`"))
            }
            None if found.is_old => diagnostic.help(format!(
                "`{service}` or what it asked may have changed before this run: ask it by `expect_hash`; or hold its \
                 last handshake against the hash, by a `wait_log` with `since: \"\"` behind a step that needs its \
                 handshake counter"
            )),
            None => diagnostic.help(format!(
                "let this step need an `expect_hash` of `{service}`, or a `wait_log` or handshake counter that is held \
                 against a hash, to be ok"
            )),
        };
        report.push(diagnostic);
    }
}
