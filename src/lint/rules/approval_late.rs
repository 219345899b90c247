//! A person is asked after, or beside, what they are asked about.
//!
//! `confirm` and `approve` protect only what waits for them. One that stands behind every effect of the
//! run gates nothing; an effect that needs neither it nor anything that needs it may happen while the
//! person still reads.
//!
//! ```yaml bad
//! titan: 1
//! runbook: publish
//! steps:
//!   announce:
//!     do: nats_pub
//!     with: { subject: titan.evt.window.v1, payload: open }
//!     no_undo: an example
//!   agreed:
//!     do: confirm
//!     with: { items: { window: "The window may be announced" } }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: publish
//! steps:
//!   agreed:
//!     do: confirm
//!     with: { items: { window: "The window may be announced" } }
//!   announce:
//!     do: nats_pub
//!     with: { subject: titan.evt.window.v1, payload: open }
//!     no_undo: an example
//! ```

use crate::declaration::Effect;
use crate::diagnostic::{Severity, Strength};
use crate::lint::flow::{Node, Part};

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "approval-late",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("approval_late.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let flow = &subject.scene().flow;
    let whole = || flow.nodes().filter(|(_, node)| node.part == Part::Whole);
    let effects: Vec<_> = whole().filter(|(_, node)| is_gated(node)).collect();
    for (asks, node) in whole().filter(|(_, node)| node.work.action.effect() == Effect::Asks) {
        let (before, after) = (flow.before(asks), flow.after(asks));
        if let Some((_, beside)) = effects.iter().find(|(id, _)| !before.has(*id) && !after.has(*id)) {
            let message = format!("`{}` does not wait for the answer to `{}`", beside.path, node.path);
            let found = report.at(message, subject.span_of(asks));
            report.push(found.help(format!("let `{}` need it to be ok, or come before it", beside.path)));
            continue;
        }
        let follows = effects.iter().any(|(id, _)| after.has(*id));
        if let Some((_, earlier)) = effects.iter().rfind(|(id, _)| before.has(*id)).filter(|_| !follows) {
            let message = format!("`{}` asks after everything has happened", node.path);
            let found = report.at(message, subject.span_of(asks)).label(format!("`{}` comes before it", earlier.path));
            report.push(found.help("move it before the effect it is about"));
        }
    }
}

/// A gate may be closed without asking.
fn is_gated(node: &Node<'_>) -> bool {
    node.work.action.effect() == Effect::Changes && node.work.action.name() != "disarm"
}
