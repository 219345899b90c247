//! Two services that must hold one policy are asked for their hash on one subject.
//!
//! Whoever answers there answers for both: one service is verified by what the other says of itself,
//! unless each is asked with a `payload` that names it, or has a `field` of its own in the answer.
//! A service without a subject of its own is asked on Execution's. One that answers nowhere needs no
//! `hash`: its log or its handshake counter says what it holds.
//!
//! ```yaml bad
//! titan: 1
//! target: one-subject
//! services:
//!   execution: { hash: {}, metrics: { scrape: "http://127.0.0.1:9464/metrics" } }
//!   brain: { hash: {} }
//! gates:
//!   execution:
//!     probe: { metric: titan_execution_armed_state }
//! ```
//!
//! ```yaml good
//! titan: 1
//! target: two-subjects
//! services:
//!   execution: { hash: {}, metrics: { scrape: "http://127.0.0.1:9464/metrics" } }
//!   brain: { hash: { subject: titan.req.brain.policy_hash.v1 } }
//! gates:
//!   execution:
//!     probe: { metric: titan_execution_armed_state }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::runbook::target::HashResponder;
use crate::source::Span;
use crate::yaml::Node;

use super::{Check, Group, Report, Rule, TargetSubject};

pub(super) const RULE: Rule = Rule {
    code: "shared-hash-subject",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("shared_hash_subject.rs"),
    check: Check::Target(check),
};

fn check(subject: &TargetSubject<'_>, report: &mut Report<'_>) {
    let asked = |name: &str| subject.target.services.get(name)?.hash.as_ref();
    let group: Vec<_> = subject.target.parity().filter_map(|name| Some((name, asked(name)?))).collect();
    for (at, (name, asked)) in group.iter().enumerate() {
        if let Some((earlier, _)) = group.iter().take(at).find(|earlier| is_same(**earlier, (*name, *asked))) {
            let message = format!("`{name}` and `{earlier}` are asked for their hash on one subject");
            let found = report.at(message, place(subject.tree, name)).label(format!("`{}`", asked.subject));
            report.push(found.help(format!(
                "write the subject on which `{name}` itself answers, or leave `hash` out where it answers nowhere"
            )));
        }
    }
}

/// Whether the answers cannot be told apart: neither does each question name its service, nor is another
/// field read.
fn is_same((name, one): (&str, &HashResponder), (other_name, other): (&str, &HashResponder)) -> bool {
    let is_named = one.payload.contains(name) && other.payload.contains(other_name) && one.payload != other.payload;
    let is_other_field = matches!((&one.field, &other.field), (Some(one), Some(other)) if one != other);
    one.subject == other.subject && !is_named && !is_other_field
}

/// Where a service says on which subject it is asked.
fn place(tree: &Node, service: &str) -> Span {
    let hash = tree.get("services").and_then(|services| services.get(service)?.get("hash"));
    hash.map_or_else(Span::default, |hash| hash.get("subject").unwrap_or(hash).span)
}
