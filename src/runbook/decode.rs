//! Decoding a runbook's tree, top-down; every problem is reported and decoding goes on.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::declaration::{Catalogue, Effect, InDoubt};
use crate::diagnostic::{Edit, Findings};
use crate::guard::types::Type;
use crate::guard::{Guards, unreadable};
use crate::name::{RunbookName, StepId};
use crate::source::{SourceFile, Span, Spanned};
use crate::value::Value;
use crate::yaml::{Node, NodeKind};

use super::arguments::in_quotes;
use super::fields::{Fields, one_of, text};
use super::load::Includes;
use super::params::is_unquoted;
use super::work_decode::DEFAULT_EVERY;
use super::{
    Action, ActionKind, Binding, Edge, EdgeOutcome, Ensure, Foreach, Limits, OnFailure, Param, ParamKind, Runbook,
    Step, Watch, Work, keys,
};

/// The most items of a `foreach` under way at once where none is written: one after the other.
const DEFAULT_PARALLEL: u32 = 1;

/// What expressions know without being told, and which of them do.
const TAKEN: [(&str, &str); 9] = [
    ("count", IN_BREACH),
    ("item", "in a `foreach`"),
    ("last", IN_BREACH),
    ("out", "of a result"),
    ("params", "everywhere"),
    ("rate", IN_BREACH),
    ("run", "everywhere"),
    ("steps", "everywhere"),
    ("target", "everywhere"),
];
const IN_BREACH: &str = "in the `breach_when` of a `nats_watch`";

/// What decoding one file carries along.
pub(super) struct Decoder<'a> {
    pub(super) guards: &'a Guards,
    pub(super) catalogue: Catalogue,
    pub(super) includes: Includes<'a>,
    pub(super) findings: Findings,
    /// Ids of all steps, with their place in reading order.
    pub(super) ids: BTreeMap<String, usize>,
    /// Names of all params and lets, also of those that are wrong.
    pub(super) declared: Vec<String>,
}

