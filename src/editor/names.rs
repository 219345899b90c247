//! The names a guard may use, one level at a time, with their types and sentences.

use crate::declaration::{Catalogue, Declaration};
use crate::runbook::target::Target;
use crate::runbook::type_of;
use crate::source::SourceFile;
use crate::yaml::{Node, NodeKind};

use super::document::Document;
use super::facts::Declared;
use super::walk::{Frame, get, text, work_around};
use super::{Checker, OpenFiles};

/// A document with everything around it.
#[derive(Clone, Copy)]
pub(super) struct Setting<'a> {
    pub(super) document: &'a Document,
    pub(super) checker: &'a dyn Checker,
    pub(super) open: &'a OpenFiles,
    pub(super) catalogue: Catalogue,
}

/// A name and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) about: String,
}

/// Where a guard stands, as far as its names depend on it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing<'n> {
    /// The key it stands under.
    pub(super) key: &'n str,
    /// The step, undo, watch or ensure it belongs to.
    pub(super) work: Option<&'n Node>,
}

impl<'n> Standing<'n> {
    /// The standing of a value with what is around it.
    pub(super) fn of(frames: &[Frame<'n>], key: Option<&'n str>) -> Self {
        Self { key: key.unwrap_or(""), work: work_around(frames) }
    }

    fn action(&self) -> &'n str {
        self.work.and_then(|work| get(work, "do")).and_then(text).unwrap_or("")
    }
}

/// The type of what no declaration tells; the guards' own types may.
const UNTOLD: &str = "value";

fn name(name: impl Into<String>, kind: impl Into<String>, about: impl Into<String>) -> Name {
    Name { name: name.into(), kind: kind.into(), about: about.into() }
}

impl<'a> Setting<'a> {
    pub(super) fn target(&self) -> Option<Target> {
        self.checker.target(&self.document.file, self.open)
    }

    /// The runbook that an action or include names.
    pub(super) fn included(&self, named: &str) -> Option<(SourceFile, Document)> {
        let file = self.checker.included(&self.document.file, &self.document.file, named, self.open)?;
        Some((file.clone(), Document::new(file, 0)))
    }

    /// The runbook that a test file is for.
    pub(super) fn under_test(&self) -> Option<(SourceFile, Document)> {
        let named = get(&self.document.root, "test").and_then(text)?;
        if named.starts_with("std/") {
            return self.included(named);
        }
        self.included(&format!("./{}.yaml", named.trim_start_matches("./").trim_end_matches(".yaml")))
    }

    /// The names inside a dotted name; the roots where it is empty.
    pub(super) fn inside(&self, path: &[&str], standing: Standing<'_>) -> Vec<Name> {
        let mut names = self.declared_inside(path, standing);
        if names.iter().any(|one| one.kind == UNTOLD)
            && let Some(runbook) = self.checker.runbook(&self.document.file, self.open)
        {
            for one in names.iter_mut().filter(|one| one.kind == UNTOLD) {
                let whole: Vec<_> = path.iter().copied().chain([one.name.as_str()]).collect();
                if let Some(found) = type_of(&runbook, None, &whole).filter(|found| !found.is_any()) {
                    found.word().clone_into(&mut one.kind);
                }
            }
        }
        names
    }

    fn declared_inside(&self, path: &[&str], standing: Standing<'_>) -> Vec<Name> {
        match path {
            [] => self.roots(standing),
            ["params"] => self.document.declared("params").map(|param| self.param(param)).collect(),
            ["params", param] if self.is_file(param) => vec![
                name("path", "text", "The path of the file, as it was given."),
                name("text", "text", "What the file holds."),
            ],
            ["steps"] => self.document.declared("steps").map(|step| self.step(step)).collect(),
            ["steps", id] if self.document.declaration("steps", id).is_some() => vec![
                name("out", "map", "What the step's action gave."),
                name(
                    "status",
                    "text",
                    "How the step ended: `ok`, `failed`, `skipped`, or, on the way out, `in_doubt`.",
                ),
            ],
            ["steps", id, "out"] => {
                let step = self.document.declaration("steps", id);
                let once = step.filter(|step| get(step.node, "foreach").is_none());
                once.map(|step| self.result(step.action())).unwrap_or_default()
            }
            ["out"] => self.result(standing.action()),
            ["run"] => {
                vec![name("id", "text", "The id of the run."), name("started_at", "text", "When the run began.")]
            }
            ["target"] => target_names(),
            ["target", map @ ("subjects" | "metrics" | "patterns")] => self.of_target(map),
            _ => Vec::new(),
        }
    }

    /// What a dotted name stands for.
    pub(super) fn look_up(&self, path: &[&str], standing: Standing<'_>) -> Option<Name> {
        let (last, before) = path.split_last()?;
        self.inside(before, standing).into_iter().find(|one| one.name == *last)
    }

