//! Decoding a target file; every problem is reported and decoding goes on.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::declaration::Kind;
use crate::diagnostic::{Diagnostic, Findings};
use crate::guard::Guards;
use crate::source::{SourceFile, Span, Spanned};
use crate::value::Value;
use crate::yaml::{self, Node};

use super::address::{Misaddressed, http_address, nats_address};
use super::fields::{Fields, entries, one_of, text, texts_of, ticked};
use super::target::{
    Gate, GateCommand, GateProbe, HashResponder, Log, LogSource, Metric, MetricSource, Nats, PayloadForm, Prometheus,
    Secret, Service, Target, Tls,
};
use super::target_defaults::{ARM_SUBJECT, ARMED_METRIC, DISARM_SUBJECT, HASH_SUBJECT, with_defaults};
use super::target_keys;

/// How often Prometheus scrapes where the target says nothing: its own default is a minute.
const DEFAULT_SCRAPE_INTERVAL: Duration = Duration::from_secs(60);

/// Decodes a target file.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub fn decode_target(file: &SourceFile, guards: &Guards) -> Result<Target, Vec<Diagnostic>> {
    let (read, found) = load_target(file, guards);
    read.map(|(target, _)| target).ok_or(found)
}

/// Decodes a target file, keeps its tree, and reports every problem; `None` where an error
/// stands in the way.
pub fn load_target(file: &SourceFile, guards: &Guards) -> (Option<(Target, Node)>, Vec<Diagnostic>) {
    let mut findings = Findings::new(file.clone());
    let root = yaml::parse(file, &mut findings);
    let read = root.and_then(|root| Some((decoder(guards, &mut findings).target(&root)?, root)));
    let is_whole = !findings.has_errors();
    (read.filter(|_| is_whole), findings.into_sorted())
}

fn decoder<'a>(guards: &'a Guards, findings: &'a mut Findings) -> TargetDecoder<'a> {
    TargetDecoder { guards, findings }
}

struct TargetDecoder<'a> {
    guards: &'a Guards,
    findings: &'a mut Findings,
}

