//! A log is read from a place after the line that is looked for, or from before the deploy that writes it.
//!
//! Without `since`, `wait_log` reads what is written from now on; a service may have logged its start
//! while its deploy was still being verified. The deploy says where in the log it began, as
//! `out.log_mark`: of the same service, since every log has places of its own; and of its last deploy,
//! since a line of the process before says nothing of the one that runs now. From anywhere else, nobody
//! knows what is read.
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

use crate::diagnostic::{Severity, Strength};
use crate::guard::Script;
use crate::lint::deploying::deployed_by;
use crate::lint::flow::{Known, Node, NodeId, Part};
use crate::lint::scene::Deed;
use crate::runbook::ActionKind;
use crate::source::Span;

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
        let (own, other): (Vec<_>, Vec<_>) = deploys.partition(|(_, _, deployed)| is_own(deployed));
        let since = scene.flow.argument(node, "since");
        let since = since.map(|since| scene.flow.bound(&since).unwrap_or(since));
        let is_marked = |id: NodeId, deploy: &Node<'_>| {
            since.as_ref().is_some_and(|since| match &deploy.work.action.kind {
                // A script gives the place in its own words.
                ActionKind::Script(script) => {
                    gives_one_mark(script, service.as_ref())
                        && scene.flow.source_of(since).is_some_and(|(giver, _)| giver == id)
                }
                ActionKind::Primitive(_) | ActionKind::Runbook(_) => {
                    scene.flow.named(deploy, &log_mark(&deploy.path)) == *since
                }
            })
        };
        if let Some((_, deploy, deployed)) = other.iter().find(|(id, deploy, _)| is_marked(*id, deploy)) {
            let other = deployed.shown();
            let message = format!("`{}` reads from a place in the log of `{other}`", node.path);
            let found = report.at(message, subject.span_of(id)).label(format!("`{}` deploys `{other}`", deploy.path));
            report.push(found.help("use the `log_mark` of the deploy of the same service"));
            continue;
        }
        let marked = own.iter().find(|(id, deploy, _)| is_marked(*id, deploy));
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

/// How a step names the place a deploy beside it began at.
fn log_mark(path: &str) -> String {
    format!("steps.{}.out.log_mark", path.rsplit('/').next().unwrap_or(path))
}

/// Whether a script can mean but one place in the log of a service: it deploys that once, says which
/// service it deploys, and hands on no place that it was given.
fn gives_one_mark(script: &Script, service: Option<&Known>) -> bool {
    let named = deployed_by(script);
    let hands_on = |path: &Vec<(String, Span)>| path.iter().any(|(word, _)| word == "log_mark");
    named.iter().all(Option::is_some)
        && named.iter().filter(|one| one.as_ref() == service).count() == 1
        && !script.reads().iter().any(hands_on)
}
