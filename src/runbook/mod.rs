//! Runbooks: what an author wrote, decoded, with everything wrong with it said at once.
//!
//! `text -> yaml -> decode -> Runbook`, then `check` holds references and edges against each
//! other. The room knows primitives only as the declarations it is handed, and touches no file:
//! includes come through [`Library`].

mod address;
mod allowed;
mod arguments;
mod bound;
pub mod calls;
mod captured;
mod check;
mod decode;
mod doing;
pub mod faults;
pub(crate) mod fields;
mod functions;
pub mod grammar;
pub mod keys;
mod load;
mod outcome;
mod params;
mod standing;
pub mod target;
mod target_decode;
pub mod target_defaults;
pub mod target_keys;
mod test_check;
mod test_decode;
pub mod test_file;
pub mod test_keys;
mod typed;
mod work_decode;

use std::sync::Arc;
use std::time::Duration;

use crate::declaration::{Declaration, ErrorClass};
use crate::diagnostic::did_you_mean;
use crate::guard::types::Type;
use crate::guard::{Guard, Script, Template};
use crate::name::{RunbookName, StepId};
use crate::source::{SourceFile, Span, Spanned};
use crate::yaml::Node;

pub use address::{Misaddressed, http_address, nats_address};
pub use bound::DEFAULT_COMPOSITE_BOUND;
pub use load::{Included, Library, Loaded, MAX_INCLUDE_DEPTH, load, load_copy};
pub use outcome::{EdgeOutcome, OnFailure};
pub use params::{FileReader, Param, ParamKind, ParamSource, handed_over, resolve_params};
pub use target_decode::{decode_target, load_target};
pub use test_check::check_test;
pub use test_decode::decode_test;
pub use typed::type_of;

/// The version of the language this engine speaks.
pub const LANGUAGE_VERSION: i64 = 1;

/// A decoded runbook.
#[derive(Debug)]
pub struct Runbook {
    /// The bytes it was read from.
    pub file: SourceFile,
    /// Its name.
    pub name: RunbookName,
    /// One sentence for the operator.
    pub about: Option<Arc<str>>,
    /// What it is given.
    pub params: Vec<Param>,
    /// What is computed once before the first step, in this order.
    pub lets: Vec<Binding>,
    /// Bounds on the whole run.
    pub limits: Limits,
    /// The steps, in reading order.
    pub steps: Vec<Step>,
    /// What runs beside the steps.
    pub watches: Vec<Watch>,
    /// What runs on every exit.
    pub ensures: Vec<Ensure>,
    /// What the runbook returns.
    pub outputs: Vec<Binding>,
    /// What is wrong with its expressions, unknown names apart: a reader of the file is told by
    /// the rules of `lint/`.
    pub faults: Vec<faults::Found>,
    /// The type of what it returns where it is used as an action.
    pub returns: Type,
    /// Whether one of its expressions reads something of the target.
    pub names_target: bool,
    /// The tree it was decoded from, for rules that look at what was written.
    pub tree: Arc<Node>,
}

/// A name bound to an expression.
#[derive(Debug)]
pub struct Binding {
    /// The name.
    pub name: Arc<str>,
    /// The expression.
    pub guard: Guard,
    /// Where the name stands.
    pub span: Span,
}

/// Bounds on the whole run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// On the time from the first step to the last.
    pub total: Option<Spanned<Duration>>,
    /// On the time from a verified disarm to a verified arm or the end.
    pub disarmed: Option<Spanned<Duration>>,
}

/// One step.
#[derive(Debug)]
pub struct Step {
    /// Its id.
    pub id: StepId,
    /// Where the id stands.
    pub span: Span,
    /// One sentence for the operator.
    pub about: Option<Arc<str>>,
    /// What is done and how it is judged.
    pub work: Work,
    /// The edges that must hold before it starts.
    pub needs: Vec<Edge>,
    /// What reverses it.
    pub undo: Option<Box<Work>>,
    /// Why nothing has to reverse it.
    pub no_undo: Option<Arc<str>>,
    /// What its failure means for the run.
    pub on_failure: OnFailure,
    /// Whether a person may go on without it.
    pub may_skip: bool,
    /// Its fan-out.
    pub foreach: Option<Box<Foreach>>,
}

