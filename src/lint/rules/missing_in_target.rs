//! A step needs something that the target does not say.
//!
//! A deploy needs a target that says how its service is deployed and how its version is read, a wait
//! for a log line needs one that says where the log is. Where it does not, such a step is refused
//! when it is reached, which may be in the middle of a change. Found only where a target is chosen:
//! by `--target`, `TITAN_TARGET` or a `titan.target.yaml` beside or above the runbook. Names that
//! hang on params or results are looked up when their step runs. A simulated world needs to be told nothing but
//! `hash`.
//!
//! ```yaml bad
//! titan: 1
//! runbook: look
//! steps:
//!   hash:
//!     do: service_hash
//!     with: { service: brain }
//! ```
//!
//! Say it in the target, or ask what the target says:
//!
//! ```yaml good
//! titan: 1
//! runbook: look
//! steps:
//!   hash:
//!     do: service_hash
//!     with: { service: execution }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::lint::named::each_primitive;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "missing-in-target",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Meaning,
    source: include_str!("missing_in_target.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    if !subject.setting.is_chosen {
        return;
    }
    let target = &subject.setting.target;
    each_primitive(subject, &mut |asked| {
        for need in asked.declaration.needs {
            let Some(span) = need.argument().map_or(Some(asked.span), |argument| asked.written_at(argument)) else {
                continue;
            };
            let named = match need.argument() {
                Some("service") => match asked.known("service") {
                    Some(known) => Some(known),
                    None => continue,
                },
                _ => None,
            };
            let service = named.as_ref().and_then(|(value, _)| value.as_text());
            let span = named.as_ref().map_or_else(|| asked.outer.unwrap_or(span), |(_, span)| *span);
            // A service that is not there at all is another rule's matter.
            if target.says(*need, service) || service.is_some_and(|name| !target.services.contains_key(name)) {
                continue;
            }
            let of = service.map_or_else(
                || format!("the target `{}`", target.name),
                |name| format!("`{name}` of the target `{}`", target.name),
            );
            let found =
                report.at(format!("`{}` needs {}, and {of} has none", asked.declaration.name, need.phrase()), span);
            report.push(found.help(format!("write {} there, or use a target that has it", need.phrase())));
        }
    });
}
