//! The bus on a real NATS server.
//!
//! One connection observes: requests share one inbox subscription, each with a token of its own.
//! Everything that has an effect goes over a connection of its own (`command_line.rs`).

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::{HeaderMap, StatusCode, Subscriber};
use futures_util::StreamExt;
use tokio::sync::{Notify, OnceCell};

use crate::declaration::{ErrorClass, Failure};
use crate::runbook::target::{Nats, Target};
use crate::value::format_duration;
use crate::world::{Bus, CommandLine, Gather, Message, Subscription, Touch, Wait};

use super::command_line::LiveCommandLine;
use super::connection::{Connection, Events, Mark, Reconnect, settle, trouble, within};

/// A frozen server is noticed after three of these.
const PING_EVERY: Duration = Duration::from_secs(2);
/// The most replies to one request: more are not replicas but a flood.
const MAX_REPLIES: usize = 1_024;

/// Who waits for replies, by token.
type Waiting = Arc<Mutex<BTreeMap<u64, Arc<Replies>>>>;

/// The bus of a target.
pub(super) struct LiveBus {
    target: Rc<Target>,
    observing: OnceCell<Rc<Observing>>,
}

/// The connection for observing.
struct Observing {
    connection: Connection,
    inbox: String,
    next: Cell<u64>,
    waiting: Waiting,
}

/// The replies to one request, as they come.
#[derive(Default)]
struct Replies {
    came: Mutex<Vec<async_nats::Message>>,
    more: Notify,
}

impl Replies {
    fn add(&self, reply: async_nats::Message) {
        let mut came = self.came();
        if came.len() < MAX_REPLIES {
            came.push(reply);
            self.more.notify_one();
        }
    }

    /// Waits until nobody answers, or for the first reply where that is `enough`.
    async fn wait(&self, subject: &str, enough: bool) -> Touch<()> {
        loop {
            self.more.notified().await;
            self.are_from_somebody(subject)?;
            if enough {
                return Ok(());
            }
        }
    }

    fn are_from_somebody(&self, subject: &str) -> Touch<()> {
        let nobody = self.came().iter().any(|reply| reply.status == Some(StatusCode::NO_RESPONDERS));
        let failure = || Failure::new(ErrorClass::NoResponders, format!("nobody answers on `{subject}`"));
        if nobody { Err(failure()) } else { Ok(()) }
    }

    fn came(&self) -> MutexGuard<'_, Vec<async_nats::Message>> {
        self.came.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LiveBus {
    /// A bus that connects when it is first needed.
    pub(super) fn new(target: Rc<Target>) -> Self {
        Self { target, observing: OnceCell::new() }
    }

    fn nats(&self) -> Result<&Nats, Failure> {
        let nats = self.target.nats.as_ref().filter(|nats| !nats.urls.is_empty());
        nats.ok_or_else(|| {
            Failure::new(ErrorClass::Refused, format!("the target `{}` has no `nats` with a `url`", self.target.name))
        })
    }

    async fn observing(&self) -> Result<Rc<Observing>, Failure> {
        if let Some(observing) = self.observing.get() {
            return Ok(Rc::clone(observing));
        }
        // Connecting lies apart, so that a request, of which there are many, stays small.
        let nats = self.nats()?;
        let opening = || async { Observing::open(nats).await.map(Rc::new) };
        Box::pin(self.observing.get_or_try_init(opening)).await.map(Rc::clone)
    }
}

impl Observing {
    async fn open(nats: &Nats) -> Result<Self, Failure> {
        let connection = Connection::open(nats, Reconnect::Yes, PING_EVERY).await?;
        let inbox = connection.client.new_inbox();
        let waiting = Waiting::default();
        let pattern = format!("{inbox}.*");
        let mark = connection.events.mark();
        let replies = connection.client.subscribe(pattern.clone()).await;
        let replies = replies.map_err(|error| Failure::new(ErrorClass::Disconnected, error.to_string()))?;
        connection.round_trip().await?;
        connection.events.since(mark, &pattern)?;
        tokio::spawn(hand_out(replies, Arc::clone(&waiting)));
        Ok(Self { connection, inbox, next: Cell::new(0), waiting })
    }

