//! One service of a served world, as a process.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use async_nats::{Client, Message, Subscriber};
use futures_util::StreamExt;
use futures_util::stream::SelectAll;
use rhai::Dynamic;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::live::connection::{Connection, Reconnect};
use crate::live::now_unix_ms;
use crate::runbook::target::Nats;
use crate::sim::host::{Host, Instance, Wish, json, parse};

use super::control::{Line, Reply, Request};
use super::scrape::{self, Page};

/// How often the server is pinged.
const PING_EVERY: Duration = Duration::from_secs(2);
/// The most answers that wait to be handled.
const MAX_ANSWERS: usize = 64;

/// Where and as what a service runs.
pub struct Place {
    /// The world file's text.
    pub world: String,
    /// The options chosen.
    pub options: BTreeMap<String, String>,
    /// The folder of the served world.
    pub folder: PathBuf,
    /// The NATS server.
    pub nats: String,
    /// The service.
    pub service: String,
    /// Its version.
    pub version: String,
    /// Whether it starts for the first time.
    pub is_first: bool,
    /// The port of its `/metrics`.
    pub port: u16,
}

/// An answer to a question of the service, with the question's word; `None` is silence.
type Answer = (String, Option<String>);

struct Life {
    host: Host,
    instance: Rc<RefCell<Instance>>,
    name: String,
    client: Client,
    control: Line,
    log: File,
    page: Page,
    started_ms: u64,
    timers: BTreeMap<(Instant, u64), String>,
    next_timer: u64,
    answers: mpsc::Sender<Answer>,
    restarts: bool,
}

/// Serves one service until it restarts or its supervisor is gone. Must be called inside a
/// `LocalSet`.
///
/// # Errors
/// A sentence saying why it cannot go on.
pub async fn serve_service(place: &Place) -> Result<(), String> {
    let (sender, mut answers) = mpsc::channel(MAX_ANSWERS);
    let nats = Nats { urls: vec![place.nats.clone()], ..Nats::default() };
    let connection = Connection::open(&nats, Reconnect::Yes, PING_EVERY).await.map_err(|failure| failure.message)?;
    let listener = TcpListener::bind(("127.0.0.1", place.port)).await;
    let listener = listener.map_err(|error| format!("port {} cannot be served: {error}", place.port))?;
    let mut life = Life::new(place, connection.client.clone(), sender).await?;
    tokio::task::spawn_local(scrape::serve(listener, Rc::clone(&life.page)));
    let wishes = life.call("start", Vec::new())?;
    let mut messages = life.subscriptions().await?;
    connection.round_trip().await.map_err(|failure| failure.message)?;
    life.follow(wishes, None).await?;
    while !life.restarts {
        let due = life.timers.keys().next().map(|(at, _)| *at);
        tokio::select! {
            Some(message) = messages.next(), if !messages.is_empty() => life.message(&message).await?,
            Some((token, answer)) = answers.recv() => {
                let answer = answer.map_or(Dynamic::UNIT, |answer| parse(&answer));
                life.happen("reply", vec![token.into(), answer]).await?;
            }
            () = until(due) => {
                if let Some((_, token)) = life.timers.pop_first() {
                    life.happen("timer", vec![token.into()]).await?;
                }
            }
            gone = life.control.read::<Reply>() => return gone.map(drop),
        }
    }
    Ok(())
}

