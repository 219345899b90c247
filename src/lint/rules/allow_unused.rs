//! A comment allows a finding that is not there.
//!
//! It was there once, or stands in another place. Left behind, the comment would hide the next one.
//! A comment at the end of a map or list, as deep as its keys or items, speaks for nothing: what is
//! below belongs to something else.
//!
//! ```yaml bad
//! titan: 1
//! runbook: greet
//! steps:
//!   # titan: allow(effect-without-undo) a note is only written down
//!   hello:
//!     do: note
//!     with: { text: hello }
//! ```
//!
//! Take it away:
//!
//! ```yaml good
//! titan: 1
//! runbook: greet
//! steps:
//!   hello:
//!     do: note
//!     with: { text: hello }
//! ```

use crate::diagnostic::{Edit, Severity, Strength};
use crate::source::Span;

use super::{Allows, Check, Group, Report, Rule};

pub(super) const RULE: Rule = Rule {
    code: "allow-unused",
    severity: Severity::Warning,
    strength: Strength::Proved,
    group: Group::Comments,
    source: include_str!("allow_unused.rs"),
    check: Check::Allows(check),
};

fn check(allows: &Allows, report: &mut Report<'_>) {
    if !allows.is_whole {
        return;
    }
    let is_known = |code: &str| crate::lint::rule(code).is_some_and(|rule| rule.group != Group::Comments);
    let unused = allows.all.iter().filter(|one| !one.is_used && one.has_reason && is_known(&one.code.value));
    for one in unused {
        let message = format!("nothing here is reported as `{}`", one.code.value);
        let help = match one.speaks_for().is_some() {
            true => "remove it, or move the comment to what it speaks of",
            false => "a comment at the end of a map or list speaks for nothing: move it above what it speaks of",
        };
        let mut found = report.at(message, one.code.span).help(help);
        if one.is_alone && one.speaks_for().is_some() {
            let end = one.comment.end + usize::from(one.has_line);
            let edit = Edit { span: Span::new(one.comment.start, end), text: String::new() };
            found = found.fix("remove the comment", true, vec![edit]);
        }
        report.push(found);
    }
}
