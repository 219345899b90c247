//! A rollback starts a service again before the one that it compares its policy with.
//!
//! A service that answers no hash request compares its policy with the others when it starts, and does
//! nothing where they differ. Undos run in reverse order: where it was deployed last, its undo starts it on the
//! old policy while the other still holds the new one. The rollback ends with every gate closed and every
//! version back, and that service stands still until somebody starts it once more.
//!
//! ```yaml bad
//! titan: 1
//! runbook: change
//! params:
//!   version: { type: text }
//!   previous: { type: text }
//! steps:
//!   execution:
//!     do: deploy
//!     with: { service: execution, version: "${params.version}" }
//!     undo: { do: deploy, with: { service: execution, version: "${params.previous}" } }
//!   brain:
//!     do: deploy
//!     with: { service: brain, version: "${params.version}" }
//!     undo: { do: deploy, with: { service: brain, version: "${params.previous}" } }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: change
//! params:
//!   version: { type: text }
//!   previous: { type: text }
//! steps:
//!   pair:
//!     do: std/deploy_pair
//!     with: { execution: "${params.version}", brain: "${params.version}", expected: "x" }
//!     undo:
//!       do: std/deploy_pair
//!       with: { execution: "${params.previous}", brain: "${params.previous}", expected: "y" }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::lint::deploying::deployed_in;
use crate::lint::flow::{Known, NodeId};
use crate::runbook::target::Target;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "undo-order",
    severity: Severity::Warning,
    strength: Strength::Heuristic,
    group: Group::Safety,
    source: include_str!("undo_order.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let target = subject.setting.target;
    let flow = &subject.scene().flow;
    let back = |undoing: &_| deployed_in(undoing).into_iter().filter_map(|(_, service)| service).collect::<Vec<_>>();
    let undos: Vec<_> = subject.undos().map(|(undone, node)| (undone, node, back(&undone.scene))).collect();
    for (undone, node, back) in &undos {
        let Some(compares) = back.iter().find(|service| compares_itself(target, service)) else {
            continue;
        };
        let is_later = |id: NodeId| flow.before(flow.begin_of(undone.id)).has(id);
        let mut later = undos.iter().filter(|(other, _, others)| is_later(other.id) && !others.contains(compares));
        let left = later.find_map(|(_, other, others)| {
            let answering = others.iter().find(|service| answers(target, service) && !back.contains(service))?;
            Some((other, answering))
        });
        if let Some((other, answering)) = left {
            let (compares, answering) = (compares.shown(), answering.shown());
            let message = format!("a rollback starts `{compares}` again before `{answering}` runs what it ran");
            let found = report.at(message, subject.undo_span(undone));
            let found = found.label(format!("`{}` is undone before `{}`", node.path, other.path));
            report.push(found.help(format!(
                "deploy both in one step, such as `std/deploy_pair`, and undo them there, `{answering}` first"
            )));
        }
    }
}

/// Whether a service holds its policy against the others' when it starts, as one does that nobody asks.
fn compares_itself(target: &Target, service: &Known) -> bool {
    is_in_group(target, service) && !answers(target, service)
}

fn answers(target: &Target, service: &Known) -> bool {
    let named = service.as_text().and_then(|name| target.services.get(name));
    is_in_group(target, service) && named.is_some_and(|service| service.hash.is_some())
}

fn is_in_group(target: &Target, service: &Known) -> bool {
    target.parity().any(|name| Some(name) == service.as_text())
}
