//! A runbook as it would run: order, edges, effects and undos, without touching anything.

use std::fmt::Write as _;

use crate::declaration::Effect;
use crate::guard::Given;
use crate::runbook::{ActionKind, EdgeOutcome, Poll, Runbook, Step, Work};
use crate::value::format_duration;
use crate::visible::visible;

/// Describes a runbook for `titan-run plan`, nested runbooks indented below their step.
pub fn describe(runbook: &Runbook) -> String {
    let mut text = format!("{}\n", runbook.name);
    if let Some(about) = &runbook.about {
        let _ = writeln!(text, "{}", visible(about));
    }
    for param in &runbook.params {
        let default = param.default.as_ref().map_or_else(|| "required".to_owned(), |value| format!("default {value}"));
        let _ = writeln!(text, "  param {} ({}, {})", param.name, param.kind.word(), visible(&default));
    }
    for (name, limit) in [("total", runbook.limits.total), ("disarmed", runbook.limits.disarmed)] {
        if let Some(limit) = limit {
            let _ = writeln!(text, "  limit {name} {}", format_duration(limit.value));
        }
    }
    text.push('\n');
    steps(runbook, 0, &mut text);
    for watch in &runbook.watches {
        let id = |at: usize| runbook.steps.get(at).map_or("the end", |step| step.id.as_str());
        let to = watch.to.map_or("the end", id);
        let _ = writeln!(text, "watch {} from {} to {to}: {}", watch.id, id(watch.from), watch.work.action.name());
    }
    for ensure in &runbook.ensures {
        let _ = writeln!(text, "ensure {}: {}", ensure.id, ensure.work.action.name());
    }
    text
}

fn steps(runbook: &Runbook, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    for (at, step) in runbook.steps.iter().enumerate() {
        let effect = match step.work.action.effect() {
            Effect::Observes => "observes",
            Effect::Changes => "CHANGES",
            Effect::Asks => "asks",
        };
        let _ =
            writeln!(text, "{indent}{:>3}. {:<28} {:<16} {effect}", at + 1, step.id.as_str(), step.work.action.name());
        if let Some(about) = &step.about {
            let _ = writeln!(text, "{indent}       {}", visible(about));
        }
        edges(runbook, at, step, &indent, text);
        for (word, guard) in [("when", &step.work.when), ("require", &step.work.require), ("expect", &step.work.expect)]
        {
            if let Some(guard) = guard {
                let _ = writeln!(text, "{indent}       {word} {}", visible(guard.text()));
            }
        }
        for bound in bounds(&step.work) {
            let _ = writeln!(text, "{indent}       {}", visible(&bound));
        }
        if let Some(undo) = &step.undo {
            let _ = writeln!(text, "{indent}       undo {}", undo.action.name());
        }
        if let ActionKind::Runbook(inner) = &step.work.action.kind {
            steps(inner, depth + 2, text);
        }
    }
}

/// How long it is repeated, tried again and waited for, as written; a line each.
fn bounds(work: &Work) -> Vec<String> {
    let mut lines = Vec::new();
    match &work.poll {
        Poll::Once => {}
        Poll::Until { guard, every } => {
            lines.push(format!("until {}, every {}", guard.text(), format_duration(*every)))
        }
        Poll::Hold { guard, every, stay, .. } => {
            let stay = match stay.given_whole() {
                Given::Constant(value) => value.to_string(),
                Given::Expression(guard) => guard.text().to_owned(),
                Given::Mixed => "a computed time".to_owned(),
            };
            lines.push(format!("hold {} for {stay}, every {}", guard.text(), format_duration(*every)));
        }
    }
    if let Some(retry) = &work.retry {
        let on: Vec<_> = retry.on.iter().map(ToString::to_string).collect();
        let every = format_duration(retry.every);
        lines.push(format!("retry on {}: {} attempts, {every} apart", on.join(", "), retry.attempts));
    }
    lines.extend(work.timeout.map(|timeout| format!("timeout {}", format_duration(timeout))));
    lines
}

/// Says the edges of a step, but not the plain one to the step above.
fn edges(runbook: &Runbook, at: usize, step: &Step, indent: &str, text: &mut String) {
    let is_plain = |edge: &crate::runbook::Edge| edge.on == EdgeOutcome::OkOrSkipped && edge.from + 1 == at;
    if step.needs.iter().all(is_plain) {
        if step.needs.is_empty() && at > 0 {
            let _ = writeln!(text, "{indent}       starts at once");
        }
        return;
    }
    let words: Vec<_> = step
        .needs
        .iter()
        .filter_map(|edge| Some(format!("{} {}", runbook.steps.get(edge.from)?.id, edge.on.word())))
        .collect();
    let _ = writeln!(text, "{indent}       needs {}", words.join(", "));
}
