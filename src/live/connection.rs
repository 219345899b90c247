//! One NATS connection, and what the server said beside the messages.
//!
//! Publishes, flushes and subscriptions that the server denies all return ok; only the event
//! callback tells. So every proof is a round trip, after which the events are asked.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, ServerError};
use futures_util::StreamExt;
use tokio::sync::Notify;

use crate::declaration::{ErrorClass, Failure};
use crate::runbook::target::Nats;

use super::secret::reveal;

/// How long connecting to one server may take.
const CONNECT_BOUND: Duration = Duration::from_secs(3);
/// How long a round trip may take: a thousand times what it takes on one machine.
const ROUND_TRIP_BOUND: Duration = Duration::from_secs(2);
/// The most denials remembered: more tell nothing new.
const MAX_DENIALS: usize = 64;
/// How often control is given back so that an event that came before an answer is heard first.
const YIELDS: usize = 4;
/// Longer than any run: a connection for commands never comes back.
const NEVER: Duration = Duration::from_secs(10 * 365 * 24 * 3_600);
/// The wait before the connection for observing is made again.
const RECONNECT_EVERY: Duration = Duration::from_millis(250);

/// Whether a lost connection comes back by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reconnect {
    /// For observing: what was missed is noticed by [`Events::since`].
    Yes,
    /// For commands: what stands in a buffer must never be delivered late.
    Never,
}

/// A live connection.
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) events: Arc<Events>,
}

/// What happened on a connection beside messages.
#[derive(Default)]
pub(crate) struct Events {
    log: Mutex<Log>,
    pub(crate) changed: Notify,
}

#[derive(Clone, Default)]
struct Log {
    losses: u64,
    slow: u64,
    denied: u64,
    /// The last denials with their numbers.
    denials: VecDeque<(u64, String)>,
}

/// A moment in a connection's events.
#[derive(Clone, Copy, Default)]
pub(crate) struct Mark {
    losses: u64,
    slow: u64,
    denied: u64,
}

impl Events {
    /// The moment now.
    pub(crate) fn mark(&self) -> Mark {
        let log = self.log();
        Mark { losses: log.losses, slow: log.slow, denied: log.denied }
    }

    /// Fails when, since a moment, the connection was lost, messages were dropped, or the server
    /// denied something on a subject.
    pub(crate) fn since(&self, mark: Mark, subject: &str) -> Result<(), Failure> {
        let log = self.log();
        let names_it = |text: &str| text.contains(&format!("\"{subject}\""));
        if let Some((_, text)) = log.denials.iter().find(|(at, text)| *at >= mark.denied && names_it(text)) {
            return Err(Failure::new(ErrorClass::Denied, format!("the server said: {text}")));
        }
        if log.losses > mark.losses {
            return Err(Failure::new(ErrorClass::Disconnected, "the connection to NATS was lost"));
        }
        if log.slow > mark.slow {
            return Err(Failure::new(ErrorClass::Disconnected, "messages were dropped: this side was too slow"));
        }
        Ok(())
    }

    fn hear(&self, event: &Event) {
        {
            let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
            match event {
                Event::Disconnected | Event::Closed => log.losses += 1,
                Event::SlowConsumer(_) => log.slow += 1,
                Event::ServerError(ServerError::Other(text)) if is_denial(text) => {
                    let at = log.denied;
                    log.denied += 1;
                    log.denials.push_back((at, text.clone()));
                    if log.denials.len() > MAX_DENIALS {
                        log.denials.pop_front();
                    }
                }
                _ => {}
            }
        }
        self.changed.notify_waiters();
    }

