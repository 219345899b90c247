//! A gate's command stands in a target where it is not that gate's command.
//!
//! What a target says is done without being looked at: where the subject that opens a gate is the one
//! a hash is asked on, notices are sent to or another gate is closed by, then looking, telling or
//! closing opens the gate. A subject belongs to one gate and one of its commands, or each command there has
//! an object of its own (`json`). Under `subjects`,
//! where runbooks find what they listen to, it may stand.
//!
//! ```yaml bad
//! titan: 1
//! target: two-gates
//! services:
//!   execution: { metrics: { scrape: "http://127.0.0.1:9464/metrics" } }
//! gates:
//!   execution:
//!     probe: { metric: titan_execution_armed_state }
//!   paper:
//!     service: execution
//!     disarm: { subject: titan.cmd.operator.arm.v1 }
//!     probe: { metric: titan_paper_armed_state }
//! ```
//!
//! ```yaml good
//! titan: 1
//! target: two-gates
//! services:
//!   execution: { metrics: { scrape: "http://127.0.0.1:9464/metrics" } }
//! gates:
//!   execution:
//!     probe: { metric: titan_execution_armed_state }
//!   paper:
//!     service: execution
//!     arm: { subject: titan.cmd.paper.arm.v1 }
//!     disarm: { subject: titan.cmd.paper.disarm.v1 }
//!     probe: { metric: titan_paper_armed_state }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::lint::places::leaves;
use crate::runbook::target::{GateCommand, PayloadForm, Target};
use crate::source::Span;
use crate::yaml::Node;

use super::{Check, Group, Report, Rule, TargetSubject};

pub(super) const RULE: Rule = Rule {
    code: "gate-command-elsewhere",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("gate_command_elsewhere.rs"),
    check: Check::Target(check),
};

/// What a gate is moved by.
struct Command<'t> {
    gate: &'t str,
    verb: &'static str,
    sent: &'t GateCommand,
    /// Where its own subject stands; nowhere, where it is the usual one.
    own: Option<Span>,
}

fn check(subject: &TargetSubject<'_>, report: &mut Report<'_>) {
    let commands = commands(subject.target, subject.tree);
    sent_twice(subject, &commands, report);
    stands_elsewhere(subject, &commands, report);
}

/// Reports what moves a gate one way and is sent to move it the other, or to move another gate.
fn sent_twice(subject: &TargetSubject<'_>, commands: &[Command<'_>], report: &mut Report<'_>) {
    for (at, command) in commands.iter().enumerate() {
        // One command may close several gates.
        let closes_both = |earlier: &Command<'_>| earlier.verb == "disarm" && command.verb == "disarm";
        let mut earlier = commands.iter().take(at);
        let Some(earlier) = earlier.find(|earlier| is_same(earlier.sent, command.sent) && !closes_both(earlier)) else {
            continue;
        };
        let (verb, gate) = (command.verb, command.gate);
        let span = command.own.or(earlier.own).unwrap_or_else(|| subject.gate_span(gate));
        let message = format!("what is sent to {verb} `{gate}` is sent to {} `{}` as well", earlier.verb, earlier.gate);
        let found = report.at(message, span);
        report.push(found.help(format!("write the subject under `{verb}` of `{gate}` that moves nothing else")));
    }
}

/// Whether two commands cannot be told apart: on one subject, and not each with an object of its own.
fn is_same(one: &GateCommand, other: &GateCommand) -> bool {
    let object = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    let is_other_object = match (&one.payload, &other.payload) {
        (PayloadForm::Json(one), PayloadForm::Json(other)) => object(one) != object(other),
        (PayloadForm::Json(_) | PayloadForm::Text, _) => false,
    };
    one.subject == other.subject && !is_other_object
}

/// Reports a gate's subject where something else is asked, sent or run.
fn stands_elsewhere(subject: &TargetSubject<'_>, commands: &[Command<'_>], report: &mut Report<'_>) {
    let entries = subject.tree.entries().iter().filter(|(key, _)| key.value != "subjects");
    for leaf in entries.flat_map(|(key, node)| leaves(node, &key.value)) {
        if commands.iter().any(|command| command.own == Some(leaf.span)) {
            continue;
        }
        if let Some(command) = commands.iter().find(|command| command.sent.subject == leaf.text()) {
            let message = format!("this is the command to {} `{}`, and stands elsewhere", command.verb, command.gate);
            let found = report.at(message, leaf.span);
            report.push(found.help("write another subject: whatever is sent here moves the gate"));
        }
    }
}

fn commands<'t>(target: &'t Target, tree: &Node) -> Vec<Command<'t>> {
    let written = |gate: &str, verb: &str| Some(tree.get("gates")?.get(gate)?.get(verb)?.get("subject")?.span);
    let of_gate = target.gates.iter().flat_map(|(name, gate)| {
        [("arm", &gate.arm), ("disarm", &gate.disarm)].map(|(verb, command)| Command {
            gate: name.as_str(),
            verb,
            sent: command,
            own: written(name.as_str(), verb),
        })
    });
    of_gate.collect()
}
