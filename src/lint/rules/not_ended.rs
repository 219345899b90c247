//! A step is asked about that nothing waits for.
//!
//! A step that has not ended has neither `out` nor `status`; asking fails. A step waits for the one above it
//! and for those in its `needs`, and for nothing else; a step that runs at the same time ends when it likes.
//!
//! ```yaml bad
//! titan: 1
//! runbook: example
//! steps:
//!   say:
//!     do: note
//!     with: { text: "Brain runs ${steps.ask.out.version}" }
//!   ask:
//!     do: service_version
//!     with: { service: brain }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: example
//! steps:
//!   ask:
//!     do: service_version
//!     with: { service: brain }
//!   say:
//!     do: note
//!     with: { text: "Brain runs ${steps.ask.out.version}" }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::guard::Standing;
use crate::guard::fault::Wrong;
use crate::lint::expressions::say;
use crate::runbook::faults::Problem;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "not-ended",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Meaning,
    source: include_str!("not_ended.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    say(subject, report, |problem| match problem {
        Problem::Expression(Wrong::Step { id, standing, .. }) if standing.may_be(Standing::OWN) => Some((
            format!("`{id}` has not ended while it is judged"),
            "its own result is `out`, where a result is judged".to_owned(),
        )),
        Problem::Expression(Wrong::Step { id, standing, .. }) if standing.may_be(Standing::UNRELATED) => Some((
            format!("nothing here waits for `{id}`, so it need not have ended"),
            format!("add `{id}` to `needs:` of a step before, or of this one"),
        )),
        _ => None,
    });
}
