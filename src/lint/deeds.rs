//! What a step does to gates, and to the services that must hold one policy.

use std::sync::Arc;

use crate::declaration::{DEPLOY, Declaration, InDoubt};
use crate::guard::syntax::{Expr, ExprKind};
use crate::guard::{Given, Script};
use crate::runbook::ActionKind;
use crate::value::Value;

use super::Setting;
use super::checked::{kept_name, kept_text, names_of};
use super::deploying::{deployed_by, deploys_of};
use super::fanout::{each_of, hangs_on_item, is_said_per_item, of_item};
use super::flow::{Flow, Known, Node, NodeId};
use super::judgement::{Said, judgement};
use super::own_hash::{hash_filled_in, is_own_hash};
use super::pieces::argument_at;

/// How deep a name is followed to what it stands for.
const MAX_BOUND: usize = 16;
/// What a deploy calls the place in a log at which it began.
pub(super) const LOG_MARK: &str = "log_mark";

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// Opens a gate.
    Arms(Known),
    /// Closes a gate, verified.
    Disarms(Known),
    /// Fails unless a gate is closed.
    SeesDisarmed(Known),
    /// Changes a service.
    Deploys(Known),
    /// Fails unless a service holds a policy.
    Verifies {
        /// The service.
        service: Known,
        /// The hash it must have; `None` where it is held against the other service's.
        against: Option<Known>,
        /// Whether a line of its log says so that may be older than the run: it may have started again
        /// since.
        is_old: bool,
    },
}

/// What a node does with a primitive.
pub(super) fn deeds_of(flow: &Flow<'_>, node: &Node<'_>, declaration: &Declaration, setting: Setting<'_>) -> Vec<Deed> {
    let each = |name: &str| each_of(flow, node, name, setting);
    // What goes over a list that is known only when the run comes to it may move any of them.
    let any = |name: &str| match each(name) {
        none if none.is_empty() => flow.argument(node, name).into_iter().collect(),
        each => each,
    };
    // What hangs on the item is another hash for each service.
    let is_own = hangs_on_item(node, "expected");
    let held = |service: Known, against: Option<Known>| {
        let own = || Known::Symbol(Arc::from(format!("{}/:what item {} says", node.path, service.shown())));
        let is_own = is_own || against.as_ref().is_some_and(|hash| is_said_per_item(flow, node, hash));
        let against = if is_own { Some(own()) } else { against };
        Deed::Verifies { service, against, is_old: reads_old_line(flow, node, setting) }
    };
    let said = judgement(node.work);
    let hash = said.iter().find_map(|one| one.compared_hash());
    let counts_from_read = counts_from_read(flow, node);
    let is_counted = |one: &Said<'_>| {
        one.is_at_least_one(&["out", "value"]) || (counts_from_read && one.is_at_least_one(&["out", "increase"]))
    };
    match declaration.name {
        _ if declaration.in_doubt == InDoubt::DisarmFirst => any("gate").into_iter().map(Deed::Arms).collect(),
        "disarm" => each("gate").into_iter().map(Deed::Disarms).collect(),
        "gate_state" if said.iter().any(|one| one.is_text(&["out", "state"], "disarmed")) => {
            each("gate").into_iter().map(Deed::SeesDisarmed).collect()
        }
        "deploy" => any("service").into_iter().map(Deed::Deploys).collect(),
        "expect_hash" => {
            let kept = match node.work.action.with.given("expected") {
                Some(Given::Expression(guard)) => guard.syntax().map(|syntax| kept_text(guard, syntax)),
                _ => None,
            };
            let against = match (flow.argument(node, "expected"), kept) {
                (Some(Known::Symbol(_)), Some(kept)) => Some(flow.named(node, &kept)),
                (argument, _) => argument,
            };
            each("service").into_iter().map(|service| held(service, against.clone())).collect()
        }
        "service_hash" | "wait_log" if hash.is_some() => {
            let against = hash.map(|text| flow.named(node, &text));
            let is_own =
                |service: &Known| declaration.name == "service_hash" || is_own_hash(flow, node, service, setting);
            let services = each("service").into_iter().filter(is_own);
            services.map(|service| held(service, against.clone())).collect()
        }
        // In a whole log such a line may be older than the one that says otherwise.
        "wait_log" if !reads_old_line(flow, node, setting) => {
            let services = each("service").into_iter();
            let filled = services.filter_map(|one| Some((hash_filled_in(flow, node, &one, setting)?, one)));
            filled.map(|(hash, service)| held(service, Some(hash))).collect()
        }
        "wait_metric" if is_handshake(flow, node, setting) && said.iter().any(is_counted) => each("service")
            .into_iter()
            .map(|service| Deed::Verifies { service, against: None, is_old: false })
            .collect(),
        _ => Vec::new(),
    }
}

