//! An undo deploys what the step itself deployed.
//!
//! Undoing a deploy means going back to the version that ran before, read before anything changed. The
//! same expression in both gives the new version twice: the rollback changes nothing, and says that it
//! did. So does whatever passes the new version on: a `let`, `lower(...)` or `trim(...)`, one side of an
//! `if`, a `note`, a runbook used as an action, or a script, whose deploys count as well.
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
//!     undo: { do: deploy, with: { service: execution, version: "${params.version}" } }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: change
//! params:
//!   version: { type: text }
//! steps:
//!   before:
//!     do: service_version
//!     with: { service: execution }
//!   deploy:
//!     do: deploy
//!     with: { service: execution, version: "${params.version}" }
//!     undo: { do: deploy, with: { service: execution, version: "${steps.before.out.version}" } }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::lint::flow::{Known, NodeId};
use crate::lint::scene::{Deed, Scene};
use crate::lint::subject::Undone;
use crate::lint::versions::{deployed_back, deployed_by_step};

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "undo-same-version",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("undo_same_version.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    for (undone, node) in subject.undos() {
        let (id, undoing) = (undone.id, &undone.scene);
        let forward = deployed(subject, subject.scene(), subject.scene().deeds_inside(id));
        let back = deployed(subject, undoing, undoing.deeds());
        // What a deploy says that it deployed is that as well.
        let is_own = |(service, version): &(Known, Known)| {
            let giver = subject.scene().flow.giver_of(version, "version");
            giver.is_some_and(|giver| {
                subject.scene().deeds_inside(id).contains(&(giver, Deed::Deploys(service.clone())))
            })
        };
        let as_written = back.iter().find(|deployed| forward.contains(deployed) || is_own(deployed));
        let as_written = as_written.map(|(service, _)| (service.shown(), "deploys"));
        if let Some((name, deploys)) = as_written.or_else(|| passed_on(subject, undone)) {
            let message = format!("the undo of `{}` {deploys} the version of `{name}` that it is to undo", node.path);
            let found = report.at(message, subject.undo_span(undone));
            report.push(found.help(format!(
                "read the version in a `service_version` step before this one: `${{steps.previous_{name}.out.version}}`"
            )));
        }
    }
}

/// A service whose version an undo takes, whatever has passed it on, from what the step deploys.
fn passed_on<'a>(subject: &Subject<'a>, undone: &Undone<'a>) -> Option<(String, &'static str)> {
    let forward = deployed_by_step(subject, undone.id);
    deployed_back(subject, undone).iter().find_map(|back| {
        let (deployed, is_sure) = forward.iter().find_map(|one| Some((one, back.is_surely_as(one)?)))?;
        let service = back.service.as_ref().or(deployed.service.as_ref());
        let name = service.map_or_else(|| "service".to_owned(), Known::shown);
        Some((name, if is_sure { "deploys" } else { "may deploy" }))
    })
}

/// The services that are deployed, each with the version.
fn deployed(subject: &Subject<'_>, scene: &Scene<'_>, deeds: &[(NodeId, Deed)]) -> Vec<(Known, Known)> {
    let version = |id: NodeId| Some(subject.scene().origin(&scene.flow.argument(scene.flow.node(id)?, "version")?));
    let each = deeds.iter().filter_map(|(id, deed)| match deed {
        Deed::Deploys(service) => Some((service.clone(), version(*id)?)),
        _ => None,
    });
    each.collect()
}
