//! A watch begins after what it is to watch.
//!
//! A subscription sees only what is published while it is live. One that starts with a step after the
//! `arm` misses what happened in between; let it begin with the step that opens the gate: it is live
//! before that step starts. So may a watch on a hash; one on the gate's state or on the rejection counter
//! has nothing to look for before the gate is open, and may begin later.
//!
//! ```yaml bad
//! titan: 1
//! runbook: open
//! steps:
//!   arm:
//!     do: arm
//!     with: { gate: execution, reason: "open" }
//!   look:
//!     do: sleep
//!     with: { for: 5m }
//! watch:
//!   rejections:
//!     from: look
//!     do: nats_watch
//!     with: { subject: "${target.subjects.rejections}" }
//!     breach_when: count > 0
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: open
//! steps:
//!   arm:
//!     do: arm
//!     with: { gate: execution, reason: "open" }
//!   look:
//!     do: sleep
//!     with: { for: 5m }
//! watch:
//!   rejections:
//!     from: arm
//!     do: nats_watch
//!     with: { subject: "${target.subjects.rejections}" }
//!     breach_when: count > 0
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::lint::flow::{Node, Part, Watched};
use crate::lint::names::is_subject;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "watch-late",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("watch_late.rs"),
    check: Check::Runbook(check),
};

/// What a watch can look at before a gate is open.
const LOOKING_BEFORE: [&str; 3] = ["expect_hash", "nats_watch", "service_hash"];

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let flow = &subject.scene().flow;
    for (arm, gate) in subject.scene().arms() {
        let (after, path) = (flow.after(arm), flow.node(arm).map_or("", |node| node.path.as_str()));
        let gate = gate.shown();
        let looks_before = |one: &&Watched<'_>| LOOKING_BEFORE.contains(&one.watch.work.action.name());
        for one in flow.watches().iter().filter(looks_before).filter(|one| after.has(one.from)) {
            let message = format!("`{}` begins after `{path}` has opened `{gate}`", one.watch.id);
            let found = report.at(message, subject.watch_span(one));
            report.push(found.help(format!("write `from: {}`", path.split('/').next().unwrap_or(path))));
        }
        let is_late = |node: &Node<'_>| {
            let action = &node.work.action;
            node.part == Part::Whole
                && action.name() == "nats_watch"
                && is_subject(action, "rejections", subject.setting.target)
        };
        for (id, node) in flow.nodes().filter(|(id, node)| after.has(*id) && is_late(node)) {
            let message = format!("`{}` subscribes after `{path}` has opened `{gate}`", node.path);
            let found = report.at(message, subject.span_of(id));
            report.push(found.help(format!("make it a `watch` with `from: {path}`")));
        }
    }
}
