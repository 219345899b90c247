//! A watch on rejected orders lets some of them pass.
//!
//! After a policy was rolled out no order is rejected; the first rejection already says that something
//! is wrong. A `breach_when` that is false for one message on the rejection subject sees it too late.
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
use crate::guard::Names;
use crate::lint::names::is_subject;
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
    let on_rejections = |name: &str| name == "nats_watch";
    let watches = subject.runbook.watches.iter();
    for watch in watches.filter(|one| on_rejections(one.action.name()) && is_subject(&one.action, "rejections", target))
    {
        let nothing = Value::map::<&str>([]);
        let one = [("count", &Value::Int(1)), ("last", &Value::Null), ("rate", &Value::Float(1.0))];
        let mut names = Names::new(&nothing, &target.to_value(), &nothing);
        if subject.guards.truth(&watch.breach_when, &mut names, &one) == Ok(false) {
            let found = report.at("this watch lets a rejected order pass", watch.breach_when.span());
            report.push(found.help("write `breach_when: count > 0`"));
        }
    }
}
