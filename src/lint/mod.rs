//! The one checker: what `lint`, `plan`, `run` and an editor say about a file before anything runs.
//!
//! `runbook/` reads a file and says what cannot be read; the rules here look at what was read and
//! say what is unsafe or can never work. Pure: no clock, no file, no world. A rule is a file in
//! `rules/` and a line in [`RULES`]; its own `//!` text is what `titan-run explain CODE` prints.

mod flow;
mod names;
mod proof;
mod rules;
mod scene;
mod time;

use std::sync::Arc;

use crate::declaration::Catalogue;
use crate::diagnostic::{Diagnostic, Findings, Severity, Strength};
use crate::guard::Guards;
use crate::runbook::target::Target;
use crate::runbook::{Library, Loaded, Runbook, Work, load};
use crate::source::{SourceFile, Span};
use crate::value::Value;

use flow::{Node, NodeId, Part, Watched};
use scene::Scene;

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
    guards: &'a Guards,
    /// What its steps do.
    scene: Scene<'a>,
}

impl<'a> Subject<'a> {
    /// The place of a node in this file: that of its step, or of the step it is inside of.
    fn span_of(&self, id: NodeId) -> Span {
        let outer = self.scene.flow.node(id).and_then(|node| self.runbook.steps.get(node.outer));
        outer.map_or(Span::default(), |step| step.span)
    }

    /// The place of an undo in this file: of its action, or of the step it is inside of.
    fn undo_span(&self, id: NodeId, undo: &Work) -> Span {
        let is_here = self.scene.flow.node(id).is_some_and(|node| !node.path.contains('/'));
        if is_here { undo.action.span } else { self.span_of(id) }
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

    /// Every undo with the node it belongs to.
    fn undos(&self) -> impl Iterator<Item = (NodeId, &Node<'a>, &'a Work)> {
        let whole = self.scene.flow.nodes().filter(|(_, node)| node.part != Part::Begin);
        whole.filter_map(|(id, node)| Some((id, node, node.step?.undo.as_deref()?)))
    }

    /// What an undo does, on its own.
    fn scene_of(&self, node: &Node<'_>, undo: &'a Work) -> Scene<'a> {
        Scene::on(self.scene.flow.of_work(undo, node), self.setting)
    }
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
    let subject = Subject { runbook: &runbook, setting, guards, scene: Scene::of(&runbook, setting) };
    let mut findings = Findings::new(file.clone());
    for rule in RULES {
        (rule.check)(&subject, &mut Report { rule, findings: &mut findings });
    }
    let failed = findings.has_errors();
    loaded.diagnostics.extend(findings.into_sorted());
    loaded.runbook = loaded.runbook.filter(|_| !failed);
    loaded
}
