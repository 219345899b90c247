//! Targets: where a runbook acts.
//!
//! Everything that differs between installations (subjects, payload forms, reply fields, metric
//! names, how a service is deployed and a gate's state is seen) is data here, with the source
//! procedure's values as defaults, so that one runbook serves all of them. Decoding is in
//! `target_decode.rs`; this file is only the shape.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::declaration::Need;
use crate::value::Value;

/// The place in a deploy's argv that is filled with the version.
pub const VERSION_PLACE: &str = "{version}";

/// Where a runbook acts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target {
    /// Its name, equal to its file's stem.
    pub name: String,
    /// One sentence for the operator.
    pub about: Option<String>,
    /// The simulated world that plays this target; `None` for a real one.
    pub world: Option<String>,
    /// The message bus.
    pub nats: Option<Nats>,
    /// The metrics server.
    pub prometheus: Option<Prometheus>,
    /// The services, by name.
    pub services: BTreeMap<String, Service>,
    /// The gates, by name.
    pub gates: BTreeMap<String, Gate>,
    /// The services that must hold one policy; all of them where the target does not say.
    pub parity: Option<Vec<String>>,
    /// Names a runbook reads as `target.subjects.NAME`.
    pub subjects: BTreeMap<String, String>,
    /// Metrics a runbook reads as `target.metrics.NAME`, by that name.
    pub metrics: BTreeMap<String, Metric>,
    /// Log patterns a runbook reads as `target.patterns.NAME`.
    pub patterns: BTreeMap<String, String>,
    /// Defaults for a runbook's params.
    pub params: BTreeMap<String, Value>,
    /// The NATS subject on which a run's beginning and end are published.
    pub audit: Option<String>,
}

impl Target {
    /// The services that must hold one policy, in the order of their names or as written.
    pub fn parity(&self) -> impl Iterator<Item = &str> {
        let all = self.services.keys().filter(|_| self.parity.is_none());
        self.parity.iter().flatten().chain(all).map(String::as_str)
    }

    /// Whether it says what a primitive needs. A simulated world is its own bus, metrics and
    /// commands, and is asked for hashes like a real one.
    pub fn says(&self, need: Need, service: Option<&str>) -> bool {
        let service = service.and_then(|name| self.services.get(name));
        let of_service = |says: fn(&Service) -> bool| service.is_some_and(says);
        match need {
            Need::Hash => of_service(|service| service.hash.is_some()),
            _ if self.world.is_some() => true,
            Need::Nats => self.nats.as_ref().is_some_and(|nats| !nats.urls.is_empty()),
            Need::Prometheus => self.prometheus.is_some(),
            Need::Deploy => {
                of_service(|service| service.deploy.iter().flatten().any(|word| word.contains(VERSION_PLACE)))
            }
            Need::Version => of_service(|service| !service.version.is_empty()),
            Need::Log => of_service(|service| service.log.is_some()),
            Need::Metrics => match service.and_then(|service| service.metrics.as_ref()) {
                Some(MetricSource::Prometheus(_)) => self.prometheus.is_some(),
                Some(MetricSource::Scrape(_)) => true,
                None => false,
            },
        }
    }

    /// Every credential it refers to.
    pub fn secrets(&self) -> Vec<&Secret> {
        let nats = self.nats.iter();
        let nats = nats.flat_map(|nats| [&nats.creds, &nats.nkey, &nats.password, &nats.token]).flatten();
        nats.chain(self.prometheus.iter().filter_map(|prometheus| prometheus.token.as_ref())).collect()
    }

    /// What a guard reads as `target`: names, subjects, metric names and patterns; no address and
    /// no credential.
    pub fn to_value(&self) -> Value {
        let texts =
            |map: &BTreeMap<String, String>| Value::map(map.iter().map(|(k, v)| (k.as_str(), Value::text(v.as_str()))));
        let metrics = self.metrics.iter().map(|(k, v)| (k.as_str(), Value::text(v.name.as_str())));
        Value::map([
            ("name", Value::text(self.name.as_str())),
            ("simulated", Value::Bool(self.world.is_some())),
            ("subjects", texts(&self.subjects)),
            ("patterns", texts(&self.patterns)),
            ("metrics", Value::map(metrics)),
            ("services", Value::list(self.services.keys().map(|name| Value::text(name.as_str())))),
            ("gates", Value::list(self.gates.keys().map(|name| Value::text(name.as_str())))),
        ])
    }
}

/// A credential: a reference until the moment it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// `env:NAME`: the environment variable's value.
    Env(String),
    /// `file:PATH`: the file's content without its final line end.
    File(String),
}

