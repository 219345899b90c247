//! The one checker: what `lint`, `plan`, `run` and an editor say about a file before anything runs.
//!
//! `runbook/` reads a file and says what cannot be read; the rules here look at what was read and
//! say what is unsafe or can never work. Pure: no clock, no file, no world. A rule is a file in
//! `rules/` and a line in [`RULES`]; its own `//!` text is what `titan-run explain CODE` prints.

mod rules;

use std::sync::Arc;

use crate::declaration::Catalogue;
use crate::diagnostic::{Diagnostic, Findings, Severity, Strength};
use crate::guard::Guards;
use crate::runbook::target::Target;
use crate::runbook::{Library, Loaded, Runbook, load};
use crate::source::{SourceFile, Span};

pub use rules::RULES;

/// Something that can be wrong with a file.
#[derive(Debug)]
pub struct Rule {
    /// A stable kebab-case word, never reused.
    pub code: &'static str,
    /// How much it weighs where nobody says otherwise.
    pub severity: Severity,
    /// How far its verdict can be trusted.
    pub strength: Strength,
    /// The text of its own file, whose `//!` lines explain it.
    source: &'static str,
    /// Looks at a runbook.
    check: fn(&Subject<'_>, &mut Report<'_>),
}

impl Rule {
    /// What it finds, why that matters, an example and what to write instead, in Markdown.
    pub fn explanation(&self) -> String {
        let lines = self.source.lines().map_while(|line| line.strip_prefix("//!"));
        lines.map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect()
    }
}

/// Where the file will be used, as far as that is known.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// Where it will act: the services that must hold one policy, and the gates before them.
    pub target: &'a Target,
    /// Whether somebody chose this target; else names it does not have may be another target's.
    pub is_chosen: bool,
}

/// What a rule looks at.
pub struct Subject<'a> {
    /// The runbook.
    pub runbook: &'a Runbook,
    /// Where it will be used.
    pub setting: Setting<'a>,
    /// The sandbox its guards were read in.
    pub guards: &'a Guards,
}

/// Where a rule says what it found.
pub struct Report<'a> {
    rule: &'static Rule,
    findings: &'a mut Findings,
}

impl Report<'_> {
    /// A diagnostic of the rule, to be finished and handed to [`Report::push`].
    pub fn at(&self, message: impl Into<String>, span: Span) -> Diagnostic {
        let mut diagnostic = Diagnostic::new(self.rule.code, self.rule.severity, message, self.findings.loc(span));
        diagnostic.strength = Some(self.rule.strength);
        diagnostic
    }

    /// Adds what was found.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.findings.push(diagnostic);
    }
}

/// Reads a runbook and holds every rule against it.
pub fn examine(
    file: &SourceFile,
    guards: &Guards,
    catalogue: Catalogue,
    library: &dyn Library,
    setting: Setting<'_>,
) -> Loaded {
    let mut loaded = load(file, guards, catalogue, library);
    let Some(runbook) = loaded.runbook.as_ref().map(Arc::clone) else {
        return loaded;
    };
    let subject = Subject { runbook: &runbook, setting, guards };
    let mut findings = Findings::new(file.clone());
    for rule in RULES {
        (rule.check)(&subject, &mut Report { rule, findings: &mut findings });
    }
    let failed = findings.has_errors();
    loaded.diagnostics.extend(findings.into_sorted());
    loaded.runbook = loaded.runbook.filter(|_| !failed);
    loaded
}
