//! `titan-run resume RUN`, and `abort` where nobody carries the run out: go on with a run whose
//! runner has ended, forward or back.
//!
//! Both take the run over, cut a torn tail off, kill what the earlier runner left behind and use
//! the recorded files. `resume` refuses where anything the run is made of was changed since;
//! `abort` works always.

use std::collections::BTreeSet;

use crate::engine::Past;
use crate::event::{Asked, Happened, Header, Request};
use crate::journal::{self, State};
use crate::live::{kill_orphans, user};
use crate::primitive::DISARM_HINT;
use crate::runbook::Runbook;

use super::answers::misfits;
use super::ask::judge_word;
use super::carry::{Earlier, How, Journey, carry};
use super::exit::Refusal;
use super::prepare::Prepared;
use super::recorded;
use super::runs::{Named, Story};
use super::{Streams, exit, worlds};

// The arguments of `resume`.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    how: How,
    /// A step in doubt took effect: go on after it
    #[arg(long, value_name = "STEP")]
    took_effect: Vec<String>,
    /// A step in doubt took no effect: do it
    #[arg(long, value_name = "STEP")]
    took_none: Vec<String>,
}

/// Goes on; gives the exit code of the ending.
pub(super) fn resume(args: &Args, streams: &mut Streams<'_>) -> u8 {
    let asked = |step: &String, request: fn(String) -> Request| Asked {
        request: request(step.clone()),
        who: user(),
        why: "said on the command line of `resume`".to_owned(),
    };
    let done = args.took_effect.iter().map(|step| asked(step, |step| Request::TookEffect { step }));
    let not_done = args.took_none.iter().map(|step| asked(step, |step| Request::TookNone { step }));
    go_on(&args.named, &args.how, Direction::Forward, done.chain(not_done).collect(), streams)
}

/// Rolls a run back that nobody carries out; gives the exit code of the ending.
pub(super) fn roll_back(named: &Named, how: &How, asked: Asked, streams: &mut Streams<'_>) -> u8 {
    go_on(named, how, Direction::Back, vec![asked], streams)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forward,
    Back,
}

fn go_on(named: &Named, how: &How, direction: Direction, asked: Vec<Asked>, streams: &mut Streams<'_>) -> u8 {
    let (named, how) = (&named.absolute(), &how.absolute());
    let (prepared, earlier) = match taken_over(named, how, direction, &asked, streams) {
        Ok(taken) => taken,
        Err((code, problems)) => {
            problems.iter().for_each(|problem| streams.complain(problem));
            return code;
        }
    };
    let world = worlds::Args::default();
    let earlier = Some(earlier);
    carry(Journey { prepared, how, world: &world, place: Some(&named.place), earlier, asked }, streams)
}

type Taken = (Prepared, Earlier);

/// Why not: the exit code, and a sentence for each thing in the way.
type Untaken = (u8, Vec<String>);

/// Takes a run over; nothing has an effect before everything is known to be in order.
fn taken_over(
    named: &Named,
    how: &How,
    direction: Direction,
    asked: &[Asked],
    streams: &mut Streams<'_>,
) -> Result<Taken, Untaken> {
    let one = |problem: String| (exit::REFUSED, vec![problem]);
    let folder = named.find().map_err(|refusal| (refusal.code, vec![refusal.why]))?;
    // Where the record cannot be written, a gate can be closed all the same.
    let hinted = |problem: String| match folder.is_owned() {
        true => one(problem),
        false => (exit::REFUSED, vec![problem, DISARM_HINT.to_owned()]),
    };
    let (journal, bytes) = folder.take_over().map_err(hinted)?;
    let (story, read) = std::thread::scope(|scope| {
        let story = scope.spawn(|| Story::read(&bytes));
        let read = header_of(&bytes).map(|header| files(&header, direction));
        (story.join().unwrap_or_else(|_| Err("the journal cannot be read".to_owned())), read)
    });
    drop(bytes);
    let Story { events, state, chain, torn, whole_bytes } =
        story.map_err(|why| (exit::REFUSED, vec![why, DISARM_HINT.to_owned()]))?;
    let Some(header) = state.header.clone() else {
        return Err(one("the run never began: its journal holds no whole record".to_owned()));
    };
    if header.simulated {
        return Err(one("the run was simulated, and its world ended with its runner".to_owned()));
    }
    folder.is_of(&header.run).map_err(one)?;
    state.goes_on().map_err(one)?;
    let prepared = read.unwrap_or_else(|| files(&header, direction)).map_err(|why| (exit::REFUSED, why))?;
    let misfits = if direction == Direction::Forward { misfits(how, &prepared.runbook) } else { Vec::new() };
    if !misfits.is_empty() {
        return Err((exit::USAGE, misfits));
    }
    words(&prepared.runbook, &state.clone().resumed(), asked).map_err(|refusal| (refusal.code, vec![refusal.why]))?;
    enter(&header.folder, direction, streams).map_err(one)?;
    let orphans = kill_orphans(&header.run, &folder.read_ended_commands()).map_err(one)?;
    if !orphans.is_empty() {
        streams.complain(&format!("killed what the earlier runner left behind: processes {orphans:?}"));
    }
    journal.cut(whole_bytes).map_err(one)?;
    let cut_bytes = torn.map_or(0, |torn| torn.bytes);
    let past = Past { state: state.clone().resumed(), who: user(), cut_bytes };
    Ok((prepared, Earlier { folder, journal, events, chain, state, past }))
}

/// Goes to the folder that the run was started in: paths in its target are relative to that.
fn enter(folder: &str, direction: Direction, streams: &mut Streams<'_>) -> Result<(), String> {
    let Err(error) = std::env::set_current_dir(folder) else {
        return Ok(());
    };
    let why = format!("the run was started in `{folder}`, which cannot be entered: {error}");
    if direction == Direction::Forward {
        return Err(why);
    }
    streams.complain(&format!("{why}; the rollback's commands are looked for from here"));
    Ok(())
}

/// What a run is made of, from its first record.
fn header_of(bytes: &[u8]) -> Option<Header> {
    match journal::first(bytes)?.what {
        Happened::RunStarted(header) if !header.simulated => Some(*header),
        _ => None,
    }
}

/// The recorded files, checked while the records after the first are being read: nothing of it has
/// an effect.
fn files(header: &Header, direction: Direction) -> Result<Prepared, Vec<String>> {
    if direction == Direction::Forward {
        let mut changes = recorded::changes(header);
        if !changes.is_empty() {
            let id = &header.run;
            changes.push(format!("nothing was done; `titan-run abort {id}` rolls back from what is on record"));
            return Err(changes);
        }
    }
    recorded::prepared(header, direction == Direction::Forward).map_err(|why| vec![why])
}

/// Whether what a person says of steps in doubt can be heard.
fn words(runbook: &Runbook, state: &State, asked: &[Asked]) -> Result<(), Refusal> {
    let mut said = BTreeSet::new();
    for path in asked.iter().filter_map(|asked| asked.request.word_on()) {
        judge_word(runbook, state, path)?;
        if !said.insert(path) {
            return Err(Refusal::usage(format!("`{path}` is said twice: it either took effect or did not")));
        }
    }
    Ok(())
}
