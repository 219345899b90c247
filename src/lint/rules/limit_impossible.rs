//! A limit is shorter than what the run waits for on purpose.
//!
//! Sleeps and holds take their time even when everything goes well. Where they alone take longer than a
//! limit, no run can ever succeed.
//!
//! ```yaml bad
//! titan: 1
//! runbook: look
//! limits: { total: 1m }
//! steps:
//!   wait: { do: sleep, with: { for: 5m } }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: look
//! limits: { total: 10m }
//! steps:
//!   wait: { do: sleep, with: { for: 5m }, timeout: 6m }
//! ```

use super::limit_too_low::exceeded;
use crate::diagnostic::{Severity, Strength};
use crate::lint::time::Bound;
use crate::value::format_duration;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "limit-impossible",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Meaning,
    source: include_str!("limit_impossible.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    for least in exceeded(subject, Bound::AtLeast) {
        let takes = format_duration(least.takes);
        let message = format!("no run ends within `{}`: its waits alone take {takes}", least.name);
        let found = report.at(message, least.limit.span).label(least.path);
        report.push(found.help(format!("raise it above {takes}, or wait less")));
    }
}
