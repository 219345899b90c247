//! A log is read from a place after the line that is looked for, or from before the deploy that writes it.
//!
//! Without `since`, `wait_log` reads what is written from now on; a service may have logged its start
//! while its deploy was still being verified. The deploy says where in the log it began, as
//! `out.log_mark`: of the same service, since every log has places of its own; and of its last deploy,
//! since a line of the process before says nothing of the one that runs now. `since: ""` takes what the
//! log says last, which is the running process's own word only behind a step that has seen its handshake
//! counted. From anywhere else, nobody knows what is read.
//!
//! ```yaml bad
//! titan: 1
//! runbook: change
//! params:
//!   version: { type: text }
//! steps:
//!   deploy:
//!     do: deploy
//!     with: { service: brain, version: "${params.version}" }
//!     no_undo: an example
//!   handshake:
//!     do: wait_log
//!     with: { service: brain, pattern: "${target.patterns.handshake_ok}" }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: change
//! params:
//!   version: { type: text }
//! steps:
//!   deploy:
//!     do: deploy
//!     with: { service: brain, version: "${params.version}" }
//!     no_undo: an example
//!   handshake:
//!     do: wait_log
//!     with:
//!       service: brain
//!       pattern: "${target.patterns.handshake_ok}"
//!       since: "${steps.deploy.out.log_mark}"
//! ```

use crate::declaration::DEPLOY;
use crate::diagnostic::{Severity, Strength};
use crate::guard::syntax::{Expr, ExprKind};
use crate::guard::{Said, Script};
use crate::lint::deeds::LOG_MARK;
use crate::lint::deploying::deployed_by;
use crate::lint::fanout::of_item;
use crate::lint::flow::{Known, Node, NodeId, Part};
use crate::lint::pieces::{argument_at, standing_for};
use crate::lint::scene::{Deed, Scene};
use crate::lint::unverified::is_counted;
use crate::runbook::ActionKind;
use crate::value::Value;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "log-from-now",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Meaning,
    source: include_str!("log_from_now.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let scene = subject.scene();
    for (id, node) in scene.flow.nodes().filter(|(_, node)| node.part == Part::Whole) {
        if node.work.action.name() != "wait_log" {
            continue;
        }
        let service = scene.flow.argument(node, "service");
        let before = scene.before(id);
        let deploys = scene.deeds().iter().filter_map(|(id, deed)| match deed {
            Deed::Deploys(service) if before.has(*id) => Some((*id, scene.flow.node(*id)?, service)),
            _ => None,
        });
        // One that is named only when the run comes to it may be this one.
        let is_own = |deployed: &Known| match (&service, deployed) {
            (Some(Known::Value(_)), Known::Symbol(_)) => true,
            (service, deployed) => service.as_ref() == Some(deployed),
        };
        // In a fan-out, it is the one of the same item.
        let is_same = |deploy: &Node<'_>| service.is_some() && scene.flow.argument(deploy, "service") == service;
        let (own, other): (Vec<_>, Vec<_>) =
            deploys.partition(|(_, deploy, deployed)| is_own(deployed) || is_same(deploy));
        let since = scene.flow.argument(node, "since");
        let since = since.map(|since| scene.flow.bound(&since).unwrap_or(since));
        if reads_last_word(scene, id, service.as_ref(), since.as_ref(), &own) {
            continue;
        }
        let item = since.as_ref().and_then(|since| of_item(&scene.flow, since, scene.setting));
        let item = item.filter(|item| item.part == LOG_MARK);
        let is_marked = |(id, deploy, deployed): &(NodeId, &Node<'_>, &Known)| {
            if let Some(item) = &item {
                return item.giver == *id && item.service == **deployed;
            }
            since.as_ref().is_some_and(|since| match &deploy.work.action.kind {
                // A script gives the place in its own words.
                ActionKind::Script(script) => {
                    let given = scene.flow.source_of(since).filter(|(giver, _)| *giver == *id);
                    let of = if deployed.as_value().is_some() { Some(*deployed) } else { service.as_ref() };
                    given.is_some_and(|(_, name)| gives_own_mark(script, name, of))
                }
                ActionKind::Primitive(_) | ActionKind::Runbook(_) => {
                    scene.flow.named(deploy, &log_mark(&deploy.path)) == *since
                }
            })
        };
        if let Some((_, deploy, deployed)) = other.iter().find(|deploy| is_marked(deploy)) {
            let other = deployed.shown();
            let message = format!("`{}` reads from a place in the log of `{other}`", node.path);
            let found = report.at(message, subject.span_of(id)).label(format!("`{}` deploys `{other}`", deploy.path));
            report.push(found.help("use the `log_mark` of the deploy of the same service"));
            continue;
        }
        let marked = own.iter().find(|deploy| is_marked(deploy));
        let later = own.iter().rfind(|(deploy, ..)| match (&since, marked) {
            (None | Some(Known::Value(_)), _) => true,
            (Some(Known::Symbol(_)), Some((mark, ..))) => scene.before(*deploy).has(*mark),
            // From where that is, nobody knows.
            (Some(Known::Symbol(_)), None) => true,
        });
        if let Some((_, deploy, _)) = later {
            let is_script = matches!(deploy.work.action.kind, ActionKind::Script(_));
            let (path, deploy) = (&node.path, &deploy.path);
            let message = match since {
                None => format!("`{path}` reads the log from now on, and `{deploy}` may have written before"),
                Some(_) => format!("`{path}` also reads what was logged before `{deploy}`"),
            };
            let own = deploy.rsplit('/').next().unwrap_or(deploy);
            let found = report.at(message, subject.span_of(id));
            report.push(found.help(match is_script {
                true => "let the script give the `log_mark` of its deploy, and read from there".to_owned(),
                false => format!("write `since: \"${{steps.{own}.out.log_mark}}\"`"),
            }));
        }
    }
}

