//! Where values from outside end up: which results come from outside, how they are passed on, and
//! the places where they decide what is run, asked or believed.
//!
//! Runbooks used as actions are followed with the params that are foreign in the call.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::declaration::{Declaration, Effect, Kind};
use crate::guard::{Guard, Reference};
use crate::runbook::{ActionKind, Runbook, Step};
use crate::source::Span;

use super::carried::carried;
use super::checked::Checks;
use super::kept::Kept;
use super::places::{Leaf, Role, Use, leaves, uses};

/// The most runbooks followed for one file: what calls so many in so many ways is no runbook.
const MAX_FOLLOWED: usize = 500;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin {
    /// The words for it: `` `out.reply` of `ask` ``.
    pub(super) words: String,
    /// Whether it is the version a service runs, which may be deployed again.
    is_version: bool,
}

/// A foreign value where it decides something.
#[derive(Clone, Debug)]
pub(super) struct Hit {
    /// What it decides: `an argument of a program`.
    pub(super) decides: &'static str,
    /// Where it is inserted.
    pub(super) span: Span,
    /// Where it comes from.
    pub(super) origin: Origin,
    /// The way through runbooks used as actions: `a/b`; empty where there is none.
    pub(super) way: String,
}

/// What following the values of runbooks showed that others use as actions, by which of their
/// params are foreign.
pub(super) type Memory = Kept<Origins, Rc<Followed>>;

/// Follows values through one file and the runbooks it uses.
pub(super) struct Follower<'a> {
    memory: &'a Memory,
    left: Cell<usize>,
}

pub(super) type Origins = BTreeMap<String, Origin>;

/// What following a runbook showed.
#[derive(Debug, Default)]
pub(super) struct Followed {
    /// Every foreign value that decides something.
    pub(super) hits: Vec<Hit>,
    outputs: Origins,
}

impl<'a> Follower<'a> {
    /// Follows the values of one file.
    pub(super) fn new(memory: &'a Memory) -> Self {
        Self { memory, left: Cell::new(MAX_FOLLOWED) }
    }

    /// Follows the values of the file's own runbook, whose actions are known.
    pub(super) fn follow(&self, runbook: &Runbook, uses: &[Use<'_>]) -> Followed {
        let followed = Flow::new(self, runbook, uses, &Origins::new()).followed();
        if self.left.get() == 0 {
            // Some of it was not looked at to the end.
            self.memory.forget();
        }
        followed
    }

    /// Follows the values of a runbook used as an action, some of whose params are foreign.
    fn follow_inside(&self, runbook: &Arc<Runbook>, params: &Origins) -> Rc<Followed> {
        // Whoever calls says where its values come from: inside, only the params are known.
        let named = params.iter().map(|(name, origin)| {
            let words = format!("the param `{name}`");
            (name.clone(), Origin { words, is_version: origin.is_version })
        });
        let followed = self.memory.get_or(runbook, named.collect(), |params| {
            self.left.set(self.left.get().checked_sub(1)?);
            Some(Rc::new(Flow::new(self, runbook, &uses(runbook), params).followed()))
        });
        followed.unwrap_or_default()
    }
}

/// The values of one runbook.
struct Flow<'a> {
    follower: &'a Follower<'a>,
    runbook: &'a Runbook,
    uses: &'a [Use<'a>],
    /// Which of them each step's own action is.
    of_steps: Vec<usize>,
    params: &'a Origins,
    lets: Origins,
    /// What is foreign in each step's result, by field; under an empty name, all of it.
    outs: BTreeMap<&'a str, Origins>,
    /// Whether a name of a step was asked for that has no entry there yet.
    looked_ahead: Cell<bool>,
}

