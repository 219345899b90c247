//! An undo deploys a version that the service did not run before.
//!
//! A rollback goes back to the version that ran before. One that was read of another service, or read
//! when the service may have been changed already, as by the undo itself, is not that version. A service that the step did
//! not change is not changed back by its undo either.
//!
//! ```yaml bad
//! titan: 1
//! runbook: change
//! params:
//!   version: { type: text }
//! steps:
//!   before:
//!     do: service_version
//!     with: { service: brain }
//!   deploy:
//!     do: deploy
//!     with: { service: execution, version: "${params.version}" }
//!     undo: { do: deploy, with: { service: execution, version: "${steps.before.out.version}" } }
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

use crate::declaration::{DEPLOY, Effect};
use crate::diagnostic::{Severity, Strength};
use crate::lint::fanout::of_item;
use crate::lint::flow::{Known, Node, NodeId, Part};
use crate::lint::scene::Deed;
use crate::lint::versions::{Deployed, deployed_back, deployed_by_step};

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "undo-wrong-version",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("undo_wrong_version.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    for (undone, node) in subject.undos() {
        let mut told = Vec::new();
        for back in deployed_back(subject, undone) {
            let (what, help) =
                if let Some(service) = back.service.as_ref().filter(|one| changes_another(subject, undone.id, one)) {
                    let name = service.shown();
                    (
                        format!("the undo of `{}` changes `{name}`, which the step does not", node.path),
                        format!("make it the undo of the step that deploys `{name}`"),
                    )
                } else if let Some((service, why)) = wrong(subject, undone.id, &back) {
                    (
                        format!("the undo of `{}` deploys {why}", node.path),
                        format!(
                            "read the version of `{}` with `service_version` in a step that this one needs",
                            service.shown()
                        ),
                    )
                } else {
                    continue;
                };
            if !told.contains(&what) {
                told.push(what.clone());
                let found = report.at(what, subject.undo_span(undone));
                report.push(found.help(help));
            }
        }
    }
}

/// The service of a deploy in an undo, and what is wrong with the version.
fn wrong<'d>(subject: &Subject<'_>, step: NodeId, back: &'d Deployed) -> Option<(&'d Known, String)> {
    let service = back.service.as_ref()?;
    let why = back.known().find_map(|version| why_wrong(subject, step, service, version));
    let is_changed = || deployed_by_step(subject, step).iter().any(|one| one.service.as_ref() == Some(service));
    let read_now = || {
        (back.may_be_read_now() && is_changed()).then(|| {
            format!("the version of `{}` that it reads itself, which is the one that it is to undo", service.shown())
        })
    };
    Some((service, why.or_else(read_now)?))
}

/// Whether a step moves something, and not this service.
fn changes_another(subject: &Subject<'_>, step: NodeId, service: &Known) -> bool {
    let scene = subject.scene();
    let inside = (scene.flow.begin_of(step)..=step).filter_map(|id| scene.flow.node(id));
    // What a script, a program or a message changes is not known.
    let is_known = |one: &Node<'_>| {
        one.work.action.effect() != Effect::Changes || ["arm", "disarm", "deploy"].contains(&one.work.action.name())
    };
    let deploys = |deed: &Deed| matches!(deed, Deed::Deploys(one) if one == service || matches!(one, Known::Symbol(_)));
    scene.is_whole()
        && scene.is_in_group(service)
        && inside.filter(|one| one.part == Part::Whole).all(is_known)
        && !scene.deeds_inside(step).iter().any(|(_, deed)| deploys(deed))
}

/// What is wrong with a version that an undo deploys.
fn why_wrong(subject: &Subject<'_>, step: NodeId, service: &Known, version: &Known) -> Option<String> {
    let scene = subject.scene();
    let deployed = scene.flow.giver_of(version, "previous").and_then(|id| scene.flow.node(id));
    if let Some(deploy) = deployed.filter(|node| node.work.action.name() == DEPLOY) {
        let of = scene.flow.argument(deploy, "service").filter(|of| matches!(of, Known::Value(_)) && of != service)?;
        return Some(format!("the version of `{}` before `{}`, to `{}`", of.shown(), deploy.path, service.shown()));
    }
    if let Known::Symbol(symbol) = scene.origin(version)
        && let Some(default) = subject.default_of(&symbol)
    {
        return Some(format!("`{symbol}`, by default `{default}`, which nobody has seen `{}` run", service.shown()));
    }
    let item = of_item(&scene.flow, version, scene.setting).filter(|item| item.part == "version");
    let read = item.as_ref().map(|item| item.giver).or_else(|| scene.flow.giver_of(version, "version"))?;
    let reading = scene.flow.node(read).filter(|node| node.work.action.name() == "service_version")?;
    let of = item.map(|item| item.service).or_else(|| scene.flow.argument(reading, "service"));
    let path = &reading.path;
    match of {
        Some(of @ Known::Value(_)) if of != *service => {
            Some(format!("the version of `{}`, read by `{path}`, to `{}`", of.shown(), service.shown()))
        }
        _ if !scene.flow.before(subject.scene().flow.begin_of(step)).has(read) => {
            Some(format!("the version that `{path}` reads, which need not be before it"))
        }
        _ => None,
    }
}