    fn log(&self) -> Log {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn is_denial(text: &str) -> bool {
    text.to_ascii_lowercase().contains("permissions violation")
}

impl Connection {
    /// Connects, and proves it by a round trip.
    pub(crate) async fn open(nats: &Nats, reconnect: Reconnect, ping_every: Duration) -> Result<Self, Failure> {
        let events = Arc::new(Events::default());
        let options = options(nats, reconnect, ping_every, &events)?;
        let connecting = tokio::time::timeout(CONNECT_BOUND * 2, options.connect(nats.urls.as_slice()));
        let lost = |why: String| {
            let urls: Vec<_> = nats.urls.iter().map(|url| without_password(url)).collect();
            Failure::new(ErrorClass::Disconnected, format!("no connection to NATS at {}: {why}", urls.join(", ")))
        };
        let client = match connecting.await {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => return Err(lost(error.to_string())),
            Err(_) => return Err(lost("it did not answer in time".to_owned())),
        };
        let connection = Self { client, events };
        connection.round_trip().await?;
        Ok(connection)
    }

    /// Proves that the server has taken everything sent before: a message to a fresh inbox comes
    /// back, or is denied; the server answers in order either way.
    pub(crate) async fn round_trip(&self) -> Result<(), Failure> {
        let mark = self.events.mark();
        let inbox = self.client.new_inbox();
        let lost = |why: &str| Failure::new(ErrorClass::Disconnected, format!("no round trip to NATS: {why}"));
        let echo = async {
            let mut echoes = self.client.subscribe(inbox.clone()).await.map_err(|error| lost(&error.to_string()))?;
            let sent = self.client.publish(inbox.clone(), Vec::new().into()).await;
            sent.map_err(|error| lost(&error.to_string()))?;
            tokio::select! {
                echo = echoes.next() => echo.map(drop).ok_or_else(|| lost("it was closed")),
                failure = self.trouble(mark, &inbox) => Err(failure),
            }
        };
        let outcome = match within(ROUND_TRIP_BOUND, echo).await {
            None => return Err(lost("the server does not answer")),
            Some(outcome) => outcome,
        };
        settle().await;
        match outcome {
            Err(failure) if failure.class == ErrorClass::Denied => Ok(()),
            outcome => outcome,
        }
    }

    /// Waits for trouble on a subject since a moment.
    pub(crate) async fn trouble(&self, mark: Mark, subject: &str) -> Failure {
        trouble(&self.events, mark, subject).await
    }
}

/// Waits for trouble on a subject since a moment.
pub(crate) async fn trouble(events: &Events, mark: Mark, subject: &str) -> Failure {
    loop {
        let changed = events.changed.notified();
        if let Err(failure) = events.since(mark, subject) {
            return failure;
        }
        changed.await;
    }
}

/// Lets events that arrived be heard before what arrived after them is judged.
pub(crate) async fn settle() {
    for _ in 0..YIELDS {
        tokio::task::yield_now().await;
    }
}

/// The result, where it comes in time.
pub(crate) async fn within<T>(bound: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(bound, work).await.ok()
}

fn options(
    nats: &Nats,
    reconnect: Reconnect,
    ping_every: Duration,
    events: &Arc<Events>,
) -> Result<ConnectOptions, Failure> {
    let is_up = Arc::new(AtomicBool::new(false));
    let (hearing, seen_up) = (Arc::clone(events), Arc::clone(&is_up));
    let mut options = ConnectOptions::new()
        .name("titan-run")
        .ping_interval(ping_every)
        .connection_timeout(CONNECT_BOUND)
        .request_timeout(None)
        .retain_servers_order()
        .ignore_discovered_servers()
        .max_reconnects(None)
        .reconnect_delay_callback(move |attempt| match reconnect {
            Reconnect::Never if is_up.load(Ordering::Relaxed) => NEVER,
            _ if attempt <= 1 => Duration::ZERO,
            _ => RECONNECT_EVERY,
        })
        .event_callback(move |event| {
            if matches!(event, Event::Connected) {
                seen_up.store(true, Ordering::Relaxed);
            }
            hearing.hear(&event);
            std::future::ready(())
        });
    if let Some(creds) = &nats.creds {
        let creds = reveal("the NATS credentials", creds)?;
        options = options.credentials(&creds).map_err(|error| {
            Failure::new(ErrorClass::Refused, format!("the NATS credentials are not a creds file: {error}"))
        })?;
    }
    if let Some(seed) = &nats.nkey {
        options = options.nkey(reveal("the NATS nkey", seed)?);
    }
    if let Some(token) = &nats.token {
        options = options.token(reveal("the NATS token", token)?);
    }
    if let (Some(user), Some(password)) = (&nats.user, &nats.password) {
        options = options.user_and_password(user.clone(), reveal("the NATS password", password)?);
    } else if let Some((user, password)) = nats.urls.iter().find_map(|url| login(url)) {
        options = options.user_and_password(user, password);
    }
    if let Some(tls) = &nats.tls {
        options = options.require_tls(true);
        if let Some(ca) = &tls.ca {
            options = options.add_root_certificates(ca.into());
        }
        if let (Some(cert), Some(key)) = (&tls.cert, &tls.key) {
            options = options.add_client_certificate(cert.into(), key.into());
        }
    }
    Ok(options)
}

/// The user and password in an address, where it has both.
fn login(url: &str) -> Option<(String, String)> {
    let address: async_nats::ServerAddr = url.parse().ok()?;
    Some((address.username()?.to_owned(), address.password()?.to_owned()))
}

/// An address as it may be shown.
fn without_password(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => {
            format!("{}://…@{}", url.get(..scheme).unwrap_or(""), url.get(at + 1..).unwrap_or(""))
        }
        _ => url.to_owned(),
    }
}
