//! A credential is written out in a file that is shared.
//!
//! Runbooks and targets lie in version control, are copied into every run's record and shown in
//! reviews. A credential that stood there once is known: replace it, and refer to the new one.
//! Found are nkey seeds, JWTs, private keys, keys of well-known services, passwords in URLs, and
//! long mixed texts under a key that is named as a credential.
//!
//! ```yaml bad
//! titan: 1
//! runbook: export
//! steps:
//!   send:
//!     do: exec
//!     no_undo: A copy more does no harm.
//!     with: { argv: [export-orders], env: { AWS_ACCESS_KEY_ID: AKIAIOSFODNN7EXAMPLE } }
//! ```
//!
//! Let the program read it where it is kept:
//!
//! ```yaml good
//! titan: 1
//! runbook: export
//! steps:
//!   send:
//!     do: exec
//!     no_undo: A copy more does no harm.
//!     with: { argv: [export-orders], env: { AWS_SHARED_CREDENTIALS_FILE: /etc/titan-run/aws } }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::source::SourceFile;

use super::{Check, Group, Report, Rule};
use crate::lint::places::{Leaf, leaves};
use crate::lint::secrets::{is_random, is_reference, is_secret_name, written_out};
use crate::lint::urls::Address;

pub(super) const RULE: Rule = Rule {
    code: "literal-secret",
    severity: Severity::Error,
    strength: Strength::Heuristic,
    group: Group::Security,
    source: include_str!("literal_secret.rs"),
    check: Check::Both(
        |subject, report| check(subject.leaves(), report),
        |subject, report| check(&leaves(subject.tree, ""), report),
    ),
};

fn check(leaves: &[Leaf<'_>], report: &mut Report<'_>) {
    for leaf in leaves {
        let Some((what, span)) = found(leaf, report.file()) else { continue };
        let found = report
            .at(format!("this is {what}, in a file that is shared"), span)
            .label("known to everyone who reads this");
        report.push(found.help("replace the credential, since this one is known, and refer to it: `env:NAME` or `file:PATH` in a target's credential fields, a file's path anywhere else"));
    }
}

fn found(leaf: &Leaf<'_>, file: &SourceFile) -> Option<(String, crate::source::Span)> {
    let text = leaf.text();
    if let Some((what, place)) = written_out(text) {
        return Some((what.to_owned(), leaf.part(file, place)));
    }
    let is_address = text.as_bytes().windows(3).any(|three| three == b"://");
    let login = if is_address { Address::of(text).login } else { None };
    let password = login.and_then(|login| login.split_once(':')).map(|(_, password)| password);
    if let Some(password) = password.filter(|password| !password.is_empty() && !password.contains("${")) {
        let at = text.find(&format!(":{password}@")).map_or(0, |at| at + 1);
        return Some(("a password".to_owned(), leaf.part(file, at..at + password.len())));
    }
    let bearer = text
        .strip_prefix("Bearer ")
        .or_else(|| text.strip_prefix("Basic "))
        .filter(|_| leaf.key.eq_ignore_ascii_case("authorization"));
    let value = bearer.unwrap_or(text);
    let is_literal = is_random(value) && !leaf.is_filled() && !is_reference(value) && !value.contains(['/', '.']);
    let is_literal = is_literal && (bearer.is_some() || is_secret_name(leaf.key));
    is_literal.then(|| (format!("the value of `{}`", leaf.key), leaf.span))
}
