//! An undo leaves a service alone that a deploy may still change.
//!
//! A deploy goes on when the program that waits for it is gone: after an abort, a timeout or a crash it may
//! land late. An undo that deploys only where another version runs reads the old one, skips its deploy, and
//! the new version comes afterwards, in a run that says `rolled_back`. Such a step is `in_doubt`; then the
//! undo must deploy whatever runs.
//!
//! ```yaml bad
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
//!       with: { execution: "${params.previous}", brain: "${params.previous}", expected: "y", redeploy: false }
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
//!       with:
//!         execution: "${params.previous}"
//!         brain: "${params.previous}"
//!         expected: "y"
//!         redeploy: '${steps.pair.status == "in_doubt"}'
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::lint::flow::{Flow, Known, Node};
use crate::lint::judgement::{either, is_needless, truth};
use crate::lint::scene::Deed;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "undo-skips-deploy",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("undo_skips_deploy.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    for (undone, node) in subject.undos() {
        let mut deeds = subject.scene().deeds_inside(undone.id).iter();
        let Some(step) = node.step.filter(|_| deeds.any(|(_, deed)| matches!(deed, Deed::Deploys(_)))) else {
            continue;
        };
        let (flow, id) = (&undone.scene.flow, step.id.as_str());
        let skipped = flow.nodes().find(|(_, deploy)| may_land_late(flow, deploy, id));
        if let Some((_, deploy)) = skipped {
            let service = flow.argument(deploy, "service").map_or_else(String::new, |service| service.shown());
            let message =
                format!("the undo of `{}` leaves `{service}` alone while a deploy of it may still land", node.path);
            let found = report.at(message, subject.undo_span(undone));
            report.push(found.help(format!("let it deploy also where `steps.{id}.status == \"in_doubt\"`")));
        }
    }
}

/// Whether a deploy of an undo is skipped though the step it undoes is in doubt.
fn may_land_late(flow: &Flow<'_>, deploy: &Node<'_>, undone: &str) -> bool {
    let Some(when) = deploy.work.when.as_ref().filter(|when| is_needless(flow, deploy, when)) else {
        return false;
    };
    let asks = ["==\"in_doubt\"", "!=\"ok\""].map(|answer| format!("steps.{undone}.status{answer}"));
    let is_asked = |written: &Known| match written {
        Known::Symbol(text) => {
            let dense: String = text.split_whitespace().collect();
            let expression = dense.split_once(':').map_or("", |(_, expression)| expression);
            expression.split("||").any(|part| asks.iter().any(|ask| ask == part))
        }
        Known::Value(_) => false,
    };
    truth(flow, deploy, when).is_none() && !either(flow, deploy, when).iter().any(is_asked)
}
