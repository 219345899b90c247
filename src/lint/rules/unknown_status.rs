//! A status is compared with a word that is none.
//!
//! A step that has ended is `ok`, `failed` or `skipped`; on the way out of a run, in an `undo` or an
//! `ensure`, it may also be `in_doubt`: nobody knows whether it took effect. The steps behind it see that
//! as `failed`. A gate is `armed` or `disarmed`: a state that nobody knows is a failure. A comparison with
//! any other word has always the same result, so the guard protects from nothing.
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

use crate::declaration::GATE_STATES;
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
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    for found in &subject.runbook.faults {
        match &found.problem {
            // That there is a state at all is a way to wait for one.
            Problem::Expression(Wrong::UnknownWord { text, words }) if text.is_empty() && *words == GATE_STATES => {}
            Problem::Expression(Wrong::UnknownWord { text, words }) => {
                let is_state = *words == GATE_STATES;
                let never = if is_state { format!("no gate is `{text}`") } else { format!("no step ends `{text}`") };
                let diagnostic = report.at(never, found.span);
                report.push(diagnostic.meant(text, words, || format!("it is one of {}", ticked(words))));
            }
            Problem::Expression(Wrong::NeverInDoubt) => {
                let diagnostic = report.at("no step is `in_doubt` here", found.span);
                report
                    .push(diagnostic.help("ask for `failed`; an `undo` or an `ensure` sees `in_doubt` apart from it"));
            }
            _ => {}
        }
    }
}
