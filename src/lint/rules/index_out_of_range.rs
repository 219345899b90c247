//! A list has no item at this index.
//!
//! The list stands in the expression itself, so its length is known; items are counted from 0, or from -1
//! backwards.
//!
//! ```yaml bad
//! titan: 1
//! runbook: example
//! steps:
//!   say:
//!     do: note
//!     with: { text: "${[\"a\", \"b\"][2]}" }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: example
//! steps:
//!   say:
//!     do: note
//!     with: { text: "${[\"a\", \"b\"][1]}" }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::guard::fault::Wrong;
use crate::lint::expressions::say;
use crate::runbook::faults::Problem;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "index-out-of-range",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Meaning,
    source: include_str!("index_out_of_range.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    say(subject, report, |problem| match problem {
        Problem::Expression(Wrong::OutOfRange { at, items }) => {
            Some((format!("there is no item {at}: this list has {items}"), "items are counted from 0".to_owned()))
        }
        _ => None,
    });
}
