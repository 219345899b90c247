//! An undo that deploys or disarms reads what its own step gave.
//!
//! A step that failed, or whose outcome is unknown, gives nothing, and is undone all the same: it may have
//! changed something. Its undo then cannot be filled in and is not done, and a person is needed for what
//! the rollback was to bring back.
//!
//! ```yaml bad
//! titan: 1
//! runbook: change
//! steps:
//!   deploy:
//!     do: deploy
//!     with: { service: execution, version: "2.0.0" }
//!     undo: { do: deploy, with: { service: execution, version: "${steps.deploy.out.previous}" } }
//! ```
//!
//! Read it before:
//!
//! ```yaml good
//! titan: 1
//! runbook: change
//! steps:
//!   before:
//!     do: service_version
//!     with: { service: execution }
//!   deploy:
//!     do: deploy
//!     with: { service: execution, version: "2.0.0" }
//!     undo: { do: deploy, with: { service: execution, version: "${steps.before.out.version}" } }
//! ```

use crate::declaration::{DEPLOY, DISARM};
use crate::diagnostic::{Severity, Strength};
use crate::guard::fault::Wrong;
use crate::guard::{Guard, Script};
use crate::lint::places::Role;
use crate::name::StepId;
use crate::runbook::Work;
use crate::runbook::faults::{Found, Problem};
use crate::source::Span;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "undo-reads-result",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("undo_reads_result.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    for found in &subject.runbook.faults {
        if let Some(step) = read_in_its_undo(subject, found) {
            say(step, found.span, report);
        }
    }
    for (step, undo) in subject.runbook.steps.iter().filter_map(|step| Some((step, step.undo.as_deref()?))) {
        let read = undo.action.script().filter(|_| brings_back(undo)).and_then(|script| read_by(script, &step.id));
        if let Some(span) = read {
            say(step.id.as_str(), span, report);
        }
    }
}

fn say(step: &str, at: Span, report: &mut Report<'_>) {
    let found = report.at(format!("this undo reads what `{step}` gave, which gives nothing where it failed"), at);
    report.push(found.help("read it in a step before this one, such as with `service_version`"));
}

/// Whether an undo brings a service or a gate back.
fn brings_back(undo: &Work) -> bool {
    undo.action.does(DEPLOY) || undo.action.does(DISARM)
}

/// Where a script reads the result of a step that it does not ask whether there is one.
fn read_by(script: &Script, step: &StepId) -> Option<Span> {
    let reads = |property: &str| {
        script.reads().iter().find_map(|path| match path.as_slice() {
            [(steps, _), (id, at), (read, _), ..] if steps == "steps" && id == step.as_str() && read == property => {
                Some(*at)
            }
            _ => None,
        })
    };
    reads("out").filter(|_| reads("status").is_none())
}

/// The step whose result is read in its own undo, though it may have none. Where something was made that
/// has a name only then, there is no other way.
pub(super) fn read_in_its_undo<'f>(subject: &Subject<'_>, found: &'f Found) -> Option<&'f str> {
    let Problem::Expression(Wrong::Step { id, is_result: true, .. }) = &found.problem else {
        return None;
    };
    let has = |guard: &Guard| guard.span().start <= found.span.start && found.span.end <= guard.span().end;
    let mut undos = subject.uses().iter().filter_map(|one| match one.role {
        Role::Undo(at, work) if brings_back(work) => Some((one, subject.runbook.steps.get(at)?, work)),
        _ => None,
    });
    let is_here =
        undos.any(|(one, step, work)| *step.id.as_str() == **id && (one.guards().any(has) || work.guards().any(has)));
    is_here.then_some(id)
}
