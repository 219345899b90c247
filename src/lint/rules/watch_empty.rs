//! A watch ends before it begins.
//!
//! A watch is live from the start of its `from` step to the end of its `to` step. Where `to` always ends
//! before `from` starts, it never sees anything.
//!
//! ```yaml bad
//! titan: 1
//! runbook: look
//! steps:
//!   first: { do: note, with: { text: one } }
//!   second: { do: note, with: { text: two } }
//! watch:
//!   rejections:
//!     from: second
//!     to: first
//!     do: nats_watch
//!     with: { subject: titan.evt.exec.reject.v1 }
//!     breach_when: count > 0
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: look
//! steps:
//!   first: { do: note, with: { text: one } }
//!   second: { do: note, with: { text: two } }
//! watch:
//!   rejections:
//!     from: first
//!     to: second
//!     do: nats_watch
//!     with: { subject: titan.evt.exec.reject.v1 }
//!     breach_when: count > 0
//! ```

use crate::diagnostic::{Severity, Strength};

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "watch-empty",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("watch_empty.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let flow = &subject.scene().flow;
    let id_of = |at: usize| subject.runbook.steps.get(at).map_or("", |step| step.id.as_str());
    for watch in &subject.runbook.watches {
        let ends = watch.to.and_then(|to| Some((to, flow.step(to)?))).zip(flow.step(watch.from));
        if let Some(((to, end), from)) = ends
            && flow.before(from).has(end)
        {
            let message = format!("`{}` ends with `{}`, before `{}` starts it", watch.id, id_of(to), id_of(watch.from));
            let found = report.at(message, watch.span);
            report.push(found.help("name a later step under `to`, or leave it out: the watch then ends with the run"));
        }
    }
}
