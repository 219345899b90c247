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
use crate::lint::scene::Scene;

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
    let scene = subject.scene();
    let flow = &scene.flow;
    let back = |undoing: &_| deployed_in(undoing).into_iter().filter_map(|(_, service)| service).collect::<Vec<_>>();
    let undos: Vec<_> = subject.undos().map(|(undone, node)| (undone, node, back(&undone.scene))).collect();
    for (undone, node, back) in &undos {
        // What nobody asks holds its policy against the others' when it starts.
        let Some(compares) = back.iter().find(|service| answers(scene, service) == Some(false)) else {
            continue;
        };
        let is_later = |id: NodeId| flow.before(flow.begin_of(undone.id)).has(id);
        let mut later = undos.iter().filter(|(other, _, others)| is_later(other.id) && !others.contains(compares));
        let left = later.find_map(|(_, other, others)| {
            let answering =
                others.iter().find(|service| answers(scene, service) == Some(true) && !back.contains(service))?;
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

/// Whether a service that must hold one policy with others can be asked for its hash; `None` for any other.
fn answers(scene: &Scene<'_>, service: &Known) -> Option<bool> {
    let name = service.as_text().filter(|_| scene.is_in_group(service))?;
    Some(scene.setting.target.services.get(name)?.hash.is_some())
}
