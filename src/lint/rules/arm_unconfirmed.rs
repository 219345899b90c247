//! Services are changed and a gate is opened, and nobody was asked.
//!
//! Whether a policy was reviewed, the images built with it and somebody is there to watch, no machine
//! can know. So a run that deploys to the parity group and opens a gate asks a person first, with
//! `confirm` or `approve`, in a step that every deploy needs.
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
//!   arm:
//!     do: arm
//!     with: { gate: execution, reason: "open" }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: change
//! params:
//!   version: { type: text }
//! steps:
//!   checklist:
//!     do: confirm
//!     with: { items: { reviewed: "The policy is reviewed" } }
//!   deploy:
//!     do: deploy
//!     with: { service: execution, version: "${params.version}" }
//!     no_undo: an example
//!   arm:
//!     do: arm
//!     with: { gate: execution, reason: "open" }
//! ```

use crate::declaration::Effect;
use crate::diagnostic::{Severity, Strength};
use crate::lint::flow::Part;
use crate::lint::nodes::Nodes;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "arm-unconfirmed",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("arm_unconfirmed.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let scene = subject.scene();
    let deploys = scene.deploys();
    if scene.arms().is_empty() || deploys.is_empty() {
        return;
    }
    let asks =
        Nodes::that(&scene.flow, |_, node| node.part == Part::Whole && node.work.action.effect() == Effect::Asks);
    let proof = scene.proof(&asks);
    for (deploy, _) in deploys.into_iter().filter(|(deploy, _)| !proof.holds_at_start(*deploy)) {
        let path = scene.flow.node(deploy).map_or("", |node| node.path.as_str());
        let message = format!("`{path}` changes a service in a run that opens a gate, and nobody was asked");
        let found = report.at(message, subject.span_of(deploy)).label(proof.way_to(deploy));
        report.push(found.help("let it need a `confirm` or `approve` step to be ok"));
    }
}
