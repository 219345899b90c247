//! What an earlier runner did of a run, in one line; `titan-run replay` shows all of it.

use std::collections::BTreeMap;

use crate::declaration::Effect;
use crate::event::{Cause, Event, Happened, Phase, Status};

use super::few::listed;
use super::words::named;

/// How one piece of work stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    UnderWay(Effect),
    Done,
    Failed,
    Skipped,
}

/// Sums up what was done, what is in doubt, and where the run goes on.
pub(super) fn earlier(events: &[Event]) -> String {
    let mut work: BTreeMap<(Phase, &str), Standing> = BTreeMap::new();
    let (mut run, mut is_rolling_back, mut ended) = ("", false, None);
    for event in events {
        match &event.what {
            Happened::RunStarted(header) => run = &header.run,
            Happened::Started { phase, step, effect, .. } => {
                work.insert((*phase, step), Standing::UnderWay(*effect));
            }
            Happened::Finished { phase, step, status, .. } => {
                work.insert((*phase, step), if *status == Status::Ok { Standing::Done } else { Standing::Failed });
            }
            Happened::Skipped { phase, step, .. } => drop(work.insert((*phase, step), Standing::Skipped)),
            Happened::RollbackStarted { .. } => is_rolling_back = true,
            Happened::RunEnded(end) => ended = Some(end),
            Happened::Resumed { .. } => ended = None,
            _ => {}
        }
    }
    let mut open: Vec<_> = work.iter().filter_map(|(key, standing)| innermost(&work, *key, *standing)).collect();
    // A runbook in which the run paused stood still: nothing of it is in doubt.
    if let Some(Cause::Step { step, .. }) = ended.and_then(|end| end.cause.as_ref()) {
        open.retain(|(name, _)| !step.strip_prefix(&**name).is_some_and(|rest| rest.starts_with('/')));
    }
    let ticked = |(name, _): &(String, Effect)| format!("`{name}`");
    let doubtful = listed(open.iter().filter(|(_, effect)| *effect == Effect::Changes).map(ticked));
    let mut parts = vec![counted(&work)];
    if !doubtful.is_empty() {
        parts.push(format!("in doubt: {doubtful}"));
    }
    let cause = ended.and_then(|end| Some(format!("it was {}: {}", end.ending.word(), end.cause.as_ref()?.sentence())));
    parts.push(match (cause, is_rolling_back, open.is_empty()) {
        (Some(cause), _, _) => cause,
        (None, _, false) => {
            format!("goes on at {}", listed(open.iter().map(ticked)))
        }
        (None, true, true) => "goes on rolling back".to_owned(),
        (None, false, true) => "goes on after them".to_owned(),
    });
    format!("before: {}; `titan-run replay {run}` shows it", parts.join("; "))
}

/// The name and effect of work under way that has no other work under way inside it.
fn innermost(
    work: &BTreeMap<(Phase, &str), Standing>,
    (phase, step): (Phase, &str),
    standing: Standing,
) -> Option<(String, Effect)> {
    let Standing::UnderWay(effect) = standing else { return None };
    let is_inside = |other: &str| other.strip_prefix(step).is_some_and(|rest| rest.starts_with(['/', '[']));
    // Sorted, what is inside stands right behind it.
    let mut behind = work.range((phase, step)..).take_while(|((at, other), _)| *at == phase && other.starts_with(step));
    let holds_another =
        behind.any(|((_, other), standing)| is_inside(other) && matches!(standing, Standing::UnderWay(_)));
    (!holds_another).then(|| (named(phase, step), effect))
}

/// How many steps of the runbook itself came out how.
fn counted(work: &BTreeMap<(Phase, &str), Standing>) -> String {
    let count = |wanted: Standing| {
        let own = work.iter().filter(|((phase, step), _)| *phase == Phase::Forward && !step.contains(['/', '[']));
        own.filter(|(_, standing)| **standing == wanted).count()
    };
    let done = count(Standing::Done);
    let mut text = format!("{done} step{} done", if done == 1 { "" } else { "s" });
    for (standing, word) in [(Standing::Failed, "failed"), (Standing::Skipped, "skipped")] {
        if count(standing) > 0 {
            text.push_str(&format!(", {} {word}", count(standing)));
        }
    }
    text
}
