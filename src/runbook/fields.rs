//! Reading the keys of a map: each key is taken once, what is left over is unknown.
//!
//! Every getter reports what is wrong where it stands and answers `None`, so that decoding goes
//! on and one pass says everything.

use std::sync::Arc;
use std::time::Duration;

use crate::diagnostic::{Edit, Findings};
use crate::source::{Span, Spanned};
use crate::value::{format_duration, parse_duration};
use crate::yaml::{Node, NodeKind, Scalar};

use super::LANGUAGE_VERSION;
use super::grammar::Table;

/// The shortest time between two samples.
const LEAST_EVERY: Duration = Duration::from_millis(10);

/// A map being read.
pub(crate) struct Fields<'a> {
    table: &'static Table,
    span: Span,
    entries: &'a [(Spanned<String>, Node)],
}

impl<'a> Fields<'a> {
    /// Starts reading a node that must be a map with the keys of a table.
    pub(crate) fn new(node: &'a Node, table: &'static Table, findings: &mut Findings) -> Option<Self> {
        let NodeKind::Map(entries) = &node.kind else {
            findings.push(wrong_type(node, &format!("{} must be a map", table.what), findings));
            return None;
        };
        Some(Self { table, span: node.span, entries })
    }

    /// Where the map stands.
    pub(crate) fn span(&self) -> Span {
        self.span
    }

    /// The node under a key, when it is there.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<&'a Node> {
        debug_assert!(self.table.key(key).is_some(), "{} declares no key `{key}`", self.table.what);
        self.entries.iter().find(|(name, _)| name.value == key).map(|(_, node)| node)
    }

    /// The node under a key that must be there.
    pub(crate) fn require(&mut self, key: &'static str, findings: &mut Findings) -> Option<&'a Node> {
        debug_assert!(self.table.key(key).is_none_or(|key| key.is_required), "`{key}` is not declared as required");
        let found = self.take(key);
        if found.is_none() {
            let message = format!("{} has no `{key}`", self.table.what);
            let first = Span::new(self.span.start, (self.span.start + 1).min(self.span.end));
            let at = self.entries.first().map_or(first, |(name, _)| name.span);
            let finding = findings.error("missing-key", message, at);
            findings.push(finding.help(format!("add `{key}:`")));
        }
        found
    }

    /// A text under a key.
    pub(crate) fn text(&mut self, key: &'static str, findings: &mut Findings) -> Option<Spanned<&'a str>> {
        self.take(key).and_then(|node| text(node, key, findings))
    }

    /// A shared text under a key.
    pub(crate) fn about(&mut self, findings: &mut Findings) -> Option<Arc<str>> {
        self.text("about", findings).map(|about| Arc::from(about.value))
    }

    /// A duration under a key.
    pub(crate) fn duration(&mut self, key: &'static str, findings: &mut Findings) -> Option<Duration> {
        self.spanned_duration(key, findings).map(|duration| duration.value)
    }

    /// The time between two samples, which is never none: who samples without a pause does nothing else.
    pub(crate) fn sampling(&mut self, usual: Duration, findings: &mut Findings) -> Duration {
        let every = self.spanned_duration("every", findings);
        if let Some(every) = every.filter(|every| every.value < LEAST_EVERY) {
            let message = format!("`every` is at least {}", format_duration(LEAST_EVERY));
            findings.push(findings.error("bad-duration", message, every.span));
        }
        every.map_or(usual, |every| every.value)
    }

    /// A duration under a key, with its place.
    pub(crate) fn spanned_duration(&mut self, key: &'static str, findings: &mut Findings) -> Option<Spanned<Duration>> {
        let text = self.text(key, findings)?;
        let read = parse_duration(text.value);
        if read.is_none() {
            let message = match text.value.contains("${") {
                true => format!("`{key}` is known before the run, so nothing is filled in"),
                false => format!("`{}` is not a duration", text.value),
            };
            let finding = findings.error("bad-duration", message, text.span);
            findings.push(finding.help("write a number with its unit, such as `90s`, `5m` or `1h30m`"));
        }
        read.map(|duration| Spanned::new(duration, text.span))
    }

    /// A whole number under a key, within bounds.
    pub(crate) fn number<T>(&mut self, key: &'static str, least: T, most: T, findings: &mut Findings) -> Option<T>
    where
        T: std::str::FromStr + PartialOrd + std::fmt::Display,
    {
        let text = self.text(key, findings)?;
        let read = text.value.parse::<T>().ok().filter(|n| *n >= least && *n <= most);
        if read.is_none() {
            let message = format!("`{key}` must be a number from {least} to {most}, not `{}`", text.value);
            let finding = findings.error("bad-number", message, text.span);
            findings.push(finding);
        }
        read
    }

    /// `true` or `false` under a key; false when it is not there.
    pub(crate) fn truth(&mut self, key: &'static str, findings: &mut Findings) -> bool {
        let Some(text) = self.text(key, findings) else {
            return false;
        };
        match text.value {
            "true" => true,
            "false" => false,
            other => {
                let message = format!("`{key}` must be `true` or `false`, not `{other}`");
                let finding = findings.error("bad-bool", message, text.span);
                findings.push(finding);
                false
            }
        }
    }

    /// One of a few words under a key.
    pub(crate) fn word<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&'static str, T)],
        findings: &mut Findings,
    ) -> Option<T> {
        let text = self.text(key, findings)?;
        one_of(key, text, words, findings)
    }

    /// Name and node pairs of a map under a key; nothing when it is not there.
    pub(crate) fn entries(&mut self, key: &'static str, findings: &mut Findings) -> &'a [(Spanned<String>, Node)] {
        match self.take(key) {
            Some(node) => entries(node, key, findings),
            None => &[],
        }
    }

    /// The items of a list of texts under a key.
    pub(crate) fn texts(&mut self, key: &'static str, findings: &mut Findings) -> Vec<Spanned<&'a str>> {
        self.take(key).map(|node| texts_of(node, key, findings)).unwrap_or_default()
    }

    /// The items of a list under a key; nothing when it is not there.
    pub(crate) fn items(&mut self, key: &'static str, findings: &mut Findings) -> &'a [Node] {
        self.take(key).map_or(&[], |node| items(node, key, findings))
    }

    /// Reads the language's version.
    pub(crate) fn language_version(&mut self, findings: &mut Findings) {
        let Some(version) = self.require("titan", findings).and_then(|node| text(node, "titan", findings)) else {
            return;
        };
        if version.value.parse() != Ok(LANGUAGE_VERSION) {
            let message = format!("language version `{}` is not known here", version.value);
            let finding = findings.error("language-version", message, version.span);
            let edit = Edit { span: version.span, text: LANGUAGE_VERSION.to_string() };
            let finding = finding.fix(format!("write `titan: {LANGUAGE_VERSION}`"), false, vec![edit]);
            findings.push(finding.help(format!("write `titan: {LANGUAGE_VERSION}`")));
        }
    }

    /// Reports every key that the table does not declare.
    pub(crate) fn finish(self, findings: &mut Findings) {
        for (name, _) in self.entries {
            if self.table.key(&name.value).is_some() {
                continue;
            }
            if findings.is_full() {
                return;
            }
            let known: Vec<_> = self.table.keys().map(|key| key.name).collect();
            let message = format!("{} has no key `{}`", self.table.what, name.value);
            let finding = findings.error("unknown-key", message, name.span);
            let there: Vec<_> = self.entries.iter().map(|(name, _)| name.value.as_str()).collect();
            let otherwise = || format!("the keys are {}", ticked(&known));
            findings.push(finding.meant_beside((&name.value, &there), &known, otherwise));
        }
    }
}

/// The items of a list node.
fn items<'a>(node: &'a Node, key: &str, findings: &mut Findings) -> &'a [Node] {
    let NodeKind::List(items) = &node.kind else {
        findings.push(wrong_type(node, &format!("`{key}` must be a list"), findings));
        return &[];
    };
    items
}

/// The items of a list of texts.
pub(crate) fn texts_of<'a>(node: &'a Node, key: &str, findings: &mut Findings) -> Vec<Spanned<&'a str>> {
    items(node, key, findings).iter().filter_map(|item| text(item, key, findings)).collect()
}

