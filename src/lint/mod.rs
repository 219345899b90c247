//! The one checker: what `lint`, `plan`, `run` and an editor say about a file before anything runs.
//!
//! `runbook/` reads a file and says what cannot be read; the rules here look at what was read and
//! say what is unsafe or can never work. Pure: no clock, no file, no world. A rule is a file in
//! `rules/` and a line in [`RULES`]; its own `//!` text is what `titan-run explain CODE` prints.
//!
//! A rule reports whatever it sees. What an author allows in a comment is taken away by
//! [`Allows`], and what a team weighs differently by [`Levels`]; neither touches what reading
//! reports.

mod allow;
mod allowed;
mod argv;
mod asserted;
mod believed;
mod branches;
mod brought_back;
mod carried;
mod checked;
mod command_lines;
mod confined;
mod deeds;
mod deploying;
mod everywhere;
mod expressions;
mod fanout;
mod flow;
mod items;
mod judgement;
mod kept;
mod levels;
mod meaning;
mod named;
mod names;
mod nodes;
mod own_hash;
mod parts;
mod pieces;
mod places;
mod promql;
mod promql_constant;
mod promql_tokens;
mod proof;
mod reading;
mod readings;
mod rules;
mod scene;
mod scripted;
mod scripted_deploys;
mod secrets;
mod subject;
mod taint;
mod time;
mod tools;
mod unverified;
mod urls;
mod values;
mod versions;
mod watched;

use std::sync::Arc;

use crate::declaration::Catalogue;
use crate::diagnostic::{Diagnostic, Findings, Severity, Strength};
use crate::guard::Guards;
use crate::runbook::target::Target;
use crate::runbook::{Library, Loaded, Runbook, load, load_target};
use crate::source::{SourceFile, Span};
use crate::yaml;

use parts::parts;

pub use allow::{Allow, Allows};
pub use allowed::allows_more;
pub use levels::Levels;
pub use reading::READING;
pub use rules::RULES;
pub use subject::{Subject, TargetSubject};

/// Something that can be wrong with a file.
#[derive(Debug)]
pub struct Rule {
    /// A stable kebab-case word, never reused.
    pub code: &'static str,
    /// How much it weighs where nobody says otherwise.
    pub severity: Severity,
    /// How far its verdict can be trusted.
    pub strength: Strength,
    /// What it protects.
    pub group: Group,
    /// The text of its own file, whose `//!` lines explain it.
    source: &'static str,
    /// How it looks.
    check: Check,
}

/// What a rule protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// No run ends armed on a mismatch, half changed, or changed for good by mistake.
    Safety,
    /// Foreign text steers nothing, and credentials stay where they belong.
    Security,
    /// What is written can work, and means what it seems to mean.
    Meaning,
    /// Comments that allow something say what and why.
    Comments,
}

impl Group {
    /// Every group, in the order of the documents.
    pub const ALL: [Self; 4] = [Self::Safety, Self::Security, Self::Meaning, Self::Comments];

    /// Its word, as a heading.
    pub fn word(self) -> &'static str {
        match self {
            Self::Safety => "Safety",
            Self::Security => "Security",
            Self::Meaning => "Meaning",
            Self::Comments => "Comments",
        }
    }

    /// Whether a settings file may make its rules weigh less: what keeps runs safe is allowed
    /// only where it is meant, with a reason.
    pub fn is_locked(self) -> bool {
        matches!(self, Self::Safety | Self::Security)
    }
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug)]
enum Check {
    /// Whole runs: a runbook that was read without an error, and through it those that it uses.
    Runbook(fn(&Subject<'_>, &mut Report<'_>)),
    /// What a file says, whoever uses it: a runbook that was read without an error, and then each
    /// one that it uses.
    File(fn(&Subject<'_>, &mut Report<'_>)),
    /// The same, of runbooks and of targets.
    Both(fn(&Subject<'_>, &mut Report<'_>), fn(&TargetSubject<'_>, &mut Report<'_>)),
    /// A target that was read without an error.
    Target(fn(&TargetSubject<'_>, &mut Report<'_>)),
    /// The comments that allow something, once everything else was looked at.
    Allows(fn(&Allows, &mut Report<'_>)),
}

impl Rule {
    /// What it finds, why that matters, an example and what to write instead, in Markdown.
    pub fn explanation(&self) -> String {
        let lines = self.source.lines().map_while(|line| line.strip_prefix("//!"));
        lines.map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect()
    }
}

/// The rule with this code.
pub fn rule(code: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.code == code)
}

/// Where the file will be used, as far as that is known.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// Where it will act: the services that must hold one policy, and the gates before them.
    pub target: &'a Target,
    /// Whether somebody chose this target; else names it does not have may be another target's.
    pub is_chosen: bool,
    /// How much each rule weighs here.
    pub levels: &'a Levels,
    /// What is kept from one file to the next.
    pub memory: &'a Memory,
}

