//! Primitives: what a step can do. One file, one primitive; the registry is the list below.
//!
//! The engine calls [`Primitive::call`] with checked arguments and a [`World`]; a primitive
//! never learns which world that is, keeps nothing between calls but its [`Memory`], and
//! reports every way of not succeeding as a [`Failure`].

pub mod approve;
mod arguments;
mod arm;
mod assert;
mod confirm;
mod deploy;
mod disarm;
mod exec;
mod expect_hash;
pub mod gate;
mod gate_state;
mod hash_reply;
mod http;
mod nats_pub;
mod nats_req;
pub mod nats_watch;
mod note;
mod service_hash;
mod service_version;
mod sleep;
mod wait_log;
mod wait_metric;

use std::cell::RefCell;
use std::time::Duration;

use crate::approval::Signed;
use crate::declaration::{Catalogue, Declaration, ErrorClass, Failure};
use crate::runbook::target::{Service, Target};
use crate::value::{MAX_DEPTH, Value};
use crate::world::{Wait, World};

pub use approve::DEFAULT_EXPIRY;
pub use arguments::Arguments;

/// Every primitive, in alphabetical order.
pub const PRIMITIVES: &[&dyn Primitive] = &[
    &approve::Approve,
    &arm::Arm,
    &assert::Assert,
    &confirm::Confirm,
    &deploy::Deploy,
    &disarm::Disarm,
    &exec::Exec,
    &expect_hash::ExpectHash,
    &gate_state::ReadGateState,
    &http::Http,
    &nats_pub::NatsPub,
    &nats_req::NatsReq,
    &nats_watch::NatsWatch,
    &note::Note,
    &service_hash::ServiceHash,
    &service_version::ServiceVersion,
    &sleep::Sleep,
    &wait_log::WaitLog,
    &wait_metric::WaitMetric,
];

/// What every primitive says about itself, in the same order.
pub const CATALOGUE: Catalogue = Catalogue(&[
    &approve::DECLARATION,
    &arm::DECLARATION,
    &assert::DECLARATION,
    &confirm::DECLARATION,
    &deploy::DECLARATION,
    &disarm::DECLARATION,
    &exec::DECLARATION,
    &expect_hash::DECLARATION,
    &gate_state::DECLARATION,
    &http::DECLARATION,
    &nats_pub::DECLARATION,
    &nats_req::DECLARATION,
    &nats_watch::DECLARATION,
    &note::DECLARATION,
    &service_hash::DECLARATION,
    &service_version::DECLARATION,
    &sleep::DECLARATION,
    &wait_log::DECLARATION,
    &wait_metric::DECLARATION,
]);

/// The primitive with this name.
pub fn find(name: &str) -> Option<&'static dyn Primitive> {
    PRIMITIVES.iter().copied().find(|one| one.declaration().name == name)
}

/// What closes a gate when nothing else works.
pub const DISARM_HINT: &str = "`titan-run disarm GATE` closes a gate without a journal";

/// A primitive's arguments as it reads them, from how they stand on record.
///
/// # Errors
/// `refused` when they do not fit the primitive.
pub fn arguments_of(name: &str, with: &Value) -> Result<Value, Failure> {
    let primitive = find(name).ok_or_else(|| Failure::new(ErrorClass::Refused, format!("no primitive `{name}`")))?;
    Arguments::check(primitive.declaration(), with).map(|arguments| arguments.to_value())
}

/// What a primitive remembers between the samples of one step: a baseline, a place in a log.
pub type Memory = RefCell<Option<Value>>;

/// One call of a primitive.
pub struct Call<'a> {
    /// The step that calls, for questions and messages.
    pub step: &'a str,
    /// The arguments, templates filled and types checked.
    pub with: &'a Arguments,
    /// The world to act in.
    pub world: &'a dyn World,
    /// Where the world's things are.
    pub target: &'a Target,
    /// How long the call may take.
    pub bound: Duration,
    /// Kept from one sample of this step to the next, and beyond the runner's death where it was
    /// handed to `record`. A call that finds a memory goes on from an earlier one.
    pub memory: &'a Memory,
    /// Keeps a memory in the record.
    pub record: &'a dyn Record,
    /// Says what the step waits for; shown live, never recorded.
    pub progress: &'a dyn Fn(&str),
}

