//! A `timeout` is not longer than what the step waits for on purpose.
//!
//! A `hold` for five minutes, a `sleep` or a `nats_watch` takes its time even when everything goes well, and so
//! does a runbook used as an action that does one of them. A `timeout` that ends before it fails the step every
//! time, and a rollback pays for that. A `hold` and a `nats_watch` need a little more than they wait for: the last
//! look takes time too. A `retry` that waits `every: 10s` under `timeout: 5s` tries nothing again.
//!
//! ```yaml bad
//! titan: 1
//! runbook: look
//! steps:
//!   stays_armed:
//!     do: gate_state
//!     with: { gate: execution }
//!     hold: out.state == "armed"
//!     for: 10m
//!     timeout: 5m
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: look
//! steps:
//!   stays_armed:
//!     do: gate_state
//!     with: { gate: execution }
//!     hold: out.state == "armed"
//!     for: 10m
//!     timeout: 11m
//! ```

use std::time::Duration;

use crate::diagnostic::{Severity, Strength};
use crate::guard::Given;
use crate::lint::places::Role;
use crate::lint::time::{Times, on_purpose};
use crate::runbook::{ActionKind, Retry};
use crate::value::{as_duration, format_duration};

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "timeout-too-short",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Meaning,
    source: include_str!("timeout_too_short.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    for one in subject.uses() {
        let work = one.role.work();
        let Some(bound) = work.timeout else {
            continue;
        };
        let waits = match one.role {
            Role::Step(at, _) if matches!(work.action.kind, ActionKind::Runbook(_)) => inside(subject, at),
            _ => on_purpose(work, &|given| known(subject, given)),
        };
        if let Some(wait) = work.retry.as_deref().and_then(first_wait).filter(|wait| *wait >= bound) {
            let (wait, bound) = (format_duration(wait), format_duration(bound));
            let message = format!("this is tried again after {wait}, and `timeout` ends all of it after {bound}");
            let found = report.at(message, one.action.span);
            report.push(found.help("raise `timeout`: it bounds every attempt and the waits between them together"));
        }
        // A sleep that ends with its bound may be in time.
        let is_in_time = bound > waits || (bound == waits && one.primitive() == "sleep");
        if !waits.is_zero() && !is_in_time {
            let message = format!(
                "this waits for {}, and `timeout` ends it after {}",
                format_duration(waits),
                format_duration(bound)
            );
            let found = report.at(message, one.action.span);
            report.push(found.help("raise `timeout`, or leave it out: what is waited for has a bound without it"));
        }
    }
}

/// The shortest that the wait before the second attempt can be; none where there is no second one.
fn first_wait(retry: &Retry) -> Option<Duration> {
    let wait = retry.every.min(retry.max).mul_f64((1.0 - retry.jitter).clamp(0.0, 1.0));
    (retry.attempts > 1).then_some(wait)
}

/// How long the runbook that is a step's action waits on purpose.
fn inside(subject: &Subject<'_>, step: usize) -> Duration {
    let flow = &subject.scene().flow;
    let end = flow.step(step);
    end.map_or(Duration::ZERO, |end| Times::least_inside(subject, flow.begin_of(end), end))
}

/// A duration as far as it is known: a param's is its default.
fn known(subject: &Subject<'_>, given: Given<'_>) -> Option<Duration> {
    match given {
        Given::Constant(value) => as_duration(value),
        Given::Expression(guard) => subject.default_of(guard.text().trim()).and_then(as_duration),
        Given::Mixed => None,
    }
}
