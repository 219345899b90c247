//! Why a step came out as it did: its guards, judged once more by what was known then.
//!
//! Guards are pure, so a guard and the record give the same verdict at any later time. Pure; reads
//! the record and touches nothing.

use std::sync::Arc;

use crate::event::{Event, Happened, Header, Phase, Status};
use crate::guard::{Guards, Names, Part};
use crate::runbook::target::Target;
use crate::runbook::{ActionKind, Poll, Runbook, Step, Work, handed_over};
use crate::value::Value;

/// A step found by its path.
#[derive(Debug)]
pub struct Explained {
    /// The runbook it stands in.
    pub runbook: Arc<Runbook>,
    /// Its place there.
    pub at: usize,
    /// Its guards, in the order in which they are judged.
    pub judged: Vec<Judged>,
}

/// A guard of a step, taken apart.
#[derive(Debug)]
pub struct Judged {
    /// The key it stands under.
    pub key: &'static str,
    /// What it and its parts came to.
    pub part: Part,
}

/// The record a step is explained from.
#[derive(Clone, Copy)]
pub struct Evidence<'a> {
    /// The outermost runbook.
    pub runbook: &'a Arc<Runbook>,
    /// Where the world's things were.
    pub target: &'a Target,
    /// The sandbox the runbook was decoded in.
    pub guards: &'a Guards,
    /// The first record.
    pub header: &'a Header,
    /// Every record.
    pub events: &'a [Event],
}

/// Finds a step and judges its guards.
///
/// # Errors
/// A sentence when there is no such step.
pub fn explain(evidence: Evidence<'_>, path: &str) -> Result<Explained, String> {
    let run = Value::map([
        ("id", Value::text(evidence.header.run.as_str())),
        ("started_at", Value::Int(i64::try_from(evidence.header.started_unix_ms).unwrap_or(i64::MAX))),
    ]);
    let mut runbook = Arc::clone(evidence.runbook);
    let mut names = Names::new(&evidence.header.params, &evidence.target.to_value(), &run);
    let mut prefix = String::new();
    let mut segments = path.split('/').peekable();
    loop {
        let segment = segments.next().unwrap_or_default();
        let id = segment.split('[').next().unwrap_or(segment);
        let at = runbook.step_index(id).ok_or_else(|| runbook.no_step(&prefix, id))?;
        let full = format!("{prefix}{segment}");
        let step = runbook.steps.get(at).ok_or_else(|| runbook.no_step(&prefix, id))?;
        if segments.peek().is_none() && !has_guards(step) {
            return Ok(Explained { runbook: Arc::clone(&runbook), at, judged: Vec::new() });
        }
        let began = first_record(evidence.events, &full);
        evidence.learn(&runbook, &mut names, &prefix, began);
        if segments.peek().is_none() {
            let judged = evidence.judge(step, &mut names, &full);
            return Ok(Explained { runbook: Arc::clone(&runbook), at, judged });
        }
        let inner = match &step.work.action.kind {
            ActionKind::Runbook(inner) => Arc::clone(inner),
            _ => return Err(format!("`{full}` is no runbook used as an action, so nothing is inside it")),
        };
        names = names.nested(&inner_params(&inner, evidence.events, &full));
        runbook = inner;
        prefix = format!("{full}/");
    }
}

/// Where the first record about a piece of work stands; after all of them where there is none.
fn first_record(events: &[Event], path: &str) -> u64 {
    let about = events.iter().find(|event| match &event.what {
        Happened::Started { step, phase, .. }
        | Happened::Finished { step, phase, .. }
        | Happened::Skipped { step, phase, .. } => *phase == Phase::Forward && &**step == path,
        _ => false,
    });
    about.map_or(u64::MAX, |event| event.seq)
}

/// The params a runbook used as an action was given.
fn inner_params(runbook: &Runbook, events: &[Event], path: &str) -> Value {
    let with = events.iter().rev().find_map(|event| match &event.what {
        Happened::Started { step, phase: Phase::Forward, with, .. } if &**step == path => Some(with),
        _ => None,
    });
    with.and_then(|with| handed_over(runbook, with).ok()).unwrap_or_default()
}

impl Evidence<'_> {
    /// Adds the `let`s of a runbook, and what was known of its steps before a record.
    fn learn(&self, runbook: &Runbook, names: &mut Names, prefix: &str, before: u64) {
        for event in self.events.iter().take_while(|event| event.seq < before) {
            let (path, status, out) = match &event.what {
                Happened::Finished { phase: Phase::Forward, step, status, out, .. } => (step, *status, Some(out)),
                Happened::Skipped { phase: Phase::Forward, step, .. } => (step, Status::Skipped, None),
                _ => continue,
            };
            let id = path.strip_prefix(prefix).unwrap_or_default();
            if runbook.step_index(id).is_some() {
                names.set_step(id, status.word(), out.filter(|_| status == Status::Ok));
            }
        }
        for binding in &runbook.lets {
            if let Ok(value) = self.guards.value(&binding.guard, names, &[]) {
                names.set(&binding.name, &value);
            }
        }
    }

    /// Judges the guards of a step; those on its result only where it has one.
    fn judge(&self, step: &Step, names: &mut Names, path: &str) -> Vec<Judged> {
        let (work, item) = (&step.work, self.item(step, names, path));
        let out = self.events.iter().rev().find_map(|event| match &event.what {
            Happened::Finished { phase: Phase::Forward, step, status: Status::Ok, out, .. } if &**step == path => {
                Some(out)
            }
            _ => None,
        });
        let poll = match &work.poll {
            Poll::Once => None,
            Poll::Until { guard, .. } => Some(("until", guard)),
            Poll::Hold { guard, .. } => Some(("hold", guard)),
        };
        let before = [("when", work.when.as_ref()), ("require", work.require.as_ref())];
        let before = before.into_iter().filter_map(|(key, guard)| Some((key, guard?, None)));
        let after = poll.into_iter().chain(work.expect.as_ref().map(|guard| ("expect", guard)));
        let after = after.filter_map(|(key, guard)| Some((key, guard, Some(out?))));
        let judged = before.chain(after).map(|(key, guard, out)| {
            let mut locals: Vec<(&str, &Value)> = Vec::with_capacity(2);
            locals.extend(out.map(|out| ("out", out)));
            locals.extend(item.as_ref().map(|item| ("item", item)));
            Judged { key, part: self.guards.parts(guard, names, &locals) }
        });
        judged.collect()
    }

    /// The item of a step's fan-out that a path names.
    fn item(&self, step: &Step, names: &mut Names, path: &str) -> Option<Value> {
        let index: usize = path.strip_suffix(']')?.rsplit('[').next()?.parse().ok()?;
        let list = self.guards.value(&step.foreach.as_ref()?.list, names, &[]).ok()?;
        list.as_list()?.get(index).cloned()
    }
}

/// Whether a step has a guard that could be judged.
fn has_guards(step: &Step) -> bool {
    let Work { when, require, expect, poll, .. } = &step.work;
    when.is_some() || require.is_some() || expect.is_some() || !matches!(poll, Poll::Once)
}