impl<'a> Flow<'a> {
    fn new(follower: &'a Follower<'a>, runbook: &'a Runbook, uses: &'a [Use<'a>], params: &'a Origins) -> Self {
        let own = uses.iter().enumerate().filter(|(_, one)| matches!(one.role, Role::Step(..)));
        let of_steps = own.map(|(at, _)| at).collect();
        let (lets, outs, looked_ahead) = (Origins::new(), BTreeMap::new(), Cell::new(false));
        let mut flow = Self { follower, runbook, uses, of_steps, params, lets, outs, looked_ahead };
        for binding in &runbook.lets {
            if let Some((_, origin)) = flow.passed(&binding.guard, None) {
                flow.lets.insert(binding.name.to_string(), origin);
            }
        }
        flow.results();
        if flow.looked_ahead.get() {
            // Again, for what is named above the step it comes from.
            flow.results();
        }
        flow
    }

    fn results(&mut self) {
        for (at, step) in self.runbook.steps.iter().enumerate() {
            let out = self.result(at, step);
            self.outs.insert(step.id.as_str(), out);
        }
    }

    fn followed(&self) -> Followed {
        let is_foreign = |name: &[&str]| self.origin_of(name, None).is_some();
        let checks = Checks::of(self.runbook, &is_foreign);
        let hits = self.uses.iter().flat_map(|one| self.hits(one, &checks)).collect();
        let outputs = self.runbook.outputs.iter().filter_map(|binding| {
            let (_, origin) = self.passed(&binding.guard, None)?;
            Some((binding.name.to_string(), origin))
        });
        Followed { hits, outputs: outputs.collect() }
    }

    /// Every place in an action where a foreign value decides something.
    fn hits(&self, one: &Use<'a>, checks: &Checks<'_>) -> Vec<Hit> {
        let item = self.item(one.role);
        let foreign = |guard: &'a Guard| {
            let mut names = carried(guard).filter_map(|name| Some((name, self.origin(name, item.as_ref())?)));
            names.find(|(name, _)| !checks.cover(name, one.role))
        };
        let mut found = Vec::new();
        for (name, node) in one.arguments() {
            for leaf in leaves(node, name) {
                for (nth, guard) in one.guards_in(leaf).into_iter().enumerate() {
                    let Some((reference, origin)) = foreign(guard) else { continue };
                    let (span, way) = (reference.span(), String::new());
                    match &one.action.kind {
                        ActionKind::Primitive(declaration) => {
                            let decides =
                                decided(declaration, name, leaf, nth).filter(|_| !is_redeployed(declaration, &origin));
                            found.extend(decides.map(|decides| Hit { decides, span, origin, way }));
                        }
                        ActionKind::Runbook(inner) => found.extend(self.hit_inside(inner, name, span, origin)),
                        ActionKind::Script(_) => {}
                    }
                }
            }
        }
        found
    }

    /// What a foreign param decides inside a runbook used as an action.
    fn hit_inside(&self, inner: &Arc<Runbook>, param: &str, span: Span, origin: Origin) -> Option<Hit> {
        let foreign = Origins::from([(param.to_owned(), origin.clone())]);
        let untouched = self.follower.follow_inside(inner, &Origins::new());
        let followed = self.follower.follow_inside(inner, &foreign);
        let is_new = |hit: &&Hit| !untouched.hits.iter().any(|known| known.span == hit.span);
        let hit = followed.hits.iter().find(is_new)?;
        let way = format!("{}/{}", inner.name.as_str(), hit.way);
        Some(Hit { decides: hit.decides, span, origin, way: way.trim_end_matches('/').to_owned() })
    }

    /// What is foreign in a step's result.
    fn result(&self, at: usize, step: &'a Step) -> Origins {
        let id = step.id.as_str();
        let one = |words: String, is_version| Origin { words, is_version };
        match &step.work.action.kind {
            ActionKind::Script(_) => Origins::from([(String::new(), one(format!("the result of `{id}`"), false))]),
            ActionKind::Runbook(inner) => {
                let foreign = self.of_steps.get(at).and_then(|at| self.uses.get(*at));
                let foreign = foreign.map(|one| self.arguments_of(one)).unwrap_or_default();
                let followed = self.follower.follow_inside(inner, &foreign);
                let named = followed
                    .outputs
                    .iter()
                    .map(|(name, origin)| (name.clone(), one(format!("`{name}` of `{id}`"), origin.is_version)));
                named.collect()
            }
            ActionKind::Primitive(declaration) if declaration.name == "note" => {
                let inserted = step.work.action.with.insertions();
                let text = inserted.into_iter().find_map(|one| self.passed(one.guard, None));
                text.map(|(_, origin)| ("text".to_owned(), origin)).into_iter().collect()
            }
            ActionKind::Primitive(declaration) => {
                let fields = declaration.result.iter().filter(|field| is_foreign(declaration, field.name, field.kind));
                let named = fields.map(|field| {
                    let is_version = ["service_version", "deploy"].contains(&declaration.name);
                    (field.name.to_owned(), one(format!("`{}` of `{id}`", field.name), is_version))
                });
                named.collect()
            }
        }
    }

