//! A watch over an open gate sees what must not happen, and does not roll back.
//!
//! While a gate is open, a breach is acted upon at once: the gate is closed and the run rolled back.
//! `on_breach: continue` only writes it down, and `on_breach: pause` leaves the gate open while a person
//! is looked for.
//!
//! ```yaml bad
//! titan: 1
//! runbook: open
//! steps:
//!   arm:
//!     do: arm
//!     with: { gate: execution, reason: "open" }
//! watch:
//!   rejections:
//!     from: arm
//!     do: nats_watch
//!     with: { subject: "${target.subjects.rejections}" }
//!     breach_when: count > 0
//!     on_breach: continue
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: open
//! steps:
//!   arm:
//!     do: arm
//!     with: { gate: execution, reason: "open" }
//! watch:
//!   rejections:
//!     from: arm
//!     do: nats_watch
//!     with: { subject: "${target.subjects.rejections}" }
//!     breach_when: count > 0
//!     on_breach: rollback
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::runbook::OnFailure;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "breach-ignored",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("breach_ignored.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let flow = &subject.scene().flow;
    for one in flow.watches().iter().filter(|one| one.watch.on_breach != OnFailure::Rollback) {
        let watch = one.watch;
        if subject.scene().arms().iter().all(|(arm, _)| one.to.is_some_and(|to| subject.scene().before(*arm).has(to))) {
            continue;
        }
        let message = format!("a breach of `{}` leaves the gate open", watch.id);
        let found = report.at(message, subject.watch_span(one));
        report.push(found.help("write `on_breach: rollback`"));
    }
}
