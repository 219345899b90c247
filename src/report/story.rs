//! A run told from its record: the timeline, and why one step came out as it did.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use crate::engine::{Explained, Judged};
use crate::event::{Asked, Cause, Event, Happened, Header, Phase, Status};
use crate::guard::Part;
use crate::runbook::EdgeOutcome;
use crate::value::Value;
use crate::visible::visible;

use super::words::{clock, named};

/// Every record as a line, results and failures in full.
pub fn timeline(events: &[Event]) -> String {
    let mut text = String::new();
    for event in events {
        let (what, more) = line(&event.what);
        let _ = writeln!(text, "{:>6} {:>9}  {}", event.seq, clock(event.at_ms), visible(&what));
        for (name, value) in more {
            for (at, part) in value.lines().enumerate() {
                let lead = if at == 0 { format!("{name}:") } else { String::new() };
                let _ = writeln!(text, "{:>18}  {lead:<10} {}", "", visible(part));
            }
        }
    }
    text
}

/// What a record says in one line, and what it holds.
fn line(what: &Happened) -> (String, Vec<(&'static str, String)>) {
    match what {
        Happened::RunStarted(header) => begun(header),
        Happened::LetComputed { name, value: computed } => (format!("let {name}"), held(vec![("is", value(computed))])),
        Happened::WatchLive { watch } => (format!("watch {watch} is live"), Vec::new()),
        Happened::WatchEnded { watch, breach } => {
            let breach = breach.as_ref().map(ToString::to_string);
            (format!("watch {watch} ended"), held(vec![("breach", breach)]))
        }
        Happened::Started { phase, step, action, attempt, with, .. } => {
            (format!("{} began: {action}, attempt {attempt}", named(*phase, step)), held(vec![("with", value(with))]))
        }
        Happened::Remembered { phase, step, memory } => {
            (format!("{} remembers", named(*phase, step)), held(vec![("memory", value(memory))]))
        }
        Happened::Retrying { phase, step, failure, wait_ms } => {
            let title = format!("{} is tried again in {}", named(*phase, step), clock(*wait_ms));
            (title, held(vec![("because", Some(failure.to_string()))]))
        }
        Happened::CallStarted { phase, step, index, primitive, with } => {
            (format!("{} call {index}: {primitive}", named(*phase, step)), held(vec![("with", value(with))]))
        }
        Happened::CallFinished { phase, step, index, out, failure } => {
            let pairs = vec![("out", value(out)), ("failure", failure.as_ref().map(ToString::to_string))];
            (format!("{} call {index} ended", named(*phase, step)), held(pairs))
        }
        Happened::Finished { phase, step, status, failure, out, took_ms } => {
            let title = format!("{} ended {} after {}", named(*phase, step), status.word(), clock(*took_ms));
            (title, held(vec![("out", value(out)), ("failure", failure.as_ref().map(ToString::to_string))]))
        }
        Happened::Skipped { phase, step, reason } => {
            (format!("{} was skipped", named(*phase, step)), held(vec![("because", Some(reason.clone()))]))
        }
        Happened::GateClosing { gate, .. } => (format!("gate {gate} is to be closed"), Vec::new()),
        Happened::GateClosed { gate, failure, .. } => (
            format!("gate {gate}: the closing ended"),
            held(vec![("failure", failure.as_ref().map(ToString::to_string))]),
        ),
        Happened::LookedAgain { phase, step, failure } => (
            format!("{} was looked at again", named(*phase, step)),
            held(vec![("failure", failure.as_ref().map(ToString::to_string))]),
        ),
        Happened::Requested(Asked { request, who, why }) => {
            (format!("{who} asked: {}", request.phrase()), held(vec![("why", Some(why.clone()))]))
        }
        Happened::Resumed { who, cut_bytes, .. } => {
            let cut = (*cut_bytes > 0).then(|| format!("{cut_bytes} bytes of an unfinished record"));
            (format!("{who} resumed the run"), held(vec![("cut off", cut)]))
        }
        Happened::RollbackStarted { cause } => {
            ("the rollback began".to_owned(), held(vec![("because", Some(cause.sentence()))]))
        }
        Happened::RunEnded(ended) => {
            let pairs = vec![
                ("because", ended.cause.as_ref().map(Cause::sentence)),
                ("needs", (!ended.needs_person.is_empty()).then(|| ended.needs_person.join("\n"))),
                ("outputs", value(&ended.outputs)),
            ];
            (format!("the run ended {} after {}", ended.ending.word(), clock(ended.took_ms)), held(pairs))
        }
    }
}

fn begun(header: &Header) -> (String, Vec<(&'static str, String)>) {
    let digests = header.digests.iter().map(|(name, digest)| format!("{digest} {name}"));
    let pairs = vec![
        ("by", Some(header.who.clone())),
        ("engine", Some(header.engine.clone())),
        ("params", value(&header.params)),
        ("digests", Some(digests.collect::<Vec<_>>().join("\n"))),
    ];
    (format!("run {} of {} on {} began", header.run, header.runbook, header.target), held(pairs))
}

/// What a record holds, as far as it does.
fn held(pairs: Vec<(&'static str, Option<String>)>) -> Vec<(&'static str, String)> {
    pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn value(value: &Value) -> Option<String> {
    (!value.is_empty()).then(|| value.to_string())
}

/// Every step's outcome, its edges and its guards with their operands.
pub fn reasons(events: &[Event], found: &[(Arc<str>, Explained)]) -> String {
    let outcomes = outcomes(events);
    found.iter().map(|(path, found)| reason(&outcomes, found, path)).collect()
}

/// Why a step ran, was skipped or failed: its edges, its guards with their operands, its attempts.
/// `path` is the step's full path.
pub fn why(events: &[Event], found: &Explained, path: &str) -> String {
    let mine: Vec<_> = events.iter().filter(|event| is_about(&event.what, path)).cloned().collect();
    format!("{}{}", reason(&outcomes(events), found, path), timeline(&mine))
}

type Outcomes = BTreeMap<Arc<str>, String>;

fn reason(outcomes: &Outcomes, found: &Explained, path: &str) -> String {
    let mut text = String::new();
    let runbook = &found.runbook;
    let Some(step) = runbook.steps.get(found.at) else {
        return text;
    };
    let prefix = path.rfind('/').and_then(|last| path.get(..=last)).unwrap_or("");
    let outcome = |path: &str| outcomes.get(path).map_or("not begun", String::as_str);
    let _ = writeln!(text, "{}: {}", visible(path), visible(outcome(path)));
    for edge in &step.needs {
        let from = runbook.steps.get(edge.from).map_or("?", |from| from.id.as_str());
        let how = if edge.on == EdgeOutcome::OkOrSkipped { "follows" } else { "needs" };
        let outcome = visible(outcome(&format!("{prefix}{from}")));
        let _ = writeln!(text, "  {how} {from} to be {}: it was {outcome}", edge.on.word());
    }
    for Judged { key, part } in &found.judged {
        let _ = writeln!(text, "  {key} {} -> {}", visible(&part.text), visible(&part.value));
        operands(&mut text, &part.parts, 6);
    }
    text
}

/// The parts of a guard, each a little further in than what it is a part of.
fn operands(text: &mut String, parts: &[Part], indent: usize) {
    for part in parts {
        let sign = if part.parts.is_empty() { "=" } else { "->" };
        let _ = writeln!(text, "{:indent$}{} {sign} {}", "", visible(&part.text), visible(&part.value));
        operands(text, &part.parts, indent + 4);
    }
}

/// How every step of the forward part came out, in a few words.
fn outcomes(events: &[Event]) -> Outcomes {
    let mut outcomes = BTreeMap::new();
    for event in events {
        match &event.what {
            Happened::Started { phase: Phase::Forward, step, .. } => {
                outcomes.insert(Arc::clone(step), "begun, and its outcome is not on record".to_owned());
            }
            Happened::Finished { phase: Phase::Forward, step, status, failure, .. } => {
                let words = match (status, failure) {
                    (Status::Ok, _) | (_, None) => status.word().to_owned(),
                    (_, Some(failure)) => format!("{} ({failure})", status.word()),
                };
                outcomes.insert(Arc::clone(step), words);
            }
            Happened::Skipped { phase: Phase::Forward, step, reason } => {
                outcomes.insert(Arc::clone(step), format!("skipped: {reason}"));
            }
            _ => {}
        }
    }
    outcomes
}

/// Whether a record is about a piece of work, or about an item of its fan-out.
fn is_about(what: &Happened, path: &str) -> bool {
    let (Happened::Started { step, .. }
    | Happened::Remembered { step, .. }
    | Happened::Retrying { step, .. }
    | Happened::CallStarted { step, .. }
    | Happened::CallFinished { step, .. }
    | Happened::Finished { step, .. }
    | Happened::Skipped { step, .. }) = what
    else {
        return false;
    };
    step.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
}
