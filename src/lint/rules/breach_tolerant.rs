//! A watch on rejected orders lets some of them pass.
//!
//! After a policy was rolled out no order is rejected; the first rejection already says that something
//! is wrong. A `breach_when` that is false for one message on the rejection subject sees it too late, and
//! one that asks for something else besides may never see it.
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
    let flow = &subject.scene.flow;
    let on_rejections = |action: &Action| action.name() == "nats_watch" && is_subject(action, "rejections", target);
    for one in flow.watches().iter().filter(|one| on_rejections(&one.watch.action)) {
        let guard = &one.watch.breach_when;
        if is_breached_by_one(subject, one) {
            continue;
        }
        let place = if one.outer.is_none() { guard.span() } else { subject.watch_span(one) };
        let found = report.at("this watch lets a rejected order pass", place);
        report.push(found.help("write `breach_when: count > 0`"));
    }
}

/// Whether one rejected order is a breach, whatever else there is.
fn is_breached_by_one(subject: &Subject<'_>, watched: &Watched<'_>) -> bool {
    let guard = &watched.watch.breach_when;
    let one = [("count", Value::Int(1)), ("rate", Value::Float(1.0))];
    let look_up = |path: &[&str]| match one.iter().find(|(name, _)| path == [*name]) {
        Some((_, value)) => Some(value.clone()),
        // What a user of this runbook has handed over.
        None => subject.scene.flow.watch_constant(watched, path),
    };
    if guard.syntax().and_then(|syntax| known(syntax, &look_up)) == Some(Value::Bool(true)) {
        return true;
    }
    let nothing = Value::map::<&str>([]);
    let mut names = Names::new(&nothing, &subject.setting.target.to_value(), &nothing);
    let [count, rate] = &one;
    let seen = [(count.0, &count.1), ("last", &Value::Null), (rate.0, &rate.1)];
    subject.guards.truth(guard, &mut names, &seen) == Ok(true)
}
