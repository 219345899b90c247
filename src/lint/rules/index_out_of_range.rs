//! A list has no item at this index.
//!
//! The list is written out, in the expression itself, in a `let` or as a `foreach` whose result is read, or is
//! one of a target that was chosen: so its length is known. Items are counted from 0, or from -1 backwards.
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
    let target = subject.setting.target;
    let in_target = subject.setting.is_chosen.then(|| subject.runbook.faults_in(target));
    for found in in_target.as_ref().unwrap_or(&subject.runbook.faults) {
        if let Problem::Expression(Wrong::OutOfRange { at, items }) = found.problem {
            let diagnostic = report.at(format!("there is no item {at}: this list has {items}"), found.span);
            report.push(diagnostic.help("items are counted from 0"));
        }
    }
}