/// An edge from an earlier step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The index of the step it comes from.
    pub from: usize,
    /// The outcome it waits for.
    pub on: EdgeOutcome,
    /// Where it is written; the step's own id for the implicit edge.
    pub span: Span,
}

/// A bounded fan-out over a list.
#[derive(Debug)]
pub struct Foreach {
    /// Gives the list.
    pub list: Guard,
    /// How many items are under way at once.
    pub max_parallel: usize,
}

/// What is done and how it is judged: the part a step, an undo and an ensure share.
#[derive(Debug)]
pub struct Work {
    /// What is done.
    pub action: Action,
    /// False: not done.
    pub when: Option<Guard>,
    /// False: refused before any effect.
    pub require: Option<Guard>,
    /// Whether and how the action is repeated.
    pub poll: Poll,
    /// False on the result: failed.
    pub expect: Option<Guard>,
    /// When it is tried again.
    pub retry: Option<Box<Retry>>,
    /// The bound on all of it, attempts and waits included.
    pub timeout: Option<Duration>,
    /// Whether it may be done again when it is unknown whether it took effect.
    pub idempotent: bool,
}

impl Work {
    /// Every guard that decides about it or judges it.
    pub fn guards(&self) -> impl Iterator<Item = &Guard> {
        let polled = match &self.poll {
            Poll::Once => None,
            Poll::Until { guard, .. } | Poll::Hold { guard, .. } => Some(guard),
        };
        [&self.when, &self.require, &self.expect].into_iter().flatten().chain(polled)
    }

    /// An action that is done once and judged by its own outcome only.
    pub fn once(action: Action) -> Self {
        Self {
            action,
            when: None,
            require: None,
            poll: Poll::Once,
            expect: None,
            retry: None,
            timeout: None,
            idempotent: false,
        }
    }
}

/// An action with its arguments.
#[derive(Debug)]
pub struct Action {
    /// What kind of action it is.
    pub kind: ActionKind,
    /// Its arguments.
    pub with: Template,
    /// Where its name stands.
    pub span: Span,
    /// Where the arguments of a primitive stand, by their names.
    pub places: Vec<(&'static str, Span)>,
}

/// The kinds of action.
#[derive(Debug)]
pub enum ActionKind {
    /// A primitive.
    Primitive(&'static Declaration),
    /// A runbook used as an action.
    Runbook(Arc<Runbook>),
    /// A Rhai script.
    Script(Box<Script>),
}

impl Action {
    /// The word after `do:`.
    pub fn name(&self) -> &str {
        match &self.kind {
            ActionKind::Primitive(declaration) => declaration.name,
            ActionKind::Runbook(runbook) => runbook.name.as_str(),
            ActionKind::Script(_) => "script",
        }
    }

    /// Where an argument stands; where its action is named when it is not written out.
    pub fn place_of(&self, argument: &str) -> Span {
        self.written_at(argument).unwrap_or(self.span)
    }

    /// Where an argument is written, if it is.
    pub fn written_at(&self, argument: &str) -> Option<Span> {
        Some(self.places.iter().find(|(name, _)| *name == argument)?.1)
    }

