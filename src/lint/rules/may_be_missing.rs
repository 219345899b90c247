//! A value may be missing where its being missing counts as a yes, or fails.
//!
//! `!` and `!=` turn "nothing there" into "not that": with a default in place of a missing value the guard
//! holds though nobody answered. Without one, reading it fails the step. Ask first whether it is there.
//!
//! ```yaml bad
//! titan: 1
//! runbook: example
//! steps:
//!   ask:
//!     do: nats_req
//!     with: { subject: titan.req.example.v1 }
//!     expect: get(out.reply, "error", "") != "fatal"
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: example
//! steps:
//!   ask:
//!     do: nats_req
//!     with: { subject: titan.req.example.v1 }
//!     expect: has(out.reply, "error") && out.reply.error != "fatal"
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::guard::fault::Wrong;
use crate::lint::expressions::say;
use crate::runbook::faults::Problem;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "may-be-missing",
    severity: Severity::Warning,
    strength: Strength::Heuristic,
    group: Group::Meaning,
    source: include_str!("may_be_missing.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    say(subject, report, |problem| match problem {
        Problem::Expression(Wrong::MayBeMissing { name, has_default: true }) => Some((
            format!("where `{name}` is missing, the default makes this hold"),
            format!("ask `has(map, \"{name}\")` first, or take a default that does not hold"),
        )),
        Problem::Expression(Wrong::MayBeMissing { name, has_default: false }) => Some((
            format!("`{name}` comes from outside and may be missing: then this is neither true nor false, and fails"),
            format!("ask `has(map, \"{name}\") && ...` first"),
        )),
        Problem::Expression(Wrong::Optional { name }) => Some((
            format!("`{name}` may be missing, and reading it then fails"),
            format!("read it with `get(map, \"{name}\", default)`, or ask `has(map, \"{name}\") && ...` first"),
        )),
        _ => None,
    });
}
