//! A message is published in a run that opens a gate, and nobody looks whether it arrived.
//!
//! A publish that was flushed is not one that was received: a frozen server, a missing permission or a
//! service that is down take it just as well. In a run that opens a gate, look at what the message was
//! to bring about: in a log, a metric, an answer.
//!
//! ```yaml bad
//! titan: 1
//! runbook: open
//! steps:
//!   announce:
//!     do: nats_pub
//!     with: { subject: titan.evt.window.v1, payload: open }
//!     no_undo: an example
//!   arm:
//!     do: arm
//!     with: { gate: execution, reason: "open" }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: open
//! steps:
//!   announce:
//!     do: nats_pub
//!     with: { subject: titan.evt.window.v1, payload: open }
//!     no_undo: an example
//!   heard:
//!     do: wait_log
//!     with: { service: brain, pattern: "window open" }
//!   arm:
//!     do: arm
//!     with: { gate: execution, reason: "open" }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::lint::flow::{Flow, Node, Part};
use crate::lint::nodes::Nodes;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "unverified-publish",
    severity: Severity::Error,
    strength: Strength::Heuristic,
    group: Group::Safety,
    source: include_str!("unverified_publish.rs"),
    check: Check::Runbook(check),
};

/// What looks whether something was brought about.
const LOOKS: [&str; 6] = ["wait_log", "wait_metric", "nats_req", "http", "exec", "service_version"];

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let scene = subject.scene();
    if scene.arms().is_empty() {
        return;
    }
    let looked_at = before_a_look(&scene.flow);
    let publishes = |node: &Node<'_>| node.part == Part::Whole && node.work.action.name() == "nats_pub";
    for (id, node) in scene.flow.nodes().filter(|(id, node)| publishes(node) && !looked_at.has(*id)) {
        let message = format!("nobody looks whether what `{}` publishes arrives", node.path);
        let found = report.at(message, subject.span_of(id));
        report.push(found.help("add a step after it that sees the effect: `wait_log`, `wait_metric` or `nats_req`"));
    }
}

/// The nodes after which something looks.
fn before_a_look(flow: &Flow<'_>) -> Nodes {
    let mut found = Nodes::none(flow.order().len());
    for id in flow.order().iter().rev() {
        let Some(node) = flow.node(*id) else {
            continue;
        };
        let looks = node.part == Part::Whole && LOOKS.contains(&node.work.action.name());
        if looks || found.has(*id) {
            for (from, _) in &node.needs {
                found.insert(*from);
            }
        }
    }
    found
}
