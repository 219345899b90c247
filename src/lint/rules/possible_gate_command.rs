//! A message may turn out to be a gate's command.
//!
//! A subject that is pieced together when the run comes to it, such as `titan.cmd.operator.${params.what}.v1`,
//! can be the one that opens a gate, and `nats_pub` neither verifies nor closes it again. What is written of a
//! subject decides: where it begins or ends otherwise than the commands of the target's gates do, or has another
//! number of tokens, no value makes it one of them. That goes for undos, ensures and what scripts send as well, and
//! for what a program is told to send; a function that a script hands over with `Fn` may be given anything.
//!
//! ```yaml bad
//! titan: 1
//! runbook: tell
//! params:
//!   what: { type: text }
//! steps:
//!   tell:
//!     do: nats_pub
//!     with: { subject: "titan.cmd.operator.${params.what}.v1", payload: "told" }
//!     no_undo: an example
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: tell
//! params:
//!   what: { type: text }
//! steps:
//!   tell:
//!     do: nats_pub
//!     with: { subject: "titan.evt.${params.what}.v1", payload: "told" }
//!     no_undo: an example
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::lint::argv::program;
use crate::lint::pieces::{Pieces, Reader, sent};
use crate::source::Span;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "possible-gate-command",
    severity: Severity::Error,
    strength: Strength::Heuristic,
    group: Group::Safety,
    source: include_str!("possible_gate_command.rs"),
    check: Check::Runbook(check),
};

/// The words before a subject with which the client of NATS sends.
const SENDING: [&str; 4] = ["pub", "publish", "req", "request"];
/// Its flags that have no value; what comes after any other may be one.
const ALONE: [&str; 10] =
    ["-J", "-q", "-r", "--force-stdin", "--jetstream", "--no-templates", "--quiet", "--raw", "--templates", "--trace"];

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    subject.everywhere(&mut |flow, node, span| look(&Reader { subject, flow, node }, span, report));
}

fn look(reader: &Reader<'_, '_>, span: Span, report: &mut Report<'_>) {
    let gates = &reader.subject.setting.target.gates;
    for (primitive, subject) in sent(reader).into_iter().chain(told(reader)) {
        // What is written as a whole is no guess.
        if subject.whole().is_some() {
            continue;
        }
        let commands = gates
            .iter()
            .flat_map(|(name, gate)| [("arm", name, &gate.arm.subject), ("disarm", name, &gate.disarm.subject)]);
        let mut commands = commands.filter(|(_, _, command)| subject.may_be(command));
        if let Some((word, gate, command)) = commands.next() {
            let message = format!(
                "`{}` may send the `{word}` command of `{gate}`: its subject `{}` can become `{command}`",
                reader.node.path,
                subject.shown()
            );
            let found = report.at(message, span);
            report.push(found.help(format!(
                "write the beginning of the subject out in `{primitive}`, or `do: {word}` where the gate is meant"
            )));
            return;
        }
    }
}

/// The subjects that a program is told to send to, as far as its arguments say: what the client of
/// NATS is given for one, and what begins as one.
fn told(reader: &Reader<'_, '_>) -> Vec<(&'static str, Pieces)> {
    if reader.node.work.action.name() != "exec" {
        return Vec::new();
    }
    let mut found = Vec::new();
    let (mut is_client, mut is_next, mut has_value) = (false, false, false);
    for argument in reader.items("argv") {
        let word = argument.whole();
        if is_next || argument.begins_with_token() {
            found.push(("exec", argument));
        }
        // The subject comes after the flags, each of which may have a value.
        let flag = word.as_deref().filter(|word| word.starts_with('-'));
        let is_sending = is_client && word.as_deref().is_some_and(|word| SENDING.contains(&word));
        is_next = is_sending || (is_next && (flag.is_some() || has_value));
        has_value = flag.is_some_and(|flag| !flag.contains('=') && !ALONE.contains(&flag));
        is_client |= word.is_some_and(|word| program(&word) == "nats");
    }
    found
}
