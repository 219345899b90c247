//! What holds of every run, whatever happened to it. Each function gives what is wrong, if anything.

use std::cell::Cell;
use std::collections::BTreeSet;

use titan_run::event::{Cause, Ending, Event, Happened, Phase, Request, Status};
use titan_run::journal::Outcome;

use super::book::{Book, OnFailure, Step, Undo, Work};
use super::story::{Story, is_of};

type Wrong = Option<String>;

/// Everything that holds of one story.
pub fn wrong(book: &Book, story: &Story) -> Wrong {
    ends_as_documented(story)
        .or_else(|| is_stuck_for_a_reason(book, story))
        .or_else(|| hears_an_abort(story))
        .or_else(|| undoes_nothing_of_a_success(story))
        .or_else(|| undoes_everything_of_a_rollback(story))
        .or_else(|| refuses_before_any_effect(story))
        .or_else(|| does_nothing_again(book, story))
        .or_else(|| closes_the_gate(story))
        .or_else(|| ensures(book, story))
}

/// A run ends, its record is whole, and what a person is needed for is said where one is.
fn ends_as_documented(story: &Story) -> Wrong {
    if let Some(Cause::Journal { message }) = &story.ended.cause {
        return Some(format!("the record broke: {message}"));
    }
    let is_stuck = story.ended.ending == Ending::Stuck;
    (is_stuck == story.ended.needs_person.is_empty()).then(|| format!("{:?}", story.ended))
}

/// Where every undo works and nothing asks for a person's word, no person is needed; a second abort
/// leaves undos to people.
fn is_stuck_for_a_reason(book: &Book, story: &Story) -> Wrong {
    let is_doubtful = |step: &Step| {
        let is_opaque = matches!(step.work, Work::Tell { is_idempotent: false, .. }) && !step.retry;
        let undo_fails =
            step.undo == Undo::Fails && matches!(step.work, Work::Tell { .. } | Work::Script { .. } | Work::Nested(_));
        is_opaque || undo_fails
    };
    (story.ended.ending == Ending::Stuck && aborts(story) < 2 && !book.has(&is_doubtful))
        .then(|| format!("stuck without a reason: {:?}", story.ended))
}

/// No run succeeds of which somebody heard that it is to be rolled back.
fn hears_an_abort(story: &Story) -> Wrong {
    let is_deaf = aborts(story) > 0 && story.ended.ending == Ending::Succeeded;
    is_deaf.then(|| "succeeded, and an abort is on record".to_owned())
}

fn aborts(story: &Story) -> usize {
    let is_abort =
        |event: &&Event| matches!(&event.what, Happened::Requested(asked) if asked.request == Request::Abort);
    story.events.iter().filter(is_abort).count()
}

fn undoes_nothing_of_a_success(story: &Story) -> Wrong {
    let undone = story.done.iter().find(|line| line.starts_with("u|"));
    undone.filter(|_| story.ended.ending == Ending::Succeeded).map(|line| format!("succeeded, and undone: {line}"))
}

/// Whatever was done is undone after it, once for each runner that may have begun to.
fn undoes_everything_of_a_rollback(story: &Story) -> Wrong {
    if story.ended.ending != Ending::RolledBack {
        return None;
    }
    if story.versions.iter().any(|version| version != "1.0.0") {
        return Some(format!("rolled back, and there runs {:?}", story.versions));
    }
    for (at, line) in story.done.iter().enumerate().filter(|(_, line)| line.starts_with("d|")) {
        let by = line.split('|').nth(2).unwrap_or_default();
        if by != "-" && !story.done.iter().skip(at).any(|later| is_of(later, "u", by)) {
            return Some(format!("rolled back, and never undone: {line}"));
        }
    }
    let undone: BTreeSet<_> = story.done.iter().filter(|line| line.starts_with("u|")).collect();
    undone.iter().find_map(|line| {
        let path = line.split('|').nth(1).unwrap_or_default();
        let times = story.done.iter().filter(|other| is_of(other, "u", path)).count();
        (times > 1 + story.deaths).then(|| format!("undone {times} times: {line}"))
    })
}

