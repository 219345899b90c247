//! A gate is opened and nobody looks on.
//!
//! A wrong policy shows as rejected orders, and only once orders flow. So a run that opens a gate goes
//! on looking: a `watch` on the rejection subject that is live before the `arm` starts and rolls back;
//! and, after it, steps that fail the run: a `hold` on the rejection counter, one on the gate's state,
//! and the policy hash asked again, as a watch or a `hold`; each for at least a minute. The
//! procedure says five.
//!
//! ```yaml bad
//! titan: 1
//! runbook: open
//! steps:
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
//!   arm:
//!     do: arm
//!     with: { gate: execution, reason: "open" }
//!   counted:
//!     do: wait_metric
//!     with: { service: execution, metric: rejections }
//!     hold: out.increase == 0
//!     for: 5m
//!   stays_armed:
//!     needs: [arm]
//!     do: gate_state
//!     with: { gate: execution }
//!     hold: out.state == "armed"
//!     for: 5m
//! watch:
//!   rejections:
//!     from: arm
//!     do: nats_watch
//!     with: { subject: "${target.subjects.rejections}" }
//!     breach_when: count > 0
//!     on_breach: rollback
//!   hash_stays:
//!     from: arm
//!     do: expect_hash
//!     with: { service: execution, expected: "${expected}" }
//!     every: 5s
//!     breach_when: out.hash != expected
//!     on_breach: rollback
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::lint::flow::{Known, Node, NodeId};
use crate::lint::names::{is_metric, is_subject};
use crate::lint::scene::Scene;
use crate::runbook::{OnFailure, Poll, Watch};
use crate::value::as_duration;
use std::time::Duration;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "arm-unobserved",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("arm_unobserved.rs"),
    check: Check::Runbook(check),
};

/// The shortest look that says anything: orders come at least this often.
const AT_LEAST: Duration = Duration::from_secs(60);

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    for (arm, gate) in subject.scene.arms() {
        let Some(name) = gate.as_text() else {
            continue;
        };
        let service = subject.setting.target.gates.get(name).map(|gate| gate.service.as_str());
        let looks = Looks { subject, arm, gate, service };
        let missing: Vec<_> = looks.missing().collect();
        if missing.is_empty() {
            continue;
        }
        let found = report.at(format!("`{name}` is opened, and not looked at afterwards"), subject.span_of(arm));
        report.push(found.help(format!("add {}", missing.join("; and "))));
    }
}

/// What looks on after an opening.
struct Looks<'s, 'a> {
    subject: &'s Subject<'a>,
    arm: NodeId,
    gate: &'s Known,
    /// The service that holds the gate.
    service: Option<&'s str>,
}

impl Looks<'_, '_> {
    fn missing(&self) -> impl Iterator<Item = &'static str> {
        let target = self.subject.setting.target;
        let scene = &self.subject.scene;
        let argument = |node: &Node<'_>, name| scene.flow.argument(node, name);
        let is_own = |node: &Node<'_>| {
            argument(node, "service").and_then(|one| one.as_text().map(str::to_owned)).as_deref() == self.service
        };
        let counted = self.held(|node| {
            node.work.action.name() == "wait_metric" && is_metric(&node.work.action, "rejections", target)
        });
        let armed = self.held(|node| match node.work.action.name() {
            "gate_state" => argument(node, "gate").as_ref() == Some(self.gate),
            "wait_metric" => is_metric(&node.work.action, "armed_state", target),
            _ => false,
        });
        let hash = self.held(|node| node.work.action.name() == "expect_hash" && is_own(node))
            || self.watched(|watch| watch.action.name() == "expect_hash");
        let rejections = self.watched(|watch| {
            let name = watch.action.name();
            name == "nats_watch" && is_subject(&watch.action, "rejections", target)
        });
        let each = [
            (rejections, "a `watch` on `${target.subjects.rejections}` from this step on, with `on_breach: rollback`"),
            (counted, "a step after it that holds `out.increase == 0` of the metric `rejections` for 5m"),
            (armed, "a step after it that holds `out.state == \"armed\"` of `gate_state` for 5m"),
            (hash, "a `watch` with `expect_hash` from this step on, with `on_breach: rollback`"),
        ];
        each.into_iter().filter(|(is_there, _)| !is_there).map(|(_, missing)| missing)
    }

    /// Whether a watch is live before the gate opens, goes on after it, and rolls back.
    fn watched(&self, is: impl Fn(&Watch) -> bool) -> bool {
        let flow = &self.subject.scene.flow;
        let (before, after) = (flow.before(self.arm), flow.after(self.arm));
        // A watch that is live before a runbook used as an action begins is so before what is inside.
        let around = |id: NodeId| {
            let inside =
                |one: &Node<'_>| flow.node(self.arm).is_some_and(|arm| arm.path.starts_with(&format!("{}/", one.path)));
            id == self.arm || flow.node(id).is_some_and(inside)
        };
        flow.watches().iter().any(|one| {
            let is_early = around(one.from) || before.has(one.from);
            let is_late = one.to.is_none_or(|to| after.has(to));
            is_early && is_late && one.watch.on_breach == OnFailure::Rollback && is(one.watch)
        })
    }

    /// Whether every run that comes to its end held something after the gate was opened.
    fn held(&self, is: impl Fn(&Node<'_>) -> bool) -> bool {
        let scene = &self.subject.scene;
        let after = scene.flow.after(self.arm);
        let holds = crate::lint::flow::Nodes::that(&scene.flow, |id, node| {
            let rolls_back = node.step.is_some_and(|step| step.on_failure == OnFailure::Rollback);
            after.has(id) && rolls_back && is_long(self.subject, scene, node) && is(node)
        });
        let proof = scene.proof_after(&holds, self.arm);
        scene.flow.nodes().any(|(id, _)| proof.is_done_at_end(id))
    }
}

/// Whether a node holds something for long enough, as far as that is known before it runs.
fn is_long(subject: &Subject<'_>, scene: &Scene<'_>, node: &Node<'_>) -> bool {
    let Poll::Hold { stay, .. } = &node.work.poll else {
        return false;
    };
    let stay = match scene.flow.given(node, stay.given_whole()) {
        Known::Value(value) => as_duration(&value),
        Known::Symbol(text) => subject.default_of(&text).and_then(as_duration),
    };
    stay.is_none_or(|stay| stay >= AT_LEAST)
}
