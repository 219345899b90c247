//! A gate's command is published by hand.
//!
//! `nats_pub` on the arm or disarm subject, or a script, program or HTTP request that is given it, sends
//! the command and looks no further: it does not verify the gate's state, does not close it again when something is
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
use crate::guard::Said;
use crate::guard::syntax::ExprKind;
use crate::lint::pieces::{Pieces, Reader, handed_over, sent, texts_handed_over};
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
    subject.everywhere(&mut |flow, node, span| look(&Reader { subject, flow, node }, span, report));
}

fn look(reader: &Reader<'_, '_>, span: Span, report: &mut Report<'_>) {
    let node = reader.node;
    let mut written: Vec<_> = sent(reader).into_iter().filter_map(|(_, subject)| subject.whole()).collect();
    match (&node.work.action.kind, node.work.action.name()) {
        (ActionKind::Script(script), _) => {
            written.extend(["exec", "http"].iter().flat_map(|name| texts_handed_over(script.said(), name)));
            written.extend(argvs(reader, script.said()).iter().filter_map(Pieces::whole));
        }
        (_, "exec" | "http") => {
            written.extend(written_out(node.work.action.with.constants()));
            written.extend(node.work.action.with.partly_written());
            written.extend(reader.items("argv").iter().filter_map(Pieces::whole));
            let usual = reader.flow.argument(node, "argv").and_then(|argv| reader.subject.value_of(&argv));
            written.extend(written_out(usual.iter().collect()));
        }
        _ => {}
    }
    for (name, gate) in &reader.subject.setting.target.gates {
        let commands = [("arm", &gate.arm.subject), ("disarm", &gate.disarm.subject)];
        let is_sent = |command: &str| written.iter().any(|text| is_word(text, command));
        if let Some((word, _)) = commands.into_iter().find(|(_, command)| is_sent(command)) {
            let message = format!("`{}` sends the `{word}` command of `{name}` by hand", node.path);
            let found = report.at(message, span);
            report.push(found.help(format!("write `do: {word}` with `gate: {name}` and a `reason`")));
        }
    }
}

/// What a script writes of the programs it runs.
fn argvs(reader: &Reader<'_, '_>, said: &Said) -> Vec<Pieces> {
    let calls = said.calls.iter().filter(|call| call.name == "exec");
    let lists = calls.filter_map(|call| match &handed_over(call, "argv", said)?.kind {
        ExprKind::List(items) => Some(items),
        _ => None,
    });
    lists.flatten().map(|item| reader.said(item, said)).collect()
}

/// Every text in some values.
fn written_out(values: Vec<&Value>) -> Vec<String> {
    let mut words = Vec::new();
    let mut open = values;
    while let Some(value) = open.pop() {
        match value {
            Value::Text(text) => words.push(text.to_string()),
            Value::List(items) => open.extend(items.iter()),
            Value::Map(entries) => open.extend(entries.values()),
            _ => {}
        }
    }
    words
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
