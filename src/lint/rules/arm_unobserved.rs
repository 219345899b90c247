//! A gate is opened and nobody looks on.
//!
//! A wrong policy shows as rejected orders, and only once orders flow. So a run that opens a gate goes
//! on looking: a `watch` on the rejection subject that is live before the `arm` starts and rolls back;
//! and, after it, steps that fail the run: a `hold` on the rejection counter, one on the gate's state,
//! and the policy hash asked again, as a watch or a `hold`; each for at least a minute, and at least once
//! a minute. The procedure says five minutes. The counter and the state may be looked at in a watch that
//! rolls back as well, beside a step that holds something for as long. A guard that may be true of a
//! rejected order or a closed gate looks at nothing, a counter with `labels` leaves out what has others, a
//! watch that ends before the holds do sees too little, and one from a step that is skipped with what it
//! needs never begins. Where the counter that the target names is by its name that of another gate's
//! service, there is none to look at.
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
use crate::guard::{Guard, Names, known};
use crate::lint::deeds::counts_from_read;
use crate::lint::flow::{Known, Node, NodeId, Watched};
use crate::lint::judgement::{holds_hash, is_breached_by_other_hash};
use crate::lint::names::{is_metric, is_subject};
use crate::lint::nodes::Nodes;
use crate::lint::scene::Scene;
use crate::runbook::{OnFailure, Poll, Watch};
use crate::value::{Value, as_duration};
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

/// What a counter may have stood at before: nothing, and more than any guard allows for.
const READ: [f64; 2] = [0.0, 1e12];
/// How many rejections a look may find since then.
const MORE: [f64; 5] = [1.0, 2.0, 3.0, 10.0, 1000.0];

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    for (arm, gate) in subject.scene().arms() {
        // Whoever uses a runbook may say which gate, in a param; what looks on names the same one.
        if matches!(gate, Known::Symbol(symbol) if !symbol.starts_with("params.")) {
            let found = report.at("a gate is opened, and which one nobody knows before", subject.span_of(arm));
            report.push(found.help("write the gate's name under `gate`, or a param that holds it"));
            continue;
        }
        let name = subject.text_of(gate);
        let service = name.and_then(|name| subject.setting.target.gates.get(name)).map(|gate| gate.service.as_str());
        let name = name.map_or_else(|| gate.shown(), str::to_owned);
        let looks = Looks::after(subject, arm, gate, service);
        let missing: Vec<_> = looks.missing().collect();
        if missing.is_empty() {
            continue;
        }
        let found = report.at(format!("`{name}` is opened, and not looked at afterwards"), subject.span_of(arm));
        report.push(found.help(format!("add {}", missing.join("; and "))));
    }
}

/// A step or a watch that looks on.
#[derive(Clone, Copy)]
struct Look<'l, 'a> {
    node: &'l Node<'a>,
    /// What it looks for.
    guard: &'l Guard,
    /// What the guard comes to where the run is to be rolled back.
    fails_on: bool,
}

/// What looks on after an opening.
struct Looks<'s, 'a> {
    subject: &'s Subject<'a>,
    arm: NodeId,
    gate: &'s Known,
    /// The service that holds the gate.
    service: Option<&'s str>,
    /// What comes after the opening.
    after: Nodes,
    /// What of that holds something for long enough.
    holds: Nodes,
}

impl<'s, 'a> Looks<'s, 'a> {
    fn after(subject: &'s Subject<'a>, arm: NodeId, gate: &'s Known, service: Option<&'s str>) -> Self {
        let flow = &subject.scene().flow;
        let after = flow.after(arm);
        let holds = Nodes::that(flow, |id, node| after.has(id) && is_long(subject, subject.scene(), node));
        Self { subject, arm, gate, service, after, holds }
    }