/// The text of a scalar node.
pub(crate) fn text<'a>(node: &'a Node, key: &str, findings: &mut Findings) -> Option<Spanned<&'a str>> {
    scalar(node, key, findings).map(|scalar| Spanned::new(scalar.text.as_str(), node.span))
}

/// A scalar node.
pub(crate) fn scalar<'a>(node: &'a Node, key: &str, findings: &mut Findings) -> Option<&'a Scalar> {
    match &node.kind {
        NodeKind::Scalar(scalar) if scalar.quoted || !["", "~", "null"].contains(&scalar.text.as_str()) => Some(scalar),
        NodeKind::Scalar(_) => {
            let finding = findings.error("empty-value", format!("`{key}` is empty"), node.span);
            findings.push(
                finding.help(format!("write a value after `{key}:`, quoted if it starts with `!`, `&`, `#` or `*`")),
            );
            None
        }
        NodeKind::List(_) | NodeKind::Map(_) => {
            findings.push(wrong_type(node, &format!("`{key}` must be a single value"), findings));
            None
        }
    }
}

/// The entries of a map node.
pub(crate) fn entries<'a>(node: &'a Node, key: &str, findings: &mut Findings) -> &'a [(Spanned<String>, Node)] {
    match &node.kind {
        NodeKind::Map(entries) => entries,
        NodeKind::Scalar(_) | NodeKind::List(_) => {
            findings.push(wrong_type(node, &format!("`{key}` must be a map"), findings));
            &[]
        }
    }
}

/// The meaning of a word.
pub(crate) fn one_of<T: Copy>(
    key: &str,
    text: Spanned<&str>,
    words: &[(&'static str, T)],
    findings: &mut Findings,
) -> Option<T> {
    let found = words.iter().find(|(word, _)| *word == text.value);
    if found.is_none() {
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let finding = findings.error("unknown-word", format!("`{}` is no {key}", text.value), text.span);
        findings.push(finding.meant(text.value, &known, || format!("write one of {}", ticked(&known))));
    }
    found.map(|(_, meaning)| *meaning)
}

/// Words in backticks, with commas.
pub(crate) fn ticked(words: &[&str]) -> String {
    let mut words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    words.sort_unstable();
    words.dedup();
    words.join(", ")
}

pub(super) fn wrong_type(node: &Node, message: &str, findings: &Findings) -> crate::diagnostic::Diagnostic {
    let at = match &node.kind {
        NodeKind::Scalar(_) => node.span,
        NodeKind::List(_) | NodeKind::Map(_) => Span::new(node.span.start, (node.span.start + 1).min(node.span.end)),
    };
    findings.error("wrong-type", message, at).label(format!("this is {}", node.type_name()))
}