impl TargetDecoder<'_> {
    fn target(&mut self, root: &Node) -> Option<Target> {
        let mut fields = Fields::new(root, &target_keys::TARGET, self.findings)?;
        fields.language_version(self.findings);
        let name = fields.require("target", self.findings).and_then(|node| text(node, "target", self.findings));
        let about = fields.text("about", self.findings);
        let world = fields.text("world", self.findings);
        let nats = fields.take("nats").and_then(|node| self.nats(node));
        let prometheus = fields.take("prometheus").and_then(|node| self.prometheus(node));
        let services = self.named(&mut fields, "services", Self::service);
        let gates = self.named(&mut fields, "gates", Self::gate);
        let parity = fields.take("parity").map(|node| self.parity(node, &services, gates.is_empty()));
        let metrics = self.named(&mut fields, "metrics", Self::metric);
        let subjects = self.texts(&mut fields, "subjects");
        let patterns = self.texts(&mut fields, "patterns");
        let (subjects, metrics, patterns) = with_defaults(subjects, metrics, patterns);
        let params = self.named(&mut fields, "params", Self::value);
        let audit = fields.text("audit", self.findings);
        if let Some(subject) = audit.as_ref().filter(|subject| !Kind::Subject.accepts(&Value::text(subject.value))) {
            let message = format!("`{}` is not a NATS subject", subject.value);
            let finding = self.findings.error("bad-subject", message, subject.span);
            self.findings.push(finding.help("write words joined by dots, such as `titan.audit.runs`"));
        }
        fields.finish(self.findings);
        Some(Target {
            name: name?.value.to_owned(),
            about: about.map(|about| about.value.to_owned()),
            world: world.map(|world| world.value.to_owned()),
            nats,
            prometheus,
            services,
            gates,
            parity,
            subjects,
            metrics,
            patterns,
            params,
            audit: audit.map(|subject| subject.value.to_owned()),
        })
    }

    fn named<T>(
        &mut self,
        fields: &mut Fields<'_>,
        key: &'static str,
        mut decode: impl FnMut(&mut Self, &str, &Node) -> Option<T>,
    ) -> BTreeMap<String, T> {
        let entries = fields.entries(key, self.findings);
        entries.iter().filter_map(|(name, node)| Some((name.value.clone(), decode(self, &name.value, node)?))).collect()
    }

    /// The services that must hold one policy: those named, each a service of this target; none only
    /// where no gate depends on it.
    fn parity(&mut self, node: &Node, services: &BTreeMap<String, Service>, may_be_none: bool) -> Vec<String> {
        let named = texts_of(node, "parity", self.findings);
        for name in named.iter().filter(|name| !services.contains_key(name.value)) {
            let message = format!("this target has no service `{}`", name.value);
            let finding = self.findings.error("unknown-service", message, name.span);
            let known: Vec<_> = services.keys().map(String::as_str).collect();
            self.findings.push(finding.help(format!("its services are {}", ticked(&known))));
        }
        if node.items().is_empty() && !may_be_none {
            let message = "this target has gates, and no service whose policy is verified before one opens";
            let finding = self.findings.error("bad-target", message, node.span);
            self.findings.push(finding.help("name the services that must hold one policy, or leave `parity` out"));
        }
        owned(named)
    }

    fn texts(&mut self, fields: &mut Fields<'_>, key: &'static str) -> BTreeMap<String, String> {
        self.named(fields, key, |this, name, node| text(node, name, this.findings).map(|text| text.value.to_owned()))
    }

    fn value(&mut self, _name: &str, node: &Node) -> Option<Value> {
        self.guards.template(node, self.findings)?.constant().cloned()
    }

    fn nats(&mut self, node: &Node) -> Option<Nats> {
        let mut fields = Fields::new(node, &target_keys::NATS, self.findings)?;
        let urls = fields.texts("url", self.findings);
        for url in urls.iter().filter(|url| url.value.contains('@')) {
            let finding = self.findings.error("secret-in-clear", "a `url` must not carry a password", url.span);
            self.findings.push(finding.help("write `user: NAME` and `password: env:NAME` beside `url`"));
        }
        urls.iter().for_each(|url| self.address(url.span, nats_address(url.value)));
        let tls = fields.take("tls").and_then(|node| self.tls(node));
        let nats = Nats {
            urls: owned(urls),
            creds: self.secret(&mut fields, "creds"),
            nkey: self.secret(&mut fields, "nkey"),
            user: fields.text("user", self.findings).map(|user| user.value.to_owned()),
            password: self.secret(&mut fields, "password"),
            token: self.secret(&mut fields, "token"),
            tls,
        };
        fields.finish(self.findings);
        Some(nats)
    }

    fn tls(&mut self, node: &Node) -> Option<Tls> {
        let mut fields = Fields::new(node, &target_keys::TLS, self.findings)?;
        let mut path = |key| fields.text(key, self.findings).map(|path| path.value.to_owned());
        let tls = Tls { ca: path("ca"), cert: path("cert"), key: path("key") };
        fields.finish(self.findings);
        Some(tls)
    }

    fn secret(&mut self, fields: &mut Fields<'_>, key: &'static str) -> Option<Secret> {
        let written = fields.text(key, self.findings)?;
        let reference = match written.value.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Some(Secret::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Some(Secret::File(path.to_owned())),
            _ => None,
        };
        if reference.is_none() {
            let finding = self.findings.error("secret-in-clear", format!("`{key}` must be a reference"), written.span);
            self.findings
                .push(finding.help("write `env:NAME` or `file:PATH`; a secret never stands in a file that is shared"));
        }
        reference
    }

    fn prometheus(&mut self, node: &Node) -> Option<Prometheus> {
        let mut fields = Fields::new(node, &target_keys::PROMETHEUS, self.findings)?;
        let url = fields.require("url", self.findings).and_then(|node| text(node, "url", self.findings));
        let token = self.secret(&mut fields, "token");
        let interval = fields.duration("scrape_interval", self.findings);
        url.iter().for_each(|url| self.address(url.span, http_address(url.value, "")));
        fields.finish(self.findings);
        Some(Prometheus {
            url: url?.value.trim_end_matches('/').to_owned(),
            token,
            scrape_interval: interval.unwrap_or(DEFAULT_SCRAPE_INTERVAL),
        })
    }

    fn service(&mut self, name: &str, node: &Node) -> Option<Service> {
        let mut fields = Fields::new(node, &target_keys::SERVICE, self.findings)?;
        let _ = name;
        let log = fields.take("log").and_then(|node| self.log(node));
        let metrics = fields.take("metrics").and_then(|node| self.metric_source(node));
        let hash = fields.take("hash").and_then(|node| self.hash(node));
        let service = Service {
            deploy: fields.take("deploy").map(|node| self.argvs(node)).unwrap_or_default(),
            version: owned(fields.texts("version", self.findings)),
            version_pattern: fields.text("version_pattern", self.findings).map(|text| text.value.to_owned()),
            log,
            metrics,
            hash,
            instances: fields.number("instances", 1, target_keys::MAX_INSTANCES, self.findings).unwrap_or(1),
        };
        fields.finish(self.findings);
        Some(service)
    }

    /// One argv, or a list of argvs that are run in order.
    fn argvs(&mut self, node: &Node) -> Vec<Vec<String>> {
        let is_nested = |items: &[Node]| items.iter().any(|item| matches!(item.kind, yaml::NodeKind::List(_)));
        match &node.kind {
            yaml::NodeKind::List(items) if is_nested(items) => {
                items.iter().map(|item| owned(texts_of(item, "deploy", self.findings))).collect()
            }
            _ => vec![owned(texts_of(node, "deploy", self.findings))],
        }
    }

    fn log(&mut self, node: &Node) -> Option<Log> {
        let mut fields = Fields::new(node, &target_keys::LOG, self.findings)?;
        let file = fields.text("file", self.findings);
        let command = fields.texts("command", self.findings);
        let field = fields.text("field", self.findings).map(|text| text.value.to_owned());
        fields.finish(self.findings);
        let source = match (file, command.is_empty()) {
            (Some(file), true) => LogSource::File(file.value.to_owned()),
            (None, false) => LogSource::Command(owned(command)),
            _ => {
                self.one_key(node, "`log` needs one of `file` and `command`");
                return None;
            }
        };
        Some(Log { source, field })
    }

    fn metric_source(&mut self, node: &Node) -> Option<MetricSource> {
        let mut fields = Fields::new(node, &target_keys::METRIC_SOURCE, self.findings)?;
        let scrape = fields.text("scrape", self.findings);
        let prometheus = fields.text("prometheus", self.findings);
        fields.finish(self.findings);
        scrape.iter().for_each(|url| self.address(url.span, http_address(url.value, "/metrics")));
        match (scrape, prometheus) {
            (Some(url), None) => Some(MetricSource::Scrape(url.value.to_owned())),
            (None, Some(selector)) => Some(MetricSource::Prometheus(selector.value.to_owned())),
            _ => {
                self.one_key(node, "`metrics` needs one of `scrape` and `prometheus`");
                None
            }
        }
    }

    fn hash(&mut self, node: &Node) -> Option<HashResponder> {
        let mut fields = Fields::new(node, &target_keys::HASH, self.findings)?;
        let mut own = |key| fields.text(key, self.findings).map(|text| text.value.to_owned());
        let hash = HashResponder {
            subject: own("subject").unwrap_or_else(|| HASH_SUBJECT.to_owned()),
            payload: own("payload").unwrap_or_else(|| "{}".to_owned()),
            field: own("field"),
        };
        fields.finish(self.findings);
        Some(hash)
    }

    fn gate(&mut self, name: &str, node: &Node) -> Option<Gate> {
        let mut fields = Fields::new(node, &target_keys::GATE, self.findings)?;
        let service = fields.text("service", self.findings).map_or(name, |text| text.value).to_owned();
        let arm = self.command(&mut fields, "arm", ARM_SUBJECT);
        let disarm = self.command(&mut fields, "disarm", DISARM_SUBJECT);
        let probe = match fields.take("probe") {
            Some(node) => self.probe(node),
            None => Some(GateProbe::Metric { name: ARMED_METRIC.to_owned(), armed: 1.0, disarmed: 0.0 }),
        };
        fields.finish(self.findings);
        Some(Gate { service, arm: arm?, disarm: disarm?, probe: probe? })
    }

    fn command(&mut self, fields: &mut Fields<'_>, key: &'static str, subject: &str) -> Option<GateCommand> {
        let Some(node) = fields.take(key) else {
            return Some(GateCommand { subject: subject.to_owned(), payload: PayloadForm::Text });
        };
        let mut fields = Fields::new(node, &target_keys::COMMAND, self.findings)?;
        let own = fields.text("subject", self.findings).map(|text| text.value.to_owned());
        let form = fields.text("payload", self.findings);
        let json = fields.text("json", self.findings).map(|text| text.value.to_owned());
        fields.finish(self.findings);
        let is_json = form.and_then(|form| one_of("payload", form, &target_keys::PAYLOADS, self.findings));
        Some(GateCommand {
            subject: own.unwrap_or_else(|| subject.to_owned()),
            payload: match (json, is_json) {
                (Some(object), _) => PayloadForm::Json(object),
                (None, Some(true)) => PayloadForm::Json(r#"{"reason":"{reason}"}"#.to_owned()),
                (None, _) => PayloadForm::Text,
            },
        })
    }

    fn probe(&mut self, node: &Node) -> Option<GateProbe> {
        let mut fields = Fields::new(node, &target_keys::PROBE, self.findings)?;
        let metric = fields.text("metric", self.findings).map(|text| text.value.to_owned());
        let argv = owned(fields.texts("command", self.findings));
        let log = fields.truth("log", self.findings);
        let armed = fields.text("armed", self.findings);
        let disarmed = fields.text("disarmed", self.findings);
        fields.finish(self.findings);
        let probe = match (metric, argv.is_empty(), log) {
            (Some(name), true, false) => Some(GateProbe::Metric {
                name,
                armed: self.metric_value(armed, 1.0),
                disarmed: self.metric_value(disarmed, 0.0),
            }),
            (None, true, true) => Some(GateProbe::Log { armed: self.pattern(armed), disarmed: self.pattern(disarmed) }),
            (None, false, false) => {
                Some(GateProbe::Command { argv, armed: self.pattern(armed), disarmed: self.pattern(disarmed) })
            }
            _ => None,
        };
        match &probe {
            Some(GateProbe::Log { armed, disarmed } | GateProbe::Command { armed, disarmed, .. })
                if armed.is_empty() || disarmed.is_empty() =>
            {
                self.one_key(node, "this probe needs the patterns `armed` and `disarmed`");
            }
            #[expect(clippy::float_cmp, reason = "two values that are written alike are the same")]
            Some(GateProbe::Metric { armed, disarmed, .. }) if armed == disarmed => {
                self.one_key(node, "this probe cannot tell armed from disarmed");
            }
            Some(_) => {}
            None => self.one_key(node, "`probe` needs one of `metric`, `log: true` and `command`"),
        }
        probe
    }

    /// A gate's metric while it is armed, or disarmed: a number, never guessed from what is none.
    fn metric_value(&mut self, written: Option<Spanned<&str>>, usual: f64) -> f64 {
        let Some(written) = written else {
            return usual;
        };
        written.value.parse().ok().filter(|number: &f64| number.is_finite()).unwrap_or_else(|| {
            let message = format!("`{}` is no value of a metric", written.value);
            let finding = self.findings.error("bad-number", message, written.span);
            self.findings.push(finding.help(format!("write a number, such as `{usual}`")));
            usual
        })
    }

    /// A pattern, reported where it is none.
    fn pattern(&mut self, written: Option<Spanned<&str>>) -> String {
        let Some(written) = written else {
            return String::new();
        };
        if !Kind::Pattern.accepts(&Value::text(written.value)) {
            let message = format!("`{}` is not a pattern", written.value);
            let finding = self.findings.error("wrong-argument", message, written.span);
            self.findings.push(finding.help("write a regular expression, its special characters behind a `\\`"));
        }
        written.value.to_owned()
    }

    fn metric(&mut self, name: &str, node: &Node) -> Option<Metric> {
        if let yaml::NodeKind::Scalar(_) = node.kind {
            return text(node, name, self.findings)
                .map(|text| Metric { name: text.value.to_owned(), absent_is_zero: false });
        }
        let mut fields = Fields::new(node, &target_keys::METRIC, self.findings)?;
        let own = fields.text("name", self.findings).map_or(name, |text| text.value).to_owned();
        let absent = fields.word("absent", &target_keys::ABSENCES, self.findings);
        fields.finish(self.findings);
        Some(Metric { name: own, absent_is_zero: absent.unwrap_or(false) })
    }

    /// An address, reported where nothing can be reached by it.
    fn address(&mut self, span: Span, checked: Result<(), Misaddressed>) {
        if let Err(Misaddressed { message, help }) = checked {
            let finding = self.findings.error("bad-address", message, span);
            self.findings.push(finding.help(help));
        }
    }

    fn one_key(&mut self, node: &Node, message: &str) {
        entries(node, "target", self.findings);
        let finding = self.findings.error("bad-target", message, node.span);
        self.findings.push(finding.help("see the examples in runbooks/targets/"));
    }
}

fn owned(texts: Vec<Spanned<&str>>) -> Vec<String> {
    texts.into_iter().map(|text| text.value.to_owned()).collect()
}
