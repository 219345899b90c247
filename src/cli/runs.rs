//! `titan-run runs`: lists the runs on record; and where runs are found by every command.

use std::path::PathBuf;

use crate::event::{Cause, Ended, Event, Happened, Request};
use crate::journal::{self, Chain, State, Torn};
use crate::live::now_unix_ms;
use crate::live::run_folder::RunFolder;
use crate::report::{Row, listed, table};

use super::exit::Refusal;
use super::{Streams, exit};

/// The environment variable that says where runs are kept.
const VARIABLE: &str = "TITAN_RUNS";

/// Where runs are kept where nothing else is said.
const DEFAULT: &str = ".titan/runs";

// Where runs are kept.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Place {
    /// Where runs are kept; without it `TITAN_RUNS`, then `.titan/runs`
    #[arg(long, value_name = "FOLDER")]
    runs: Option<PathBuf>,
}

// One run on record.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Named {
    /// The run's id, or the beginning of it
    pub(super) run: String,
    #[command(flatten)]
    pub(super) place: Place,
}

#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    #[command(flatten)]
    place: Place,
    /// Only runs that have not ended
    #[arg(long)]
    unfinished: bool,
}

impl Place {
    /// The folder.
    pub(super) fn folder(&self) -> PathBuf {
        let variable = || std::env::var_os(VARIABLE).filter(|folder| !folder.is_empty()).map(PathBuf::from);
        self.runs.clone().or_else(variable).unwrap_or_else(|| PathBuf::from(DEFAULT))
    }
}

impl Named {
    /// The same, wherever this process goes.
    pub(super) fn absolute(&self) -> Self {
        let folder = self.place.folder();
        let runs = Some(std::path::absolute(&folder).unwrap_or(folder));
        Self { run: self.run.clone(), place: Place { runs } }
    }

    /// The run's folder; a run that is not there is a slip of whoever typed it.
    pub(super) fn find(&self) -> Result<RunFolder, Refusal> {
        RunFolder::find(&self.place.folder(), &self.run).map_err(Refusal::usage)
    }
}

/// A run as its journal tells it.
pub(super) struct Story {
    pub(super) events: Vec<Event>,
    pub(super) state: State,
    pub(super) chain: Chain,
    pub(super) torn: Option<Torn>,
    pub(super) whole_bytes: u64,
}

impl Story {
    /// Reads a journal's bytes.
    ///
    /// # Errors
    /// A sentence that says where the journal cannot be believed.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let read = journal::read(bytes).map_err(|corruption| corruption.to_string())?;
        let state = State::after(&read.events).map_err(|illegal| format!("the journal is corrupt: {illegal}"))?;
        let journal::Read { events, chain, whole_bytes, torn } = read;
        Ok(Self { events, state, chain, torn, whole_bytes })
    }
}

/// Lists runs, the oldest first.
pub(super) fn runs(args: &Args, streams: &mut Streams<'_>) -> u8 {
    let all = match RunFolder::all(&args.place.folder()) {
        Ok(all) => all,
        Err(why) => {
            streams.complain(&why);
            return exit::USAGE;
        }
    };
    let rows: Vec<_> = all.iter().map(row).filter(|row| !(args.unfinished && row.is_over)).collect();
    if rows.is_empty() {
        let which = if args.unfinished { "unfinished run" } else { "run" };
        streams.complain(&format!("there is no {which} in `{}`", args.place.folder().display()));
    } else {
        streams.say(table(&rows, now_unix_ms()).trim_end());
    }
    exit::SUCCEEDED
}

fn row(run: &RunFolder) -> Row {
    let id = run.id().to_owned();
    match run.read().and_then(|bytes| Story::read(&bytes)) {
        Err(why) => Row { id, runbook: String::new(), started_unix_ms: None, state: why, is_over: false },
        Ok(Story { state, events, .. }) => {
            let header = state.header.as_deref();
            Row {
                id,
                runbook: header.map(|header| header.runbook.clone()).unwrap_or_default(),
                started_unix_ms: header.map(|header| header.started_unix_ms),
                is_over: (header.is_none() && !run.is_owned())
                    || state.ended.as_ref().is_some_and(|ended| is_over(ended)),
                state: described(run, &state, &waiting_requests(&events)),
            }
        }
    }
}

/// Whether nothing is left to be done with a run.
fn is_over(ended: &Ended) -> bool {
    use crate::event::Ending;
    matches!(ended.ending, Ending::Succeeded | Ending::Refused | Ending::RolledBack)
}

fn asks_for_approval(state: &State) -> bool {
    let mut open = crate::event::Phase::ALL.iter().flat_map(|phase| state.all(*phase));
    open.any(|(_, known)| known.is_open() && &*known.action == "approve")
}

/// What was asked for last, and nothing has come of yet.
fn waiting_requests(events: &[Event]) -> String {
    let asked = events.iter().rev().map_while(|event| match &event.what {
        Happened::Requested(asked) => Some(&asked.request),
        _ => None,
    });
    // An abort and a pause are asked of a runner, and end with him.
    let asked = asked.filter(|request| !matches!(request, Request::Abort | Request::Pause));
    let mut asked: Vec<_> = asked.map(Request::phrase).collect();
    asked.reverse();
    asked.join(", ")
}

/// One phrase: how it ended, or what it waits for.
fn described(run: &RunFolder, state: &State, asked: &str) -> String {
    let waiting = || {
        let open = crate::event::Phase::ALL.iter().flat_map(|phase| state.all(*phase));
        listed(open.filter(|(_, known)| known.is_open()).map(|(path, _)| path.to_string()))
    };
    match &state.ended {
        _ if !asked.is_empty() && !run.is_owned() => {
            format!("waits with what was asked: {asked}; `titan-run resume {}` does it", run.id())
        }
        Some(ended) => match &ended.cause {
            Some(cause @ Cause::InDoubt { .. }) => format!("{}: {}", ended.ending.word(), cause.sentence()),
            Some(cause) if !is_over(ended) => {
                format!("{}: {}; `titan-run resume {}` goes on", ended.ending.word(), cause.sentence(), run.id())
            }
            _ => ended.ending.word().to_owned(),
        },
        None if !asked.is_empty() && asks_for_approval(state) => {
            format!("waits for approval: {}; asked so far: {asked}", waiting())
        }
        None if run.is_owned() && asks_for_approval(state) => {
            format!("waits for approval: {}; `titan-run approve {} --key KEYFILE` signs", waiting(), run.id())
        }
        None if run.is_owned() && state.rollback.is_some() => format!("rolling back: {}", waiting()),
        None if run.is_owned() => format!("running: {}", waiting()),
        None if state.header.is_none() => "never began, and had no effect".to_owned(),
        None => {
            let at =
                Some(waiting()).filter(|open| !open.is_empty()).map_or(String::new(), |open| format!(" at {open}"));
            let back = if state.rollback.is_some() { " rolling back" } else { "" };
            format!("interrupted{at}; `titan-run resume {}` goes on{back}", run.id())
        }
    }
}
