//! How much each rule weighs for a team: what `.titan-lint.yaml` says.
//!
//! Found and read by `cli/`. Rules that keep runs safe cannot be made to weigh less here; one
//! place that is meant is allowed by a comment with its reason.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Findings, Severity};
use crate::runbook::fields::{Fields, one_of, text};
use crate::runbook::grammar::{Holds, Key, Names, Table, Word};
use crate::source::{SourceFile, Spanned};
use crate::yaml::{self, Node};

use super::{READING, RULES, Rule};

/// How much each rule weighs, and what a check lets pass.
#[derive(Clone, Debug)]
pub struct Levels {
    /// What was written, by the code of the rule; `None` where it is off.
    changes: BTreeMap<&'static str, Option<Severity>>,
    /// From which severity on `lint` says that something is wrong.
    pub deny: Severity,
}

impl Default for Levels {
    fn default() -> Self {
        Self { changes: BTreeMap::new(), deny: Severity::Error }
    }
}

/// The words for severities, the worst first.
const SEVERITIES: [(&str, Severity); 3] =
    [("error", Severity::Error), ("warning", Severity::Warning), ("note", Severity::Note)];

/// The word for no severity at all.
const OFF: &str = "off";

/// The settings file.
static SETTINGS: Table = Table {
    what: "the settings file",
    parts: &[&[
        Key::optional(
            "severity",
            Holds::Named(Names::Free, &Holds::Words(weights)),
            "How much each rule weighs, by its code.",
        ),
        Key::optional(
            "deny",
            Holds::Words(severities),
            "From which severity on something is wrong; `error` by default.",
        ),
    ]],
};

fn severities() -> Vec<Word> {
    SEVERITIES.iter().map(|(text, _)| Word { text, about: "" }).collect()
}

fn weights() -> Vec<Word> {
    severities().into_iter().chain([Word { text: OFF, about: "It is not looked for." }]).collect()
}

impl Levels {
    /// Decodes a settings file; what is wrong in it is reported, and the rest holds.
    pub fn decode(file: &SourceFile) -> (Self, Vec<Diagnostic>) {
        let mut findings = Findings::new(file.clone());
        let mut levels = Self::default();
        if file.text().lines().map(str::trim).all(|line| line.is_empty() || line.starts_with('#')) {
            return (levels, Vec::new());
        }
        if let Some(root) = yaml::parse(file, &mut findings)
            && let Some(mut fields) = Fields::new(&root, &SETTINGS, &mut findings)
        {
            for (code, node) in fields.entries("severity", &mut findings) {
                levels.change(code, node, &mut findings);
            }
            let deny = fields.text("deny", &mut findings);
            let deny = deny.and_then(|word| one_of("severity", word, &SEVERITIES, &mut findings));
            levels.deny = deny.unwrap_or(Severity::Error);
            fields.finish(&mut findings);
        }
        (levels, findings.into_sorted())
    }

    fn change(&mut self, code: &Spanned<String>, node: &Node, findings: &mut Findings) {
        let words: Vec<_> = SEVERITIES.map(|(word, severity)| (word, Some(severity))).to_vec();
        let words = [words, vec![(OFF, None)]].concat();
        let level = text(node, "severity", findings).and_then(|word| one_of("severity", word, &words, findings));
        let Some(rule) = known(code, findings) else {
            return;
        };
        let Some(level) = level else {
            return;
        };
        if rule.group.is_locked() && level < Some(rule.severity) {
            let message = format!("`{}` keeps runs safe, so no settings file makes it weigh less", rule.code);
            let finding = findings.error("severity-locked", message, node.span);
            findings.push(finding.help(format!(
                "write `# titan: allow({}) REASON` in the runbook, at the one place that is meant",
                rule.code
            )));
            return;
        }
        self.changes.insert(rule.code, level);
    }

    /// What rules found, each with the weight it has here, without what is off.
    pub fn weigh(&self, found: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let weighed = found.into_iter().filter_map(|mut one| {
            match self.changes.get(one.code) {
                Some(None) => return None,
                Some(Some(severity)) => one.severity = *severity,
                None => {}
            }
            Some(one)
        });
        weighed.collect()
    }
}

fn known(code: &Spanned<String>, findings: &mut Findings) -> Option<&'static Rule> {
    let found = super::rule(&code.value);
    if READING.iter().any(|(known, _)| *known == code.value) {
        let message = format!("`{}` is found while a file is read, and weighs the same everywhere", code.value);
        let finding = findings.error("unknown-code", message, code.span);
        findings.push(finding.help("remove it; only rules are weighed, and `titan-run explain` lists them"));
    } else if found.is_none() {
        let finding = findings.error("unknown-code", format!("no rule is called `{}`", code.value), code.span);
        let codes: Vec<_> = RULES.iter().map(|rule| rule.code).collect();
        findings.push(finding.meant(&code.value, &codes, || "`titan-run explain` lists the rules".to_owned()));
    }
    found
}
