//! A comment allows something and does not say why.
//!
//! Whoever reads the runbook next, perhaps during an incident, cannot tell a decision from an
//! oversight. Such a comment allows nothing.
//!
//! ```yaml bad
//! titan: 1
//! runbook: publish
//! steps:
//!   # titan: allow(effect-without-undo)
//!   announce:
//!     do: nats_pub
//!     with: { subject: titan.evt.window.v1, payload: open }
//! ```
//!
//! Say why:
//!
//! ```yaml good
//! titan: 1
//! runbook: publish
//! steps:
//!   # titan: allow(effect-without-undo) the next window overwrites it
//!   announce:
//!     do: nats_pub
//!     with: { subject: titan.evt.window.v1, payload: open }
//! ```

use crate::diagnostic::{Severity, Strength};

use super::{Allows, Check, Group, Report, Rule};

pub(super) const RULE: Rule = Rule {
    code: "allow-without-reason",
    severity: Severity::Warning,
    strength: Strength::Proved,
    group: Group::Comments,
    source: include_str!("allow_without_reason.rs"),
    check: Check::Allows(check),
};

fn check(allows: &Allows, report: &mut Report<'_>) {
    for one in allows.all.iter().filter(|one| !one.has_reason) {
        let found = report.at(format!("this allows `{}` and does not say why", one.code.value), one.code.span);
        report.push(found.help("write the reason behind the closing `)`; until then nothing is allowed"));
    }
}
