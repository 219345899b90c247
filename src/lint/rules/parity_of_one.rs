//! A target with a gate has several services, and says that one of them agrees with itself.
//!
//! `parity` names the services that must hold one policy before a gate is opened. One service alone always
//! agrees, so no rule looks at the others: a run may change one side and open the gate.
//!
//! ```yaml bad
//! titan: 1
//! target: one-side
//! services:
//!   execution: { hash: {}, metrics: { scrape: "http://127.0.0.1:9464/metrics" } }
//!   brain: {}
//! gates:
//!   execution:
//!     probe: { metric: titan_execution_armed_state }
//! parity: [execution]
//! ```
//!
//! ```yaml good
//! titan: 1
//! target: both-sides
//! services:
//!   execution: { hash: {}, metrics: { scrape: "http://127.0.0.1:9464/metrics" } }
//!   brain: {}
//!   dashboard: {}
//! gates:
//!   execution:
//!     probe: { metric: titan_execution_armed_state }
//! parity: [brain, execution]
//! ```

use crate::diagnostic::{Severity, Strength};

use super::{Check, Group, Report, Rule, TargetSubject};

pub(super) const RULE: Rule = Rule {
    code: "parity-of-one",
    severity: Severity::Warning,
    strength: Strength::Heuristic,
    group: Group::Safety,
    source: include_str!("parity_of_one.rs"),
    check: Check::Target(check),
};

fn check(subject: &TargetSubject<'_>, report: &mut Report<'_>) {
    let target = subject.target;
    let (Some([only]), Some(node)) = (target.parity.as_deref(), subject.tree.get("parity")) else {
        return;
    };
    if target.gates.is_empty() || target.services.len() < 2 {
        return;
    }
    let others: Vec<_> = target.services.keys().filter(|name| *name != only).map(|name| format!("`{name}`")).collect();
    let message =
        format!("`{only}` alone must agree with nothing, and a gate opens whatever {} holds", others.join(" or "));
    let found = report.at(message, node.span);
    report.push(found.help("name every service that must hold the policy, or leave `parity` out where all must"));
}
