//! The story of one run: its runners die where a plan says so, the world lives on, people answer,
//! and the next runner goes on from the bytes the last one left.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use titan_run::engine::{self, Job, Journal, Past, Signals};
use titan_run::event::{Asked, Cause, EVENT_FORMAT, Ended, Ending, Event, Happened, Header, Phase, Progress, Request};
use titan_run::guard::Guards;
use titan_run::journal::{self, Chain, Keeper, State, Store};
use titan_run::primitive;
use titan_run::runbook::Runbook;
use titan_run::runbook::target::Target;
use titan_run::sim::SimWorld;
use titan_run::value::Value;
use titan_run::world::World;
use tokio::sync::{Notify, watch};

use super::mortal::Mortal;

const LAB: &str = include_str!("lab.rhai");
/// The longest one runner may take, by the world's clock: a run here ends within minutes.
const MAX_HOURS: u64 = 24;
/// The most records of one run: more go round in a circle.
const MAX_RECORDS: u64 = 3_000;
/// How often people let a paused run go on before they give it up.
const MAX_PAUSES: usize = 3;
/// How often people have one failed step done again while its runner waits.
const MAX_RETRIES: usize = 2;

/// What happens to a run from outside.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// After how many of its own records each runner dies.
    pub deaths: Vec<Death>,
    /// What is asked for at which record.
    pub asks: Vec<(u64, Request)>,
    pub people: People,
}

#[derive(Clone, Copy, Debug)]
pub struct Death {
    pub after: u64,
    /// Whether the records that were not committed reach the disk all the same.
    pub keeps_tail: bool,
}

/// How people see to failed steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum People {
    /// They resume a paused run.
    #[default]
    Resume,
    /// They have it done again while the runner waits, and on record where none is there.
    Retry,
    /// They go on without it where they may.
    Skip,
    /// They give a paused run up.
    Abort,
}

/// What stood on record and in the world when a runner had come to its end.
pub struct Mark {
    pub state: State,
    pub done: Vec<String>,
}

/// What became of a run.
pub struct Story {
    pub ended: Ended,
    pub events: Vec<Event>,
    /// What the laboratory was told.
    pub done: Vec<String>,
    pub versions: Vec<String>,
    pub is_armed: bool,
    pub marks: Vec<Mark>,
    pub deaths: usize,
}

/// What every run has.
pub struct Case<'a> {
    pub runbook: Arc<Runbook>,
    pub params: Value,
    pub options: BTreeMap<String, String>,
    pub target: &'a Target,
    pub guards: &'a Guards,
}

/// Lives through a run with everything that happens to it.
///
/// # Errors
/// A sentence about what no run may do.
pub fn live(case: &Case<'_>, plan: &Plan) -> Result<Story, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = SimWorld::new(LAB, &case.options, 1)?;
        let mut author = Author { case, plan, world, disk: Disk::default(), retried: RefCell::default() };
        author.write().await.map_err(|why| format!("{why}\n{}", author.told()))
    })
}

#[derive(Clone, Default)]
struct Disk(Rc<RefCell<Vec<u8>>>);

impl Store for Disk {
    fn write(&self, bytes: &[u8]) -> Result<(), String> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&self) -> Result<(), String> {
        Ok(())
    }
}

struct Author<'a> {
    case: &'a Case<'a>,
    plan: &'a Plan,
    world: SimWorld,
    disk: Disk,
    /// How often each failed step was asked for again.
    retried: RefCell<BTreeMap<String, usize>>,
}

/// What stands on the disk.
struct OnRecord {
    events: Vec<Event>,
    chain: Chain,
    state: State,
}

