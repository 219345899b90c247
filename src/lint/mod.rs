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
mod argv;
mod carried;
mod checked;
mod command_lines;
mod deploying;
mod everywhere;
mod expressions;
mod fanout;
mod flow;
mod judgement;
mod levels;
mod meaning;
mod named;
mod names;
mod nodes;
mod own_hash;
mod pieces;
mod places;
mod promql;
mod promql_tokens;
mod proof;
mod reading;
mod rules;
mod scene;
mod secrets;
mod taint;
mod time;
mod unverified;
mod urls;
mod watched;

use std::cell::OnceCell;
use std::sync::Arc;

use crate::declaration::Catalogue;
use crate::diagnostic::{Diagnostic, Findings, Severity, Strength};
use crate::guard::Guards;
use crate::runbook::target::Target;
use crate::runbook::{Ensure, Library, Loaded, Runbook, Work, load, load_target};
use crate::source::{SourceFile, Span};
use crate::value::Value;
use crate::yaml;

use flow::{Known, Node, NodeId, Part, Watched};
use places::{Use, uses};
use promql::{Query, queries};
use scene::Scene;

pub use allow::{Allow, Allows};
pub use levels::Levels;
pub use reading::READING;
pub use rules::RULES;
pub use taint::Memory;

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
    /// A runbook that was read without an error.
    Runbook(fn(&Subject<'_>, &mut Report<'_>)),
    /// A runbook or a target that was read without an error.
    Both(fn(&Subject<'_>, &mut Report<'_>), fn(&TargetSubject<'_>, &mut Report<'_>)),
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

/// What a rule on runbooks looks at.
pub struct Subject<'a> {
    /// The runbook.
    pub runbook: &'a Runbook,
    /// Where it will be used.
    pub setting: Setting<'a>,
    /// The sandbox its guards were read in.
    guards: &'a Guards,
    /// What its steps do.
    scene: Scene<'a>,
    /// Every action in it, with what is written under its `with`.
    uses: OnceCell<Vec<Use<'a>>>,
    /// Every PromQL query in it.
    queries: OnceCell<Vec<Query<'a>>>,
    /// What each undo in it does.
    undone: OnceCell<Vec<Undone<'a>>>,
    /// What each ensure of it does, on its own.
    ensured: OnceCell<Vec<Scene<'a>>>,
}

/// An undo, those inside runbooks used as actions included.
struct Undone<'a> {
    /// The node it belongs to.
    id: NodeId,
    /// What is done.
    undo: &'a Work,
    /// What that does, on its own.
    scene: Scene<'a>,
}

impl<'a> Subject<'a> {
    /// Every action in it, with what is written under its `with`.
    fn uses(&self) -> &[Use<'a>] {
        self.uses.get_or_init(|| uses(self.runbook))
    }

    /// Every PromQL query in it that can be judged.
    fn queries(&self) -> &[Query<'a>] {
        self.queries.get_or_init(|| queries(self.runbook, self.uses()))
    }

    /// The place of a node in this file: that of its step, or of the step it is inside of.
    fn span_of(&self, id: NodeId) -> Span {
        let outer = self.scene.flow.node(id).and_then(|node| self.runbook.steps.get(node.outer));
        outer.map_or(Span::default(), |step| step.span)
    }

    /// The place of an undo in this file: of its action, or of the step it is inside of.
    fn undo_span(&self, undone: &Undone<'_>) -> Span {
        let is_here = self.scene.flow.node(undone.id).is_some_and(|node| !node.path.contains('/'));
        if is_here { undone.undo.action.span } else { self.span_of(undone.id) }
    }

    /// The place of a watch in this file, or of the step it is inside of.
    fn watch_span(&self, watched: &Watched<'_>) -> Span {
        let outer = watched.outer.and_then(|outer| self.runbook.steps.get(outer));
        outer.map_or(watched.watch.span, |step| step.span)
    }

