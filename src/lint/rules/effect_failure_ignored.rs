//! A run would go on although a gate or a service could not be moved.
//!
//! `on_failure: continue` takes a failure as one more fact. After a failed `arm`, `disarm` or `deploy`
//! nobody knows what state the gate or the service is in, so nothing may be built on it: such a failure
//! rolls back.
//!
//! ```yaml bad
//! titan: 1
//! runbook: close
//! steps:
//!   disarm:
//!     do: disarm
//!     with: { gate: execution, reason: "close" }
//!     on_failure: continue
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: close
//! steps:
//!   disarm:
//!     do: disarm
//!     with: { gate: execution, reason: "close" }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::lint::flow::Part;
use crate::lint::scene::Deed;
use crate::runbook::OnFailure;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "effect-failure-ignored",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("effect_failure_ignored.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let scene = subject.scene();
    for (id, node) in scene.flow.nodes().filter(|(_, node)| node.part != Part::Begin) {
        let Some(step) = node.step.filter(|step| step.on_failure == OnFailure::Continue) else {
            continue;
        };
        let is_move = |deed: &Deed| matches!(deed, Deed::Arms(_) | Deed::Disarms(_) | Deed::Deploys(_));
        let moves = scene.deeds_inside(id).iter().find(|(_, deed)| is_move(deed));
        if moves.is_some() {
            let message = format!("the run goes on when `{}` fails, and it may have moved something", node.path);
            let found = report.at(message, subject.span_of(id)).label(format!("`{}`", step.work.action.name()));
            report.push(found.help("leave `on_failure` out: the failure then rolls back"));
        }
    }
}
