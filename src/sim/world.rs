//! The simulated world as the engine's traits see it.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::declaration::{ErrorClass, Failure};
use crate::value::Value;
use crate::world::{
    Answer, Bus, Clock, Command, Finished, LogLines, LogMark, Logs, Message, Metrics, People, Processes, Question,
    Sample, Services, Standing, Touch, Wait, Web, WebRequest, WebResponse, World,
};

use super::host::{Deployment, Host};
use super::memory::{Asker, Broken, EPOCH_MS, Memory};

/// A world file, running in memory. Cloning gives another handle to the same world.
#[derive(Clone)]
pub struct SimWorld(Rc<Inner>);

struct Inner {
    source: Source,
    memory: OnceCell<RefCell<Memory>>,
    built: Notify,
    began: Instant,
    random: Cell<u64>,
    fault: RefCell<Option<String>>,
    /// The items the operator confirms; every one where `None`.
    confirmed: RefCell<Option<Vec<String>>>,
}

/// What a world is built from.
struct Source {
    text: Cow<'static, str>,
    options: BTreeMap<String, String>,
}

impl SimWorld {
    /// A world whose text is known to be whole, such as the embedded one: it is built when it is
    /// first touched, so that a runbook that touches nothing does not wait for it.
    pub fn untouched(text: &'static str, seed: u64) -> Self {
        Self::of(Source { text: Cow::Borrowed(text), options: BTreeMap::new() }, seed)
    }

    /// Builds a world from a world file's text, options by name, and a seed for randomness. Must
    /// be called inside a runtime whose clock is paused.
    ///
    /// # Errors
    /// A sentence about the world file or an option it does not have.
    pub fn new(text: &str, options: &BTreeMap<String, String>, seed: u64) -> Result<Self, String> {
        let world = Self::of(Source { text: Cow::Owned(text.to_owned()), options: options.clone() }, seed);
        world.memory();
        world.fault().map_or(Ok(world), Err)
    }

    fn of(source: Source, seed: u64) -> Self {
        Self(Rc::new(Inner {
            source,
            memory: OnceCell::new(),
            built: Notify::new(),
            began: Instant::now(),
            random: Cell::new(seed),
            fault: RefCell::new(None),
            confirmed: RefCell::new(None),
        }))
    }

    /// Lets the world live: must be polled beside the run, and never ends. A world whose file is
    /// found to be wrong stands still from there on.
    pub async fn drive(&self) {
        if self.0.memory.get().is_none() {
            self.0.built.notified().await;
        }
        let changed = Rc::clone(&self.memory().borrow().changed);
        loop {
            let advanced = self.memory().borrow_mut().advance(self.elapsed());
            self.blame(advanced);
            if self.fault().is_some() {
                std::future::pending::<()>().await;
            }
            let next = self.memory().borrow().next_due();
            match next {
                None => changed.notified().await,
                Some(at) => tokio::select! {
                    () = tokio::time::sleep_until(self.0.began + at) => {}
                    () = changed.notified() => {}
                },
            }
        }
    }

    /// Lets the operator confirm these items of checklists and no others.
    pub fn confirm_only(&self, items: Vec<String>) {
        *self.0.confirmed.borrow_mut() = Some(items);
    }

    /// The names of a world file's options.
    ///
    /// # Errors
    /// A sentence about the world file.
    pub fn option_names(text: &str) -> Result<Vec<String>, String> {
        let options = Host::new(text)?.options(&BTreeMap::new())?;
        Ok(options.keys().map(ToString::to_string).collect())
    }

    /// Whether a world file has these options, and they may have these values.
    ///
    /// # Errors
    /// A sentence saying which not.
    pub fn takes(text: &str, chosen: &BTreeMap<String, String>) -> Result<(), String> {
        Host::new(text)?.options(chosen).map(drop)
    }

    /// The invariants that were broken so far.
    pub fn broken(&self) -> Vec<Broken> {
        self.0.memory.get().map(|memory| memory.borrow().broken.clone()).unwrap_or_default()
    }

    /// What is wrong with the world file, where a function of it failed.
    pub fn fault(&self) -> Option<String> {
        self.0.fault.borrow().clone()
    }

    /// Every service's version and state.
    pub fn state(&self) -> Value {
        self.memory().borrow().state()
    }

    /// The world itself; what was due before it was built happens now.
    pub(super) fn memory(&self) -> &RefCell<Memory> {
        self.0.memory.get_or_init(|| {
            let Source { text, options } = &self.0.source;
            let mut memory = Memory::new(text, options).unwrap_or_else(|fault| {
                self.blame(Err(fault));
                Memory::default()
            });
            self.blame(memory.advance(self.elapsed()));
            self.0.built.notify_one();
            RefCell::new(memory)
        })
    }

    /// Keeps the first fault of the world file.
    fn blame(&self, result: Result<(), String>) {
        if let Err(fault) = result {
            self.0.fault.borrow_mut().get_or_insert(fault);
        }
    }

    /// Puts a message on its way; says whether anybody listens.
    pub(super) fn send(&self, message: &Message, asker: Asker) -> bool {
        self.memory().borrow_mut().send(message.clone(), asker, self.elapsed())
    }

    fn no_service(name: &str) -> Failure {
        Failure::new(ErrorClass::Refused, format!("the simulated world has no service `{name}`"))
    }

    fn samples(&self, name: &str) -> Option<Vec<Sample>> {
        let (metrics, started) = self.memory().borrow().metrics(name)?;
        let start = ("process_start_time_seconds".to_owned(), started);
        let labelled = metrics.into_iter().chain([start]).map(|(metric, value)| Sample {
            name: metric,
            labels: BTreeMap::from([("job".to_owned(), name.to_owned())]),
            value,
            age: Duration::ZERO,
        });
        Some(labelled.collect())
    }
}

