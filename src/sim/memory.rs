//! The world in memory: services, messages under way, timers, logs, and the invariants.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use rhai::{Dynamic, Map};
use tokio::sync::Notify;

use crate::value::Value;
use crate::world::Message;

use super::host::{Deployment, Host, Instance, Wish, json, parse};

/// How long a message is under way.
const LATENCY: Duration = Duration::from_millis(1);
/// Things that happen before time passes: more go round in a circle, or grow ever louder.
const MAX_AT_ONE_INSTANT: usize = 1_000;
/// Messages and timers under way: more are timers that each start another.
const MAX_UNDER_WAY: usize = 10_000;

/// Where the world's wall clock starts: 2026-01-01T00:00:00Z, so that runs are the same every day.
pub(super) const EPOCH_MS: u64 = 1_767_225_600_000;

/// An invariant that was broken, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Time since the run began.
    pub at: Duration,
    /// The invariant, as the world file states it.
    pub invariant: String,
}

/// Replies or messages that wait to be taken.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    pub(super) messages: RefCell<Vec<Message>>,
    pub(super) arrived: Notify,
}

/// Who gets a reply.
#[derive(Clone, Debug)]
pub(super) enum Asker {
    Nobody,
    Runner(Rc<Inbox>),
    Service { name: String, token: String, question: u64 },
}

/// Something that will happen.
enum Due {
    Deliver { message: Message, asker: Asker },
    Answer { payload: String, asker: Asker },
    Timer { service: String, token: String, life: u64 },
    Silence { service: String, token: String, question: u64 },
    Restart { service: String, life: u64 },
    Deployed { service: String, runs: String, order: u64 },
}

/// A service with what outlives its restarts.
struct Running {
    instance: Rc<RefCell<Instance>>,
    life: u64,
    started_ms: u64,
    log: Vec<String>,
}

impl Running {
    fn listens(&self, subject: &str) -> bool {
        self.instance.borrow().listens.iter().any(|one| one == subject)
    }
}

/// Everything there is; by default nothing.
#[derive(Default)]
pub(super) struct Memory {
    host: Host,
    options: Map,
    services: BTreeMap<String, Running>,
    due: BTreeMap<(Duration, u64), Due>,
    subscribers: Vec<(String, Rc<Inbox>)>,
    open_questions: BTreeMap<u64, ()>,
    /// The latest deploy of each service: it overtakes those before it that are under way.
    deploys: BTreeMap<String, u64>,
    next: u64,
    /// The instant that something last happened at, and how much happened there.
    busy: (Duration, usize),
    pub(super) broken: Vec<Broken>,
    pub(super) changed: Rc<Notify>,
}

impl Memory {
    /// Builds the world and starts its services.
    pub(super) fn new(text: &str, chosen: &BTreeMap<String, String>) -> Result<Self, String> {
        let host = Host::new(text)?;
        let options = host.options(chosen)?;
        let mut memory = Self { host, options, ..Self::default() };
        let running = memory.options.get("running").map(ToString::to_string).unwrap_or_default();
        for name in memory.host.services()? {
            memory.start(&name, &running, Duration::ZERO)?;
        }
        Ok(memory)
    }

    /// Starts a service anew with a version.
    pub(super) fn start(&mut self, name: &str, version: &str, now: Duration) -> Result<(), String> {
        let is_first = !self.services.contains_key(name);
        let instance = self.host.instance(name, version, &self.options, is_first)?;
        let earlier = self.services.remove(name);
        let running = Running {
            instance: Rc::new(RefCell::new(instance)),
            life: earlier.as_ref().map_or(0, |service| service.life) + 1,
            started_ms: EPOCH_MS + u64::try_from(now.as_millis()).unwrap_or(0),
            log: earlier.map(|service| service.log).unwrap_or_default(),
        };
        self.services.insert(name.to_owned(), running);
        self.call(name, "start", Vec::new(), &Asker::Nobody, now)
    }

