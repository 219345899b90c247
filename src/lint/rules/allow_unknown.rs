//! A comment allows something that no rule says.
//!
//! A misspelt code allows nothing, and the finding it was meant for comes back or was never there.
//! What is reported while a file is read, such as a syntax error, cannot be allowed: there is
//! nothing that could be run.
//!
//! ```yaml bad
//! titan: 1
//! runbook: publish
//! steps:
//!   announce:
//!     do: nats_pub  # titan: allow(effect-without-und) the next window overwrites it
//!     with: { subject: titan.evt.window.v1, payload: open }
//! ```
//!
//! Write the code as it is reported:
//!
//! ```yaml good
//! titan: 1
//! runbook: publish
//! steps:
//!   announce:
//!     do: nats_pub  # titan: allow(effect-without-undo) the next window overwrites it
//!     with: { subject: titan.evt.window.v1, payload: open }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::lint::{READING, rule};

use super::{Allows, Check, Group, RULES, Report, Rule};

pub(super) const RULE: Rule = Rule {
    code: "allow-unknown",
    severity: Severity::Warning,
    strength: Strength::Proved,
    group: Group::Comments,
    source: include_str!("allow_unknown.rs"),
    check: Check::Allows(check),
};

fn check(allows: &Allows, report: &mut Report<'_>) {
    let codes: Vec<_> = RULES.iter().filter(|rule| rule.group != Group::Comments).map(|rule| rule.code).collect();
    for one in allows.all.iter().filter(|one| !codes.contains(&one.code.value.as_str())) {
        let code = &one.code.value;
        if code.is_empty() {
            let found = report.at("this comment allows nothing", one.code.span);
            report.push(found.help("write `# titan: allow(CODE) REASON`"));
            continue;
        }
        let found = report.at(format!("no rule that could be allowed is called `{code}`"), one.code.span);
        let is_read = READING.iter().any(|(known, _)| known == code) || rule(code).is_some();
        report.push(match is_read {
            true => found.help("what is found while reading, and in such comments, cannot be allowed: mend it"),
            false => found.meant(code, &codes, || "`titan-run explain` lists the rules".to_owned()),
        });
    }
}
