//! A connection of its own for what has an effect.
//!
//! It never reconnects, so nothing in a buffer is delivered late, and it pings often, so a
//! frozen server is noticed. A publish stands between two round trips.

use std::time::Duration;

use crate::declaration::{ErrorClass, Failure};
use crate::runbook::target::Nats;
use crate::world::{CommandLine, Message, Touch, Wait};

use super::bus::headers;
use super::connection::{Connection, Mark, Reconnect};

/// A frozen server is noticed after three of these.
const PING_EVERY: Duration = Duration::from_secs(1);

/// The connection.
pub(super) struct LiveCommandLine {
    connection: Connection,
    opened: Mark,
    /// What was published on it.
    subjects: Vec<String>,
}

impl LiveCommandLine {
    /// Connects anew.
    pub(super) async fn open(nats: &Nats) -> Result<Self, Failure> {
        let connection = Connection::open(nats, Reconnect::Never, PING_EVERY).await?;
        let opened = connection.events.mark();
        Ok(Self { connection, opened, subjects: Vec::new() })
    }
}

impl CommandLine for LiveCommandLine {
    fn publish<'a>(&'a mut self, message: &'a Message) -> Wait<'a, Touch<()>> {
        Box::pin(async move {
            self.connection.round_trip().await?;
            self.health()?;
            self.subjects.push(message.subject.clone());
            let client = &self.connection.client;
            let payload = message.payload.clone().into();
            let sent = if message.headers.is_empty() {
                client.publish(message.subject.clone(), payload).await
            } else {
                client.publish_with_headers(message.subject.clone(), headers(message), payload).await
            };
            sent.map_err(|error| Failure::new(ErrorClass::Refused, format!("`{}`: {error}", message.subject)))?;
            self.connection.round_trip().await.map_err(|failure| {
                let text = format!(
                    "`{}` was sent, and whether the server took it is unknown: {}",
                    message.subject, failure.message
                );
                Failure::new(ErrorClass::Disconnected, text)
            })?;
            self.health()
        })
    }

    fn health(&self) -> Touch<()> {
        let events = &self.connection.events;
        events.since(self.opened, "")?;
        self.subjects.iter().try_for_each(|subject| events.since(self.opened, subject))
    }
}