impl World for SimWorld {
    fn clock(&self) -> &dyn Clock {
        self
    }

    fn bus(&self) -> &dyn Bus {
        self
    }

    fn metrics(&self) -> &dyn Metrics {
        self
    }

    fn logs(&self) -> &dyn Logs {
        self
    }

    fn services(&self) -> &dyn Services {
        self
    }

    fn processes(&self) -> &dyn Processes {
        self
    }

    fn web(&self) -> &dyn Web {
        self
    }

    fn people(&self) -> &dyn People {
        self
    }
}

impl Clock for SimWorld {
    fn elapsed(&self) -> Duration {
        self.0.began.elapsed()
    }

    fn unix_ms(&self) -> u64 {
        EPOCH_MS + u64::try_from(self.elapsed().as_millis()).unwrap_or(0)
    }

    fn sleep(&self, how_long: Duration) -> Wait<'_, ()> {
        Box::pin(tokio::time::sleep(how_long))
    }

    /// SplitMix64.
    fn random(&self) -> u64 {
        let state = self.0.random.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.0.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

impl Metrics for SimWorld {
    /// Answers a plain metric name, which is all the simulated Prometheus understands.
    fn query<'a>(&'a self, promql: &'a str) -> Wait<'a, Touch<Vec<Sample>>> {
        Box::pin(async move {
            let is_plain = promql.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
            if !is_plain {
                let message = format!("the simulated Prometheus answers metric names only, not `{promql}`");
                return Err(Failure::new(ErrorClass::Refused, message));
            }
            let names = self.memory().borrow().names();
            let all = names.iter().filter_map(|name| self.samples(name)).flatten();
            Ok(all.filter(|sample| sample.name == promql).collect())
        })
    }

    fn scrape<'a>(&'a self, service: &'a str, names: &'a [&'a str]) -> Wait<'a, Touch<Vec<Sample>>> {
        Box::pin(async move {
            let samples = self.samples(service).ok_or_else(|| Self::no_service(service))?;
            Ok(samples.into_iter().filter(|sample| names.contains(&sample.name.as_str())).collect())
        })
    }
}

impl Logs for SimWorld {
    fn mark<'a>(&'a self, service: &'a str) -> Wait<'a, Touch<LogMark>> {
        Box::pin(async move {
            let read = self.memory().borrow().log(service, usize::MAX);
            read.map(|(_, next)| next.to_string()).ok_or_else(|| Self::no_service(service))
        })
    }

    fn read<'a>(&'a self, service: &'a str, since: &'a str) -> Wait<'a, Touch<LogLines>> {
        Box::pin(async move {
            let from = since.parse().unwrap_or(0);
            let read = self.memory().borrow().log(service, from);
            let (lines, next) = read.ok_or_else(|| Self::no_service(service))?;
            Ok(LogLines { lines, next: next.to_string() })
        })
    }
}

impl Services for SimWorld {
    fn deploy<'a>(&'a self, service: &'a str, version: &'a str, bound: Duration) -> Wait<'a, Touch<()>> {
        Box::pin(async move {
            let exit = |message: String| Failure::new(ErrorClass::Exit, message);
            let begun = self.memory().borrow_mut().deploy(service, version, self.elapsed());
            let (Deployment { takes, code, .. }, order) = begun.map_err(exit)?;
            tokio::time::sleep(takes.min(bound)).await;
            if takes > bound {
                return Err(Failure::new(
                    ErrorClass::Timeout,
                    format!("the deploy of `{service}` takes longer than its bound"),
                ));
            }
            if code != 0 {
                return Err(exit(format!("the deploy of `{service}` ended with code {code}")));
            }
            if self.memory().borrow().is_overtaken(service, order) {
                return Err(exit(format!("a later deploy of `{service}` has overtaken this one")));
            }
            let advanced = self.memory().borrow_mut().advance(self.elapsed());
            self.blame(advanced);
            Ok(())
        })
    }

    fn version<'a>(&'a self, service: &'a str) -> Wait<'a, Touch<String>> {
        Box::pin(async move { self.memory().borrow().version(service).ok_or_else(|| Self::no_service(service)) })
    }
}

impl Processes for SimWorld {
    fn run<'a>(&'a self, _: &'a Command) -> Wait<'a, Touch<Finished>> {
        let failure = Failure::new(ErrorClass::Refused, "the simulated world runs no local processes");
        Box::pin(std::future::ready(Err(failure)))
    }
}

impl Web for SimWorld {
    fn send<'a>(&'a self, _: &'a WebRequest) -> Wait<'a, Touch<WebResponse>> {
        let failure = Failure::new(ErrorClass::Refused, "the simulated world sends no HTTP requests");
        Box::pin(std::future::ready(Err(failure)))
    }
}

impl People for SimWorld {
    /// A rehearsal's operator confirms everything it is not told to leave out, and is named as what
    /// it is.
    fn ask<'a>(&'a self, question: &'a Question) -> Wait<'a, Touch<Answer>> {
        let yes = self.0.confirmed.borrow().as_ref().is_none_or(|items| items.contains(&question.item));
        let answer = Answer { yes, who: "simulated operator".to_owned() };
        Box::pin(std::future::ready(Ok(answer)))
    }

    fn standing(&self, _: &str) -> Touch<Standing> {
        Ok(Standing::Simulated("simulated operator".to_owned()))
    }
}
