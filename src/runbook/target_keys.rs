//! The keys of a target, each declared once.

use super::grammar::{Holds, Key, Names, Table, Word};

/// The most instances of a service.
pub(super) const MAX_INSTANCES: u32 = 1_000;

/// The forms of a command's payload, and whether they are JSON.
pub(super) const PAYLOADS: [(&str, bool); 2] = [("text", false), ("json", true)];

/// What a metric's absence means, and whether that is zero.
pub(super) const ABSENCES: [(&str, bool); 2] = [("zero", true), ("unknown", false)];

const TEXTS: Holds = Holds::List(&Holds::Text);

/// A target.
pub static TARGET: Table = Table {
    what: "a target",
    parts: &[&[
        Key::required("titan", Holds::Version, "The language's version."),
        Key::required("target", Holds::Text, "The target's name."),
        Key::optional("about", Holds::Text, "One sentence for the operator."),
        Key::optional("world", Holds::Text, "A world file that plays this target; nothing real is touched."),
        Key::optional("nats", Holds::Map(&NATS), "How to reach NATS."),
        Key::optional("prometheus", Holds::Map(&PROMETHEUS), "How to reach Prometheus."),
        Key::optional("services", Holds::Named(Names::Free, &Holds::Map(&SERVICE)), "The services."),
        Key::optional(
            "parity",
            Holds::List(&Holds::Service),
            "The services that must hold one policy; all of them where it is left out, none where it is `[]`.",
        ),
        Key::optional(
            "subjects",
            Holds::Named(Names::Free, &Holds::Text),
            "NATS subjects a runbook reads as `target.subjects.NAME`.",
        ),
        Key::optional(
            "metrics",
            Holds::Named(Names::Free, &Holds::Either(&Holds::Text, &Holds::Map(&METRIC))),
            "Names of metrics, by the names a runbook uses.",
        ),
        Key::optional(
            "patterns",
            Holds::Named(Names::Free, &Holds::Text),
            "Log patterns a runbook reads as `target.patterns.NAME`.",
        ),
        Key::optional("gates", Holds::Named(Names::Free, &Holds::Map(&GATE)), "The safety gates."),
        Key::optional(
            "audit",
            Holds::Subject,
            "A NATS subject on which each run's beginning and end are published as CloudEvents (JSON).",
        ),
        Key::optional(
            "params",
            Holds::Named(Names::Free, &Holds::Value),
            "Values for runbooks' params where none are given.",
        ),
    ]],
};

/// How to reach NATS.
pub static NATS: Table = Table {
    what: "`nats`",
    parts: &[&[
        Key::optional("url", TEXTS, "Server addresses, tried in order."),
        Key::optional("user", Holds::Text, "The name of a login."),
        Key::optional("password", Holds::Secret, "The password of `user`; never the secret itself."),
        Key::optional("creds", Holds::Secret, "A credentials file (JWT and seed); never the secret itself."),
        Key::optional("nkey", Holds::Secret, "An nkey seed; never the secret itself."),
        Key::optional("token", Holds::Secret, "A token; never the secret itself."),
        Key::optional("tls", Holds::Map(&TLS), "Certificates; without it the URL's scheme decides about TLS."),
    ]],
};

/// TLS of a NATS connection.
pub static TLS: Table = Table {
    what: "`tls`",
    parts: &[&[
        Key::optional("ca", Holds::Text, "Path of the CA's certificate, PEM."),
        Key::optional("cert", Holds::Text, "Path of the client's certificate, PEM."),
        Key::optional("key", Holds::Text, "Path of the client's key, PEM."),
    ]],
};

/// How to reach Prometheus.
pub static PROMETHEUS: Table = Table {
    what: "`prometheus`",
    parts: &[&[
        Key::required("url", Holds::Text, "Its address, such as `http://127.0.0.1:9090`."),
        Key::optional("token", Holds::Secret, "A bearer token; never the secret itself."),
        Key::optional(
            "scrape_interval",
            Holds::Duration,
            "How often it scrapes; a sample older than two of these is stale; `1m` by default.",
        ),
    ]],
};