    fn missing(&self) -> impl Iterator<Item = &'static str> {
        let each = [
            (
                self.are_rejections_heard(),
                "a `watch` on `${target.subjects.rejections}` from this step on, with `on_breach: rollback`",
            ),
            (
                self.is_uncounted() || self.are_rejections_counted(),
                "a step after it that holds `out.increase == 0` of the metric `rejections` for 5m, without `retry`",
            ),
            (
                self.is_seen_armed(),
                "a step after it that holds `out.state == \"armed\"` of `gate_state` for 5m, without `retry`",
            ),
            (self.is_hash_seen(), "a `watch` with `expect_hash` from this step on, with `on_breach: rollback`"),
        ];
        each.into_iter().filter(|(is_there, _)| !is_there).map(|(_, missing)| missing)
    }

    fn are_rejections_heard(&self) -> bool {
        self.watched(|one| {
            let action = &one.watch.work.action;
            action.name() == "nats_watch" && is_subject(action, "rejections", self.subject.setting.target)
        })
    }

    /// Whether the target's counter of rejections is by its name that of the service of another gate, and
    /// not of this one.
    fn is_uncounted(&self) -> bool {
        let target = self.subject.setting.target;
        let counter = target.metrics.get("rejections").map_or("", |metric| metric.name.as_str());
        let words = || counter.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        let may_be = |service: &str| words().any(|word| word.starts_with(service) || service.starts_with(word));
        let mut others = target.gates.values().map(|gate| gate.service.as_str());
        self.service.is_some_and(|own| !may_be(own)) && others.any(|service| words().any(|word| word == service))
    }

    fn are_rejections_counted(&self) -> bool {
        let flow = &self.subject.scene().flow;
        self.is_looked_at(|look| {
            let is_it = look.node.work.action.name() == "wait_metric" && self.is_metric(look.node, "rejections");
            // What was written down or computed before is not where the counter stood.
            let is_counted_from_now = counts_from_read(flow, look.node);
            // Labels leave out what has others.
            let is_all = flow.argument(look.node, "labels").is_none();
            is_it && is_all && is_counted_from_now && !self.lets_rejections_pass(look)
        })
    }

    fn is_seen_armed(&self) -> bool {
        let closed = [("state", Value::text("disarmed")), ("value", Value::Float(0.0))];
        self.is_looked_at(|look| match look.node.work.action.name() {
            "gate_state" => {
                let gate = self.subject.scene().flow.argument(look.node, "gate");
                gate.as_ref() == Some(self.gate) && !self.is_blind(look, &closed, 0.0)
            }
            "wait_metric" => self.is_metric(look.node, "armed_state") && !self.is_blind(look, &closed, 0.0),
            _ => false,
        })
    }

    fn is_hash_seen(&self) -> bool {
        let flow = &self.subject.scene().flow;
        let is_held = |node: &Node<'_>| match node.work.action.name() {
            "expect_hash" => true,
            "service_hash" => holds_hash(node.work),
            _ => false,
        };
        let is_breached = |watch: &Watch| match watch.work.action.name() {
            "expect_hash" => true,
            "service_hash" => is_breached_by_other_hash(&watch.breach_when),
            _ => false,
        };
        self.held(|node| is_held(node) && self.is_own(flow.argument(node, "service").as_ref()))
            || self.watched(|one| is_breached(one.watch) && self.is_own(flow.watch_argument(one, "service").as_ref()))
    }

    /// Whether a service is the one that holds the gate.
    fn is_own(&self, service: Option<&Known>) -> bool {
        service.and_then(|one| self.subject.text_of(one)) == self.service
    }

    /// Whether a node samples a metric of that service. A query in PromQL names no service.
    fn is_metric(&self, node: &Node<'_>, name: &str) -> bool {
        let service = self.subject.scene().flow.argument(node, "service");
        let is_metric = is_metric(&node.work.action, name, self.subject.setting.target);
        is_metric && (service.is_none() || self.is_own(service.as_ref()))
    }

    /// Whether a look may miss one more than a step before has read, however many that were.
    fn lets_rejections_pass(&self, look: Look<'_, '_>) -> bool {
        let seen = |before: f64, more| [("value", Value::Float(before + more)), ("increase", Value::Float(more))];
        let mut each = READ.into_iter().flat_map(|before| MORE.map(|more| (before, more)));
        each.any(|(before, more)| self.is_blind(look, &seen(before, more), before))
    }

    /// Whether the guard of a look may not fail of what it is to notice, where steps before have read
    /// a value.
    fn is_blind(&self, look: Look<'_, '_>, seen: &[(&str, Value)], before: f64) -> bool {
        let Look { node, guard, fails_on } = look;
        let look_up = |path: &[&str]| match path {
            ["out", name] => seen.iter().find(|(one, _)| one == name).map(|(_, value)| value.clone()),
            ["steps", _, "out", "value"] => Some(Value::Float(before)),
            _ => self.subject.value_of(&self.subject.scene().flow.named(node, &path.join("."))),
        };
        if guard.syntax().and_then(|syntax| known(syntax, &look_up)) == Some(Value::Bool(fails_on)) {
            return false;
        }
        let nothing = Value::map::<&str>([]);
        let mut names = Names::new(&nothing, &self.subject.setting.target.to_value(), &nothing);
        let out = Value::map(seen.iter().map(|(name, value)| (*name, value.clone())));
        self.subject.guards.truth(guard, &mut names, &[("out", &out)]) != Ok(fails_on)
    }

    /// Whether every run that comes to its end looked at something after the gate was opened: in a step
    /// that holds it, or in a watch beside one that holds anything.
    fn is_looked_at(&self, is: impl Fn(Look<'_, '_>) -> bool) -> bool {
        let held = |node: &Node<'_>| match &node.work.poll {
            Poll::Hold { guard, .. } => is(Look { node, guard, fails_on: false }),
            Poll::Until { .. } | Poll::Once => false,
        };
        let flow = &self.subject.scene().flow;
        let watched =
            |one: &Watched<'_>| is(Look { node: &flow.watch_node(one), guard: &one.watch.breach_when, fails_on: true });
        self.held(held) || self.watched_beside(watched)
    }

    /// Whether watches that roll back look on as long as a step holds something after the opening, in
    /// every run that comes to its end.
    fn watched_beside(&self, is: impl Fn(&Watched<'_>) -> bool) -> bool {
        let scene = self.subject.scene();
        let flow = &scene.flow;
        let looks = |one: &&Watched<'_>| {
            let is_dense = one.watch.every <= AT_LEAST && one.watch.on_breach == OnFailure::Rollback;
            is_dense && is(one) && !self.begins_anew(&flow.watch_node(one))
        };
        let watches: Vec<_> = flow.watches().iter().filter(looks).collect();
        let is_beside = |one: &Watched<'_>, hold: NodeId| {
            let is_around = |around: NodeId| {
                around == hold || flow.node(hold).zip(flow.node(around)).is_some_and(|(hold, one)| hold.is_inside(one))
            };
            // What is never done, for an edge that does not hold, begins no watch.
            let has_begun = |from: NodeId| {
                let only = Nodes::that(flow, |id, _| id == from);
                flow.before(hold).has(from) && scene.proof(&only).holds_at_start(hold)
            };
            let goes_on = |to: NodeId| is_around(to) || flow.before(to).has(hold);
            (is_around(one.from) || has_begun(one.from)) && one.to.is_none_or(goes_on)
        };
        let beside = Nodes::that(flow, |id, _| self.holds.has(id) && watches.iter().any(|one| is_beside(one, id)));
        scene.proof_after(&beside, self.arm).is_done_at_end()
    }

    /// Whether a watch is live before the gate opens, goes on as long as something is held after
    /// it, and rolls back.
    fn watched(&self, is: impl Fn(&Watched<'_>) -> bool) -> bool {
        let flow = &self.subject.scene().flow;
        let before = self.subject.scene().before(self.arm);
        // A watch that is live before a runbook used as an action begins is so before what is inside.
        let around = |id: NodeId| {
            let arm = flow.node(self.arm);
            id == self.arm || flow.node(id).zip(arm).is_some_and(|(one, arm)| arm.is_inside(one))
        };
        let is_long = |to: NodeId| {
            let before = flow.before(to);
            self.holds.has(to) || self.holds.iter().any(|hold| before.has(hold))
        };
        flow.watches().iter().any(|one| {
            let is_early = around(one.from) || (before.has(one.from) && self.always_begins(one.from));
            let is_late = || one.to.is_none_or(|to| self.after.has(to) && is_long(to));
            // A subscription hears everything; what samples must do so often enough.
            let is_dense = one.watch.work.action.name() == "nats_watch" || one.watch.every <= AT_LEAST;
            is_dense && one.watch.on_breach == OnFailure::Rollback && is(one) && is_early && is_late()
        })
    }

    /// Whether every run that opens the gate has come to a step: one that is skipped because of what it
    /// needs has no watch begin, one that its own `when` skips has.
    fn always_begins(&self, step: NodeId) -> bool {
        let scene = self.subject.scene();
        let own = Nodes::that(&scene.flow, |id, _| id == step);
        scene.proof_unless(&own, |id| id == step).holds_at_start(self.arm)
    }

    /// Whether every run that comes to its end held something after the gate was opened.
    fn held(&self, is: impl Fn(&Node<'_>) -> bool) -> bool {
        let scene = self.subject.scene();
        let holds = Nodes::that(&scene.flow, |id, node| {
            let rolls_back = node.step.is_some_and(|step| step.on_failure == OnFailure::Rollback);
            self.holds.has(id) && rolls_back && is(node) && !self.begins_anew(node)
        });
        scene.proof_after(&holds, self.arm).is_done_at_end()
    }

    /// Whether what a node saw is forgotten when it, or what it is inside of, is begun anew.
    fn begins_anew(&self, node: &Node<'_>) -> bool {
        let mut nodes = self.subject.scene().flow.nodes();
        nodes.any(|(_, outer)| outer.work.retry.is_some() && node.is_inside(outer))
    }
}

/// Whether a node holds something for long enough, and looks often enough, as far as that is known
/// before it runs.
fn is_long(subject: &Subject<'_>, scene: &Scene<'_>, node: &Node<'_>) -> bool {
    let Poll::Hold { stay, every, .. } = &node.work.poll else {
        return false;
    };
    let given = scene.flow.given(node, stay.given_whole());
    // A param without a default is as long as whoever starts the run says.
    let is_asked = matches!(&given, Known::Symbol(symbol) if symbol.starts_with("params."));
    let stay = subject.value_of(&given).as_ref().and_then(as_duration);
    *every <= AT_LEAST && stay.map_or(is_asked, |stay| stay >= AT_LEAST)
}
