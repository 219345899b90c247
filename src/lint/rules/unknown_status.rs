//! A status is compared with a word that is none.
//!
//! A step that has ended is `ok`, `failed` or `skipped`. A comparison with any other word has always the
//! same result, so the guard protects from nothing.
//!
//! ```yaml bad
//! titan: 1
//! runbook: example
//! steps:
//!   ask:
//!     do: service_version
//!     with: { service: brain }
//!     on_failure: continue
//!   say:
//!     needs: { ask: done }
//!     when: steps.ask.status == "fail"
//!     do: note
//!     with: { text: hello }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: example
//! steps:
//!   ask:
//!     do: service_version
//!     with: { service: brain }
//!     on_failure: continue
//!   say:
//!     needs: { ask: done }
//!     when: steps.ask.status == "failed"
//!     do: note
//!     with: { text: hello }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::guard::fault::Wrong;
use crate::runbook::faults::Problem;
use crate::runbook::fields::ticked;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "unknown-status",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Meaning,
    source: include_str!("unknown_status.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    for found in &subject.runbook.faults {
        if let Problem::Expression(Wrong::UnknownWord { text, words }) = &found.problem {
            let diagnostic = report.at(format!("no step ends `{text}`"), found.span);
            report.push(diagnostic.meant(text, words, || format!("it is one of {}", ticked(words))));
        }
    }
}