/// Whether a node takes what a whole log says last, behind a handshake that the service has surely made
/// since its deploys: that is what it says of it.
fn reads_last_word(
    scene: &Scene<'_>,
    id: NodeId,
    service: Option<&Known>,
    since: Option<&Known>,
    own: &[(NodeId, &Node<'_>, &Known)],
) -> bool {
    let is_whole = matches!(since, Some(Known::Value(since)) if since.as_text() == Some(""));
    let deploys: Vec<_> = own.iter().map(|(deploy, ..)| *deploy).collect();
    is_whole && service.is_some_and(|service| is_counted(scene, id, &|one| one == service, &deploys))
}

/// How a step names the place a deploy beside it began at.
fn log_mark(path: &str) -> String {
    format!("steps.{}.out.log_mark", path.rsplit('/').next().unwrap_or(path))
}

/// Whether what a script gives under a name is the place in the log of a service from which its one
/// deploy of that service wrote.
fn gives_own_mark(script: &Script, name: &str, service: Option<&Known>) -> bool {
    let (said, named) = (script.said(), deployed_by(script));
    let is_only = named.iter().all(Option::is_some) && named.iter().filter(|one| one.as_ref() == service).count() == 1;
    let given = said.last.as_ref().and_then(|last| match &standing_for(last, said).kind {
        ExprKind::Map(entries) => {
            let entry = entries.iter().find(|(key, _)| key.text == name).map(|(_, value)| standing_for(value, said))?;
            match &entry.kind {
                ExprKind::Property { of, name, .. } if name.text == LOG_MARK => Some(standing_for(of, said)),
                _ => None,
            }
        }
        _ if name == LOG_MARK => Some(standing_for(last, said)),
        _ => None,
    });
    is_only && given.and_then(|call| deployed(call, said)) == service.cloned()
}

/// The service that a call deploys, where it is one that does.
fn deployed(call: &Expr, said: &Said) -> Option<Known> {
    let ExprKind::Call { name, arguments, .. } = &call.kind else {
        return None;
    };
    let service = argument_at(arguments, 0, "service", said).filter(|_| name.text == DEPLOY)?;
    service.as_text().map(|name| Known::Value(Value::text(name)))
}