async fn until(due: Option<Instant>) {
    match due {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

impl Life {
    async fn new(place: &Place, client: Client, answers: mpsc::Sender<Answer>) -> Result<Self, String> {
        let host = Host::new(&place.world)?;
        let options = host.options(&place.options)?;
        let instance = host.instance(&place.service, &place.version, &options, place.is_first)?;
        let path = place.folder.join(format!("{}.log", place.service));
        let log = OpenOptions::new().create(true).append(true).open(&path);
        Ok(Self {
            host,
            instance: Rc::new(RefCell::new(instance)),
            name: place.service.clone(),
            client,
            control: Line::open(&place.folder).await?,
            log: log.map_err(|error| format!("`{}`: {error}", path.display()))?,
            page: Page::default(),
            started_ms: now_unix_ms(),
            timers: BTreeMap::new(),
            next_timer: 0,
            answers,
            restarts: false,
        })
    }

    async fn subscriptions(&self) -> Result<SelectAll<Subscriber>, String> {
        let listens = self.instance.borrow().listens.clone();
        let mut messages = SelectAll::new();
        for subject in listens {
            messages.push(self.client.subscribe(subject).await.map_err(|error| error.to_string())?);
        }
        Ok(messages)
    }

    fn call(&self, event: &str, arguments: Vec<Dynamic>) -> Result<Vec<Wish>, String> {
        self.host.call(&self.instance, &format!("{}_{event}", self.name), arguments)
    }

    async fn message(&mut self, message: &Message) -> Result<(), String> {
        let payload = String::from_utf8_lossy(&message.payload).into_owned();
        let wishes = self.call("message", vec![message.subject.to_string().into(), payload.into()])?;
        self.follow(wishes, message.reply.as_ref().map(ToString::to_string)).await
    }

    async fn happen(&mut self, event: &str, arguments: Vec<Dynamic>) -> Result<(), String> {
        let wishes = self.call(event, arguments)?;
        self.follow(wishes, None).await
    }

    /// Reports the state, then lets what was wished for be seen.
    async fn follow(&mut self, wishes: Vec<Wish>, reply_to: Option<String>) -> Result<(), String> {
        let state = {
            let instance = self.instance.borrow();
            let plain = instance.state.iter().map(|(name, value)| (name.to_string(), json(value)));
            plain.collect::<serde_json::Map<_, _>>()
        };
        let report = Request::Report { service: self.name.clone(), state: state.into() };
        self.control.ask(&report).await?;
        *self.page.borrow_mut() = self.exposition();
        for wish in wishes {
            self.grant(wish, reply_to.as_deref()).await?;
        }
        Ok(())
    }

    fn exposition(&self) -> String {
        let started =
            format!("process_start_time_seconds {}.{:03}\n", self.started_ms / 1_000, self.started_ms % 1_000);
        let instance = self.instance.borrow();
        let metrics = instance.metrics.iter().map(|(name, value)| format!("{name} {value}\n"));
        metrics.chain([started]).collect()
    }

    async fn grant(&mut self, wish: Wish, reply_to: Option<&str>) -> Result<(), String> {
        match wish {
            Wish::Log(line) => writeln!(self.log, "{line}").map_err(|error| format!("the log: {error}"))?,
            Wish::Publish { subject, payload } => self.publish(subject, payload).await?,
            Wish::Reply(payload) => {
                if let Some(subject) = reply_to {
                    self.publish(subject.to_owned(), payload).await?;
                }
            }
            Wish::Request { subject, payload, timeout_ms, token } => self.request(subject, payload, timeout_ms, token),
            Wish::After { ms, token } => {
                self.timers.insert((Instant::now() + Duration::from_millis(ms), self.next_timer), token);
                self.next_timer += 1;
            }
            Wish::Restart => self.restarts = true,
        }
        Ok(())
    }

    async fn publish(&self, subject: String, payload: String) -> Result<(), String> {
        self.client.publish(subject, payload.into()).await.map_err(|error| error.to_string())
    }

    fn request(&self, subject: String, payload: String, timeout_ms: u64, token: String) {
        let (client, answers) = (self.client.clone(), self.answers.clone());
        tokio::task::spawn_local(async move {
            let asking = client.request(subject, payload.into());
            let answer = tokio::time::timeout(Duration::from_millis(timeout_ms), asking).await;
            let answer = answer.ok().and_then(Result::ok);
            let text = answer.map(|message| String::from_utf8_lossy(&message.payload).into_owned());
            let _ = answers.send((token, text)).await;
        });
    }
}
