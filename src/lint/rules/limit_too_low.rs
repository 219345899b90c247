//! A run that goes as slowly as its steps allow would be cut off by its own limit.
//!
//! Every step has a bound: its `timeout`, or its attempts and waits together. Where the longest path of
//! bounds is longer than `limits.total`, or the longest path from a disarm to the next arm or the end
//! longer than `limits.disarmed`, a run that is merely slow is rolled back in the middle. Shorten the
//! steps that take longest, or raise the limit.
//!
//! ```yaml bad
//! titan: 1
//! runbook: look
//! limits: { total: 5m }
//! steps:
//!   version:
//!     do: service_version
//!     with: { service: brain }
//!     timeout: 10m
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: look
//! limits: { total: 5m }
//! steps:
//!   version:
//!     do: service_version
//!     with: { service: brain }
//!     timeout: 1m
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::lint::flow::NodeId;
use crate::lint::time::{Bound, Times};
use crate::source::Spanned;
use crate::value::format_duration;
use std::time::Duration;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "limit-too-low",
    severity: Severity::Warning,
    strength: Strength::Proved,
    group: Group::Meaning,
    source: include_str!("limit_too_low.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let all = exceeded(subject, Bound::AtMost);
    // One that no run can keep is told by `limit-impossible`.
    let impossible = if all.is_empty() { Vec::new() } else { exceeded(subject, Bound::AtLeast) };
    let is_impossible = |worst: &Exceeded| impossible.iter().any(|other| other.name == worst.name);
    for worst in all.into_iter().filter(|worst| !is_impossible(worst)) {
        let message = format!(
            "a slow run takes {} and `{}` allows {}",
            format_duration(worst.takes),
            worst.name,
            format_duration(worst.limit.value)
        );
        let found = report.at(message, worst.limit.span).label(worst.path);
        report.push(found.help("give the steps that take longest a shorter `timeout`, or raise the limit"));
    }
}

/// A limit, and the longest path that exceeds it.
pub(super) struct Exceeded {
    /// Its name.
    pub(super) name: &'static str,
    pub(super) limit: Spanned<Duration>,
    /// How long the path takes.
    pub(super) takes: Duration,
    /// Its longest steps.
    pub(super) path: String,
}

/// Every limit that a longest path exceeds.
pub(super) fn exceeded(subject: &Subject<'_>, bound: Bound) -> Vec<Exceeded> {
    let limits = subject.runbook.limits;
    let total = limits.total.and_then(|limit| {
        let times = Times::of_run(subject, bound);
        let (last, takes) = times.last()?;
        found("total", limit, &times, last, takes)
    });
    let disarmed = limits.disarmed.and_then(|limit| {
        let disarms = subject.scene().disarms();
        let paths = disarms.iter().filter_map(|(disarm, _)| closed_for(subject, bound, *disarm));
        let (times, to, takes) = paths.max_by_key(|(_, _, takes)| *takes)?;
        found("disarmed", limit, &times, to, takes)
    });
    total.into_iter().chain(disarmed).collect()
}

/// The longest path from a disarm to the next arm, or to the end.
fn closed_for<'s, 'a>(
    subject: &'s Subject<'a>,
    bound: Bound,
    disarm: NodeId,
) -> Option<(Times<'s, 'a>, NodeId, Duration)> {
    let times = Times::after(subject, bound, disarm);
    let arms = subject.scene().arms();
    let next = arms.iter().filter_map(|(arm, _)| Some((*arm, times.end_of(*arm)?))).min_by_key(|(_, end)| *end);
    let (to, end) = next.or_else(|| times.last())?;
    Some((times, to, end))
}

fn found(
    name: &'static str,
    limit: Spanned<Duration>,
    times: &Times<'_, '_>,
    to: NodeId,
    takes: Duration,
) -> Option<Exceeded> {
    if takes <= limit.value {
        return None;
    }
    let path = times.critical_path(to);
    let words: Vec<_> = path.iter().map(|(path, took)| format!("{path} {}", format_duration(*took))).collect();
    Some(Exceeded { name, limit, takes, path: format!("longest: {}", words.join(", ")) })
}