/// How to reach NATS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nats {
    /// Server addresses, tried in order.
    pub urls: Vec<String>,
    /// A credentials file (JWT and seed).
    pub creds: Option<Secret>,
    /// An nkey seed.
    pub nkey: Option<Secret>,
    /// A user name.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<Secret>,
    /// A token.
    pub token: Option<Secret>,
    /// TLS; `None` leaves it to the URL's scheme.
    pub tls: Option<Tls>,
}

/// TLS of a NATS connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Path of the CA's certificate, PEM.
    pub ca: Option<String>,
    /// Path of the client's certificate, PEM.
    pub cert: Option<String>,
    /// Path of the client's key, PEM.
    pub key: Option<String>,
}

/// How to reach Prometheus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prometheus {
    /// Base address, such as `http://127.0.0.1:9090`.
    pub url: String,
    /// Bearer token.
    pub token: Option<Secret>,
    /// How often it scrapes; a sample older than two of these is stale.
    pub scrape_interval: Duration,
}

/// One service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Service {
    /// The argvs that deploy it, run in order; `{version}` in an element is the version.
    pub deploy: Vec<Vec<String>>,
    /// The argv that prints its version.
    pub version: Vec<String>,
    /// A pattern whose capture `version` is the version in what `version` prints; the whole
    /// trimmed output where there is none.
    pub version_pattern: Option<String>,
    /// Its log.
    pub log: Option<Log>,
    /// Its metrics.
    pub metrics: Option<MetricSource>,
    /// How its policy hash is asked for; `None` where it does not answer.
    pub hash: Option<HashResponder>,
    /// How many instances run.
    pub instances: u32,
}

/// Where a service's log is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// A file or a command.
    pub source: LogSource,
    /// The field that holds the text, where lines are JSON.
    pub field: Option<String>,
}

/// Where log lines come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogSource {
    /// A file that grows.
    File(String),
    /// An argv that prints the log; in an element, `{since}` is the RFC 3339 time of the mark and
    /// `{since_unix}` its whole seconds since the Unix epoch.
    Command(Vec<String>),
}

/// Where a service's metrics are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetricSource {
    /// Its own `/metrics` address.
    Scrape(String),
    /// A label selector for the target's Prometheus, such as `job="execution"`.
    Prometheus(String),
}

/// A metric by the name a runbook uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name in this installation.
    pub name: String,
    /// Whether its absence in a fresh, healthy scrape means zero.
    pub absent_is_zero: bool,
}

/// How a service is asked for its policy hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashResponder {
    /// The request's subject.
    pub subject: String,
    /// The request's payload.
    pub payload: String,
    /// The reply's field; the others of `hash` and `policy_hash` are tried where it is `None`.
    pub field: Option<String>,
}

/// A safety gate.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// The service that holds it.
    pub service: String,
    /// How it is opened.
    pub arm: GateCommand,
    /// How it is closed.
    pub disarm: GateCommand,
    /// How its state is seen.
    pub probe: GateProbe,
}

/// An operator command on the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateCommand {
    /// The subject.
    pub subject: String,
    /// What is published; `{reason}` is the reason, JSON-escaped where the payload is JSON.
    pub payload: PayloadForm,
}

/// The form of a command's payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayloadForm {
    /// The reason itself, as text.
    Text,
    /// A JSON object with the reason and, where named, more fields.
    Json(String),
}

/// How a gate's state is seen.
#[derive(Clone, Debug, PartialEq)]
pub enum GateProbe {
    /// A metric of the gate's service.
    Metric {
        /// Its name in this installation.
        name: String,
        /// Its value while armed.
        armed: f64,
        /// Its value while disarmed.
        disarmed: f64,
    },
    /// The last line of the service's log that matches either pattern.
    Log {
        /// Matches a line that says armed.
        armed: String,
        /// Matches a line that says disarmed.
        disarmed: String,
    },
    /// What a command prints.
    Command {
        /// The argv.
        argv: Vec<String>,
        /// Matches output that says armed.
        armed: String,
        /// Matches output that says disarmed.
        disarmed: String,
    },
}

/// A gate's state as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateState {
    /// Orders are accepted.
    Armed,
    /// Orders are refused.
    Disarmed,
    /// Nobody knows; never rounded to disarmed.
    Unknown,
}

impl GateState {
    /// The word in results and messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Armed => "armed",
            Self::Disarmed => "disarmed",
            Self::Unknown => "unknown",
        }
    }
}
