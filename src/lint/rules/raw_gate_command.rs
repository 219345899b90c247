//! A gate's command is published by hand.
//!
//! `nats_pub` on the arm or disarm subject sends the command and looks no further: it does not verify
//! the gate's state, does not close it again when something is unclear, and the engine does not know
//! that a gate was moved. `arm` and `disarm` do all three.
//!
//! ```yaml bad
//! titan: 1
//! runbook: close
//! steps:
//!   close:
//!     do: nats_pub
//!     with: { subject: titan.cmd.operator.disarm.v1, payload: "close" }
//!     no_undo: an example
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: close
//! steps:
//!   close:
//!     do: disarm
//!     with: { gate: execution, reason: "close" }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::lint::flow::Part;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "raw-gate-command",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("raw_gate_command.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let flow = &subject.scene.flow;
    for (id, node) in flow.nodes().filter(|(_, node)| node.part == Part::Whole) {
        let subject_of = |node| flow.argument(node, "subject");
        let is_bus = ["nats_pub", "nats_req"].contains(&node.work.action.name());
        let Some(written) = subject_of(node).filter(|_| is_bus) else {
            continue;
        };
        for (name, gate) in &subject.setting.target.gates {
            let commands = [("arm", &gate.arm.subject), ("disarm", &gate.disarm.subject)];
            let command = commands.into_iter().find(|(_, command)| written.as_text() == Some(command.as_str()));
            if let Some((word, _)) = command {
                let message = format!("`{}` sends the `{word}` command of `{name}` by hand", node.path);
                let found = report.at(message, subject.span_of(id));
                report.push(found.help(format!("write `do: {word}` with `gate: {name}` and a `reason`")));
            }
        }
    }
}