    /// When the next thing is due.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.due.keys().next().map(|(at, _)| *at)
    }

    /// Does everything that is due.
    pub(super) fn advance(&mut self, now: Duration) -> Result<(), String> {
        while self.next_due().is_some_and(|at| at <= now) {
            let Some(((at, _), due)) = self.due.pop_first() else {
                break;
            };
            self.happen(due, at)?;
        }
        Ok(())
    }

    fn happen(&mut self, due: Due, now: Duration) -> Result<(), String> {
        self.bound(now)?;
        match due {
            Due::Deliver { message, asker } => self.deliver(&message, &asker, now),
            Due::Answer { payload, asker } => self.answer(&payload, asker, now),
            Due::Timer { service, life, .. } | Due::Restart { service, life } if self.life(&service) != life => Ok(()),
            Due::Timer { service, token, .. } => self.call(&service, "timer", vec![token.into()], &Asker::Nobody, now),
            Due::Restart { service, .. } => {
                let version = self.version(&service).unwrap_or_default();
                self.start(&service, &version, now)
            }
            Due::Deployed { service, order, .. } if self.is_overtaken(&service, order) => Ok(()),
            Due::Deployed { service, runs, .. } => self.start(&service, &runs, now),
            Due::Silence { service, token, question } => match self.open_questions.remove(&question) {
                Some(()) => self.call(&service, "reply", vec![token.into(), Dynamic::UNIT], &Asker::Nobody, now),
                None => Ok(()),
            },
        }
    }

    /// Whether so much may happen: a world that goes round in a circle would never end.
    fn bound(&mut self, now: Duration) -> Result<(), String> {
        let (at, count) = &mut self.busy;
        *count = if *at == now { *count + 1 } else { 1 };
        *at = now;
        if *count > MAX_AT_ONE_INSTANT {
            let what = "a timer of 0 ms, a restart or a message may bring itself about";
            return Err(format!("more than {MAX_AT_ONE_INSTANT} things happen at one instant: {what}"));
        }
        if self.due.len() > MAX_UNDER_WAY {
            let what = "a message or a timer may bring about two of its own";
            return Err(format!("more than {MAX_UNDER_WAY} messages and timers are under way: {what}"));
        }
        Ok(())
    }

    /// How often a service was started.
    fn life(&self, name: &str) -> u64 {
        self.services.get(name).map_or(0, |running| running.life)
    }

    /// Puts a message on its way; says whether anybody listens.
    pub(super) fn send(&mut self, message: Message, asker: Asker, now: Duration) -> bool {
        let is_heard = self.services.values().any(|running| running.listens(&message.subject));
        self.later(now + LATENCY, Due::Deliver { message, asker });
        is_heard
    }

    /// Subscribes the runner; `*` and `>` work as on the bus.
    pub(super) fn subscribe(&mut self, subject: &str) -> Rc<Inbox> {
        let inbox = Rc::new(Inbox::default());
        self.subscribers.push((subject.to_owned(), Rc::clone(&inbox)));
        inbox
    }

    fn deliver(&mut self, message: &Message, asker: &Asker, now: Duration) -> Result<(), String> {
        let subject = &message.subject;
        self.subscribers.retain(|(_, inbox)| Rc::strong_count(inbox) > 1);
        for (_, inbox) in self.subscribers.iter().filter(|(pattern, _)| covers(pattern, subject)) {
            put(inbox, message.clone());
        }
        let hearing = self.services.iter().filter(|(_, running)| running.listens(subject));
        let hearing: Vec<_> = hearing.map(|(name, _)| name.clone()).collect();
        let payload = String::from_utf8_lossy(&message.payload);
        for name in hearing {
            let arguments = vec![subject.clone().into(), payload.clone().into_owned().into()];
            self.call(&name, "message", arguments, asker, now)?;
        }
        Ok(())
    }

    fn answer(&mut self, payload: &str, asker: Asker, now: Duration) -> Result<(), String> {
        match asker {
            Asker::Nobody => Ok(()),
            Asker::Runner(inbox) => {
                put(&inbox, plain("", payload.to_owned()));
                Ok(())
            }
            Asker::Service { name, token, question } => match self.open_questions.remove(&question) {
                Some(()) => self.call(&name, "reply", vec![token.into(), parse(payload)], &Asker::Nobody, now),
                None => Ok(()),
            },
        }
    }

    /// Calls a service's function and carries out what it asks for.
    fn call(
        &mut self,
        name: &str,
        event: &str,
        arguments: Vec<Dynamic>,
        asker: &Asker,
        now: Duration,
    ) -> Result<(), String> {
        let Some(instance) = self.services.get(name).map(|running| Rc::clone(&running.instance)) else {
            return Ok(());
        };
        let wishes = self.host.call(&instance, &format!("{name}_{event}"), arguments)?;
        for wish in wishes {
            self.grant(name, wish, asker, now);
        }
        self.check(now)
    }

    fn grant(&mut self, name: &str, wish: Wish, asker: &Asker, now: Duration) {
        match wish {
            Wish::Log(line) => {
                if let Some(running) = self.services.get_mut(name) {
                    running.log.push(line);
                }
            }
            Wish::Publish { subject, payload } => drop(self.send(plain(&subject, payload), Asker::Nobody, now)),
            Wish::Reply(payload) => self.later(now + LATENCY, Due::Answer { payload, asker: asker.clone() }),
            Wish::Request { subject, payload, timeout_ms, token } => {
                let question = self.next;
                self.open_questions.insert(question, ());
                let asker = Asker::Service { name: name.to_owned(), token: token.clone(), question };
                self.send(plain(&subject, payload), asker, now);
                let service = name.to_owned();
                self.later(now + Duration::from_millis(timeout_ms), Due::Silence { service, token, question });
            }
            Wish::After { ms, token } => {
                let (service, life) = (name.to_owned(), self.life(name));
                self.later(now + Duration::from_millis(ms), Due::Timer { service, token, life });
            }
            // Once its function is done, as a process restarts.
            Wish::Restart => {
                let (service, life) = (name.to_owned(), self.life(name));
                self.later(now, Due::Restart { service, life });
            }
        }
    }

    fn later(&mut self, at: Duration, due: Due) {
        self.due.insert((at, self.next), due);
        self.next += 1;
        self.changed.notify_one();
    }

    fn check(&mut self, now: Duration) -> Result<(), String> {
        let states =
            self.services.iter().map(|(name, running)| (name.clone(), running.instance.borrow().state.clone()));
        for invariant in self.host.broken(&states.collect())? {
            if self.broken.iter().all(|known| known.invariant != invariant) {
                self.broken.push(Broken { at: now, invariant });
            }
        }
        Ok(())
    }

    /// Begins a deploy, which goes on whether or not anybody waits for it. Says what it will do,
    /// and its order.
    pub(super) fn deploy(&mut self, name: &str, version: &str, now: Duration) -> Result<(Deployment, u64), String> {
        let running = self.version(name).ok_or_else(|| format!("there is no service `{name}`"))?;
        let will = self.host.deployment(name, &running, version, &self.options)?;
        drop(self.host.instance(name, &will.runs, &self.options, false)?);
        let order = self.next;
        self.deploys.insert(name.to_owned(), order);
        if will.code == 0 {
            let (service, runs) = (name.to_owned(), will.runs.clone());
            self.later(now + will.takes, Due::Deployed { service, runs, order });
        }
        Ok((will, order))
    }

    /// Whether a later deploy of the service was begun.
    pub(super) fn is_overtaken(&self, name: &str, order: u64) -> bool {
        self.deploys.get(name).is_some_and(|latest| *latest != order)
    }

    /// The version a service runs.
    pub(super) fn version(&self, name: &str) -> Option<String> {
        self.services.get(name).map(|running| running.instance.borrow().version.clone())
    }

    /// A service's log from a line on, and the line after its last.
    pub(super) fn log(&self, name: &str, from: usize) -> Option<(Vec<String>, usize)> {
        let log = &self.services.get(name)?.log;
        Some((log.iter().skip(from).cloned().collect(), log.len()))
    }

    /// A service's metrics and the second its process started.
    pub(super) fn metrics(&self, name: &str) -> Option<(BTreeMap<String, f64>, f64)> {
        let running = self.services.get(name)?;
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of this century are exact in a double")]
        let started = running.started_ms as f64 / 1_000.0;
        Some((running.instance.borrow().metrics.clone(), started))
    }

    /// The names of all services.
    pub(super) fn names(&self) -> Vec<String> {
        self.services.keys().cloned().collect()
    }

    /// Every service's version and plain state, for tests and reports.
    pub(super) fn state(&self) -> Value {
        let services = self.services.iter().map(|(name, running)| {
            let instance = running.instance.borrow();
            let plain = instance.state.iter().filter(|(key, _)| key.as_str() != "options");
            let mut state: BTreeMap<_, _> =
                plain.map(|(key, value)| (key.to_string(), Value::from(json(value)))).collect();
            state.insert("version".to_owned(), Value::text(instance.version.as_str()));
            (name.as_str(), Value::map(state.iter().map(|(k, v)| (k.as_str(), v.clone()))))
        });
        Value::map(services)
    }
}

/// A message of a service, which has no headers.
fn plain(subject: &str, payload: String) -> Message {
    Message { subject: subject.to_owned(), payload: payload.into_bytes(), ..Message::default() }
}

fn put(inbox: &Rc<Inbox>, message: Message) {
    inbox.messages.borrow_mut().push(message);
    inbox.arrived.notify_one();
}

/// Whether a subscription's subject covers a message's.
fn covers(pattern: &str, subject: &str) -> bool {
    let mut tokens = subject.split('.');
    for wanted in pattern.split('.') {
        match (wanted, tokens.next()) {
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (wanted, Some(token)) if wanted == token => {}
            _ => return false,
        }
    }
    tokens.next().is_none()
}
