//! A runbook used as an action has an ensure, which is not done there.
//!
//! An ensure belongs to a run: it is done once, when the run ends, for the runbook that is run. Those of
//! a runbook used as an action are not: who uses it says under its own `ensure` what must hold at the
//! end. One with the same action is enough.
//!
//! ```yaml part:close.yaml
//! titan: 1
//! runbook: close
//! steps:
//!   disarm: { do: disarm, with: { gate: execution, reason: Before a change } }
//! ensure:
//!   gate: { do: gate_state, with: { gate: execution } }
//! ```
//!
//! ```yaml bad
//! titan: 1
//! runbook: change
//! steps:
//!   close: { do: ./close.yaml }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: change
//! steps:
//!   close: { do: ./close.yaml }
//! ensure:
//!   gate: { do: gate_state, with: { gate: execution } }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::runbook::{Action, ActionKind, Ensure};

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "ensure-inside",
    severity: Severity::Warning,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("ensure_inside.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let ensures = &subject.runbook.ensures;
    let works = subject.runbook.steps.iter().flat_map(|step| [Some(&step.work), step.undo.as_deref()]);
    let works = works.flatten().chain(ensures.iter().map(|ensure| &ensure.work));
    for action in works.map(|work| &work.action) {
        if let Some(ensure) = left_out(action, ensures) {
            let message = format!("the ensure `{}` of `{}` is not done here", ensure.id, action.name());
            let found = report.at(message, action.span);
            report.push(
                found
                    .help(format!("write it under `ensure` of this runbook, with `do: {}`", ensure.work.action.name())),
            );
        }
    }
}

/// The first ensure of a runbook used as an action that has none like it here.
fn left_out<'a>(action: &'a Action, here: &[Ensure]) -> Option<&'a Ensure> {
    let ActionKind::Runbook(inside) = &action.kind else {
        return None;
    };
    let is_here = |ensure: &&Ensure| here.iter().any(|one| one.work.action.name() == ensure.work.action.name());
    inside.ensures.iter().find(|ensure| !is_here(ensure))
}
