//! Decoding the part that a step, an undo, a watch and an ensure share: the action and how it
//! is judged.

use std::time::Duration;

use crate::declaration::{Argument, Declaration, Effect, ErrorClass, Kind, OBSERVES};
use crate::guard::{Guard, Template, Written, plain_value};
use crate::source::{Span, Spanned};
use crate::value::{Value, as_duration};
use crate::yaml::{Node, NodeKind, Scalar};

use super::decode::Decoder;
use super::fields::{Fields, one_of, scalar, wrong_type};
use super::{Action, ActionKind, Poll, Retry, Work, arguments, keys};

/// The time between two samples where none is written: short beside a person's patience, long
/// beside a service's answer.
pub(super) const DEFAULT_EVERY: Duration = Duration::from_secs(1);

/// The good samples in a row that end a `hold` where none is written: one could be luck.
const DEFAULT_MIN_GOOD: u32 = 3;

/// The longest wait between attempts where none is written.
const DEFAULT_MAX_WAIT: Duration = Duration::from_secs(60);

impl Decoder<'_> {
    /// Reads an action and how it is judged out of a map's keys.
    pub(super) fn work(&mut self, fields: &mut Fields<'_>) -> Option<Work> {
        let action = self.action(fields);
        let when = self.guard(fields, "when");
        let require = self.guard(fields, "require");
        let expect = self.guard(fields, "expect");
        let poll = self.poll(fields);
        let retry = fields.take("retry").and_then(|node| self.retry(node));
        let timeout = fields.duration("timeout", &mut self.findings);
        let idempotent = fields.truth("idempotent", &mut self.findings);
        let action = action?;
        self.poll_observes(&action, &poll, fields.span());
        self.retry_is_safe(&action, retry.as_deref(), idempotent);
        Some(Work { action, when, require, poll, expect, retry, timeout, idempotent })
    }

    /// Reads `do` and `with`.
    pub(super) fn action(&mut self, fields: &mut Fields<'_>) -> Option<Action> {
        let node = fields.require("do", &mut self.findings)?;
        let with = fields.take("with");
        let name = super::fields::text(node, "do", &mut self.findings)?;
        if name.value == "script" {
            return self.script(with, name.span);
        }
        let template = match with {
            Some(node) => self.template(node)?,
            None => Template::empty_map(),
        };
        let kind = if name.value.contains('/') {
            ActionKind::Runbook(self.include(name)?)
        } else {
            ActionKind::Primitive(self.primitive(name)?)
        };
        match &kind {
            ActionKind::Primitive(declaration) => self.primitive_arguments(declaration, &template, with, name.span),
            ActionKind::Runbook(runbook) => self.runbook_arguments(runbook, &template, with, name.span),
            ActionKind::Script(_) => {}
        }
        let (template, places) = match &kind {
            ActionKind::Primitive(declaration) => (template.for_primitive(declaration), places(declaration, with)),
            ActionKind::Runbook(_) | ActionKind::Script(_) => (template, Vec::new()),
        };
        Some(Action { kind, with: template, span: name.span, places })
    }

    fn primitive(&mut self, name: Spanned<&str>) -> Option<&'static Declaration> {
        let found = self.catalogue.find(name.value);
        if found.is_none() {
            let message = format!("no primitive is called `{}`", name.value);
            let finding = self.findings.error("unknown-action", message, name.span);
            let known: Vec<_> = self.catalogue.names().collect();
            let mut finding = finding.meant(name.value, &known, || {
                "`titan-run list primitives` shows them all; a runbook is named by a path, such as `./x.yaml`"
                    .to_owned()
            });
            if let Some(fix) = &mut finding.fix {
                let observes = |one: &str| self.catalogue.find(one).is_some_and(|one| one.effect == Effect::Observes);
                fix.is_safe = fix.edits.iter().all(|edit| observes(&edit.text));
            }
            self.findings.push(finding);
        }
        found
    }

    fn primitive_arguments(
        &mut self,
        declaration: &'static Declaration,
        template: &Template,
        with: Option<&Node>,
        at: Span,
    ) {
        let given = names(with);
        arguments::unknown(&mut self.findings, declaration.name, &arguments::names(declaration), &given);
        arguments::missing(
            &mut self.findings,
            declaration.name,
            arguments::required(declaration),
            &given,
            at,
            under_with,
        );
        for (name, node) in with.map_or(&[][..], map_entries) {
            let Some(argument) = declaration.argument(&name.value) else {
                continue;
            };
            match (argument.kind, &node.kind) {
                (Kind::Record(known), NodeKind::Map(entries)) => {
                    let names: Vec<_> = known.iter().map(|entry| entry.name).collect();
                    arguments::unknown(&mut self.findings, argument.name, &names, &self::names(Some(node)));
                    for (name, node) in entries {
                        let entry = known.iter().find(|entry| entry.name == name.value);
                        let written = template.text_at(&[argument.name, &name.value]);
                        self.written_argument(declaration, entry, written, node.span);
                    }
                }
                (Kind::Texts | Kind::Argv, NodeKind::List(items)) if !items.is_empty() => {
                    items.iter().for_each(|item| arguments::is_text(&mut self.findings, argument, item));
                }
                _ => self.written_argument(declaration, Some(argument), template.text(argument.name), node.span),
            }
        }
    }

    fn runbook_arguments(&mut self, runbook: &super::Runbook, template: &Template, with: Option<&Node>, at: Span) {
        let known: Vec<_> = runbook.params.iter().map(|p| &*p.name).collect();
        let required = runbook.params.iter().filter(|p| p.default.is_none()).map(|p| &*p.name);
        let given = names(with);
        arguments::unknown(&mut self.findings, runbook.name.as_str(), &known, &given);
        arguments::missing(&mut self.findings, runbook.name.as_str(), required, &given, at, under_with);
        arguments::default_files(&mut self.findings, runbook, &given, at);
        for (name, node) in with.map_or(&[][..], map_entries) {
            let param = runbook.params.iter().find(|param| *param.name == *name.value);
            if let Some((param, value)) = param.zip(template.constant_field(&name.value)) {
                arguments::fits_param(&mut self.findings, param, value, node.span);
            }
        }
    }

    fn written_argument(&mut self, of: &Declaration, one: Option<&Argument>, written: Option<Written<'_>>, at: Span) {
        if let (Some(argument), Some(Written::Constant(value))) = (one, written) {
            arguments::fits(&mut self.findings, of, argument, value, at);
        }
    }

    fn script(&mut self, with: Option<&Node>, at: Span) -> Option<Action> {
        let Some(node) = with else {
            let finding = self.findings.error("missing-argument", "`script` needs the argument `code`", at);
            self.findings.push(finding.help("add `code: |` under `with:`"));
            return None;
        };
        let mut fields = Fields::new(node, &keys::SCRIPT, &mut self.findings)?;
        let code = fields.require("code", &mut self.findings);
        fields.finish(&mut self.findings);
        let code_node = code?;
        let code = scalar(code_node, "code", &mut self.findings)?;
        let script = self.guards.script(code, code_node.span, &mut self.findings)?;
        script.asked().iter().for_each(|asked| arguments::asked(&mut self.findings, asked));
        Some(Action {
            kind: ActionKind::Script(Box::new(script)),
            with: Template::empty_map(),
            span: at,
            places: Vec::new(),
        })
    }

    /// Reads a guard under a key.
    pub(super) fn guard(&mut self, fields: &mut Fields<'_>, key: &'static str) -> Option<Guard> {
        let node = fields.take(key)?;
        self.guard_node(node, key)
    }

    /// Reads the list of a `foreach`; one that YAML read as a list is told, and stands for what it says.
    pub(super) fn each(&mut self, node: &Node) -> Option<Guard> {
        let items: Option<Vec<_>> = node.items().iter().map(as_written).collect();
        let Some(items) = items.filter(|items| !items.is_empty()) else {
            return self.guard_node(node, "foreach");
        };
        let text = format!("[{}]", items.join(", "));
        let found = wrong_type(node, "`foreach` must be a single value", &self.findings);
        self.findings.push(found.help(format!("quote it: `foreach: '{text}'`")));
        let list = Scalar { text, quoted: true, verbatim: false, text_start: node.span.start };
        self.guards.guard(&list, node.span, &mut self.findings)
    }

    /// Reads a guard.
    pub(super) fn guard_node(&mut self, node: &Node, key: &str) -> Option<Guard> {
        let scalar = scalar(node, key, &mut self.findings)?;
        self.guards.guard(scalar, node.span, &mut self.findings)
    }

    fn template(&mut self, node: &Node) -> Option<Template> {
        if !matches!(node.kind, NodeKind::Map(_)) {
            super::fields::entries(node, "with", &mut self.findings);
            return None;
        }
        self.guards.template(node, &mut self.findings)
    }

    fn poll(&mut self, fields: &mut Fields<'_>) -> Poll {
        let until = self.guard(fields, "until");
        let hold = self.guard(fields, "hold");
        let every = fields.sampling(DEFAULT_EVERY, &mut self.findings);
        let stay = fields.take("for").map(|node| self.stay(node));
        let min_good = fields.number("min_good", 1, keys::MAX_MIN_GOOD, &mut self.findings);
        match (until, hold, stay) {
            (Some(guard), None, None) => Poll::Until { guard, every },
            (None, Some(guard), Some(Some(stay))) => {
                Poll::Hold { guard, every, stay, min_good: min_good.unwrap_or(DEFAULT_MIN_GOOD) }
            }
            (None, Some(_), Some(None)) => Poll::Once,
            (None, None, None) => Poll::Once,
            (Some(_), Some(_), _) => self.bad_poll(fields, "`until` and `hold` exclude each other", "keep one of them"),
            (None, Some(_), None) => {
                self.bad_poll(fields, "`hold` has no `for`", "add `for:` with how long it must hold")
            }
            (_, None, Some(_)) => self.bad_poll(fields, "`for` belongs to `hold`", "use `timeout` to bound an `until`"),
        }
    }

    /// A duration, or one `${ }` that gives one.
    fn stay(&mut self, node: &Node) -> Option<Template> {
        let template = self.guards.template(node, &mut self.findings)?;
        if let Some(value) = template.constant().filter(|value| as_duration(value).is_none()) {
            let finding = self.findings.error("bad-duration", format!("`{value}` is not a duration"), node.span);
            self.findings.push(finding.help("write a number with its unit, such as `90s`, `5m` or `1h30m`"));
            return None;
        }
        Some(template)
    }

    fn bad_poll(&mut self, fields: &Fields<'_>, message: &str, help: &str) -> Poll {
        let at = Span::new(fields.span().start, fields.span().start);
        let finding = self.findings.error("bad-poll", message, at);
        self.findings.push(finding.help(help));
        Poll::Once
    }

    fn poll_observes(&mut self, action: &Action, poll: &Poll, at: Span) {
        if matches!(poll, Poll::Once) || action.effect() == Effect::Observes {
            return;
        }
        let message = format!("`{}` changes something, so it cannot be repeated by `until` or `hold`", action.name());
        let finding = self.findings.error("poll-of-effect", message, action.span);
        let finding = finding.also(self.findings.loc(Span::new(at.start, at.start)), "");
        self.findings.push(finding.help("poll an observing action in a step of its own"));
    }

    /// A watch looks again and again while the steps go on, so it may do nothing else.
    pub(super) fn watch_observes(&mut self, action: &Action) {
        let name = action.name();
        let (message, help) = match (&action.kind, action.effect()) {
            (ActionKind::Primitive(_), Effect::Observes) => return,
            (ActionKind::Primitive(declaration), _) if declaration.argument(OBSERVES.name).is_some() => (
                format!("`{name}` may change something, and a watch only looks"),
                "say `observes: true` under `with:` where it only looks",
            ),
            (ActionKind::Primitive(_), Effect::Asks) => {
                (format!("`{name}` asks a person, and a watch only looks"), "ask in a step of its own")
            }
            (ActionKind::Primitive(_), Effect::Changes) => {
                (format!("`{name}` changes something, and a watch only looks"), "change it in a step of its own")
            }
            (ActionKind::Runbook(_) | ActionKind::Script(_), _) => (
                format!("`{name}` is no primitive, and a watch looks through one"),
                "look with a primitive that observes, such as `expect_hash`, `gate_state` or `nats_watch`",
            ),
        };
        self.findings.push(self.findings.error("watch-of-effect", message, action.span).help(help));
    }

    fn retry_is_safe(&mut self, action: &Action, retry: Option<&Retry>, idempotent: bool) {
        let natively = matches!(&action.kind, ActionKind::Primitive(declaration) if declaration.idempotent);
        if retry.is_none() || natively || idempotent || action.effect() == Effect::Observes {
            return;
        }
        let message = format!("`{}` is not idempotent, so a retry could do it twice", action.name());
        let finding = self.findings.error("retry-of-effect", message, action.span);
        self.findings.push(finding.help("drop `retry`, or say `idempotent: true` if doing it twice is doing it once"));
    }

    fn retry(&mut self, node: &Node) -> Option<Box<Retry>> {
        let mut fields = Fields::new(node, &keys::RETRY, &mut self.findings)?;
        let words: Vec<_> = ErrorClass::ALL.iter().map(|class| (class.word(), *class)).collect();
        let on = fields
            .texts("on", &mut self.findings)
            .into_iter()
            .filter_map(|text| one_of("error class", text, &words, &mut self.findings))
            .collect::<Vec<_>>();
        if on.is_empty() {
            let at = Span::new(node.span.start, node.span.start);
            let finding = self.findings.error("retry-without-class", "`retry` names no error class", at);
            self.findings.push(finding.help("add `on: [timeout]` with the classes to try again"));
        }
        let retry = Retry {
            on,
            attempts: fields.number("attempts", 1, keys::MAX_ATTEMPTS, &mut self.findings).unwrap_or(3),
            every: fields.duration("every", &mut self.findings).unwrap_or(DEFAULT_EVERY),
            backoff: fields.number("backoff", 1.0, keys::MAX_BACKOFF, &mut self.findings).unwrap_or(1.0),
            max: fields.duration("max", &mut self.findings).unwrap_or(DEFAULT_MAX_WAIT),
            jitter: fields.number("jitter", 0.0, 1.0, &mut self.findings).unwrap_or(0.0),
        };
        fields.finish(&mut self.findings);
        Some(Box::new(retry))
    }
}

