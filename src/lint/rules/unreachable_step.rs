//! A step can never start.
//!
//! Its edges wait for outcomes that cannot come: a step that rolls back when it fails never lets another
//! one see it `failed`, one without a `when` is never `skipped`, and a `when` that is always false skips
//! its step for good.
//!
//! ```yaml bad
//! titan: 1
//! runbook: look
//! steps:
//!   read:
//!     do: service_version
//!     with: { service: brain }
//!   otherwise:
//!     needs: { read: failed }
//!     do: note
//!     with: { text: "brain does not answer" }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: look
//! steps:
//!   read:
//!     do: service_version
//!     with: { service: brain }
//!     on_failure: continue
//!   otherwise:
//!     needs: { read: failed }
//!     do: note
//!     with: { text: "brain does not answer" }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::lint::flow::Part;
use crate::lint::nodes::Nodes;
use crate::runbook::EdgeOutcome;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "unreachable-step",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Meaning,
    source: include_str!("unreachable_step.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let flow = &subject.scene().flow;
    let proof = subject.scene().proof(&Nodes::that(flow, |_, _| false));
    for (id, node) in flow.nodes().filter(|(_, node)| node.part != Part::Begin && !node.path.contains('/')) {
        if proof.can_start(id) {
            continue;
        }
        let Some(step) = node.step else {
            continue;
        };
        let dead = step.needs.iter().find(|edge| flow.step(edge.from).is_some_and(|from| !proof.can_be(from, edge.on)));
        let found = match dead {
            Some(edge) => {
                let from = subject.runbook.steps.get(edge.from).map_or("", |step| step.id.as_str());
                let message = format!("`{}` never starts: `{from}` is never {}", step.id, edge.on.word());
                let found = report.at(message, edge.span);
                match edge.on {
                    EdgeOutcome::Failed => {
                        found.help(format!("add `on_failure: continue` to `{from}`, or remove the edge"))
                    }
                    _ => found.help("remove the edge, or change what it waits for"),
                }
            }
            None => {
                let message = format!("`{}` never starts: its `when` is always false", step.id);
                report.at(message, step.span).help("remove the step, or change its `when`")
            }
        };
        report.push(found);
    }
}