/// The record of the run a call belongs to.
pub trait Record {
    /// Keeps what a primitive must know again after its runner's death; returns once it is kept.
    fn remember<'a>(&'a self, memory: &Value) -> Wait<'a, Result<(), Failure>>;
    /// What an approval is bound to.
    fn bound(&self) -> Bound;
    /// Waits for the next approver's answer to this step after the first `heard` requests; gives
    /// how many requests were heard then.
    fn decision(&self, heard: usize) -> Wait<'_, (usize, Signed)>;
}

/// What an approval is bound to.
#[derive(Clone, Debug, Default)]
pub struct Bound {
    /// The run's id.
    pub run: String,
    /// Who started it, and who resumed it.
    pub requesters: Vec<String>,
    /// SHA-256 of its header: files, params, target, engine.
    pub header: String,
    /// The checksum of its last record.
    pub head: String,
}

/// A record of nothing, for a call that nobody resumes.
pub struct Forgetful;

impl Record for Forgetful {
    fn remember<'a>(&'a self, _: &Value) -> Wait<'a, Result<(), Failure>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn bound(&self) -> Bound {
        Bound::default()
    }

    fn decision(&self, _: usize) -> Wait<'_, (usize, Signed)> {
        Box::pin(std::future::pending())
    }
}

impl Call<'_> {
    /// Remembers something for the next call, and for a call after the runner's death.
    async fn remember(&self, memory: Value) -> Result<(), Failure> {
        self.record.remember(&memory).await?;
        self.memory.replace(Some(memory));
        Ok(())
    }

    /// What an earlier call of this step remembered.
    fn remembered(&self, name: &str) -> Option<Value> {
        self.memory.borrow().as_ref()?.get(name).cloned()
    }

    /// The target's entry for the service named by the argument `service`.
    fn service(&self) -> Result<(&str, &Service), Failure> {
        let name = self.with.text("service");
        let found = self.target.services.get(name).map(|service| (name, service));
        found.ok_or_else(|| unknown("service", name, self.target.services.keys()))
    }
}

/// Something a step can do.
pub trait Primitive: Sync {
    /// What it says about itself.
    fn declaration(&self) -> &'static Declaration;
    /// Does it once.
    fn call<'a>(&'a self, call: Call<'a>) -> Wait<'a, Result<Value, Failure>>;
}

/// A failure for a name the target does not have.
fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a String>) -> Failure {
    let known: Vec<_> = known.map(|name| format!("`{name}`")).collect();
    let message = format!("the target has no {what} `{name}`; it has {}", known.join(", "));
    Failure::new(ErrorClass::Refused, message)
}

/// The bytes a payload argument stands for: a text as it is, everything else as JSON.
fn payload(value: Option<&Value>) -> Result<Vec<u8>, Failure> {
    match value {
        None => Ok(Vec::new()),
        Some(Value::Text(text)) => Ok(text.as_bytes().to_vec()),
        Some(other) => serde_json::to_vec(other).map_err(|error| Failure::new(ErrorClass::Refused, error.to_string())),
    }
}

/// A payload as a value: JSON where it is JSON, else text.
fn decoded(payload: &[u8]) -> Value {
    json(payload).unwrap_or_else(|| Value::text(String::from_utf8_lossy(payload)))
}

/// What is JSON, and no deeper than a value may be.
fn json(bytes: &[u8]) -> Option<Value> {
    let value = serde_json::from_slice::<serde_json::Value>(bytes).ok().map(Value::from)?;
    (value.depth() <= MAX_DEPTH).then_some(value)
}

/// Whether a reply is a stream's acknowledgement rather than a service's answer.
fn is_publish_ack(reply: &Value) -> bool {
    let known = ["stream", "seq", "duplicate", "domain", "batch", "count", "val"];
    reply.as_map().is_some_and(|map| {
        map.contains_key("stream") && map.contains_key("seq") && map.keys().all(|key| known.contains(&&**key))
    })
}

#[cfg(test)]
mod tests;
