//! A `timeout` is not longer than what the step waits for on purpose.
//!
//! A `hold` for five minutes, a `sleep` or a `nats_watch` takes its time even when everything goes well. A
//! `timeout` that ends before it fails the step every time, and a rollback pays for that. A `hold` and a
//! `nats_watch` need a little more than they wait for: the last look takes time too.
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
use crate::lint::places::Use;
use crate::runbook::Poll;
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
        let (Some(bound), Some(waits)) = (one.role.work().timeout, waits(subject, one)) else {
            continue;
        };
        // A sleep that ends with its bound may be in time.
        let is_in_time = bound > waits || (bound == waits && one.primitive() == "sleep");
        if !is_in_time {
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

/// How long an action waits on purpose; a param counts as its default.
fn waits(subject: &Subject<'_>, one: &Use<'_>) -> Option<Duration> {
    let given = match (&one.role.work().poll, one.primitive()) {
        (Poll::Hold { stay, .. }, _) => stay.given_whole(),
        (_, "sleep" | "nats_watch") => one.action.with.given("for")?,
        _ => return None,
    };
    match given {
        Given::Constant(value) => as_duration(value),
        Given::Expression(guard) => subject.default_of(guard.text().trim()).and_then(as_duration),
        Given::Mixed => None,
    }
}
