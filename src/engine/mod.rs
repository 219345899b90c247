//! The engine: carries a runbook out in a world it cannot identify.
//!
//! `plan` (pure) says what may start, `run` is the loop that starts it and applies outcomes, `held`
//! says what keeps it from starting and how people let it go on,
//! `perform` does one piece of work and judges it, `watch` looks on beside the steps, `look_again`
//! looks once more, before a gate is opened, at what was seen before the run waited,
//! `rollback` undoes in reverse order and ensures. Every transition goes through [`Journal`]
//! before anything follows from it. Called by `cli/`; knows neither `live/` nor `sim/`.

mod begun;
mod closing;
mod commit;
mod explain;
mod held;
mod kept_events;
mod look_again;
mod looks;
mod perform;
mod plan;
mod recorder;
mod rehearsal;
mod resume;
mod rollback;
mod run;
mod sampler;
mod script;
mod step;
mod steps;
mod watch;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use tokio::sync::{Notify, watch as signal};

use crate::approval::Signed;
use crate::declaration::Failure;
use crate::event::{Asked, EVENT_FORMAT, Ended, Event, Happened, Header, Phase, Progress, Request, Status};
use crate::guard::Guards;
use crate::journal::{Gates, State};
use crate::name::StepId;
use crate::primitive::Primitive;
use crate::runbook::Runbook;
use crate::runbook::target::Target;
use crate::value::Value;
use crate::world::World;

use begun::Begun;
use looks::Looks;

pub use explain::{Evidence, Explained, Judged, explain};
pub use kept_events::KeptEvents;
pub use plan::{Next, Plan};
pub use run::run;

/// Where events go. An error means the record cannot be trusted any more: no forward effect
/// follows it, only disarms.
pub trait Journal {
    /// Keeps one event.
    ///
    /// # Errors
    /// A sentence saying why it could not be kept.
    fn append(&self, event: &Event) -> Result<(), String>;
    /// The checksum of the last record; empty where nothing is chained.
    fn head(&self) -> String;
    /// Whether an event was kept that a loss of power would lose.
    fn is_dirty(&self) -> bool;
    /// Makes everything kept so far survive a loss of power.
    ///
    /// # Errors
    /// A sentence saying why that failed; it is not tried again.
    fn commit(&self) -> Result<(), String>;
}

/// What was asked of the run so far, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signals {
    /// Every request.
    pub asked: Vec<Asked>,
}

impl Signals {
    /// How often an abort was asked for: once rolls back, twice leaves only disarms and ensures.
    pub fn aborts(&self) -> usize {
        self.asked.iter().filter(|asked| asked.request == Request::Abort).count()
    }

    /// Whether the run is to stop at the next safe point.
    pub fn is_to_pause(&self) -> bool {
        self.asked.iter().any(|asked| asked.request == Request::Pause)
    }

    /// The first answer to an approval after `heard` requests, and how many were heard then.
    pub fn decision(&self, path: &str, heard: usize) -> Option<(usize, Signed)> {
        let mut later = self.asked.iter().enumerate().skip(heard);
        later.find_map(|(at, asked)| match &asked.request {
            Request::Decide { step, signed } if step == path => Some((at + 1, signed.clone())),
            _ => None,
        })
    }

    /// The request to go on without a step, after `heard` requests.
    pub fn skip_of(&self, path: &str, heard: usize) -> Option<&Asked> {
        let mut later = self.asked.iter().skip(heard);
        later.find(|asked| matches!(&asked.request, Request::Skip { step } if step == path))
    }
}

/// What the record of an earlier runner says.
#[derive(Debug)]
pub struct Past {
    /// The state it came to.
    pub state: State,
    /// Who goes on with it.
    pub who: String,
    /// The bytes of an unfinished last record that were cut off.
    pub cut_bytes: u64,
}

/// Everything a run is given.
pub struct Job<'a> {
    /// What is to be done.
    pub runbook: Arc<Runbook>,
    /// What the run is made of; `params` and `run` in guards come from it.
    pub header: Header,
    /// Where the world's things are.
    pub target: &'a Target,
    /// The world.
    pub world: &'a dyn World,
    /// The guards' sandbox, in which the runbook was decoded.
    pub guards: &'a Guards,
    /// Finds a primitive by its name.
    pub primitives: fn(&str) -> Option<&'static dyn Primitive>,
    /// Where events go.
    pub journal: &'a dyn Journal,
    /// What is asked of the run.
    pub signals: signal::Receiver<Signals>,
    /// What an earlier runner did, where this run is resumed.
    pub past: Option<Past>,
    /// Shows what a step waits for.
    pub progress: &'a dyn Fn(Progress),
}

