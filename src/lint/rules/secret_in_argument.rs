//! A credential is handed to an action that does not keep it secret.
//!
//! What a step is given is kept in the run's record, shown in plans and reports and, as an argv,
//! seen by every process of the machine. Credentials belong into a target's credential fields
//! (`creds`, `nkey`, `password`, `token`), as references: they are read when they are used, and
//! redacted wherever they show up. A name that ends in `token`, `password`, `secret`, `api_key`,
//! `seed` or `creds` says that its value is one.
//!
//! ```yaml bad
//! titan: 1
//! runbook: notify
//! params:
//!   chat_token: { type: text }
//! steps:
//!   tell:
//!     do: http
//!     no_undo: A message stays.
//!     with:
//!       url: https://chat.example.com/send
//!       method: POST
//!       headers: { Authorization: "Bearer ${params.chat_token}" }
//!       body: The window is open
//! ```
//!
//! Let a program read it where it is kept:
//!
//! ```yaml good
//! titan: 1
//! runbook: notify
//! steps:
//!   tell:
//!     do: exec
//!     no_undo: A message stays.
//!     with: { argv: [chat-send, --token-file, /etc/titan-run/chat.token, "The window is open"] }
//! ```

use std::collections::BTreeSet;

use crate::diagnostic::{Severity, Strength};
use crate::guard::syntax::Expr;
use crate::guard::{Guard, Reference, Said};
use crate::runbook::{ActionKind, ParamKind, Runbook};
use crate::source::Span;

use super::{Check, Group, Report, Rule, Subject};
use crate::lint::carried::{Passed, carried, passed};
use crate::lint::places::{Role, Use, leaves};
use crate::lint::secrets::is_secret_name;

pub(super) const RULE: Rule = Rule {
    code: "secret-in-argument",
    severity: Severity::Error,
    strength: Strength::Heuristic,
    group: Group::Security,
    source: include_str!("secret_in_argument.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let lets = secret_lets(subject.runbook);
    for one in subject.uses() {
        for (argument, node) in one.arguments().filter(|(argument, _)| !is_kept(one, argument)) {
            for leaf in leaves(node, argument) {
                let inserted = || one.guards_in(leaf).into_iter();
                let items = item_of(one, subject.runbook);
                let mut names = inserted().flat_map(carried);
                let direct =
                    names.find_map(|name| Some((secret_of(name, subject.runbook, &lets, items)?, name.span())));
                let got = || inserted().find_map(|guard| Some((got_secret(guard)?, guard.span())));
                if let Some((secret, at)) = direct.or_else(got) {
                    tell(&secret, argument, at, report);
                }
            }
        }
    }
    for call in subject.scripted() {
        for one in &call.given {
            let secret =
                names_handed(one.expression, call.said).into_iter().find(|path| is_path(path, subject.runbook, &lets));
            secret.iter().for_each(|path| tell(&path.join("."), one.name, one.node.span, report));
        }
    }
}

fn tell(secret: &str, argument: &str, at: Span, report: &mut Report<'_>) {
    let message = format!("`{secret}` is a credential, and `{argument}` does not keep it secret");
    let found = report.at(message, at).label("recorded and shown as it is");
    report.push(found.help(
        "refer to it in the target's credential fields, or let the program read it from a file or its own environment",
    ));
}

/// The names from outside a script that an expression in it passes on.
fn names_handed<'s>(expression: &'s Expr, said: &'s Said) -> Vec<Vec<&'s str>> {
    let (mut found, mut seen, mut open) = (Vec::new(), BTreeSet::new(), vec![expression]);
    while let Some(at) = open.pop() {
        passed(at, &mut |one| {
            if let Passed::Name(words) = one {
                let root = words.first().copied().unwrap_or_default();
                match said.names.get(root) {
                    Some(meant) if seen.insert(root) => open.push(meant),
                    _ if !said.gives_itself(root) => found.push(words),
                    _ => {}
                }
            }
        });
    }
    found
}

/// What the step of an action is done once for each item of.
fn item_of<'r>(one: &Use<'_>, runbook: &'r Runbook) -> Option<&'r Guard> {
    let (Role::Step(at, _) | Role::Undo(at, _)) = one.role else {
        return None;
    };
    runbook.steps.get(at)?.foreach.as_ref().map(|foreach| &foreach.list)
}

/// The credential that a name is, also as an item of a list in which one stands.
fn secret_of(name: &Reference, runbook: &Runbook, lets: &BTreeSet<&str>, items: Option<&Guard>) -> Option<String> {
    let is_known = |name: &&Reference| is_secret(name, runbook, lets);
    let listed = || carried(items.filter(|_| name.root() == "item")?).find(is_known);
    Some(name).filter(is_known).or_else(listed).map(|name| name.path().join("."))
}

/// The credential that `get(map, name, ...)` reads.
fn got_secret(guard: &Guard) -> Option<String> {
    let mut found = None;
    passed(guard.syntax()?, &mut |one| {
        if let Passed::Call("get", [map, key, ..]) = one {
            let named = map.path().zip(key.as_text()).filter(|(_, key)| is_secret_name(key));
            found = found.take().or(named.map(|(path, key)| format!("{}.{key}", path.join("."))));
        }
    });
    found
}

/// Whether the argument is a param of another runbook that is named as a credential itself: then
/// that runbook is told what it does with it.
fn is_kept(one: &Use<'_>, argument: &str) -> bool {
    matches!(one.action.kind, ActionKind::Runbook(_)) && is_secret_name(argument)
}

/// Every `let` that passes a credential on.
fn secret_lets(runbook: &Runbook) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for binding in &runbook.lets {
        if is_secret_name(&binding.name) || carried(&binding.guard).any(|name| is_secret(name, runbook, &found)) {
            found.insert(&*binding.name);
        }
    }
    found
}

fn is_secret(reference: &Reference, runbook: &Runbook, lets: &BTreeSet<&str>) -> bool {
    let path: Vec<_> = reference.path().iter().map(String::as_str).collect();
    is_path(&path, runbook, lets)
}

fn is_path(path: &[&str], runbook: &Runbook, lets: &BTreeSet<&str>) -> bool {
    match path {
        ["params", name, rest @ ..] => {
            let kind = runbook.params.iter().find(|param| &*param.name == *name).map(|param| param.kind);
            let is_text = matches!(kind, Some(ParamKind::Text | ParamKind::List | ParamKind::Map));
            let is_content = kind == Some(ParamKind::File) && rest.first() == Some(&"text");
            let is_inside = rest.last().is_some_and(|name| is_secret_name(name));
            is_inside || (is_secret_name(name) && (is_text || is_content))
        }
        ["steps", _, "out", rest @ ..] => rest.last().is_some_and(|name| is_secret_name(name)),
        [name] => lets.contains(name),
        _ => false,
    }
}