    async fn request(&self, message: &Message, gather: Gather) -> Touch<Vec<Message>> {
        let token = self.next.get();
        self.next.set(token + 1);
        let replies = Arc::new(Replies::default());
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(token, Arc::clone(&replies));
        let _forget = Forget(&self.waiting, token);
        let mark = self.connection.events.mark();
        self.send(message, format!("{}.{token}", self.inbox)).await?;
        let (bound, first_only) = match gather {
            Gather::First(bound) => (bound, true),
            Gather::Window(window) => (window, false),
        };
        let outcome = within(bound, async {
            tokio::select! {
                biased;
                ended = replies.wait(&message.subject, first_only) => ended,
                failure = self.connection.trouble(mark, &message.subject) => Err(failure),
            }
        });
        outcome.await.unwrap_or(Ok(()))?;
        replies.are_from_somebody(&message.subject)?;
        let mut gathered = std::mem::take(&mut *replies.came());
        if first_only {
            gathered.truncate(1);
        }
        if gathered.is_empty() {
            let text = format!("no reply on `{}` within {}", message.subject, format_duration(bound));
            return Err(Failure::new(ErrorClass::Timeout, text));
        }
        Ok(gathered.into_iter().map(into_message).collect())
    }

    async fn send(&self, message: &Message, reply: String) -> Touch<()> {
        let client = &self.connection.client;
        if client.connection_state() != async_nats::connection::State::Connected {
            return Err(Failure::new(ErrorClass::Disconnected, "NATS is not connected now"));
        }
        let payload = message.payload.clone().into();
        let sent = if message.headers.is_empty() {
            client.publish_with_reply(message.subject.clone(), reply, payload).await
        } else {
            client.publish_with_reply_and_headers(message.subject.clone(), reply, headers(message), payload).await
        };
        sent.map_err(|error| Failure::new(ErrorClass::Refused, format!("`{}`: {error}", message.subject)))
    }
}

/// Gives each reply to the request it belongs to; late ones go nowhere.
async fn hand_out(mut replies: Subscriber, waiting: Waiting) {
    while let Some(reply) = replies.next().await {
        let token = reply.subject.rsplit('.').next().and_then(|token| token.parse().ok());
        let asker =
            token.and_then(|token: u64| waiting.lock().unwrap_or_else(PoisonError::into_inner).get(&token).cloned());
        if let Some(asker) = asker {
            asker.add(reply);
        }
    }
}

/// Forgets a request when its future ends or is dropped.
struct Forget<'a>(&'a Waiting, u64);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

impl Bus for LiveBus {
    fn request<'a>(&'a self, message: &'a Message, gather: Gather) -> Wait<'a, Touch<Vec<Message>>> {
        Box::pin(async move { self.observing().await?.request(message, gather).await })
    }

    fn publish<'a>(&'a self, message: &'a Message) -> Wait<'a, Touch<()>> {
        Box::pin(async move {
            let mut line = LiveCommandLine::open(self.nats()?).await?;
            line.publish(message).await
        })
    }

    fn subscribe<'a>(&'a self, subject: &'a str) -> Wait<'a, Touch<Box<dyn Subscription>>> {
        Box::pin(async move {
            let observing = self.observing().await?;
            let mark = observing.connection.events.mark();
            let messages = observing.connection.client.subscribe(subject.to_owned()).await;
            let messages =
                messages.map_err(|error| Failure::new(ErrorClass::Refused, format!("`{subject}`: {error}")))?;
            observing.connection.round_trip().await?;
            let subscription = LiveSubscription {
                messages,
                events: Arc::clone(&observing.connection.events),
                mark,
                subject: subject.to_owned(),
            };
            subscription.health()?;
            Ok(Box::new(subscription) as Box<dyn Subscription>)
        })
    }

    fn command_line(&self) -> Wait<'_, Touch<Box<dyn CommandLine>>> {
        Box::pin(async move {
            let line = LiveCommandLine::open(self.nats()?).await?;
            Ok(Box::new(line) as Box<dyn CommandLine>)
        })
    }
}

/// A subscription that the server has confirmed.
struct LiveSubscription {
    messages: Subscriber,
    events: Arc<Events>,
    mark: Mark,
    subject: String,
}

impl Subscription for LiveSubscription {
    /// Ends as soon as messages may be missing; [`Subscription::health`] then says why.
    fn next(&mut self) -> Wait<'_, Option<Message>> {
        Box::pin(async move {
            tokio::select! {
                biased;
                message = self.messages.next() => message.map(into_message),
                _ = trouble(&self.events, self.mark, &self.subject) => {
                    settle().await;
                    None
                }
            }
        })
    }

    fn health(&self) -> Touch<()> {
        self.events.since(self.mark, &self.subject)
    }
}

/// The headers of a message as the client wants them.
pub(super) fn headers(message: &Message) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in &message.headers {
        headers.insert(name.as_str(), value.as_str());
    }
    headers
}

fn into_message(message: async_nats::Message) -> Message {
    let headers = message.headers.iter().flat_map(|headers| headers.iter());
    let headers = headers.filter_map(|(name, values)| Some((name.to_string(), values.first()?.to_string())));
    Message { subject: message.subject.to_string(), headers: headers.collect(), payload: message.payload.to_vec() }
}
