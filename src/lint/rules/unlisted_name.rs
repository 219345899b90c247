//! A name of the target is one letter away from a usual one.
//!
//! Targets may have names of their own under `subjects`, `metrics` and `patterns`, so a name cannot be wrong
//! before a target is chosen; one that is nearly a usual name probably is. Where a target is chosen and does not
//! have the name, or its pattern has no group of the name that is read, this is an error.
//!
//! ```yaml bad
//! titan: 1
//! runbook: example
//! steps:
//!   look:
//!     do: nats_watch
//!     with: { subject: "${target.subjects.rejection}" }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: example
//! steps:
//!   look:
//!     do: nats_watch
//!     with: { subject: "${target.subjects.rejections}" }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::guard::fault::Wrong;
use crate::guard::types::Noun;
use crate::lint::expressions::say;
use crate::runbook::faults::Problem;
use crate::runbook::fields::ticked;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "unlisted-name",
    severity: Severity::Warning,
    strength: Strength::Heuristic,
    group: Group::Meaning,
    source: include_str!("unlisted_name.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    say(subject, report, |problem| match problem {
        Problem::Expression(Wrong::UnknownProperty { noun: Noun::Usual, name, near: Some(near), .. }) => {
            Some((format!("`{name}` is none of the usual names"), format!("did you mean `{near}`?")))
        }
        _ => None,
    });
    if !subject.setting.is_chosen {
        return;
    }
    let target = subject.setting.target;
    for found in subject.runbook.faults_in(target) {
        let Problem::Expression(Wrong::UnknownProperty { noun, name, known, .. }) = &found.problem else {
            continue;
        };
        let (what, where_to) = match noun {
            Noun::OfTarget => (format!("the target `{}` has no `{name}`", target.name), "to the target"),
            Noun::Group => (
                format!("the pattern of the target `{}` has no group called `{name}`", target.name),
                "to the target's pattern",
            ),
            _ => continue,
        };
        let mut diagnostic = report.at(what, found.span);
        diagnostic.severity = Severity::Error;
        let known: Vec<_> = known.iter().map(String::as_str).collect();
        report.push(diagnostic.meant(name, &known, || match known.as_slice() {
            [] => format!("add it {where_to}"),
            known => format!("add it {where_to}; it has {}", ticked(known)),
        }));
    }
}
