//! Carrying a run out, new or resumed: the world, the journal, the view, the signals, the engine.

use std::cell::{Cell, RefCell};
use std::io::{BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use clap::ValueEnum;
use tokio::sync::watch;

use crate::engine::{self, Job, Journal, Past, Signals};
use crate::event::{Asked, Ended, Event, Progress, Request};
use crate::journal::{Chain, Keeper, State};
use crate::live::control::{ControlSocket, Reply};
use crate::live::run_folder::{JournalFile, RunFolder, TargetLock};
use crate::live::{Answers, kernel_suffices, mark_children, now_unix_ms};
use crate::primitive;
use crate::report::{JsonLines, Report, Terminal};
use crate::runbook::Runbook;

use super::ask::judge;
use super::audit::Audit;
use super::prepare::Prepared;
use super::runs::Place;
use super::signals::Listening;
use super::worlds::{self, Chosen};
use super::{Streams, exit};

/// How often the live view is told that time has passed.
const TICK: Duration = Duration::from_secs(1);

// How a run is answered and shown.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct How {
    /// Confirm an item of a checklist beforehand; `all` confirms every one
    #[arg(long, value_name = "ITEM")]
    pub(super) confirm: Vec<String>,
    /// Sign every approval with the key in a file, for scripted use
    #[arg(long, value_name = "KEYFILE")]
    pub(super) approve_with: Vec<PathBuf>,
    /// How the run is shown
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub(super) output: Output,
}

impl How {
    /// The same, wherever this process goes.
    pub(super) fn absolute(&self) -> Self {
        let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let approve_with = self.approve_with.iter().map(absolute).collect();
        Self { confirm: self.confirm.clone(), approve_with, output: self.output }
    }

    /// Shown in a form, with nothing answered beforehand.
    pub(super) fn shown(output: Output) -> Self {
        Self { confirm: Vec::new(), approve_with: Vec::new(), output }
    }
}

/// The forms of a view.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// For people
    Text,
    /// One JSON event a line
    Json,
}

/// The most runs that begin in one second: as many as four digits in base 36 tell apart.
const MAX_ALIKE: u64 = 36 * 36 * 36 * 36;

/// A run to be carried out.
pub(super) struct Journey<'a> {
    pub(super) prepared: Prepared,
    pub(super) how: &'a How,
    pub(super) world: &'a worlds::Args,
    /// Where runs are kept; nowhere where this run is not.
    pub(super) place: Option<&'a Place>,
    /// What an earlier runner left, where this one goes on with it.
    pub(super) earlier: Option<Earlier>,
    /// What is asked of the run from its beginning.
    pub(super) asked: Vec<Asked>,
}

/// What an earlier runner left.
pub(super) struct Earlier {
    pub(super) folder: RunFolder,
    pub(super) journal: JournalFile,
    pub(super) events: Vec<Event>,
    pub(super) chain: Chain,
    pub(super) state: State,
    pub(super) past: Past,
}

/// Carries a run out; gives the exit code of its ending.
pub(super) fn carry(journey: Journey<'_>, streams: &mut Streams<'_>) -> u8 {
    let is_simulated = journey.prepared.target.world.is_some();
    // What began goes on: a gate is closed without a program.
    let lacking = (!is_simulated && journey.earlier.is_none()).then(kernel_suffices).and_then(Result::err);
    if let Some(lacking) = lacking {
        streams.complain(&format!("{lacking}; nothing was begun"));
        return exit::REFUSED;
    }
    // The process ends with the run, and takes the runbook with it faster than piece by piece.
    std::mem::forget(Arc::clone(&journey.prepared.runbook));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(is_simulated).build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            streams.complain(&format!("no runtime could be started: {error}"));
            return exit::REFUSED;
        }
    };
    let ended = runtime.block_on(in_world(journey, streams));
    runtime.shutdown_background();
    match ended {
        Ok(Carried { ended, complaints, unheard }) => {
            unheard.iter().chain(&complaints).for_each(|one| streams.complain(one));
            if complaints.is_empty() { exit::of(ended.ending) } else { exit::STUCK }
        }
        Err(Unbegun { code, problems }) => {
            problems.iter().for_each(|problem| streams.complain(problem));
            code
        }
    }
}

