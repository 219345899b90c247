//! The audit trail: a run's beginning and end as CloudEvents on the target's bus.
//!
//! Published with a round trip, so that a denied or lost publish is noticed; it is then said, and
//! the run goes on: the journal is the record, this is a copy for those who look from outside.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::event::{Ended, Header};
use crate::runbook::target::Target;
use crate::world::{Message, World};

/// A target's audit trail; nothing where the target names no subject.
pub(super) struct Audit<'a> {
    subject: Option<&'a str>,
    world: &'a dyn World,
    run: String,
}

impl<'a> Audit<'a> {
    /// The trail of one run; a rehearsal leaves none.
    pub(super) fn new(target: &'a Target, world: &'a dyn World, header: &Header) -> Self {
        let subject = target.audit.as_deref().filter(|_| !header.rehearsal);
        Self { subject, world, run: header.run.clone() }
    }

    /// Publishes that the run begins, or goes on; gives a sentence where it could not.
    pub(super) async fn began(&self, header: &Header, is_resumed: bool) -> Option<String> {
        let kind = if is_resumed { "resumed" } else { "started" };
        self.publish(kind, json!(header)).await
    }

    /// Publishes the end; gives a sentence where it could not.
    pub(super) async fn ended(&self, ended: &Ended) -> Option<String> {
        self.publish("ended", json!(ended)).await
    }

    async fn publish(&self, kind: &str, data: Value) -> Option<String> {
        let subject = self.subject?;
        let unix_ms = self.world.clock().unix_ms();
        let time = humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(unix_ms)).to_string();
        let event = json!({
            "specversion": "1.0",
            "id": format!("{}/{kind}/{unix_ms}", self.run),
            "source": "titan-run",
            "type": format!("titan-run.run.{kind}"),
            "subject": self.run,
            "time": time,
            "datacontenttype": "application/json",
            "data": data,
        });
        let payload = event.to_string().into_bytes();
        let headers = [("content-type".to_owned(), "application/cloudevents+json".to_owned())].into();
        let message = Message { subject: subject.to_owned(), payload, headers };
        let failure = self.world.bus().publish(&message).await.err()?;
        Some(format!("the audit trail misses that the run {kind}: {}", failure.message))
    }
}