    /// Its script, where it is one.
    pub fn script(&self) -> Option<&Script> {
        match &self.kind {
            ActionKind::Script(script) => Some(script),
            ActionKind::Primitive(_) | ActionKind::Runbook(_) => None,
        }
    }
}

/// Whether and how an observing action is repeated.
#[derive(Debug, Default)]
pub enum Poll {
    /// Done once.
    #[default]
    Once,
    /// Repeated until the guard holds.
    Until {
        /// The guard on `out`.
        guard: Guard,
        /// The time between two samples.
        every: Duration,
    },
    /// Must hold for a while; the first false fails at once.
    Hold {
        /// The guard on `out`.
        guard: Guard,
        /// The time between two samples.
        every: Duration,
        /// How long it must hold: gives a duration.
        stay: Template,
        /// How many good samples in a row the end needs.
        min_good: u32,
    },
}

/// When a failed step is tried again.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// The classes that are tried again.
    pub on: Vec<ErrorClass>,
    /// The most attempts, the first included.
    pub attempts: u32,
    /// The wait before the second attempt.
    pub every: Duration,
    /// The factor from one wait to the next.
    pub backoff: f64,
    /// The longest wait.
    pub max: Duration,
    /// The share of a wait that is random, from 0 to 1.
    pub jitter: f64,
}

/// Something that runs beside the steps.
#[derive(Debug)]
pub struct Watch {
    /// Its id.
    pub id: StepId,
    /// Where the id stands.
    pub span: Span,
    /// One sentence for the operator.
    pub about: Option<Arc<str>>,
    /// The step before whose start it is live.
    pub from: usize,
    /// The step with whose end it ends; the end of the run where `None`.
    pub to: Option<usize>,
    /// What it observes.
    pub work: Work,
    /// The time between two samples, for an action that is not a subscription.
    pub every: Duration,
    /// True: breached.
    pub breach_when: Guard,
    /// What a breach means for the run.
    pub on_breach: OnFailure,
}

/// Something that runs on every exit.
#[derive(Debug)]
pub struct Ensure {
    /// Its id.
    pub id: StepId,
    /// Where the id stands.
    pub span: Span,
    /// One sentence for the operator.
    pub about: Option<Arc<str>>,
    /// What is done and how it is judged.
    pub work: Work,
}

impl Runbook {
    /// The index of a step.
    pub fn step_index(&self, id: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.id.as_str() == id)
    }

    /// The step a path such as `deploy_pair/deploy_brain` or `drain[2]` stands for, through
    /// runbooks used as actions.
    pub fn step_at(&self, path: &str) -> Option<&Step> {
        let (first, rest) = path.split_once('/').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let id = first.split('[').next().unwrap_or(first);
        let step = self.steps.get(self.step_index(id)?)?;
        match (rest, &step.work.action.kind) {
            (None, _) => Some(step),
            (Some(rest), ActionKind::Runbook(inner)) => inner.step_at(rest),
            (Some(_), _) => None,
        }
    }

    /// The step that somebody named by its path.
    ///
    /// # Errors
    /// A sentence that says there is none, with the one that may be meant.
    pub fn named_step(&self, path: &str) -> Result<&Step, String> {
        self.named_inside("", path)
    }

    fn named_inside(&self, prefix: &str, path: &str) -> Result<&Step, String> {
        let (first, rest) = path.split_once('/').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let id = first.split('[').next().unwrap_or(first);
        let step = self.step_index(id).and_then(|at| self.steps.get(at)).ok_or_else(|| self.no_step(prefix, id))?;
        match (rest, &step.work.action.kind) {
            (None, _) => Ok(step),
            (Some(rest), ActionKind::Runbook(inner)) => inner.named_inside(&format!("{prefix}{first}/"), rest),
            (Some(_), _) => Err(format!("`{prefix}{first}` is no runbook used as an action, so nothing is inside it")),
        }
    }

    /// That there is no step with an id, whose path begins with `prefix`; and which one may be meant.
    pub fn no_step(&self, prefix: &str, id: &str) -> String {
        let near = did_you_mean(id, self.steps.iter().map(|step| step.id.as_str()));
        let hint = near.map_or(String::new(), |near| format!("; did you mean `{prefix}{near}`?"));
        format!("`{}` has no step `{prefix}{id}`{hint}", self.name)
    }
}