/// A run that has ended.
struct Carried {
    ended: Ended,
    /// What the world itself saw go wrong.
    complaints: Vec<String>,
    /// What the audit trail misses.
    unheard: Vec<String>,
}

/// Why a run did not begin.
struct Unbegun {
    code: u8,
    problems: Vec<String>,
}

/// A usage error.
fn unusable(problems: Vec<String>) -> Unbegun {
    Unbegun { code: exit::USAGE, problems }
}

/// Something the machine says no to.
fn refused(problem: String) -> Unbegun {
    Unbegun { code: exit::REFUSED, problems: vec![problem] }
}

async fn in_world(journey: Journey<'_>, streams: &mut Streams<'_>) -> Result<Carried, Unbegun> {
    let Journey { prepared, how, world, place, earlier, asked } = journey;
    let mut header = prepared.header;
    let elapsed = earlier.as_ref().map_or(Duration::ZERO, |earlier| elapsed(earlier, header.started_unix_ms));
    let answers = Answers { confirmed: how.confirm.clone(), keys: how.approve_with.clone() };
    let world = Chosen::new(&prepared.target, world, &answers, elapsed).map_err(unusable)?;
    let (listening, signals) = Listening::new(asked).map_err(refused)?;
    if earlier.is_none() {
        let clock = world.as_world().clock();
        header.started_unix_ms = clock.unix_ms();
        header.run = unused_id(place, header.started_unix_ms, clock.random());
    }
    let mut _target_lock = None;
    if let Some(place) = place.filter(|_| prepared.target.world.is_none()) {
        _target_lock = Some(TargetLock::take(&place.folder(), &prepared.target.name, &header.run).map_err(refused)?);
    }
    let view = View::new(how.output, streams.out);
    let (folder, keeper, past) = match (earlier, place) {
        (Some(earlier), _) => {
            view.earlier(&earlier.events);
            let keeper = Keeper::new(earlier.journal, earlier.chain, earlier.state);
            (Some(earlier.folder), Some(keeper), Some(earlier.past))
        }
        (None, Some(place)) => {
            let (folder, journal) = RunFolder::create(&place.folder(), &header.run).map_err(refused)?;
            (Some(folder), Some(Keeper::new(journal, Chain::default(), State::default())), None)
        }
        (None, None) => (None, None, None),
    };
    mark_children(&header.run, folder.as_ref().and_then(RunFolder::ended_commands));
    let socket = folder.map(|folder| ControlSocket::open(folder.control())).transpose().map_err(refused)?;
    let (sender, runbook) = (listening.sender(), Arc::clone(&prepared.runbook));
    let run = header.run.clone();
    let recorder = Recorder { run: &run, keeper, view: &view };
    let job = Job {
        runbook: prepared.runbook,
        header,
        target: &prepared.target,
        world: world.as_world(),
        guards: &prepared.guards,
        primitives: primitive::find,
        journal: &recorder,
        signals,
        past,
        progress: &|progress| view.progress(&progress),
    };
    let is_over = Cell::new(false);
    let is_real = matches!(world, Chosen::Real(_));
    let audit = Audit::new(&prepared.target, world.as_world(), &job.header);
    let header = job.header.clone();
    let carried = async {
        let began = audit.began(&header, job.past.is_some()).await;
        let ended = engine::run(job).await;
        is_over.set(true);
        let unheard = began.into_iter().chain(audit.ended(&ended).await).collect::<Vec<_>>();
        (ended, unheard)
    };
    let ended = tokio::select! {
        biased;
        () = world.drive() => None,
        () = listening.pass_on() => None,
        () = hear(socket.as_ref(), &recorder, &runbook, &sender, &is_over) => None,
        () = view.tick(&world), if is_real => None,
        carried = carried => Some(carried),
        () = view.flush_while_waiting() => None,
    };
    // While the journal is still owned: the next runner's socket stands in the same place.
    drop(socket);
    let (ended, unheard) = ended.ok_or_else(|| refused("the world ended before the run".to_owned()))?;
    Ok(Carried { ended, complaints: world.complaints(), unheard })
}

