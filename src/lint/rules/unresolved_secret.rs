//! A reference to a credential stands where nobody follows it.
//!
//! `env:NAME` and `file:PATH` are followed in a target's `creds`, `nkey`, `password` and `token`
//! only. Anywhere else they are texts: the program gets the four letters `env:`, and the login
//! fails, or worse, succeeds with a well-known password.
//!
//! ```yaml bad
//! titan: 1
//! runbook: export
//! steps:
//!   send:
//!     do: exec
//!     no_undo: A copy more does no harm.
//!     with: { argv: [export-orders], env: { DATABASE_PASSWORD: "env:TITAN_DATABASE_PASSWORD" } }
//! ```
//!
//! A program inherits the environment of `titan-run`:
//!
//! ```yaml good
//! titan: 1
//! runbook: export
//! steps:
//!   send:
//!     do: exec
//!     no_undo: A copy more does no harm.
//!     with: { argv: [export-orders, --password-variable, TITAN_DATABASE_PASSWORD] }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::source::Span;

use super::{Check, Group, Report, Rule, Subject, TargetSubject};
use crate::lint::places::{Leaf, leaves};
use crate::lint::secrets::is_reference;

pub(super) const RULE: Rule = Rule {
    code: "unresolved-secret",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Security,
    source: include_str!("unresolved_secret.rs"),
    check: Check::Both(check_runbook, check_target),
};

/// The fields of a target in which references are followed.
const FOLLOWED: [(&str, &str); 5] =
    [("nats", "creds"), ("nats", "nkey"), ("nats", "password"), ("nats", "token"), ("prometheus", "token")];

fn check_runbook(subject: &Subject<'_>, report: &mut Report<'_>) {
    check(subject.leaves(), &[], report);
    for one in subject.scripted().iter().flat_map(|call| &call.given) {
        check(&leaves(&one.node, one.name), &[], report);
    }
}

fn check_target(subject: &TargetSubject<'_>, report: &mut Report<'_>) {
    let followed = FOLLOWED.iter().filter_map(|(section, key)| Some(subject.tree.get(section)?.get(key)?.span));
    check(&leaves(subject.tree, ""), &followed.collect::<Vec<_>>(), report);
}

fn check(leaves: &[Leaf<'_>], followed: &[Span], report: &mut Report<'_>) {
    let references = leaves.iter().filter(|leaf| is_reference(leaf.text()) && !followed.contains(&leaf.span));
    for leaf in references {
        let found = report.at(format!("`{}` is not followed here: it stays this text", leaf.text()), leaf.span);
        report.push(found.help("references work in a target's `creds`, `nkey`, `password` and `token`; let a program read its own environment or file"));
    }
}
