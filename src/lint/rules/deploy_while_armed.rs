//! A service is changed while a gate may be open.
//!
//! Orders flow while a gate is open, and a service that restarts with another policy rejects them
//! all, or accepts what it should not. So on every path to a deploy of the parity group the gate is
//! closed: by a `disarm` that ended ok, or by a `gate_state` that fails unless it is `disarmed`;
//! and nothing opens it again in between: neither a step nor the item before, where a runbook that opens
//! it is done over a list. What an undo deploys, it deploys with the gate as its step found it. An
//! `ensure`, which is done whenever a run ends, deploys nothing. A service that is named only when the
//! runbook runs, and what a script deploys, may be any of them.
//!
//! ```yaml bad
//! titan: 1
//! runbook: change
//! params:
//!   version: { type: text }
//! steps:
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
//!   deploy:
//!     do: deploy
//!     with: { service: execution, version: "${params.version}" }
//!     no_undo: an example
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::lint::flow::{Known, NodeId};
use crate::lint::nodes::Nodes;
use crate::lint::scene::Deed;
use crate::value::Value;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "deploy-while-armed",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("deploy_while_armed.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let scene = subject.scene();
    let deploys: Vec<_> = scene.deploys().into_iter().map(|(id, _)| id).collect();
    // What an undo deploys, it deploys with the gate as its step found it.
    let undos = subject.undos().filter(|(undone, _)| !undone.scene.deploys().is_empty()).map(|(undone, _)| undone.id);
    let deploys_itself = |id: NodeId| scene.deeds_inside(id).iter().any(|(inside, _)| deploys.contains(inside));
    let undos: Vec<_> = undos.filter(|id| !deploys_itself(*id)).collect();
    for deploy in deploys.iter().copied().chain(undos) {
        let later = scene.flow.after(deploy);
        for name in scene.setting.target.gates.keys() {
            let gate = Known::Value(Value::text(name.as_str()));
            let may_be = |other: &Known| *other == gate || matches!(other, Known::Symbol(_));
            // What is named only when the run comes to it is this one where there is no other.
            let is_it = |other: &Known| *other == gate || (may_be(other) && scene.setting.target.gates.len() == 1);
            let all: Vec<_> = scene.arms().into_iter().filter(|(_, one)| may_be(one)).map(|(id, _)| id).collect();
            let opens = Nodes::that(&scene.flow, |id, _| all.binary_search(&id).is_ok() && !later.has(id));
            let closes = scene.nodes_that(|id, deed| match deed {
                Deed::Disarms(one) | Deed::SeesDisarmed(one) if is_it(one) => {
                    scene.before(id).has_all(&opens)
                        && (!scene.has_rounds() || all.iter().all(|arm| scene.is_in_each_round(id, *arm, deploy)))
                }
                _ => false,
            });
            let proof = scene.proof(&closes);
            if proof.holds_at_start(deploy) {
                continue;
            }
            let path = scene.flow.node(deploy).map_or("", |node| node.path.as_str());
            let message = format!("`{path}` changes a service while `{name}` may be open");
            let found = report.at(message, subject.span_of(deploy)).label(proof.way_to(deploy));
            let close = format!("add `do: disarm` with `gate: {name}` before it, in a step it needs to be ok");
            let again = all.iter().flat_map(|arm| scene.rounds_of(*arm, deploy)).next();
            report.push(found.help(match again {
                Some(rounds) => {
                    let fan_out = scene.flow.node(rounds.end()).map_or("", |node| node.path.as_str());
                    let one_by_one = if rounds.is_parallel { "; and remove `max_parallel`" } else { "" };
                    format!("the item of `{fan_out}` before this one opens it: inside, {close}{one_by_one}")
                }
                None => format!("{close}, and open the gate only after it"),
            }));
        }
    }
    for (ensure, _) in subject.ensures().filter(|(_, scene)| !scene.deploys().is_empty()) {
        let message = format!("`{}` changes a service whenever a run ends, also while a gate is open", ensure.id);
        let found = report.at(message, ensure.span);
        report.push(found.help("make it a step, or the undo of one"));
    }
}
