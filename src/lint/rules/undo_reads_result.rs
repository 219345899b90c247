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

use crate::diagnostic::{Severity, Strength};
use crate::guard::Guard;
use crate::guard::fault::Wrong;
use crate::lint::places::Role;
use crate::runbook::faults::{Found, Problem};

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "undo-reads-result",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("undo_reads_result.rs"),
    check: Check::File(check),
};

/// What brings a service or a gate back.
const MOVING: [&str; 2] = ["deploy", "disarm"];

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    for found in &subject.runbook.faults {
        if let Some(step) = read_in_its_undo(subject, found) {
            let message = format!("this undo reads what `{step}` gave, which gives nothing where it failed");
            let found = report.at(message, found.span);
            report.push(found.help("read it in a step before this one, such as with `service_version`"));
        }
    }
}

/// The step whose result is read in its own undo, though it may have none. Where something was made that
/// has a name only then, there is no other way.
pub(super) fn read_in_its_undo<'f>(subject: &Subject<'_>, found: &'f Found) -> Option<&'f str> {
    let Problem::Expression(Wrong::Step { id, is_result: true, .. }) = &found.problem else {
        return None;
    };
    let has = |guard: &Guard| guard.span().start <= found.span.start && found.span.end <= guard.span().end;
    let mut undos = subject.uses().iter().filter_map(|one| match one.role {
        Role::Undo(at, work) if MOVING.contains(&work.action.name()) => {
            Some((one, subject.runbook.steps.get(at)?, work))
        }
        _ => None,
    });
    let is_here =
        undos.any(|(one, step, work)| *step.id.as_str() == **id && (one.guards().any(has) || work.guards().any(has)));
    is_here.then_some(id)
}