    /// The default of the param that a symbol stands for.
    fn default_of(&self, symbol: &str) -> Option<&Value> {
        let name = symbol.strip_prefix("params.")?;
        self.runbook.params.iter().find(|param| &*param.name == name)?.default.as_ref()
    }

    /// Every undo, with its node and its scene.
    fn undos(&self) -> impl Iterator<Item = (&Undone<'a>, &Node<'a>)> {
        let flow = &self.scene.flow;
        let undone = self.undone.get_or_init(|| {
            let whole = flow.nodes().filter(|(_, node)| node.part != Part::Begin);
            let undone = whole.filter_map(|(id, node)| {
                let undo = node.step?.undo.as_deref()?;
                Some(Undone { id, undo, scene: Scene::on(flow.of_work(undo, node), self.setting) })
            });
            undone.collect()
        });
        undone.iter().filter_map(|one| Some((one, flow.node(one.id)?)))
    }

    /// Every ensure with what it does, on its own.
    fn ensures(&self) -> impl Iterator<Item = (&'a Ensure, &Scene<'a>)> {
        let ensures = &self.runbook.ensures;
        let scene = |ensure| Scene::on(self.scene.flow.of_ensure(ensure), self.setting);
        let ensured = self.ensured.get_or_init(|| ensures.iter().map(scene).collect());
        ensures.iter().zip(ensured)
    }

    /// The text that a name stands for, or for which it stands unless somebody says otherwise.
    fn text_of<'k>(&'k self, known: &'k Known) -> Option<&'k str> {
        match known {
            Known::Value(value) => value.as_text(),
            Known::Symbol(symbol) => self.default_of(symbol)?.as_text(),
        }
    }

    /// The value that a name stands for, or for which it stands unless somebody says otherwise.
    fn value_of(&self, known: &Known) -> Option<Value> {
        match known {
            Known::Value(value) => Some(value.clone()),
            Known::Symbol(symbol) => self.default_of(symbol).cloned(),
        }
    }
}

/// What a rule on targets looks at.
pub struct TargetSubject<'a> {
    /// The target.
    pub target: &'a Target,
    /// The tree it was decoded from, for places.
    pub tree: &'a yaml::Node,
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
    let found = hold(file, runbook.as_ref().map(|runbook| &*runbook.tree), |findings| {
        let Some(runbook) = &runbook else {
            return;
        };
        let subject = Subject {
            runbook,
            setting,
            guards,
            scene: Scene::of(runbook, setting),
            uses: OnceCell::new(),
            queries: OnceCell::new(),
            undone: OnceCell::new(),
            ensured: OnceCell::new(),
        };
        for rule in RULES {
            if let Check::Runbook(check) | Check::Both(check, _) = rule.check {
                check(&subject, &mut Report { rule, findings });
            }
        }
    });
    loaded.diagnostics.extend(setting.levels.weigh(found));
    let failed = loaded.diagnostics.iter().any(|found| found.severity == Severity::Error);
    loaded.runbook = loaded.runbook.filter(|_| !failed);
    loaded
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
            if let Check::Both(_, check) = rule.check {
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
    let mut findings = Findings::new(file.clone());
    look(&mut findings);
    let mut allows = Allows::of(file, tree);
    let mut found = findings.into_sorted();
    found.retain(|diagnostic| !allows.allow(diagnostic));
    let mut comments = Findings::new(file.clone());
    for rule in RULES {
        if let Check::Allows(check) = rule.check {
            check(&allows, &mut Report { rule, findings: &mut comments });
        }
    }
    found.extend(comments.into_sorted());
    found
}

/// What a code means, in Markdown: a rule's own text, or that of what is reported while reading.
pub fn explanation(code: &str) -> Option<String> {
    let reading = || READING.iter().find(|(known, _)| *known == code).map(|(_, text)| (*text).to_owned());
    rule(code).map(Rule::explanation).or_else(reading)
}
