//! The world as traits: everything a run can touch, and nothing about how.
//!
//! `live/` implements them on real servers and processes, `sim/` in memory under virtual time;
//! one contract test runs against both. Primitives call these traits; the engine takes its time
//! and its randomness from [`Clock`]. This room must not know either twin.
//!
//! All futures are local: a run lives on one thread.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::approval::Signed;
use crate::declaration::Failure;

/// A boxed local future, as every world method returns.
pub type Wait<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// The outcome of touching the world.
pub type Touch<T> = Result<T, Failure>;

/// Everything a run can touch.
pub trait World {
    /// Time and randomness.
    fn clock(&self) -> &dyn Clock;
    /// The message bus.
    fn bus(&self) -> &dyn Bus;
    /// Metrics.
    fn metrics(&self) -> &dyn Metrics;
    /// Service logs.
    fn logs(&self) -> &dyn Logs;
    /// Service versions.
    fn services(&self) -> &dyn Services;
    /// Local processes.
    fn processes(&self) -> &dyn Processes;
    /// HTTP.
    fn web(&self) -> &dyn Web;
    /// People who answer questions.
    fn people(&self) -> &dyn People;
    /// Takes credentials out of what the world says; `None` where there are none.
    fn redactor(&self) -> Option<&dyn Redact> {
        None
    }
}

/// The second net under credentials.
pub trait Redact {
    /// A text without the credentials in it; `None` where it has none.
    fn redacted(&self, text: &str) -> Option<String>;
}

/// Time and randomness.
pub trait Clock {
    /// Time since the run began; monotonic, and virtual in the simulated world.
    fn elapsed(&self) -> Duration;
    /// Wall-clock milliseconds since the Unix epoch; may jump.
    fn unix_ms(&self) -> u64;
    /// Waits.
    fn sleep(&self, how_long: Duration) -> Wait<'_, ()>;
    /// A random number, from a seed in the simulated world.
    fn random(&self) -> u64;
}

/// One message from the bus.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The subject it arrived on.
    pub subject: String,
    /// Its bytes.
    pub payload: Vec<u8>,
    /// Its headers.
    pub headers: BTreeMap<String, String>,
}

/// How long replies are gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gather {
    /// Until the first reply, or nothing within the bound.
    First(Duration),
    /// Every reply that comes within the window.
    Window(Duration),
}

/// The message bus. No call is retried, and a message handed over after a time-out is never
/// delivered later by this side.
pub trait Bus {
    /// Publishes with an inbox of its own and gathers replies. An empty list is never returned:
    /// silence is `timeout` or `no_responders`.
    fn request<'a>(&'a self, message: &'a Message, gather: Gather) -> Wait<'a, Touch<Vec<Message>>>;
    /// Publishes and makes a round trip to the server, so that a denied or lost publish fails.
    fn publish<'a>(&'a self, message: &'a Message) -> Wait<'a, Touch<()>>;
    /// Subscribes, and returns once the server has confirmed it.
    fn subscribe<'a>(&'a self, subject: &'a str) -> Wait<'a, Touch<Box<dyn Subscription>>>;
    /// Opens a fresh connection for gate commands.
    fn command_line(&self) -> Wait<'_, Touch<Box<dyn CommandLine>>>;
}

/// A confirmed subscription.
pub trait Subscription {
    /// The next message; `None` when the subscription can deliver no more.
    fn next(&mut self) -> Wait<'_, Option<Message>>;
    /// Fails when a disconnect, permission or slow-consumer event means messages may be missing.
    fn health(&self) -> Touch<()>;
}

/// A dedicated connection for gate commands: bounded reconnects, a short ping interval.
pub trait CommandLine {
    /// Makes a round trip, publishes, makes a round trip again.
    fn publish<'a>(&'a mut self, message: &'a Message) -> Wait<'a, Touch<()>>;
    /// Fails when the connection was lost or a publish was denied since it was opened.
    fn health(&self) -> Touch<()>;
}

/// One series of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The metric's name; empty for an expression.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value; may be NaN or infinite.
    pub value: f64,
    /// How old the sample is: time between its scrape and now.
    pub age: Duration,
}

