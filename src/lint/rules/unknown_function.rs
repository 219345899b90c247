//! No function has this name, it is called with another number of arguments, or handed over by its name.
//!
//! The step fails when it gets there. `titan-run list functions` shows the functions; a runbook can name
//! files with more under `functions:`. In a script every primitive is a function, but for `arm`; a guard can
//! call none, and no function that does.
//!
//! ```yaml bad
//! titan: 1
//! runbook: example
//! params:
//!   tag: { type: text, default: "1.0" }
//! steps:
//!   say:
//!     when: start_with(params.tag, "1.")
//!     do: note
//!     with: { text: hello }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: example
//! params:
//!   tag: { type: text, default: "1.0" }
//! steps:
//!   say:
//!     when: starts_with(params.tag, "1.") && params.tag.starts_with("1")
//!     do: note
//!     with: { text: hello }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::runbook::calls::{CODE, said};
use crate::runbook::faults::Problem;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: CODE,
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Meaning,
    source: include_str!("unknown_function.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    for found in &subject.runbook.faults {
        let Problem::Expression(wrong) = &found.problem else {
            continue;
        };
        if let Some(said) = said(wrong, |message| report.at(message, found.span)) {
            report.push(said);
        }
    }
}