impl Decoder<'_> {
    /// Reads the whole file; `None` when its frame is not that of a runbook.
    pub(super) fn runbook(&mut self, root: &Arc<Node>, file: &SourceFile) -> Option<Runbook> {
        let mut fields = Fields::new(root, &keys::RUNBOOK, &mut self.findings)?;
        fields.language_version(&mut self.findings);
        let name = self.runbook_name(&mut fields, file);
        let about = fields.about(&mut self.findings);
        fields.take(super::functions::KEY);
        let params = self.params(&mut fields);
        let lets = self.bindings(&mut fields, "let");
        let limits = self.limits(&mut fields);
        let step_nodes = match fields.require("steps", &mut self.findings) {
            Some(node) => super::fields::entries(node, "steps", &mut self.findings),
            None => &[],
        };
        self.ids = step_nodes.iter().enumerate().map(|(at, (id, _))| (id.value.clone(), at)).collect();
        let steps = self.steps(step_nodes);
        let watches = self.watches(&mut fields);
        let ensures = self.ensures(&mut fields);
        let outputs = self.bindings(&mut fields, "outputs");
        fields.finish(&mut self.findings);
        Some(Runbook {
            file: file.clone(),
            name: name?,
            about,
            params,
            lets,
            limits,
            steps,
            watches,
            ensures,
            outputs,
            faults: Vec::new(),
            returns: Type::Any,
            names_target: false,
            tree: Arc::clone(root),
        })
    }

    fn runbook_name(&mut self, fields: &mut Fields<'_>, file: &SourceFile) -> Option<RunbookName> {
        let node = fields.require("runbook", &mut self.findings)?;
        let written = text(node, "runbook", &mut self.findings)?;
        let name = match RunbookName::parse(written.value) {
            Ok(name) => name,
            Err(error) => {
                let finding = self.findings.error("bad-name", error.to_string(), written.span);
                self.findings.push(finding.help("use lower-case words joined by `-`, such as `policy-rollout`"));
                return None;
            }
        };
        if self.includes.is_copy() {
            return Some(name);
        }
        let stem = file.name().rsplit('/').next().unwrap_or_default().split('.').next().unwrap_or_default();
        if !stem.is_empty() && !stem.starts_with('<') && stem.replace('_', "-") != name.as_str() {
            let message = format!("`{name}` is not the file's name");
            let finding = self.findings.error("name-not-file", message, written.span);
            self.findings.push(match RunbookName::parse(&stem.replace('_', "-")) {
                Ok(own) => {
                    let edit = Edit { span: written.span, text: own.to_string() };
                    let help = format!("write `runbook: {own}`, or rename the file");
                    finding.fix(format!("write `runbook: {own}`"), false, vec![edit]).help(help)
                }
                Err(_) => finding.help(format!("rename the file to `{name}.yaml`; its own name could be no runbook's")),
            });
        }
        Some(name)
    }

    fn params(&mut self, fields: &mut Fields<'_>) -> Vec<Param> {
        let entries = fields.entries("params", &mut self.findings);
        self.declared.extend(entries.iter().map(|(name, _)| name.value.clone()));
        entries.iter().filter_map(|(name, node)| self.param(name, node)).collect()
    }

    fn param(&mut self, name: &Spanned<String>, node: &Node) -> Option<Param> {
        self.readable(name, "params.", "param")?;
        let mut fields = Fields::new(node, &keys::PARAM, &mut self.findings)?;
        let kind = match fields.require("type", &mut self.findings) {
            Some(node) => text(node, "type", &mut self.findings)
                .and_then(|word| one_of("type", word, &ParamKind::ALL, &mut self.findings)),
            None => None,
        };
        let default = fields.take("default");
        let choices = fields.items("one_of", &mut self.findings);
        let about = fields.about(&mut self.findings);
        fields.finish(&mut self.findings);
        let kind = kind?;
        let default = match default {
            Some(node) => Some(self.param_value(kind, node)?),
            None => None,
        };
        let one_of = choices.iter().filter_map(|item| self.param_value(kind, item)).collect();
        Some(Param { name: Arc::from(name.value.as_str()), kind, default, one_of, about, span: name.span })
    }

    fn param_value(&mut self, kind: ParamKind, node: &Node) -> Option<Value> {
        let template = self.guards.template(node, &mut self.findings)?;
        let written = template.constant().cloned().unwrap_or_default();
        let value = super::params::as_kind(kind, &written);
        if value.is_none() {
            let message = format!("`{}` is no {}", self.findings.file().slice(node.span), kind.word());
            let finding = self.findings.error("bad-default", message, node.span);
            self.findings.push(match kind {
                ParamKind::Text if is_unquoted(&written) => in_quotes(finding, node.span),
                _ => finding.help(format!("write a value of type `{}`", kind.word())),
            });
        }
        value
    }

    fn bindings(&mut self, fields: &mut Fields<'_>, key: &'static str) -> Vec<Binding> {
        let entries = fields.entries(key, &mut self.findings);
        self.declared.extend(entries.iter().map(|(name, _)| name.value.clone()));
        let mut bindings = Vec::with_capacity(entries.len());
        for (name, node) in entries {
            let before = if key == "let" { "" } else { "out." };
            let good = self.readable(name, before, "value").is_some() && (key != "let" || self.is_free(name));
            let guard = self.guard_node(node, &name.value);
            if let (true, Some(guard)) = (good, guard) {
                bindings.push(Binding { name: Arc::from(name.value.as_str()), guard, span: name.span });
            }
        }
        bindings
    }

    /// Whether a name means nothing yet: what a `let` hid, nobody who reads the runbook would miss.
    fn is_free(&mut self, name: &Spanned<String>) -> bool {
        let taken = TAKEN.iter().find(|(known, _)| *known == name.value);
        if let Some((known, place)) = taken {
            let message = format!("expressions know a `{known}` already, {place}");
            let finding = self.findings.error("bad-name", message, name.span);
            self.findings.push(finding.help("give it another name"));
        }
        taken.is_none()
    }

    fn limits(&mut self, fields: &mut Fields<'_>) -> Limits {
        let Some(node) = fields.take("limits") else {
            return Limits::default();
        };
        let Some(mut fields) = Fields::new(node, &keys::LIMITS, &mut self.findings) else {
            return Limits::default();
        };
        let limits = Limits {
            total: fields.spanned_duration("total", &mut self.findings),
            disarmed: fields.spanned_duration("disarmed", &mut self.findings),
        };
        fields.finish(&mut self.findings);
        limits
    }

    fn steps(&mut self, entries: &[(Spanned<String>, Node)]) -> Vec<Step> {
        if entries.is_empty() {
            let finding = self.findings.error("no-steps", "a runbook needs at least one step", Span::default());
            self.findings
                .push(finding.help("add a step under `steps:`, such as `hello: { do: note, with: { text: hello } }`"));
        }
        let steps = entries.iter().enumerate();
        steps.filter_map(|(at, (id, node))| self.step(at, id, node)).collect()
    }

    fn step(&mut self, at: usize, id: &Spanned<String>, node: &Node) -> Option<Step> {
        let step_id = self.readable(id, "steps.", "step");
        let mut fields = Fields::new(node, &keys::STEP, &mut self.findings)?;
        let work = self.work(&mut fields);
        let about = fields.about(&mut self.findings);
        let needs = self.needs(at, id, fields.take("needs"));
        let undo = fields.take("undo").and_then(|node| self.undo(node));
        let undo = undo.or_else(|| self.implied_undo(work.as_ref()?));
        let no_undo = fields.text("no_undo", &mut self.findings);
        if let (Some(reason), Some(_)) = (no_undo, &undo) {
            let finding =
                self.findings.error("undo-and-no-undo", "this step is undone, and says it is not", reason.span);
            self.findings.push(finding.help("keep `undo` or `no_undo`; a step that opens a gate is always undone"));
        }
        let on_failure = fields.word("on_failure", &OnFailure::ALL, &mut self.findings).unwrap_or_default();
        let may_skip = fields.truth("may_skip", &mut self.findings);
        if let Some(work) = work.as_ref().filter(|work| may_skip && work.action.effect() == Effect::Changes) {
            let message = format!("`{}` changes something, so nobody may go on without it", work.action.name());
            let finding = self.findings.error("skip-of-effect", message, id.span);
            self.findings.push(finding.help("leave `may_skip` out; `titan-run abort` rolls the run back"));
        }
        let foreach = fields.take("foreach").and_then(|node| self.each(node));
        let max_parallel = fields.number("max_parallel", 1, keys::MAX_PARALLEL, &mut self.findings);
        fields.finish(&mut self.findings);
        Some(Step {
            id: step_id?,
            span: id.span,
            about,
            work: work?,
            needs,
            undo,
            no_undo: no_undo.map(|reason| Arc::from(reason.value)),
            on_failure,
            may_skip,
            foreach: foreach.map(|list| {
                Box::new(Foreach { list, max_parallel: max_parallel.unwrap_or(DEFAULT_PARALLEL) as usize })
            }),
        })
    }

    fn undo(&mut self, node: &Node) -> Option<Box<Work>> {
        let mut fields = Fields::new(node, &keys::UNDO, &mut self.findings)?;
        let work = self.work(&mut fields);
        fields.finish(&mut self.findings);
        work.map(Box::new)
    }

    /// A step that opens a gate is undone by closing it, whether or not its author says so: both
    /// take the same arguments.
    fn implied_undo(&self, work: &Work) -> Option<Box<Work>> {
        let opens = matches!(&work.action.kind, ActionKind::Primitive(one) if one.in_doubt == InDoubt::DisarmFirst);
        let disarm = self.catalogue.find("disarm").filter(|_| opens)?;
        Some(Box::new(Work::once(Action {
            kind: ActionKind::Primitive(disarm),
            with: work.action.with.clone(),
            span: work.action.span,
            places: work.action.places.clone(),
        })))
    }

    fn needs(&mut self, at: usize, id: &Spanned<String>, node: Option<&Node>) -> Vec<Edge> {
        let Some(node) = node else {
            let implicit = at.checked_sub(1).map(|from| Edge { from, on: EdgeOutcome::OkOrSkipped, span: id.span });
            return implicit.into_iter().collect();
        };
        match &node.kind {
            NodeKind::List(items) => {
                let ids: Vec<_> = items.iter().filter_map(|item| text(item, "needs", &mut self.findings)).collect();
                ids.into_iter().filter_map(|from| self.edge(from, EdgeOutcome::Ok)).collect()
            }
            NodeKind::Map(entries) => entries
                .iter()
                .filter_map(|(from, outcome)| {
                    let word = text(outcome, "needs", &mut self.findings)?;
                    let words = EdgeOutcome::WRITTEN.map(|outcome| (outcome.word(), outcome));
                    let on = one_of("edge outcome", word, &words, &mut self.findings)?;
                    self.edge(Spanned::new(&from.value, from.span), on)
                })
                .collect(),
            NodeKind::Scalar(_) => {
                let finding = self.findings.error("wrong-type", "`needs` must be a list or a map", node.span);
                self.findings.push(finding.help("write `needs: [step_id]` or `needs: { step_id: ok }`"));
                Vec::new()
            }
        }
    }

    fn edge(&mut self, from: Spanned<&str>, on: EdgeOutcome) -> Option<Edge> {
        let index = self.step_named(from)?;
        Some(Edge { from: index, on, span: from.span })
    }

    /// The index of a step an author names.
    fn step_named(&mut self, id: Spanned<&str>) -> Option<usize> {
        let found = self.ids.get(id.value).copied();
        if found.is_none() && !self.findings.is_full() {
            let finding = self.findings.error("unknown-step", format!("no step is called `{}`", id.value), id.span);
            let known: Vec<_> = self.ids.keys().map(String::as_str).collect();
            self.findings.push(finding.meant(id.value, &known, || "name a step of this runbook".to_owned()));
        }
        found
    }

    fn watches(&mut self, fields: &mut Fields<'_>) -> Vec<Watch> {
        let entries = fields.entries("watch", &mut self.findings);
        entries.iter().filter_map(|(id, node)| self.watch(id, node)).collect()
    }

    fn watch(&mut self, id: &Spanned<String>, node: &Node) -> Option<Watch> {
        let watch_id = self.snake_case(id);
        let mut fields = Fields::new(node, &keys::WATCH, &mut self.findings)?;
        let about = fields.about(&mut self.findings);
        let from = fields.require("from", &mut self.findings);
        let from = from.and_then(|node| text(node, "from", &mut self.findings));
        let from = from.and_then(|id| self.step_named(id));
        let to = fields.text("to", &mut self.findings).and_then(|id| self.step_named(id));
        let action = self.action(&mut fields);
        action.iter().for_each(|action| self.watch_observes(action));
        let every = fields.sampling(DEFAULT_EVERY, &mut self.findings);
        let breach = fields.require("breach_when", &mut self.findings);
        let breach_when = breach.and_then(|node| self.guard_node(node, "breach_when"));
        let on_breach = fields.word("on_breach", &OnFailure::ALL, &mut self.findings).unwrap_or_default();
        fields.finish(&mut self.findings);
        Some(Watch {
            id: watch_id?,
            span: id.span,
            about,
            from: from?,
            to,
            work: Work::once(action?),
            every,
            breach_when: breach_when?,
            on_breach,
        })
    }

    fn ensures(&mut self, fields: &mut Fields<'_>) -> Vec<Ensure> {
        let entries = fields.entries("ensure", &mut self.findings);
        entries.iter().filter_map(|(id, node)| self.ensure(id, node)).collect()
    }

    fn ensure(&mut self, id: &Spanned<String>, node: &Node) -> Option<Ensure> {
        let ensure_id = self.snake_case(id);
        let mut fields = Fields::new(node, &keys::ENSURE, &mut self.findings)?;
        let about = fields.about(&mut self.findings);
        let work = self.work(&mut fields);
        fields.finish(&mut self.findings);
        Some(Ensure { id: ensure_id?, span: id.span, about, work: work? })
    }

    /// The name of something that expressions read behind these words.
    fn readable(&mut self, id: &Spanned<String>, before: &str, what: &str) -> Option<StepId> {
        let name = self.snake_case(id)?;
        if let Some(message) = unreadable(&format!("{before}{name}")) {
            let finding = self.findings.error("bad-name", message, id.span);
            self.findings.push(finding.help(format!("give it another name, such as `{name}_{what}`")));
        }
        Some(name)
    }

    fn snake_case(&mut self, id: &Spanned<String>) -> Option<StepId> {
        match StepId::parse(&id.value) {
            Ok(id) => Some(id),
            Err(error) => {
                let finding = self.findings.error("bad-name", error.to_string(), id.span);
                self.findings.push(finding.help("use lower-case words joined by `_`, such as `verify_execution`"));
                None
            }
        }
    }

    /// A runbook used as an action.
    pub(super) fn include(&mut self, name: Spanned<&str>) -> Option<Arc<Runbook>> {
        match self.includes.runbook(self.findings.file(), name.value) {
            Ok(runbook) => runbook,
            Err(problem) => {
                let finding = self.findings.error("bad-include", problem, name.span);
                self.findings
                    .push(finding.help("name a file beside this one, such as `./actions/x.yaml`, or one of `std/...`"));
                None
            }
        }
    }
}