/// Metrics.
pub trait Metrics {
    /// Evaluates a PromQL expression now.
    fn query<'a>(&'a self, promql: &'a str) -> Wait<'a, Touch<Vec<Sample>>>;
    /// Every series of one service: scraped from its `/metrics`, or the target's Prometheus
    /// selection of `names`.
    fn scrape<'a>(&'a self, service: &'a str, names: &'a [&'a str]) -> Wait<'a, Touch<Vec<Sample>>>;
}

/// A place in a service's log, opaque and printable, so that it can be recorded.
pub type LogMark = String;

/// What was read of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogLines {
    /// Whole lines, lossily decoded, without line ends; the text field where lines are JSON.
    pub lines: Vec<String>,
    /// Where to go on.
    pub next: LogMark,
}

/// Service logs.
pub trait Logs {
    /// The end of the log as it is now.
    fn mark<'a>(&'a self, service: &'a str) -> Wait<'a, Touch<LogMark>>;
    /// The lines after a mark; none is not a failure. A rotated or truncated log is read anew.
    fn read<'a>(&'a self, service: &'a str, since: &'a str) -> Wait<'a, Touch<LogLines>>;
}

/// Service versions.
pub trait Services {
    /// Changes a service to a version and returns when the target's command says it is done.
    fn deploy<'a>(&'a self, service: &'a str, version: &'a str, bound: Duration) -> Wait<'a, Touch<()>>;
    /// The version a service runs.
    fn version<'a>(&'a self, service: &'a str) -> Wait<'a, Touch<String>>;
}

/// A local process to run: never through a shell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// What it reads.
    pub stdin: Vec<u8>,
    /// Added to the inherited environment.
    pub env: BTreeMap<String, String>,
    /// How long it may run; then its whole process group is killed.
    pub bound: Duration,
    /// What is kept of what it prints, where that is too much.
    pub keep: Keep,
}

/// Which part of a long output is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Its beginning.
    #[default]
    First,
    /// Its end, as of a log, where the last word counts.
    Last,
}

/// How a process ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finished {
    /// Its exit code; 128 + n when signal n ended it.
    pub code: i32,
    /// Standard output, up to the bound.
    pub stdout: Vec<u8>,
    /// Standard error, up to the bound.
    pub stderr: Vec<u8>,
    /// Whether output beyond the bound was dropped.
    pub truncated: bool,
}

/// Local processes.
pub trait Processes {
    /// Runs one to its end, in a process group of its own.
    fn run<'a>(&'a self, command: &'a Command) -> Wait<'a, Touch<Finished>>;
}

/// An HTTP request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebRequest {
    /// The method, upper case.
    pub method: String,
    /// The absolute URL.
    pub url: String,
    /// The headers.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
    /// How long it may take.
    pub bound: Duration,
}

/// An HTTP response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebResponse {
    /// The status code.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body; longer than the bound fails as malformed.
    pub body: Vec<u8>,
}

/// HTTP.
pub trait Web {
    /// Sends one request; redirects are not followed.
    fn send<'a>(&'a self, request: &'a WebRequest) -> Wait<'a, Touch<WebResponse>>;
}

/// A yes-or-no question about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The step that asks.
    pub step: String,
    /// The item's word, for `--confirm ITEM`.
    pub item: String,
    /// The sentence to confirm.
    pub text: String,
}

/// A person's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether it was confirmed.
    pub yes: bool,
    /// Who answered, as far as is known.
    pub who: String,
}

/// Approvals at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Signatures with keys that were given beforehand.
    Signed(Vec<Signed>),
    /// Nobody is there but a simulated operator, who approves everything; never in the real world.
    Simulated(String),
}

/// People. Default and time-out of every question: no.
pub trait People {
    /// Asks; fails with `denied` when nobody can answer.
    fn ask<'a>(&'a self, question: &'a Question) -> Wait<'a, Touch<Answer>>;
    /// What stands for approvals without anybody being asked.
    fn standing(&self, digest: &str) -> Touch<Standing>;
}
