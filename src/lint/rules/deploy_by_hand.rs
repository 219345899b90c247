//! A service is changed by a program or an address, and not by `deploy`.
//!
//! `kubectl set image`, `docker compose up`, `systemctl stop`, `helm upgrade`, or the target's own command for
//! it, change what a service runs as `deploy` does; but no rule sees it. Nothing then holds that the gate is
//! closed before, that the other service is changed as well, that both are verified afterwards, and that a
//! rollback brings the previous version back. Such a step does not only look either, whatever `observes: true`
//! says; nor does a `PUT`, `PATCH`, `DELETE` or `POST` to such a service that says so. What names nothing but services that need not agree is none of that, nor are words that a program is
//! only to say.
//!
//! ```yaml bad
//! titan: 1
//! runbook: change
//! params:
//!   version: { type: text }
//! steps:
//!   change:
//!     do: exec
//!     with: { argv: [kubectl, set, image, deployment/brain, "brain=titan/brain:${params.version}"] }
//!     no_undo: an example
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: change
//! params:
//!   version: { type: text }
//! steps:
//!   before:
//!     do: service_version
//!     with: { service: brain }
//!   change:
//!     do: deploy
//!     with: { service: brain, version: "${params.version}" }
//!     undo: { do: deploy, with: { service: brain, version: "${steps.before.out.version}" } }
//! ```

use crate::declaration::Effect;
use crate::diagnostic::{Severity, Strength};
use crate::lint::deploying::deployed_by_hand;
use crate::lint::pieces::Reader;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "deploy-by-hand",
    severity: Severity::Error,
    strength: Strength::Heuristic,
    group: Group::Safety,
    source: include_str!("deploy_by_hand.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    subject.everywhere(&mut |flow, node, span| {
        let Some(by) = deployed_by_hand(&Reader { subject, flow, node }) else {
            return;
        };
        let path = &node.path;
        let says_it_looks = node.work.action.effect() == Effect::Observes;
        let message = if says_it_looks {
            format!("`{path}` says that it only looks, and may change a service by `{by}`")
        } else {
            format!("`{path}` may change a service by `{by}`, which no rule sees")
        };
        let found = report.at(message, span);
        report.push(found.help("write `do: deploy` with the `service` and its `version`; the target says how"));
    });
}