    /// The functions of the files that the runbook names: how each is called, and its comment.
    pub(super) fn own_functions(&self) -> Vec<Name> {
        let Some(Node { kind: NodeKind::List(items), .. }) = get(&self.document.root, "functions") else {
            return Vec::new();
        };
        let named = items.iter().filter_map(text).map(|named| match named.strip_prefix("std/") {
            Some(_) => format!("{named}.rhai"),
            None => named.to_owned(),
        });
        let own = &self.document.file;
        let files = named.filter_map(|named| self.checker.included(own, own, &named, self.open));
        files.flat_map(|file| functions_of(file.text())).collect()
    }

    fn roots(&self, standing: Standing<'_>) -> Vec<Name> {
        let mut roots: Vec<_> = self.document.declared("let").map(|one| self.computed(one)).collect();
        roots.push(name("params", "map", "What the runbook is given."));
        roots.push(name("target", "map", "Where the runbook acts."));
        roots.push(name("run", "map", "The run itself."));
        let before_steps = standing.work.is_none() && standing.key == "let";
        if !before_steps {
            roots.push(name("steps", "map", "The steps that have ended, by their ids."));
        }
        if matches!(standing.key, "until" | "hold" | "expect" | "breach_when") {
            roots.push(name("out", "map", format!("What `{}` gave.", standing.action())));
        }
        if standing.key == "breach_when" {
            roots.push(name("count", "int", "How many messages a subscription has seen."));
            roots.push(name("last", "value", "The last message a subscription has seen."));
            roots.push(name("rate", "number", "How many messages a subscription sees each second."));
        }
        let fans_out = standing.work.is_some_and(|work| get(work, "foreach").is_some());
        if fans_out && standing.key != "foreach" {
            roots.push(name("item", "value", "The item of `foreach` that is under way."));
        }
        roots
    }

    fn param(&self, param: Declared<'_>) -> Name {
        name(param.name.value.as_str(), param.kind(), param.about())
    }

    fn computed(&self, one: Declared<'_>) -> Name {
        let written = self.document.file.slice(one.node.span);
        name(one.name.value.as_str(), UNTOLD, format!("Computed once: `{}`", written.trim()))
    }

    fn step(&self, step: Declared<'_>) -> Name {
        name(step.name.value.as_str(), step.action(), step.about())
    }

    fn is_file(&self, param: &str) -> bool {
        self.document.declaration("params", param).is_some_and(|param| param.kind() == "file")
    }

    /// The fields of an action's result.
    fn result(&self, action: &str) -> Vec<Name> {
        if let Some(primitive) = self.catalogue.find(action) {
            return fields(primitive);
        }
        if !action.contains('/') {
            return Vec::new();
        }
        let included = self.included(action);
        let outputs = included.iter().flat_map(|(_, document)| document.declared("outputs"));
        outputs.map(|one| name(one.name.value.as_str(), UNTOLD, format!("An output of `{action}`."))).collect()
    }

    fn of_target(&self, map: &str) -> Vec<Name> {
        let Some(target) = self.target() else {
            return Vec::new();
        };
        let texts: Vec<(&String, &String)> = match map {
            "subjects" => target.subjects.iter().collect(),
            "patterns" => target.patterns.iter().collect(),
            _ => target.metrics.iter().map(|(name, metric)| (name, &metric.name)).collect(),
        };
        texts.into_iter().map(|(key, text)| name(key.as_str(), "text", format!("`{text}`"))).collect()
    }
}

/// The functions of a file, with the comments above them.
fn functions_of(text: &str) -> Vec<Name> {
    let mut found = Vec::new();
    let mut comment = Vec::new();
    for line in text.lines() {
        if let Some(said) = line.strip_prefix("//") {
            comment.push(said.trim_start_matches('/').trim());
            continue;
        }
        let signature = line.strip_prefix("fn ").and_then(|rest| rest.get(..=rest.find(')')?));
        if let Some((called, _)) = signature.and_then(|signature| signature.split_once('(')) {
            found.push(name(called.trim(), signature.unwrap_or(""), comment.join(" ")));
        }
        comment.clear();
    }
    found
}

fn fields(primitive: &Declaration) -> Vec<Name> {
    let fields = primitive.result.iter();
    let about = |optional: bool| if optional { "; may be missing: `get(out, \"...\", default)`" } else { "" };
    fields.map(|one| name(one.name, one.kind.word(), format!("{}{}", one.about, about(one.optional)))).collect()
}

fn target_names() -> Vec<Name> {
    vec![
        name("name", "text", "The target's name."),
        name("simulated", "bool", "Whether a world file plays it."),
        name("subjects", "map", "NATS subjects by the names runbooks use."),
        name("metrics", "map", "Names of metrics by the names runbooks use."),
        name("patterns", "map", "Log patterns by the names runbooks use."),
        name("services", "list of texts", "The names of its services."),
        name("gates", "list of texts", "The names of its gates."),
    ]
}
