//! A run would go on although a gate or a service could not be moved.
//!
//! `on_failure: continue` takes a failure as one more fact. After a failed `arm`, `disarm` or `deploy`
//! nobody knows what state the gate or the service is in, so nothing may be built on it: such a failure
//! rolls back. A script that calls one of them inside `try` goes on as well, unless
//! its `catch` throws, a `loop` of nothing but that `try` ends behind the call or with a `throw`, or a few tries
//! of it end with one where none went well: `if !done { throw ... }` behind them, with `done = true; break;`
//! behind the call.
//!
//! ```yaml bad
//! titan: 1
//! runbook: close
//! steps:
//!   disarm:
//!     do: disarm
//!     with: { gate: execution, reason: "close" }
//!     on_failure: continue
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: close
//! steps:
//!   disarm:
//!     do: disarm
//!     with: { gate: execution, reason: "close" }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::guard::Call;
use crate::lint::flow::{Node, Part};
use crate::lint::scene::Deed;
use crate::runbook::OnFailure;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "effect-failure-ignored",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("effect_failure_ignored.rs"),
    check: Check::Runbook(check),
};

/// What moves a gate or a service.
const MOVING: [&str; 3] = ["arm", "deploy", "disarm"];

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    subject.everywhere(&mut |_, node, span| {
        if let Some(call) = moving_calls(node).find(|call| call.is_caught) {
            let message =
                format!("`{}` goes on when its `{}` fails, and it may have moved something", node.path, call.name);
            let found = report.at(message, span);
            report.push(
                found.help("call it outside `try`, or end its `catch` with `throw`: the failure then rolls back"),
            );
        }
    });
    let scene = subject.scene();
    for (id, node) in scene.flow.nodes().filter(|(_, node)| node.part != Part::Begin) {
        let Some(step) = node.step.filter(|step| step.on_failure == OnFailure::Continue) else {
            continue;
        };
        let is_move = |deed: &Deed| matches!(deed, Deed::Arms(_) | Deed::Disarms(_) | Deed::Deploys(_));
        let moves = scene.deeds_inside(id).iter().any(|(_, deed)| is_move(deed));
        let mut inside = scene.flow.nodes().skip(scene.flow.begin_of(id)).take_while(|(inner, _)| *inner <= id);
        if moves || inside.any(|(_, node)| moving_calls(node).next().is_some()) {
            let message = format!("the run goes on when `{}` fails, and it may have moved something", node.path);
            let found = report.at(message, subject.span_of(id)).label(format!("`{}`", step.work.action.name()));
            report.push(found.help("leave `on_failure` out: the failure then rolls back"));
        }
    }
}

/// What a script calls that moves something.
fn moving_calls<'a>(node: &Node<'a>) -> impl Iterator<Item = &'a Call> {
    let calls = node.work.action.script().into_iter().flat_map(|script| &script.said().calls);
    calls.filter(|call| MOVING.contains(&call.name.as_str()))
}