impl Author<'_> {
    async fn write(&mut self) -> Result<Story, String> {
        let (mut asked, mut marks, mut deaths, mut pauses) = (Vec::new(), Vec::new(), 0, 0);
        for life in 0.. {
            let is_dead = self.runner(self.plan.deaths.get(life).copied(), std::mem::take(&mut asked)).await?;
            deaths += usize::from(is_dead);
            let record = self.on_record()?;
            marks.push(Mark { state: record.state.clone(), done: self.done() });
            let Some(ended) = record.state.ended.as_deref().cloned() else {
                asked.extend(self.word_on_doubt(&record.state));
                continue;
            };
            if ended.ending != Ending::Paused {
                return Ok(self.story(ended, record.events, marks, deaths).await);
            }
            if record.state.requests.iter().any(|asked| asked.request == Request::Abort) {
                return Err(format!("an abort left the run paused: {:?}", ended.cause));
            }
            pauses += 1;
            asked = self.after_pause(&ended, &record, pauses)?;
        }
        Err("no runner ended the run".to_owned())
    }

    /// Every record there is.
    fn told(&self) -> String {
        let read = journal::read(&self.disk.0.borrow());
        read.map_or_else(|corrupt| corrupt.to_string(), |read| told(&read.events))
    }

    async fn story(&self, ended: Ended, events: Vec<Event>, marks: Vec<Mark>, deaths: usize) -> Story {
        // What is under way in the world arrives.
        tokio::select! {
            biased;
            () = self.world.drive() => {}
            () = self.world.clock().sleep(Duration::from_secs(600)) => {}
        }
        let state = self.world.state();
        let of = |service: &str, what: &str| state.get(service).and_then(|one| one.get(what)).cloned();
        let versions = ["one", "two"].iter().map(|service| of(service, "version").unwrap_or_default().to_string());
        Story {
            ended,
            events,
            done: self.done(),
            versions: versions.collect(),
            is_armed: of("execution", "armed") == Some(Value::Bool(true)),
            marks,
            deaths,
        }
    }

    fn done(&self) -> Vec<String> {
        let state = self.world.state();
        let done = state.get("execution").and_then(|one| one.get("done")).cloned().unwrap_or_default();
        done.as_list().unwrap_or_default().iter().map(ToString::to_string).collect()
    }

    fn on_record(&self) -> Result<OnRecord, String> {
        let read = journal::read(&self.disk.0.borrow()).map_err(|corrupt| corrupt.to_string())?;
        let state = State::after(&read.events).map_err(|illegal| illegal.to_string())?;
        Ok(OnRecord { events: read.events, chain: read.chain, state })
    }

    /// What people say of a paused run.
    fn after_pause(&self, ended: &Ended, record: &OnRecord, pauses: usize) -> Result<Vec<Asked>, String> {
        if matches!(ended.cause, Some(Cause::InDoubt { .. })) && pauses <= MAX_PAUSES {
            return Ok(self.word_on_doubt(&record.state));
        }
        let failed = match &ended.cause {
            Some(Cause::Step { step, .. }) => Some(step.to_string()),
            _ => None,
        };
        let may_skip = |step: &String| self.case.runbook.step_at(step).is_some_and(|step| step.may_skip);
        match (self.plan.people, failed) {
            (People::Abort, _) => return Ok(vec![said(Request::Abort)]),
            _ if pauses > MAX_PAUSES => return Ok(vec![said(Request::Abort)]),
            (People::Retry, Some(step)) => self.write_down(record, Request::Retry { step })?,
            (People::Skip, Some(step)) if may_skip(&step) && !step.ends_with(']') => {
                self.write_down(record, Request::Skip { step })?;
            }
            _ => {}
        }
        Ok(Vec::new())
    }

    /// Writes a request into the record of a run that nobody carries out.
    fn write_down(&self, record: &OnRecord, request: Request) -> Result<(), String> {
        let what = Happened::Requested(said(request));
        let event = Event { v: EVENT_FORMAT, seq: record.chain.next_seq(), at_ms: record.state.at_ms, what };
        let keeper = Keeper::new(self.disk.clone(), record.chain.clone(), record.state.clone());
        keeper.append(&event)?;
        keeper.commit()
    }

    /// What people find out about steps that only they can look at.
    fn word_on_doubt(&self, state: &State) -> Vec<Asked> {
        let done = self.done();
        let open = state.all(Phase::Forward).filter(|(_, known)| known.acted && known.is_open());
        let opaque = open.filter(|(path, known)| {
            let step = self.case.runbook.step_at(path);
            &*known.action == "nats_pub" && step.is_some_and(|step| !step.work.idempotent)
        });
        let word = |step: String| match done.iter().any(|line| is_of(line, "d", &step)) {
            true => Request::TookEffect { step },
            false => Request::TookNone { step },
        };
        opaque.map(|(path, _)| said(word(path.to_string()))).collect()
    }

    /// One runner, from its beginning to the run's end, or to its own; says whether it died.
    async fn runner(&self, death: Option<Death>, asked: Vec<Asked>) -> Result<bool, String> {
        let before = self.on_record()?;
        let (sender, signals) = watch::channel(Signals { asked });
        let is_dead = Rc::new(Cell::new(false));
        let world = Mortal::new(self.world.clone(), Rc::clone(&is_dead));
        let scribe = Scribe {
            keeper: Keeper::new(self.disk.clone(), before.chain.clone(), before.state.clone()),
            dies_at: death.map(|death| (before.chain.next_seq() + death.after, death.keeps_tail)),
            is_dead: Rc::clone(&is_dead),
            died: Notify::new(),
            asks: &self.plan.asks,
            due: RefCell::default(),
            is_due: Notify::new(),
            fault: RefCell::default(),
        };
        let is_first = before.state.header.is_none();
        let past = Past { state: before.state.resumed(), who: "the next".to_owned(), cut_bytes: 0 };
        let case = self.case;
        let job = Job {
            runbook: Arc::clone(&case.runbook),
            header: Header {
                run: "chaos".to_owned(),
                params: case.params.clone(),
                steps: case.runbook.steps.iter().map(|step| step.id.shared()).collect(),
                ..Header::default()
            },
            target: case.target,
            world: &world,
            guards: case.guards,
            primitives: primitive::find,
            journal: &scribe,
            signals,
            past: (!is_first).then_some(past),
            progress: &|progress| self.answer(&progress, &scribe),
        };
        tokio::select! {
            biased;
            () = self.world.drive() => return Err("the world ended".to_owned()),
            () = scribe.speak(&sender) => return Err("nobody speaks any more".to_owned()),
            () = scribe.died.notified() => {}
            _ = engine::run(job) => {}
            () = self.world.clock().sleep(Duration::from_secs(MAX_HOURS * 3_600)) => {
                return Err(format!("not ended within {MAX_HOURS} h"));
            }
        }
        if let Some(fault) = scribe.fault.take().or(self.world.fault()) {
            return Err(fault);
        }
        Ok(is_dead.get())
    }

    /// What people say to a runner that waits for them.
    fn answer(&self, progress: &Progress, scribe: &Scribe<'_>) {
        let Progress::Asks { step, may_skip } = progress else {
            return;
        };
        let step = step.to_string();
        let mut retried = self.retried.borrow_mut();
        let times = retried.entry(step.clone()).or_default();
        let request = match self.plan.people {
            People::Retry if *times < MAX_RETRIES => Request::Retry { step },
            People::Skip if *may_skip => Request::Skip { step },
            _ => return,
        };
        *times += 1;
        scribe.ask(request);
    }
}