fn refuses_before_any_effect(story: &Story) -> Wrong {
    let is_touched = !story.done.is_empty() || story.is_armed || story.versions.iter().any(|one| one != "1.0.0");
    (story.ended.ending == Ending::Refused && is_touched).then(|| format!("refused, and done: {:?}", story.done))
}

/// What one runner recorded as ok, no later runner does again, unless the runbook around it is
/// tried again.
fn does_nothing_again(book: &Book, story: &Story) -> Wrong {
    let count = |done: &[String], path: &str| done.iter().filter(|line| is_of(line, "d", path)).count();
    story.marks.iter().find_map(|mark| {
        let ok = mark.state.all(Phase::Forward).filter(|(_, known)| {
            known.has_come_out() && matches!(known.outcome, Some(Outcome::Ended { status: Status::Ok, .. }))
        });
        ok.filter(|(path, _)| !may_be_tried_again(book, path)).find_map(|(path, _)| {
            let (before, after) = (count(&mark.done, path), count(&story.done, path));
            (before != after).then(|| format!("`{path}` was ok, and was done again: {before} -> {after}"))
        })
    })
}

/// Whether a runbook around a path may be begun anew.
fn may_be_tried_again(book: &Book, path: &str) -> bool {
    let Some((outer, inner)) = path.split_once('/') else {
        return false;
    };
    let at = outer.trim_start_matches('s').split('[').next().and_then(|at| at.parse::<usize>().ok());
    let Some(Step { work: Work::Nested(nested), retry, on_failure, .. }) = at.and_then(|at| book.steps.get(at)) else {
        return false;
    };
    *retry || *on_failure == OnFailure::Pause || may_be_tried_again(nested, inner)
}

/// The gate is open only after a success; what a person is needed for is never a gate that
/// nobody closed: every disarm is heard in this laboratory.
fn closes_the_gate(story: &Story) -> Wrong {
    let is_open = story.is_armed && story.ended.ending != Ending::Succeeded;
    is_open.then(|| format!("{:?}, and the gate is open", story.ended.ending))
}

/// A run that touched something ensures at its end.
fn ensures(book: &Book, story: &Story) -> Wrong {
    let is_touched = story.done.iter().any(|line| line.starts_with("d|"));
    let last = story.done.last().is_some_and(|line| line.starts_with("e|"));
    (book.ensure.is_some() && is_touched && !last).then(|| format!("not ensured at the end: {:?}", story.done))
}

/// A run whose runners died ends as it would have without that.
pub fn differs(base: &Story, story: &Story) -> Wrong {
    let lines = |story: &Story| -> BTreeSet<String> {
        story.done.iter().filter(|line| line.starts_with("d|") || line.starts_with("u|")).cloned().collect()
    };
    let last = |story: &Story| story.done.iter().rfind(|line| line.starts_with("e|")).cloned();
    let told = |story: &Story| (story.ended.ending, lines(story), last(story), story.versions.clone(), story.is_armed);
    let (without, with) = (told(base), told(story));
    (without != with).then(|| format!("without a death {without:?}\nwith it {with:?}"))
}

/// Whether a runbook has the same end however its time is spent: nothing runs beside anything else,
/// and nothing depends on how often something was tried. A second arm is refused while the gate is
/// open; one whose outcome nobody knows closes it first, and so goes well.
pub fn is_exact(book: &Book) -> bool {
    let arms = Cell::new(0);
    book.has(&|step| {
        arms.set(arms.get() + u32::from(matches!(step.work, Work::Arm)));
        false
    });
    let depends = |step: &Step| {
        step.retry || matches!(step.work, Work::Check { good_from: 2 } | Work::Tell { is_idempotent: false, .. })
    };
    arms.get() < 2 && book.is_sequential() && !book.is_watched() && !book.total_limit && !book.has(&depends)
}
