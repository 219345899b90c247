//! What a name stands for, as far as that is known before the run.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::guard::{Given, Guard, known};
use crate::runbook::{Action, Foreach, Runbook, Work};
use crate::value::Value;

use super::checked::read_name;
use super::flow::Stand;
use super::items::{Each, PerItem, PerItems, given_item, names_item};

/// What a name stands for where a step uses it, as far as that is known before the run.
#[derive(Clone, Debug, PartialEq)]
pub enum Known {
    /// This value.
    Value(Value),
    /// What this expression gives; the same expression gives the same value.
    Symbol(Arc<str>),
}

impl Known {
    /// The value, where that is known.
    pub fn as_value(&self) -> Option<&Value> {
        match self {
            Self::Value(value) => Some(value),
            Self::Symbol(_) => None,
        }
    }

    /// The text, where it is one.
    pub fn as_text(&self) -> Option<&str> {
        self.as_value()?.as_text()
    }

    /// The name as messages show it.
    pub fn shown(&self) -> String {
        match self {
            Self::Value(value) => value.to_string(),
            Self::Symbol(text) => match text.split_once(':').map_or(&**text, |(_, said)| said) {
                // What has no name in the runbook is described.
                described if described.starts_with(WHAT) => described.to_owned(),
                said => format!("${{{said}}}"),
            },
        }
    }
}

/// How the description of something that has no name in the runbook begins.
pub(super) const WHAT: &str = "what ";

/// The default of the param of a runbook that a symbol stands for.
pub(super) fn default_of<'r>(runbook: &'r Runbook, symbol: &str) -> Option<&'r Value> {
    let name = symbol.strip_prefix("params.")?;
    runbook.params.iter().find(|param| &*param.name == name)?.default.as_ref()
}

/// What the params of a runbook, or the names of a graph, stand for.
type Meant = BTreeMap<Arc<str>, Known>;

/// What the names of a graph stand for. Each runbook in it has a frame: its params.
#[derive(Debug, Default)]
pub(super) struct Meanings {
    frames: Vec<Meant>,
    /// Whether the graph is a part of another one: an undo or an ensure.
    is_part: bool,
    /// What a `let`, or an output of a runbook used as an action, was computed by.
    bound: Meant,
    /// The constants among those of the graph that this one is an undo in.
    outside: Arc<Meant>,
    /// What is another one for each item of a fan-out.
    per_item: PerItems,
    /// Whether there is a constant in `bound` or `outside`.
    has_constants: bool,
    /// The constants in `bound`, once they were asked for.
    constants: OnceCell<Arc<Meant>>,
}

impl Meanings {
    /// The names of a graph with these params.
    pub(super) fn new(params: Meant) -> Self {
        Self { frames: vec![params], ..Self::default() }
    }

    /// The names of a piece of work that stands for itself: one frame, and every constant.
    pub(super) fn inside(&self, frame: usize) -> Self {
        let params = self.frames.get(frame).cloned().unwrap_or_default();
        let outside = Arc::clone(self.constants.get_or_init(|| {
            let constants = self.bound.iter().filter(|(_, known)| known.as_value().is_some());
            Arc::new(constants.map(|(name, known)| (Arc::clone(name), known.clone())).collect())
        }));
        let per_item = Arc::clone(&self.per_item);
        Self { is_part: true, has_constants: !outside.is_empty(), outside, per_item, ..Self::new(params) }
    }

    /// Adds the params of a runbook used as an action; gives their frame.
    pub(super) fn frame(&mut self, params: Meant) -> usize {
        self.frames.push(params);
        self.frames.len() - 1
    }

    /// Takes note of what a runbook computes; `step` is the path of the step it is the action of.
    pub(super) fn bind(&mut self, runbook: &Runbook, place: &str, frame: usize, step: Option<&str>) {
        let inside = if place.is_empty() { String::new() } else { format!("{place}/") };
        for binding in &runbook.lets {
            let computed = self.computed(&binding.guard, frame, &inside);
            self.keep(format!("{place}:{}", binding.name), computed);
        }
        let Some(step) = step else {
            return;
        };
        let (outside, id) = step.rsplit_once('/').unwrap_or(("", step));
        for binding in &runbook.outputs {
            let computed = self.computed(&binding.guard, frame, &inside);
            self.keep(format!("{outside}:steps.{id}.out.{}", binding.name), computed);
        }
    }

    fn keep(&mut self, name: String, computed: Known) {
        self.has_constants |= computed.as_value().is_some();
        self.bound.insert(Arc::from(name), computed);
    }