/// A run under way: the job and what is counted along it.
struct Run<'a> {
    job: Job<'a>,
    seq: Cell<u64>,
    /// How many records are known to be durable.
    committed: Cell<u64>,
    /// Who waits for a commit.
    committing: RefCell<Vec<Waker>>,
    /// What an earlier runner did and this one has not taken up yet.
    past: RefCell<State>,
    /// Why the journal cannot be trusted any more.
    broken: RefCell<Option<String>>,
    /// How many requests had been made when a step came out that people may skip.
    skippable: RefCell<BTreeMap<Arc<str>, usize>>,
    /// The failed steps of which a person was told that they wait.
    told: RefCell<BTreeSet<Arc<str>>>,
    /// How many runbooks used as actions wait for a person.
    waiting: Cell<usize>,
    /// Told when one of them begins or ends to wait.
    stirred: signal::Sender<()>,
    /// Told when the journal breaks.
    breaking: Notify,
    /// Whether any effect may have happened.
    touched: Cell<bool>,
    /// Whether a gate could not be closed during the rollback.
    may_be_open: Cell<bool>,
    /// The gates that could not be closed, and why.
    unclosed: RefCell<BTreeMap<Arc<str>, String>>,
    /// The gates that the run has moved, by all of its runners.
    gates: RefCell<Gates>,
    /// Whether a rollback leaves a deploy as it was made.
    deploy_stands: Cell<bool>,
    /// When a gate was moved and seen to be, in that order, and whether it was opened.
    gate_moves: RefCell<Vec<(Duration, bool)>>,
    /// Whether it opens a gate somewhere.
    opens: bool,
    /// What was seen and changed, where that counts for an opening.
    looks: RefCell<Looks>,
}

impl<'a> Run<'a> {
    fn new(mut job: Job<'a>) -> Self {
        let past = job.past.as_mut().map(|past| std::mem::take(&mut past.state)).unwrap_or_default();
        Self {
            opens: job.runbook.opens(),
            looks: RefCell::new(Looks::after(&past, job.primitives)),
            job,
            seq: Cell::new(past.records),
            committed: Cell::new(past.records),
            committing: RefCell::new(Vec::new()),
            unclosed: RefCell::default(),
            gates: RefCell::new(past.gates.clone()),
            past: RefCell::new(past),
            broken: RefCell::new(None),
            skippable: RefCell::default(),
            told: RefCell::default(),
            waiting: Cell::new(0),
            stirred: signal::Sender::new(()),
            breaking: Notify::new(),
            touched: Cell::new(false),
            may_be_open: Cell::new(false),
            deploy_stands: Cell::new(false),
            gate_moves: RefCell::default(),
        }
    }

    /// Records a transition.
    ///
    /// # Errors
    /// `refused` when the journal cannot keep it, or could not keep an earlier one.
    fn record(&self, what: Happened) -> Result<(), Failure> {
        let event = Event { v: EVENT_FORMAT, seq: self.seq.get(), at_ms: self.now_ms(), what };
        self.gates.borrow_mut().follow(&event.what);
        self.seq.set(event.seq + 1);
        if let Err(why) = self.job.journal.append(&event) {
            self.broke(why);
        }
        self.journal_failure().map_or(Ok(()), Err)
    }

    /// Records a transition from which no effect follows; a broken journal is dealt with before
    /// the next effect.
    fn note(&self, what: Happened) {
        drop(self.record(what));
    }

    fn now(&self) -> Duration {
        self.job.world.clock().elapsed()
    }

    fn now_ms(&self) -> u64 {
        millis(self.now())
    }

    /// Milliseconds since an earlier time.
    fn since_ms(&self, earlier: Duration) -> u64 {
        millis(self.now().saturating_sub(earlier))
    }

    fn aborts(&self) -> usize {
        self.job.signals.borrow().aborts()
    }

    /// Waits until an abort was asked for at least `times` times.
    async fn aborted(&self, times: usize) {
        self.asked_for(|signals| signals.aborts() >= times).await;
    }

