//! A step names a gate that the target does not have.
//!
//! Such a step is refused when it is reached, which may be in the middle of a change. Found only
//! where a target is chosen: by `--target`, `TITAN_TARGET` or a `titan.target.yaml` beside or above
//! the runbook. Names that hang on params or results are looked up when their step runs.
//!
//! ```yaml bad
//! titan: 1
//! runbook: look
//! steps:
//!   state:
//!     do: gate_state
//!     with: { gate: exekution }
//! ```
//!
//! Name a gate of the target:
//!
//! ```yaml good
//! titan: 1
//! runbook: look
//! steps:
//!   state:
//!     do: gate_state
//!     with: { gate: execution }
//! ```

use crate::declaration::Kind;
use crate::diagnostic::{Severity, Strength};
use crate::lint::named::named_but_missing;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "unknown-gate",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Meaning,
    source: include_str!("unknown_gate.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let known: Vec<_> = subject.setting.target.gates.keys().map(String::as_str).collect();
    named_but_missing(subject, Kind::Gate, &known, report);
}