/// Where the arguments of a primitive stand.
fn places(declaration: &Declaration, with: Option<&Node>) -> Vec<(&'static str, Span)> {
    let given = with.map_or(&[][..], map_entries).iter();
    given.filter_map(|(name, node)| Some((declaration.argument(&name.value)?.name, node.span))).collect()
}

/// Where an argument is written.
fn under_with(name: &str) -> String {
    format!("add `{name}:` under `with:`")
}

/// The names of the arguments that are written out, with their places.
fn names(with: Option<&Node>) -> Vec<(&str, Span)> {
    with.map_or(&[][..], map_entries).iter().map(|(name, _)| (name.value.as_str(), name.span)).collect()
}

fn map_entries(node: &Node) -> &[(Spanned<String>, Node)] {
    match &node.kind {
        NodeKind::Map(entries) => entries,
        NodeKind::Scalar(_) | NodeKind::List(_) => &[],
    }
}

/// A single value as an expression says it between single quotes.
fn as_written(node: &Node) -> Option<String> {
    let NodeKind::Scalar(scalar) = &node.kind else {
        return None;
    };
    match plain_value(scalar) {
        Value::Null => None,
        Value::Text(text) => Some(format!("{text:?}")).filter(|text| !text.contains(['\'', '\\', '$'])),
        _ => Some(scalar.text.clone()),
    }
}