    /// Waits until something was asked for.
    async fn asked_for(&self, is_asked: impl FnMut(&Signals) -> bool) {
        let mut signals = self.job.signals.clone();
        if signals.wait_for(is_asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Records what is asked of the run, as it is asked; never ends.
    async fn note_requests(&self) -> std::convert::Infallible {
        let mut signals = self.job.signals.clone();
        let mut noted = 0;
        loop {
            let asked = signals.borrow_and_update().asked.get(noted..).map(<[Asked]>::to_vec).unwrap_or_default();
            noted += asked.len();
            asked.into_iter().for_each(|asked| self.note(Happened::Requested(asked)));
            if signals.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// One runbook under way: the outermost, or one used as an action.
struct Frame {
    runbook: Arc<Runbook>,
    /// Before a step's id: empty, or the outer step's path and `/`.
    prefix: String,
    /// The part of the run it belongs to: a runbook used as an undo is part of the rollback.
    phase: Phase,
    names: RefCell<crate::guard::Names>,
    plan: RefCell<Plan>,
    held: RefCell<held::Held>,
    /// Whether a watch of it looks on.
    is_watched: Cell<bool>,
    /// What the items of a failed fan-out gave that came out: those are not done again.
    kept: RefCell<BTreeMap<Arc<str>, Option<Value>>>,
    /// What was started, in the order of starting, for the rollback.
    begun: RefCell<Vec<Rc<Begun>>>,
    /// What an earlier try has begun, until it is begun anew: part of the rollback as well.
    earlier: RefCell<BTreeMap<Arc<str>, Rc<Begun>>>,
}

impl Frame {
    /// Whether it holds the run's own steps: only between those a run is paused.
    fn is_outermost(&self) -> bool {
        self.prefix.is_empty()
    }

    /// Puts aside what was begun of a step, which is about to be begun anew.
    fn set_aside(&self, step: usize) {
        let aside: Vec<_> = self.begun.borrow_mut().extract_if(.., |one| one.step == step).collect();
        self.earlier.borrow_mut().extend(aside.into_iter().map(|one| (Arc::clone(&one.path), one)));
    }

    /// Takes over what an earlier try of the same runbook may have changed, and all that its undos
    /// may ask about.
    fn inherit(&self, earlier: &Self) {
        let mut names = self.names.borrow_mut();
        for step in &self.runbook.steps {
            names.take_step(step.id.as_str(), &earlier.names.borrow());
        }
        self.earlier.borrow_mut().extend(earlier.all_begun().into_iter().map(|one| (Arc::clone(&one.path), one)));
    }

    /// Lets the guards of undos and ensures see how each step stands that did not end ok.
    fn tell_endings(&self, begun: &[Rc<Begun>]) {
        let mut names = self.names.borrow_mut();
        // An item in doubt leaves all of its step in doubt.
        for ending in [Status::Failed, Status::InDoubt] {
            let ended_so = begun.iter().filter(|one| one.ending() == ending);
            for step in ended_so.filter_map(|one| self.runbook.steps.get(one.step)) {
                names.set_status(step.id.as_str(), ending.word());
            }
        }
        // A fan-out between two of its items is cut off as well.
        for step in begun.iter().filter_map(|one| self.runbook.steps.get(one.step)) {
            if step.foreach.is_some() && !names.knows(step.id.as_str()) {
                names.set_status(step.id.as_str(), Status::Failed.word());
            }
        }
    }

    /// Everything that may have to be undone, in the order of starting.
    fn all_begun(&self) -> Vec<Rc<Begun>> {
        let (begun, earlier) = (self.begun.borrow(), self.earlier.borrow());
        let mut all: Vec<_> = begun.iter().chain(earlier.values()).map(Rc::clone).collect();
        all.sort_by_key(|one| one.order);
        all
    }

    fn path(&self, step: usize) -> Arc<str> {
        self.inside(self.runbook.steps.get(step).map(|step| &step.id))
    }

    fn watch_path(&self, watch: usize) -> Arc<str> {
        self.inside(self.runbook.watches.get(watch).map(|watch| &watch.id))
    }

    fn inside(&self, id: Option<&StepId>) -> Arc<str> {
        match id {
            Some(id) if self.prefix.is_empty() => id.shared(),
            Some(id) => Arc::from(format!("{}{id}", self.prefix)),
            None => Arc::from(self.prefix.as_str()),
        }
    }
}

/// Whole milliseconds of a duration.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The end of a run, with what reports need of it.
pub type Outcome = Ended;