    /// The arguments of a runbook used as an action that are foreign.
    fn arguments_of(&self, one: &Use<'a>) -> Origins {
        let item = self.item(one.role);
        let mut found = Origins::new();
        for (name, node) in one.arguments() {
            let mut guards = leaves(node, name).into_iter().flat_map(|leaf| one.guards_in(leaf));
            let origin = guards.find_map(|guard| self.passed(guard, item.as_ref()));
            found.extend(origin.map(|(_, origin)| (name.to_owned(), origin)));
        }
        found
    }

    /// What is foreign in the items of the step an action belongs to.
    fn item(&self, role: Role<'_>) -> Option<Origin> {
        let (Role::Step(at, _) | Role::Undo(at, _)) = role else {
            return None;
        };
        let list = &self.runbook.steps.get(at)?.foreach.as_ref()?.list;
        self.passed(list, None).map(|(_, origin)| origin)
    }

    /// The first foreign value an expression passes on.
    fn passed<'g>(&self, guard: &'g Guard, item: Option<&Origin>) -> Option<(&'g Reference, Origin)> {
        carried(guard).find_map(|reference| Some((reference, self.origin(reference, item)?)))
    }

    /// Where the value of a name comes from, when that is outside.
    fn origin(&self, reference: &Reference, item: Option<&Origin>) -> Option<Origin> {
        let path: Vec<&str> = reference.path().iter().map(String::as_str).collect();
        self.origin_of(&path, item)
    }

    fn origin_of(&self, path: &[&str], item: Option<&Origin>) -> Option<Origin> {
        match path {
            ["params", name, ..] => self.params.get(*name).cloned(),
            ["params"] => self.params.values().next().cloned(),
            ["steps", id, "out", rest @ ..] => {
                let out = self.outs.get(id);
                self.looked_ahead.set(self.looked_ahead.get() || out.is_none());
                let out = out?;
                let field = rest.first().and_then(|field| out.get(*field));
                let whole = out.get("").or_else(|| out.values().next().filter(|_| rest.is_empty()));
                field.or(whole).cloned()
            }
            ["steps"] => {
                self.looked_ahead.set(true);
                self.outs.values().find_map(|out| out.values().next()).cloned()
            }
            ["item", ..] => item.cloned(),
            [name, ..] => self.lets.get(*name).cloned(),
            [] => None,
        }
    }
}

/// Whether a field of a result can hold what somebody outside wrote. Numbers, truths and times
/// cannot; neither can what a primitive has held against a form, made itself, or got from a person.
fn is_foreign(declaration: &Declaration, field: &str, kind: Kind) -> bool {
    let is_free = matches!(kind, Kind::Any | Kind::Text | Kind::Texts | Kind::Map | Kind::List);
    let is_made = (declaration.name, field) == ("deploy", "log_mark");
    is_free && !is_made && declaration.effect != Effect::Asks
}

/// The version a service ran may be deployed again: that is what a rollback does.
fn is_redeployed(declaration: &Declaration, origin: &Origin) -> bool {
    declaration.name == "deploy" && origin.is_version
}

/// What the `nth` insertion into a text decides; `None` where it decides nothing dangerous.
fn decided(declaration: &Declaration, argument: &str, leaf: Leaf<'_>, nth: usize) -> Option<&'static str> {
    let kind = declaration.argument(argument)?.kind;
    match (declaration.name, argument, kind) {
        (_, _, Kind::Argv) => Some("an argument of a program"),
        ("exec", "env", _) => Some("the environment of a program"),
        ("approve", "approvers", _) => Some("who may sign"),
        ("approve", "quorum", _) => Some("how many must sign"),
        ("deploy", "version", _) => Some("the version that is deployed"),
        ("wait_metric", "query", _) => Some("a PromQL expression"),
        (_, _, Kind::Service) => Some("which service is meant"),
        (_, _, Kind::Gate) => Some("which gate is meant"),
        (_, _, Kind::Subject | Kind::SubjectPattern) => Some("a NATS subject"),
        (_, _, Kind::Pattern) => Some("a pattern"),
        (_, _, Kind::Url) => super::urls::is_in_host(leaf.text(), nth).then_some("the host of a URL"),
        _ => None,
    }
}