/// What is kept of what several files use.
#[derive(Debug, Default)]
pub struct Memory {
    own_hash: own_hash::Memory,
    parts: parts::Memory,
    taint: taint::Memory,
}

/// Where a rule says what it found.
pub struct Report<'a> {
    rule: &'static Rule,
    findings: &'a mut Findings,
}

impl Report<'_> {
    /// The file that is looked at.
    fn file(&self) -> &SourceFile {
        self.findings.file()
    }

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
    let runbook = loaded.runbook.as_ref().map(Arc::clone);
    let mut found = hold(file, runbook.as_ref().map(|runbook| &*runbook.tree), |findings| {
        let Some(runbook) = &runbook else {
            return;
        };
        let subject = Subject::of(runbook, guards, setting);
        look(&subject, false, findings);
    });
    for part in runbook.as_deref().map(parts).unwrap_or_default() {
        let in_part = setting.memory.parts.get_or(part, (), |()| Some(look_at_part(part, guards, setting).into()));
        found.extend(in_part.iter().flat_map(|found| found.iter().cloned()));
    }
    loaded.diagnostics.extend(setting.levels.weigh(found));
    let failed = loaded.diagnostics.iter().any(|found| found.severity == Severity::Error);
    loaded.runbook = loaded.runbook.filter(|_| !failed);
    loaded
}

/// What is wrong with the file of a runbook that another one uses. Its comments are judged where it
/// is looked at as a whole.
fn look_at_part(part: &Runbook, guards: &Guards, setting: Setting<'_>) -> Vec<Diagnostic> {
    let subject = Subject::of(part, guards, setting);
    not_allowed(&part.file, Some(&part.tree), |findings| look(&subject, true, findings)).0
}

/// Holds the rules against a runbook: those about whole runs only where it is no part of another one.
fn look(subject: &Subject<'_>, is_part: bool, findings: &mut Findings) {
    for rule in RULES {
        match rule.check {
            Check::Runbook(_) if is_part => {}
            Check::Runbook(check) | Check::File(check) | Check::Both(check, _) => {
                check(subject, &mut Report { rule, findings });
            }
            Check::Target(_) | Check::Allows(_) => {}
        }
    }
}

/// A target and what is wrong with it.
#[derive(Debug)]
pub struct ExaminedTarget {
    /// The target; `None` where an error stands in the way.
    pub target: Option<Target>,
    /// What is wrong, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a target and holds every rule against it.
pub fn examine_target(file: &SourceFile, guards: &Guards, levels: &Levels) -> ExaminedTarget {
    let (read, mut diagnostics) = load_target(file, guards);
    let found = hold(file, read.as_ref().map(|(_, tree)| tree), |findings| {
        let Some((target, tree)) = &read else {
            return;
        };
        let subject = TargetSubject { target, tree };
        for rule in RULES {
            if let Check::Target(check) | Check::Both(_, check) = rule.check {
                check(&subject, &mut Report { rule, findings });
            }
        }
    });
    diagnostics.extend(levels.weigh(found));
    let failed = diagnostics.iter().any(|found| found.severity == Severity::Error);
    ExaminedTarget { target: read.map(|(target, _)| target).filter(|_| !failed), diagnostics }
}

/// What `look` finds in a file and its comments do not allow, and what is wrong with those.
fn hold(file: &SourceFile, tree: Option<&yaml::Node>, look: impl FnOnce(&mut Findings)) -> Vec<Diagnostic> {
    let (mut found, allows) = not_allowed(file, tree, look);
    let mut comments = Findings::new(file.clone());
    for rule in RULES {
        if let Check::Allows(check) = rule.check {
            check(&allows, &mut Report { rule, findings: &mut comments });
        }
    }
    found.extend(comments.into_sorted());
    found
}

/// What `look` finds in a file and its comments do not allow; and those comments.
fn not_allowed(
    file: &SourceFile,
    tree: Option<&yaml::Node>,
    look: impl FnOnce(&mut Findings),
) -> (Vec<Diagnostic>, Allows) {
    let mut findings = Findings::new(file.clone());
    look(&mut findings);
    let mut allows = Allows::of(file, tree);
    let mut found = findings.into_sorted();
    found.retain(|diagnostic| !allows.allow(diagnostic));
    (found, allows)
}

/// What a code means, in Markdown: a rule's own text, or that of what is reported while reading.
pub fn explanation(code: &str) -> Option<String> {
    let reading = || READING.iter().find(|(known, _)| *known == code).map(|(_, text)| (*text).to_owned());
    rule(code).map(Rule::explanation).or_else(reading)
}
