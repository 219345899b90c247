//! The engine: carries a runbook out in a world it cannot identify.
//!
//! `plan` (pure) says what may start, `run` is the loop that starts it and applies outcomes,
//! `perform` does one piece of work and judges it, `watch` looks on beside the steps,
//! `rollback` undoes in reverse order and ensures. Every transition goes through [`Journal`]
//! before anything follows from it. Called by `cli/`; knows neither `live/` nor `sim/`.

mod perform;
mod plan;
mod rollback;
mod run;
mod script;
mod step;
mod watch;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch as signal;

use crate::declaration::{ErrorClass, Failure};
use crate::event::{EVENT_FORMAT, Ended, Event, Happened, Header, Phase, Progress};
use crate::guard::Guards;
use crate::primitive::Primitive;
use crate::runbook::Runbook;
use crate::runbook::target::Target;
use crate::value::Value;
use crate::world::World;

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
}

/// What an operator asked for so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signals {
    /// How often an abort was asked for: once rolls back, twice leaves only disarms and ensures.
    pub aborts: u32,
    /// Whether the run is to stop at the next safe point.
    pub suspend: bool,
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
    /// What an operator asks for.
    pub signals: signal::Receiver<Signals>,
    /// Shows what a step waits for.
    pub progress: &'a dyn Fn(Progress),
}

/// A run under way: the job and what is counted along it.
struct Run<'a> {
    job: Job<'a>,
    seq: Cell<u64>,
    /// Why the journal cannot be trusted any more.
    broken: RefCell<Option<String>>,
    /// Whether any effect may have happened.
    touched: Cell<bool>,
    /// Whether a gate could not be closed during the rollback.
    may_be_open: Cell<bool>,
    /// When a verified disarm began to count, while it counts.
    disarmed_since: Cell<Option<Duration>>,
}

impl<'a> Run<'a> {
    fn new(job: Job<'a>) -> Self {
        Self {
            job,
            seq: Cell::new(0),
            broken: RefCell::new(None),
            touched: Cell::new(false),
            may_be_open: Cell::new(false),
            disarmed_since: Cell::new(None),
        }
    }

    /// Records a transition.
    ///
    /// # Errors
    /// `refused` when the journal cannot keep it, or could not keep an earlier one.
    fn record(&self, what: Happened) -> Result<(), Failure> {
        let event = Event { v: EVENT_FORMAT, seq: self.seq.get(), at_ms: self.now_ms(), what };
        self.seq.set(event.seq + 1);
        if let Err(why) = self.job.journal.append(&event) {
            self.broken.borrow_mut().get_or_insert(why);
        }
        match &*self.broken.borrow() {
            None => Ok(()),
            Some(why) => Err(Failure::new(ErrorClass::Refused, format!("the journal is broken: {why}"))),
        }
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

    fn aborts(&self) -> u32 {
        self.job.signals.borrow().aborts
    }

    /// Waits until an abort was asked for at least `times` times.
    async fn aborted(&self, times: u32) {
        let mut signals = self.job.signals.clone();
        if signals.wait_for(|signals| signals.aborts >= times).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until the run is to stop at a safe point.
    async fn suspended(&self) {
        let mut signals = self.job.signals.clone();
        if signals.wait_for(|signals| signals.suspend).await.is_err() {
            std::future::pending::<()>().await;
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
    /// What was started, in the order of starting, for the rollback.
    begun: RefCell<Vec<Rc<Begun>>>,
}

/// A piece of work that was started.
struct Begun {
    /// The step's index.
    step: usize,
    /// Its path.
    path: Arc<str>,
    /// The item of a fan-out.
    item: Option<Value>,
    /// The frame, where the action is a runbook.
    child: RefCell<Option<Rc<Frame>>>,
    /// Whether its intent was recorded, so that it may have had an effect.
    acted: Cell<bool>,
    /// How it ended; running while it has not.
    status: Cell<crate::event::Status>,
}

impl Frame {
    fn path(&self, step: usize) -> Arc<str> {
        let Some(step) = self.runbook.steps.get(step) else {
            return Arc::from(self.prefix.as_str());
        };
        if self.prefix.is_empty() {
            return step.id.shared();
        }
        Arc::from(format!("{}{}", self.prefix, step.id))
    }
}

/// Whole milliseconds of a duration.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The end of a run, with what reports need of it.
pub type Outcome = Ended;
