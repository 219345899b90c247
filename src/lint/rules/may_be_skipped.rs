//! The result of a step is used where the step may be skipped, failed or not yet ended.
//!
//! Such a step has no `out`, so whoever reads it fails. A step may be skipped because of its `when`, because
//! an edge of it cannot hold, or by a person; it may fail and the run goes on with `on_failure: continue`.
//! `undo` and `ensure` may run before it has ended. An item of a `foreach` that was skipped is null in the list
//! of those that were not.
//!
//! ```yaml bad
//! titan: 1
//! runbook: example
//! params:
//!   ask_first: { type: bool, default: false }
//! steps:
//!   ask:
//!     when: params.ask_first
//!     do: service_version
//!     with: { service: brain }
//!   say:
//!     do: note
//!     with: { text: "Brain runs ${steps.ask.out.version}" }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: example
//! params:
//!   ask_first: { type: bool, default: false }
//! steps:
//!   ask:
//!     when: params.ask_first
//!     do: service_version
//!     with: { service: brain }
//!   say:
//!     when: steps.ask.status == "ok"
//!     do: note
//!     with: { text: "Brain runs ${steps.ask.out.version}" }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::guard::Standing;
use crate::guard::fault::Wrong;
use crate::lint::expressions::say_where;
use crate::runbook::faults::{Found, Problem};

use super::undo_reads_result::read_in_its_undo;
use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "may-be-skipped",
    severity: Severity::Warning,
    strength: Strength::Proved,
    group: Group::Meaning,
    source: include_str!("may_be_skipped.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let is_meant = |found: &Found| read_in_its_undo(subject, found).is_none();
    say_where(subject, report, is_meant, |problem| match problem {
        Problem::Expression(Wrong::Step { id, standing, is_result }) if !standing.may_be(NOT_ENDED) => {
            let ways = [
                (Standing::SKIPPED, "be skipped"),
                (Standing::FAILED, "have failed"),
                (Standing::IN_DOUBT, "be in doubt"),
                (Standing::PENDING, "not have ended"),
            ];
            // Whatever way a step has ended in, that is its status.
            let lacking = if *is_result { *standing } else { standing.without(Standing::ENDED) };
            let ways: Vec<_> =
                ways.into_iter().filter(|(way, _)| lacking.may_be(*way)).map(|(_, words)| words).collect();
            let lacks = if *is_result { "`out`" } else { "`status`" };
            let message = format!("`{id}` may {} here, and then has no {lacks}", ways.join(" or "));
            let help = if standing.may_be(Standing::PENDING) {
                "use what a step before has found, or a param".to_owned()
            } else if standing.may_be(Standing::IN_DOUBT) {
                format!("ask `steps.{id}.status == \"ok\" && ...` first, or use what a step before has found")
            } else {
                format!("ask `steps.{id}.status == \"ok\" && ...` first, or wait for it with `needs: {{ {id}: ok }}`")
            };
            Some((message, help))
        }
        Problem::Expression(Wrong::MayBeNull) => Some((
            "an item of `foreach` that was skipped is null here, and using it then fails".to_owned(),
            "ask `!is_null(...) && ...` first, or write `... ?? other` for what stands in its place".to_owned(),
        )),
        _ => None,
    });
}

/// What another rule says: nothing waits for the step at all.
const NOT_ENDED: Standing = Standing::UNRELATED.or(Standing::OWN);
