//! A gate's command is published by hand.
//!
//! `nats_pub` on the arm or disarm subject, or a script or program that is given it, sends the command
//! and looks no further: it does not verify the gate's state, does not close it again when something is
//! unclear, and the engine does not know that a gate was moved. `arm` and `disarm` do all three. That
//! goes for undos and ensures as well.
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
use crate::guard::Template;
use crate::lint::flow::{Flow, Node, Part};
use crate::runbook::ActionKind;
use crate::source::Span;
use crate::value::Value;

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
        look(subject, flow, node, subject.span_of(id), report);
    }
    for (undone, _) in subject.undos() {
        let undoing = &undone.scene.flow;
        for (_, inner) in undoing.nodes().filter(|(_, inner)| inner.part == Part::Whole) {
            look(subject, undoing, inner, subject.undo_span(undone), report);
        }
    }
    for ensure in &subject.runbook.ensures {
        let ensuring = flow.of_ensure(ensure);
        for (_, inner) in ensuring.nodes().filter(|(_, inner)| inner.part == Part::Whole) {
            look(subject, &ensuring, inner, ensure.span, report);
        }
    }
}

fn look(subject: &Subject<'_>, flow: &Flow<'_>, node: &Node<'_>, span: Span, report: &mut Report<'_>) {
    let action = &node.work.action;
    let written = match (&action.kind, action.name()) {
        (ActionKind::Script(script), _) => Some(script.text().to_owned()),
        (_, "nats_pub" | "nats_req") => {
            flow.argument(node, "subject").and_then(|one| subject.text_of(&one).map(str::to_owned))
        }
        (_, "exec") => Some(written_out(&action.with)),
        _ => None,
    };
    let Some(written) = written else {
        return;
    };
    for (name, gate) in &subject.setting.target.gates {
        let commands = [("arm", &gate.arm.subject), ("disarm", &gate.disarm.subject)];
        let command = commands.into_iter().find(|(_, command)| is_word(&written, command));
        if let Some((word, _)) = command {
            let message = format!("`{}` sends the `{word}` command of `{name}` by hand", node.path);
            let found = report.at(message, span);
            report.push(found.help(format!("write `do: {word}` with `gate: {name}` and a `reason`")));
        }
    }
}

/// Every text that is written out in the arguments of a program.
fn written_out(with: &Template) -> String {
    let mut words = Vec::new();
    let mut open = with.constants();
    while let Some(value) = open.pop() {
        match value {
            Value::Text(text) => words.push(text.to_string()),
            Value::List(items) => open.extend(items.iter()),
            Value::Map(entries) => open.extend(entries.values()),
            _ => {}
        }
    }
    words.join("\n")
}

/// Whether a subject stands in a text as a whole.
fn is_word(text: &str, subject: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || ['.', '_', '-', '*', '>'].contains(&c);
    text.match_indices(subject).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + subject.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}
