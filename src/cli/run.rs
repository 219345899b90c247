//! `titan-run RUNBOOK`: carries a runbook out and shows it.

use std::cell::RefCell;
use std::io::{BufWriter, IsTerminal, Write};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use clap::ValueEnum;

use crate::engine::{self, Job, Journal};
use crate::event::{Ended, Event, Progress};
use crate::primitive;
use crate::report::{JsonLines, Report, Terminal};

use super::prepare::{self, Prepared, prepare};
use super::signals::Listening;
use super::worlds::{self, Chosen};
use super::{Streams, exit};

/// How often the live view is told that time has passed.
const TICK: Duration = Duration::from_secs(1);

/// The command's arguments.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    #[command(flatten)]
    what: prepare::Args,
    #[command(flatten)]
    world: worlds::Args,
    /// Confirm an item of a checklist beforehand; `all` confirms every one
    #[arg(long, value_name = "ITEM")]
    confirm: Vec<String>,
    /// How the run is shown
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Text,
    /// One JSON event a line
    Json,
}

/// Runs; gives the exit code of the ending.
pub(super) fn run(args: &Args, streams: &mut Streams<'_>) -> u8 {
    let prepared = match prepare(&args.what, streams) {
        Ok(prepared) => prepared,
        Err(code) => return code,
    };
    let is_simulated = prepared.target.world.is_some();
    // The process ends with the run, and takes the runbook with it faster than piece by piece.
    std::mem::forget(Arc::clone(&prepared.runbook));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(is_simulated).build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            streams.complain(&format!("no runtime could be started: {error}"));
            return exit::REFUSED;
        }
    };
    let ended = runtime.block_on(run_in_world(args, prepared, streams));
    runtime.shutdown_background();
    match ended {
        Ok((ended, complaints)) => {
            complaints.iter().for_each(|one| streams.complain(one));
            if complaints.is_empty() { exit::of(ended.ending) } else { exit::STUCK }
        }
        Err(problems) => {
            problems.iter().for_each(|problem| streams.complain(problem));
            exit::USAGE
        }
    }
}

async fn run_in_world(
    args: &Args,
    prepared: Prepared,
    streams: &mut Streams<'_>,
) -> Result<(Ended, Vec<String>), Vec<String>> {
    let world = Chosen::new(&prepared.target, &args.world, &args.confirm)?;
    let (listening, signals) = Listening::new().map_err(|why| vec![why])?;
    let view = View::new(args.output, streams.out);
    let mut header = prepared.header;
    header.started_unix_ms = world.as_world().clock().unix_ms();
    header.run = run_id(header.started_unix_ms, world.as_world().clock().random());
    let job = Job {
        runbook: prepared.runbook,
        header,
        target: &prepared.target,
        world: world.as_world(),
        guards: &prepared.guards,
        primitives: primitive::find,
        journal: &view,
        signals,
        progress: &|progress| view.progress(&progress),
    };
    let is_real = matches!(world, Chosen::Real(_));
    let ended = tokio::select! {
        biased;
        () = world.drive() => None,
        () = listening.pass_on() => None,
        () = view.tick(&world), if is_real => None,
        ended = engine::run(job) => Some(ended),
        () = view.flush_while_waiting() => None,
    };
    let ended = ended.ok_or_else(|| vec!["the world ended before the run".to_owned()])?;
    Ok((ended, world.complaints()))
}

/// An id that sorts by time: seconds since the Unix epoch in base 36, and four random digits.
fn run_id(unix_ms: u64, random: u64) -> String {
    let time = base36(unix_ms / 1_000, 7);
    format!("{time}-{}", base36(random, 4))
}

fn base36(mut number: u64, digits: usize) -> String {
    let mut text = vec!['0'; digits];
    for place in text.iter_mut().rev() {
        *place = u32::try_from(number % 36).ok().and_then(|digit| char::from_digit(digit, 36)).unwrap_or('0');
        number /= 36;
    }
    text.into_iter().collect()
}

/// Shows a run on one writer.
struct View<'a> {
    report: RefCell<Box<dyn Report + 'a>>,
}

impl<'a> View<'a> {
    fn new(output: Output, out: &'a mut dyn Write) -> Self {
        let is_live = std::io::stdout().is_terminal();
        let report: Box<dyn Report + 'a> = match output {
            Output::Text => Box::new(Terminal::new(BufWriter::new(out), is_live)),
            Output::Json => Box::new(JsonLines::new(BufWriter::new(out))),
        };
        Self { report: RefCell::new(report) }
    }

    fn progress(&self, progress: &Progress) {
        self.report.borrow_mut().progress(progress);
    }

    /// Flushes whenever it is polled, which is whenever the run waits; never ends.
    async fn flush_while_waiting(&self) {
        std::future::poll_fn(|_| {
            self.report.borrow_mut().flush();
            Poll::Pending
        })
        .await
    }

    /// Tells the report about once a second that time has passed; never ends.
    async fn tick(&self, world: &Chosen) {
        let clock = world.as_world().clock();
        loop {
            clock.sleep(TICK).await;
            let elapsed = u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.report.borrow_mut().tick(elapsed);
        }
    }
}

/// The record of a run that lives only as long as the run: shown, and kept nowhere.
impl Journal for View<'_> {
    fn append(&self, event: &Event) -> Result<(), String> {
        self.report.borrow_mut().event(event);
        Ok(())
    }
}