    /// What a symbol was computed by, where it is a `let` or the output of a runbook.
    pub(super) fn bound(&self, known: &Known) -> Option<&Known> {
        match known {
            Known::Symbol(text) => self.bound.get(text),
            Known::Value(_) => None,
        }
    }

    /// What an argument of an action is.
    pub(super) fn argument(&self, action: &Action, name: &str, frame: usize, path: &str) -> Option<Known> {
        Some(match action.with.given(name)? {
            // Each argument of an action holds a text of its own.
            Given::Mixed => self.mixed(path, name),
            given => self.meaning(given, frame, path),
        })
    }

    /// What a runbook used as an action is handed over, where it may be done once for each item.
    pub(super) fn handed_over(
        &mut self,
        work: &Work,
        name: &str,
        foreach: Option<&Foreach>,
        at: &Stand<'_>,
    ) -> Option<Known> {
        let guard = work.action.with.given(name).and_then(given_item);
        let Some((guard, foreach)) = guard.zip(foreach) else {
            return self.argument(&work.action, name, at.frame, &at.path);
        };
        // Each fan-out has items of its own.
        let symbol: Arc<str> = Arc::from(format!("{}/:{}", at.path, guard.text().trim()));
        let passes_by = work.when.as_ref().is_some_and(names_item);
        if let Some(each) = self.each(guard, &foreach.list, at.frame, &at.path).filter(|_| !passes_by) {
            // Inside of another fan-out, all items come again and again.
            let is_in_turn = foreach.max_parallel == 1 && at.every_item.is_none();
            let per_item = PerItem { each, is_in_turn };
            Arc::make_mut(&mut self.per_item).insert(Arc::clone(&symbol), per_item);
        }
        Some(Known::Symbol(symbol))
    }

    /// What an expression is for each item of a list.
    pub(super) fn each(&self, guard: &Guard, list: &Guard, frame: usize, path: &str) -> Option<Each> {
        Each::of(guard, list, &|words| self.constant(words, frame, path))
    }

    /// What a symbol is for each item, where it is another one for each.
    pub(super) fn per_item(&self, known: &Known) -> Option<&PerItem> {
        match known {
            Known::Symbol(symbol) => self.per_item.get(symbol),
            Known::Value(_) => None,
        }
    }

    /// What is given in a place.
    pub(super) fn meaning(&self, given: Given<'_>, frame: usize, path: &str) -> Known {
        match given {
            Given::Constant(value) => Known::Value(value.clone()),
            Given::Expression(guard) => self.computed(guard, frame, path),
            Given::Mixed => self.mixed(path, ""),
        }
    }

    /// What is pieced together in a place, and in no other.
    fn mixed(&self, path: &str, name: &str) -> Known {
        let part = if self.is_part { "undo/" } else { "" };
        Known::Symbol(Arc::from(format!("{path}/{part}:{WHAT}is filled in for {name}")))
    }

    /// What an expression gives: its value, where it is made of nothing but constants.
    fn computed(&self, guard: &Guard, frame: usize, path: &str) -> Known {
        let look_up = |words: &[&str]| self.constant(words, frame, path);
        let value = guard.syntax().and_then(|syntax| known(syntax, &look_up));
        let said = || match guard.syntax().and_then(read_name) {
            Some(name) => self.symbol(&name, frame, path),
            None => self.symbol(guard.text(), frame, path),
        };
        value.map_or_else(said, Known::Value)
    }

    /// The value of a dotted name, where it is a constant.
    pub(super) fn constant(&self, words: &[&str], frame: usize, path: &str) -> Option<Value> {
        match words {
            ["params", name] => self.param(name, frame)?.as_value().cloned(),
            // A `let`, or the output of a runbook; nothing else is bound.
            [_] | ["steps", _, "out", _] if self.has_constants => {
                self.symbol(&words.join("."), frame, path).as_value().cloned()
            }
            _ => None,
        }
    }

    /// What an expression stands for: a param of a runbook used as an action is what was handed over.
    pub(super) fn symbol(&self, text: &str, frame: usize, path: &str) -> Known {
        let text = text.trim();
        if let Some(known) = text.strip_prefix("params.").and_then(|name| self.param(name, frame)) {
            return known.clone();
        }
        let place = path.rsplit_once('/').map_or("", |(place, _)| place);
        let symbol = [place, ":", text].concat();
        match self.bound.get(symbol.as_str()).or_else(|| self.outside.get(symbol.as_str())) {
            Some(constant @ Known::Value(_)) => constant.clone(),
            _ => Known::Symbol(Arc::from(symbol)),
        }
    }

    /// What a param is in a frame.
    fn param(&self, name: &str, frame: usize) -> Option<&Known> {
        self.frames.get(frame)?.get(name)
    }
}