/// A service.
pub static SERVICE: Table = Table {
    what: "a service",
    parts: &[&[
        Key::optional(
            "deploy",
            Holds::Either(&TEXTS, &Holds::List(&TEXTS)),
            "An argv, or a list of argvs run in order; `{version}` is filled in.",
        ),
        Key::optional("version", TEXTS, "An argv that prints the version."),
        Key::optional(
            "version_pattern",
            Holds::Text,
            "A pattern that captures `version` in what `version` prints; all of it is the version without one.",
        ),
        Key::optional("log", Holds::Map(&LOG), "Where its log is."),
        Key::optional("metrics", Holds::Map(&METRIC_SOURCE), "Where its metrics are."),
        Key::optional("hash", Holds::Map(&HASH), "How it is asked for its policy hash."),
        Key::optional(
            "instances",
            Holds::Whole(1, MAX_INSTANCES as u64),
            "How many instances must answer, all with the same hash; 1 by default.",
        ),
    ]],
};

/// A service's log.
pub static LOG: Table = Table {
    what: "`log`",
    parts: &[&[
        Key::optional("file", Holds::Text, "A file that grows; this or `command`."),
        Key::optional(
            "command",
            TEXTS,
            "An argv that prints the log since `{since}` (RFC 3339) or `{since_unix}`; this or `file`.",
        ),
        Key::optional("field", Holds::Text, "The field that holds the text, where lines are JSON."),
    ]],
};

/// A service's metrics.
pub static METRIC_SOURCE: Table = Table {
    what: "`metrics`",
    parts: &[&[
        Key::optional("scrape", Holds::Text, "Its own `/metrics` address; this or `prometheus`."),
        Key::optional(
            "prometheus",
            Holds::Text,
            "A label selector for the target's Prometheus, such as `job=\"execution\"`; this or `scrape`.",
        ),
    ]],
};

/// How a service is asked for its policy hash.
pub static HASH: Table = Table {
    what: "`hash`",
    parts: &[&[
        Key::optional("subject", Holds::Text, "The request's subject; `titan.req.exec.policy_hash.v1` by default."),
        Key::optional("payload", Holds::Text, "The request's payload; `{}` by default."),
        Key::optional("field", Holds::Text, "The reply's field; without it `hash` and `policy_hash` are looked for."),
    ]],
};

/// A gate.
pub static GATE: Table = Table {
    what: "a gate",
    parts: &[&[
        Key::optional("service", Holds::Service, "The service that holds it; the one of the same name by default."),
        Key::optional("arm", Holds::Map(&COMMAND), "How it is opened."),
        Key::optional("disarm", Holds::Map(&COMMAND), "How it is closed."),
        Key::optional(
            "probe",
            Holds::Map(&PROBE),
            "How its state is seen; by the metric `titan_execution_armed_state` by default.",
        ),
    ]],
};

/// An operator command.
pub static COMMAND: Table = Table {
    what: "a gate's command",
    parts: &[&[
        Key::optional("subject", Holds::Text, "The subject it is published on."),
        Key::optional("payload", Holds::Words(payloads), "Its form; `text` by default."),
        Key::optional("json", Holds::Text, "The whole payload as JSON, in which `{reason}` is filled in."),
    ]],
};

/// How a gate's state is seen.
pub static PROBE: Table = Table {
    what: "`probe`",
    parts: &[&[
        Key::optional("metric", Holds::Text, "A metric of the gate's service; this, `log` or `command`."),
        Key::optional("command", TEXTS, "An argv that prints the state; this, `metric` or `log`."),
        Key::optional("log", Holds::Truth, "`true`: the service's log says the state; this, `metric` or `command`."),
        Key::optional("armed", Holds::Text, "What says armed: a pattern, or the metric's value (1 by default)."),
        Key::optional("disarmed", Holds::Text, "What says disarmed: a pattern, or the metric's value (0 by default)."),
    ]],
};

/// A metric.
pub static METRIC: Table = Table {
    what: "a metric",
    parts: &[&[
        Key::optional("name", Holds::Text, "Its name in this installation; the key by default."),
        Key::optional("absent", Holds::Words(absences), "What its absence means; `unknown` by default."),
    ]],
};

fn payloads() -> Vec<Word> {
    let about = |is_json| if is_json { "A JSON object with the reason." } else { "The reason itself." };
    PAYLOADS.iter().map(|(text, is_json)| Word { text, about: about(*is_json) }).collect()
}

fn absences() -> Vec<Word> {
    let about = |is_zero| match is_zero {
        true => "Zero, in a fresh scrape of a process whose start is known.",
        false => "Nothing: the sample tells nothing.",
    };
    ABSENCES.iter().map(|(text, is_zero)| Word { text, about: about(*is_zero) }).collect()
}