/// Whether a node takes a line of a log that may have been written before the run: it does not read from
/// now on, nor from where a deploy of the run began.
pub(super) fn reads_old_line(flow: &Flow<'_>, node: &Node<'_>, setting: Setting<'_>) -> bool {
    let Some(mut since) = flow.argument(node, "since").filter(|_| node.work.action.name() == "wait_log") else {
        return false;
    };
    for _ in 0..MAX_BOUND {
        match flow.bound(&since) {
            Some(bound) => since = bound,
            None => break,
        }
    }
    let is_mark = |(giver, part): (NodeId, &str)| match flow.node(giver).map(|giver| &giver.work.action.kind) {
        Some(ActionKind::Script(script)) => script.said().calls(DEPLOY),
        Some(ActionKind::Primitive(primitive)) => primitive.name == DEPLOY && part == LOG_MARK,
        Some(ActionKind::Runbook(_)) | None => false,
    };
    let of_item = of_item(flow, &since, setting).is_some_and(|item| is_mark((item.giver, &item.part)));
    !of_item && !flow.source_of(&since).is_some_and(is_mark)
}

/// What a script does whenever it ends well, and what it may deploy.
pub(super) fn deeds_of_script(flow: &Flow<'_>, node: &Node<'_>, script: &Script) -> Vec<Deed> {
    let sure = script.asked().iter().filter(|asked| asked.is_sure && asked.declaration.name == "disarm");
    let closed = sure.filter_map(|asked| asked.argument("gate")?.value.clone());
    let verified = verified_by(script).into_iter().filter_map(|(service, expected)| {
        let against = match expected.as_text() {
            Some(text) => Known::Value(Value::text(text)),
            None => flow.named(node, &held_against(script, expected)?),
        };
        Some(Deed::Verifies { service: Known::Value(Value::text(service)), against: Some(against), is_old: false })
    });
    let closed = closed.map(|gate| Deed::Disarms(Known::Value(gate)));
    closed.chain(verified).chain(deployed_surely(script).into_iter().map(Deed::Deploys)).collect()
}

/// What a script deploys, in order: services that it writes out and deploys whenever it ends well, or
/// one that is known only when it runs.
fn deployed_surely(script: &Script) -> Vec<Known> {
    if !script.said().calls(DEPLOY) {
        return Vec::new();
    }
    let named: Option<Vec<Known>> = deployed_by(script).into_iter().collect();
    let named = named.filter(|_| deploys_of(script).all(|deploy| deploy.is_sure));
    named.unwrap_or_else(|| vec![Known::Symbol(Arc::from("script:what a script deploys"))])
}

/// What a script holds a service against, as a guard would say it: a dotted name, or the hash of one.
fn held_against(script: &Script, expected: &Expr) -> Option<String> {
    const HASHING: &str = "policy_hash";
    let ExprKind::Call { of, name, arguments } = &expected.kind else {
        return kept_name(expected);
    };
    let given: Vec<_> = of.as_deref().into_iter().chain(arguments).collect();
    match given.as_slice() {
        [policy] if name.text == HASHING && !script.said().gives_itself(HASHING) => {
            Some(format!("{HASHING}({})", kept_name(policy)?))
        }
        _ => kept_name(expected),
    }
}

/// The services that a script surely verifies, each with what it holds it against: what is written out,
/// or a name that is not the script's own.
pub(super) fn verified_by(script: &Script) -> Vec<(&str, &Expr)> {
    const VERIFYING: &str = "expect_hash";
    let said = script.said();
    let calls = said.calls.iter().filter(|call| call.name == VERIFYING && call.is_sure && !call.is_method);
    let verified = calls.filter_map(|call| {
        let service = argument_at(&call.arguments, 0, "service", said)?.as_text()?;
        let expected = argument_at(&call.arguments, 1, "expected", said)?;
        let is_own = |name: &String| {
            let root = name.split('.').next().unwrap_or_default();
            root.is_empty() || said.gives_itself(root)
        };
        (!names_of(expected).iter().any(is_own)).then_some((service, expected))
    });
    verified.filter(|_| !said.gives_itself(VERIFYING)).collect()
}

/// Whether a counter is counted from where it stood: from when the step begins, or as an earlier one
/// read the same counter.
pub(super) fn counts_from_read(flow: &Flow<'_>, node: &Node<'_>) -> bool {
    let Some(baseline) = flow.argument(node, "baseline") else {
        return true;
    };
    let reading = flow.giver_of(&baseline, "value").and_then(|id| flow.node(id));
    let is_same = |reading: &Node<'_>, name: &str| flow.argument(reading, name) == flow.argument(node, name);
    reading.is_some_and(|reading| {
        reading.work.action.name() == "wait_metric"
            && ["service", "metric", "labels"].iter().all(|name| is_same(reading, name))
    })
}

fn is_handshake(flow: &Flow<'_>, node: &Node<'_>, setting: Setting<'_>) -> bool {
    const NAME: &str = "handshake_success";
    let metric = flow.argument(node, "metric");
    let written = metric.as_ref().and_then(Known::as_text);
    let own = setting.target.metrics.get(NAME).map(|metric| metric.name.as_str());
    written.is_some_and(|name| name == NAME || Some(name) == own)
}
