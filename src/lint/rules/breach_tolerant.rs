//! A watch on rejected orders lets some of them pass.
//!
//! After a policy was rolled out no order is rejected; the first rejection already says that something
//! is wrong. A `breach_when` that is false for one message on the rejection subject, for one that comes
//! late, or for two that come together, sees it too late; one that asks for something else besides may
//! never see it.
//!
//! ```yaml bad
//! titan: 1
//! runbook: open
//! steps:
//!   look:
//!     do: sleep
//!     with: { for: 1m }
//! watch:
//!   rejections:
//!     from: look
//!     do: nats_watch
//!     with: { subject: "${target.subjects.rejections}" }
//!     breach_when: count > 5
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: open
//! steps:
//!   look:
//!     do: sleep
//!     with: { for: 1m }
//! watch:
//!   rejections:
//!     from: look
//!     do: nats_watch
//!     with: { subject: "${target.subjects.rejections}" }
//!     breach_when: count > 0
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::guard::{Names, known};
use crate::lint::flow::Watched;
use crate::lint::names::is_subject;
use crate::runbook::Action;
use crate::value::Value;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "breach-tolerant",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("breach_tolerant.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let target = subject.setting.target;
    let flow = &subject.scene().flow;
    let on_rejections = |action: &Action| action.name() == "nats_watch" && is_subject(action, "rejections", target);
    for one in flow.watches().iter().filter(|one| on_rejections(&one.watch.work.action)) {
        let guard = &one.watch.breach_when;
        if is_breached(subject, one) {
            continue;
        }
        let place = if one.outer.is_none() { guard.span() } else { subject.watch_span(one) };
        let found = report.at("this watch lets a rejected order pass", place);
        report.push(found.help("write `breach_when: count > 0`"));
    }
}

/// What a watch may count when an order was rejected: one at once, one after a long time, and two
/// that came together.
const REJECTED: [(i64, f64); 3] = [(1, 1.0), (1, 1e-9), (2, 1.0)];

/// Whether a rejected order is a breach, whatever else there is.
fn is_breached(subject: &Subject<'_>, watched: &Watched<'_>) -> bool {
    REJECTED.into_iter().all(|(count, rate)| is_breached_by(subject, watched, count, rate))
}

fn is_breached_by(subject: &Subject<'_>, watched: &Watched<'_>, count: i64, rate: f64) -> bool {
    let guard = &watched.watch.breach_when;
    let counted = [("count", Value::Int(count)), ("rate", Value::Float(rate))];
    let look_up = |path: &[&str]| match counted.iter().find(|(name, _)| path == [*name]) {
        Some((_, value)) => Some(value.clone()),
        // What a user of this runbook has handed over.
        None => subject.scene().flow.watch_constant(watched, path),
    };
    if guard.syntax().and_then(|syntax| known(syntax, &look_up)) == Some(Value::Bool(true)) {
        return true;
    }
    let nothing = Value::map::<&str>([]);
    let mut names = Names::new(&nothing, &subject.setting.target.to_value(), &nothing);
    let [count, rate] = &counted;
    let seen = [(count.0, &count.1), ("last", &Value::Null), (rate.0, &rate.1)];
    subject.guards.truth(guard, &mut names, &seen) == Ok(true)
}
