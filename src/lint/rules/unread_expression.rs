//! An expression is read by the engine alone, and nothing in it is checked.
//!
//! The checker knows the names, operators and functions that the language describes. What else the engine
//! carries out, such as closures, `switch` or numbers that are not decimal, may still fail in the run. A
//! file under `functions:` is the place for it: what it gives is checked where it is used.
//!
//! ```yaml bad
//! titan: 1
//! runbook: example
//! params:
//!   port: { type: int, default: 4222 }
//! steps:
//!   say:
//!     when: params.port == 0x107E
//!     do: note
//!     with: { text: hello }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: example
//! params:
//!   port: { type: int, default: 4222 }
//! steps:
//!   say:
//!     when: params.port == 4222
//!     do: note
//!     with: { text: hello }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::guard::fault::Wrong;
use crate::lint::expressions::say;
use crate::runbook::faults::Problem;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "unread-expression",
    severity: Severity::Warning,
    strength: Strength::Proved,
    group: Group::Meaning,
    source: include_str!("unread_expression.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    say(subject, report, |problem| {
        matches!(problem, Problem::Expression(Wrong::Unread)).then(|| {
            (
                "nothing in this expression is checked".to_owned(),
                "write it with the operators and functions of the language, or put it into a file under `functions:`"
                    .to_owned(),
            )
        })
    });
}
