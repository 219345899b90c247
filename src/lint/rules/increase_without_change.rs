//! A counter must increase although the service need not have been deployed.
//!
//! A handshake is counted when Brain starts. Where its deploy is skipped it does not start, and the
//! increase that is waited for never comes, or comes for another reason and is taken for the handshake.
//! So a step that waits for an increase needs the deploy to have been done, and is skipped with it.
//!
//! ```yaml bad
//! titan: 1
//! runbook: change
//! params:
//!   version: { type: text }
//!   redeploy: { type: bool }
//! steps:
//!   before:
//!     do: wait_metric
//!     with: { service: brain, metric: handshake_success }
//!   deploy:
//!     when: params.redeploy
//!     do: deploy
//!     with: { service: brain, version: "${params.version}" }
//!     no_undo: an example
//!   handshake:
//!     needs: { deploy: done }
//!     do: wait_metric
//!     with: { service: brain, metric: handshake_success, baseline: "${steps.before.out.value}" }
//!     until: out.increase >= 1
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: change
//! params:
//!   version: { type: text }
//!   redeploy: { type: bool }
//! steps:
//!   before:
//!     do: wait_metric
//!     with: { service: brain, metric: handshake_success }
//!   deploy:
//!     when: params.redeploy
//!     do: deploy
//!     with: { service: brain, version: "${params.version}" }
//!     no_undo: an example
//!   handshake:
//!     needs: [deploy]
//!     do: wait_metric
//!     with: { service: brain, metric: handshake_success, baseline: "${steps.before.out.value}" }
//!     until: out.increase >= 1
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::lint::flow::{Known, Node, NodeId, Part};
use crate::lint::judgement::{Said, judgement};
use crate::lint::names::is_metric;
use crate::lint::scene::{Deed, Scene};
use crate::source::Span;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "increase-without-change",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("increase_without_change.rs"),
    check: Check::Runbook(check),
};

/// What counts that a service has started.
const COUNTS_STARTS: [&str; 2] = ["handshake_success", "leader_promotions"];

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    look(subject.scene(), report, &|id| subject.span_of(id));
    for (undone, _) in subject.undos() {
        look(&undone.scene, report, &|_| subject.undo_span(undone));
    }
}

fn look(scene: &Scene<'_>, report: &mut Report<'_>, span: &dyn Fn(NodeId) -> Span) {
    for (id, node) in scene.flow.nodes().filter(|(_, node)| is_waiting_for_more(node)) {
        let counts_starts = COUNTS_STARTS.iter().any(|name| is_metric(&node.work.action, name, scene.setting.target));
        let Some(service) = scene.flow.argument(node, "service").filter(|_| counts_starts) else {
            continue;
        };
        if let Some(deploy) = skipped(scene, id, &service) {
            let path = &node.path;
            let message =
                format!("`{path}` waits for an increase, although `{deploy}` may be skipped and nothing starts then");
            let found = report.at(message, span(id));
            report.push(found.help(format!("let it need `{deploy}` to be ok, so that it is skipped as well")));
        }
    }
}

/// A deploy of a service that comes before a node, where there may have been none in the end.
fn skipped<'s>(scene: &'s Scene<'_>, id: NodeId, service: &Known) -> Option<&'s str> {
    let deploys = |_: NodeId, deed: &Deed| matches!(deed, Deed::Deploys(one) if one == service);
    let before = scene.before(id);
    let changes = scene.nodes_that(deploys);
    let deploy = changes.iter().filter(|deploy| before.has(*deploy)).last()?;
    let path = scene.flow.node(deploy).map(|node| node.path.as_str());
    path.filter(|_| !scene.proof(&changes).holds_at_start(id))
}

/// Whether a node ends only once a counter stands higher than where it was counted from.
fn is_waiting_for_more(node: &Node<'_>) -> bool {
    let is_more =
        |one: &Said<'_>| one.is_at_least_one(&["out", "increase"]) || one.is_more_than_read(&["out", "value"]);
    node.part == Part::Whole && node.work.action.name() == "wait_metric" && judgement(node.work).iter().any(is_more)
}