/// Hears what people ask of the run through its socket; never ends.
async fn hear(
    socket: Option<&ControlSocket>,
    recorder: &Recorder<'_, '_>,
    runbook: &Runbook,
    sender: &watch::Sender<Signals>,
    is_over: &Cell<bool>,
) {
    let (Some(socket), Some(keeper)) = (socket, &recorder.keeper) else {
        return std::future::pending().await;
    };
    let take = |asked: Asked| match keeper.with_state(|state| judge(runbook, state, &asked.request)) {
        _ if is_over.get() => Reply::Refused("the run has just ended, and hears nobody any more".to_owned()),
        Err(why) => Reply::Refused(why),
        Ok(()) => {
            let said = said(&asked.request, sender.borrow().aborts(), recorder.run);
            sender.send_modify(|signals| signals.asked.push(asked));
            Reply::Taken(said)
        }
    };
    socket.serve(&take).await;
}

/// What whoever asks for something is told: what comes of it, and what can be asked next.
fn said(request: &Request, aborts: usize, run: &str) -> String {
    let follows = match request {
        Request::Abort if aborts == 0 => "; the run rolls back, and a second abort leaves only disarms".to_owned(),
        Request::Abort => "; only disarms and ensures are left".to_owned(),
        Request::Pause => {
            format!("; what is under way ends first, every watch too, and then `titan-run resume {run}` goes on")
        }
        _ => String::new(),
    };
    format!("{} was asked for{follows}", request.phrase())
}

/// How long ago a run began: by the wall clock, but never before its last record.
fn elapsed(earlier: &Earlier, started_unix_ms: u64) -> Duration {
    Duration::from_millis(now_unix_ms().saturating_sub(started_unix_ms).max(earlier.state.at_ms))
}

/// An id that no run on record has: a simulated run begins at the same time, with the same
/// randomness, as the one before it.
fn unused_id(place: Option<&Place>, unix_ms: u64, random: u64) -> String {
    let is_used = |id: &String| place.is_some_and(|place| place.folder().join(id).exists());
    let mut ids = (0..MAX_ALIKE).map(|more| run_id(unix_ms, random.wrapping_add(more)));
    ids.find(|id| !is_used(id)).unwrap_or_else(|| run_id(unix_ms, random))
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

/// Keeps what happens in the run's journal, where it has one, and shows it.
struct Recorder<'a, 'v> {
    /// The run's id.
    run: &'a str,
    keeper: Option<Keeper<JournalFile>>,
    view: &'a View<'v>,
}

impl Journal for Recorder<'_, '_> {
    fn append(&self, event: &Event) -> Result<(), String> {
        let kept = self.keeper.as_ref().map_or(Ok(()), |keeper| keeper.append(event));
        self.view.event(event);
        kept
    }

    fn is_dirty(&self) -> bool {
        self.keeper.as_ref().is_some_and(Keeper::is_dirty)
    }

    fn head(&self) -> String {
        self.keeper.as_ref().map(Keeper::head).unwrap_or_default()
    }

    fn commit(&self) -> Result<(), String> {
        self.keeper.as_ref().map_or(Ok(()), Keeper::commit)
    }
}

/// Shows a run on one writer.
pub(super) struct View<'a> {
    report: RefCell<Box<dyn Report + 'a>>,
}

impl<'a> View<'a> {
    /// A view of a form.
    pub(super) fn new(output: Output, out: &'a mut dyn Write) -> Self {
        let is_live = std::io::stdout().is_terminal();
        let report: Box<dyn Report + 'a> = match output {
            Output::Text => Box::new(Terminal::new(BufWriter::new(out), is_live)),
            Output::Json => Box::new(JsonLines::new(BufWriter::new(out))),
        };
        Self { report: RefCell::new(report) }
    }

    /// Sums up what an earlier runner did.
    fn earlier(&self, events: &[Event]) {
        self.report.borrow_mut().earlier(events);
    }

    /// Shows an event.
    pub(super) fn event(&self, event: &Event) {
        self.report.borrow_mut().event(event);
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