/// A line for each record.
pub fn told(events: &[Event]) -> String {
    events.iter().map(|event| format!("{} {:?}\n", event.seq, event.what)).collect()
}

/// Whether a line of the laboratory is of that kind and path.
pub fn is_of(line: &str, kind: &str, path: &str) -> bool {
    let mut parts = line.split('|');
    (parts.next(), parts.next()) == (Some(kind), Some(path))
}

fn said(request: Request) -> Asked {
    Asked { request, who: "somebody".to_owned(), why: "a test".to_owned() }
}

/// Keeps the records of one runner until it dies, and has people speak when it is their turn.
struct Scribe<'a> {
    keeper: Keeper<Disk>,
    dies_at: Option<(u64, bool)>,
    is_dead: Rc<Cell<bool>>,
    died: Notify,
    asks: &'a [(u64, Request)],
    due: RefCell<Vec<Request>>,
    is_due: Notify,
    fault: RefCell<Option<String>>,
}

impl Scribe<'_> {
    fn ask(&self, request: Request) {
        self.due.borrow_mut().push(request);
        self.is_due.notify_one();
    }

    async fn speak(&self, sender: &watch::Sender<Signals>) {
        loop {
            self.is_due.notified().await;
            let due = self.due.take();
            sender.send_modify(|signals| signals.asked.extend(due.into_iter().map(said)));
        }
    }
}

impl Journal for Scribe<'_> {
    fn append(&self, event: &Event) -> Result<(), String> {
        if self.is_dead.get() {
            return Ok(());
        }
        if event.seq > MAX_RECORDS {
            panic!("the run goes round in a circle: {event:?}");
        }
        let kept = self.keeper.append(event);
        if let Err(why) = &kept {
            self.fault.borrow_mut().get_or_insert(format!("{why}: {event:?}"));
        }
        self.asks.iter().filter(|(at, _)| *at == event.seq).for_each(|(_, request)| self.ask(request.clone()));
        if let Some((_, keeps_tail)) = self.dies_at.filter(|(at, _)| *at == event.seq) {
            if keeps_tail {
                drop(self.keeper.commit());
            }
            self.is_dead.set(true);
            self.died.notify_one();
        }
        kept
    }

    fn head(&self) -> String {
        self.keeper.head()
    }

    fn is_dirty(&self) -> bool {
        !self.is_dead.get() && self.keeper.is_dirty()
    }

    fn commit(&self) -> Result<(), String> {
        if self.is_dead.get() { Ok(()) } else { self.keeper.commit() }
    }
}
