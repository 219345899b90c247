//! One case of a test, carried out in the simulated world: what it came to, and what differs.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::engine::{self, Job, KeptEvents, Signals};
use crate::event::{Cause, Ended, Event, Happened, Header, Phase, Status};
use crate::guard::Guards;
use crate::primitive;
use crate::runbook::Runbook;
use crate::runbook::target::Target;
use crate::runbook::test_file::{Case, Expected};
use crate::sim::SimWorld;
use crate::source::{Span, Spanned};
use crate::value::Value;

use super::prepare::ENGINE;

/// What every case of a file shares.
pub(super) struct Stage<'a> {
    pub(super) runbook: &'a Arc<Runbook>,
    pub(super) target: &'a Target,
    pub(super) guards: &'a Guards,
    /// The text of the world file.
    pub(super) world: &'a str,
}

/// What a case came to.
pub(super) struct Outcome {
    pub(super) ended: Ended,
    events: Vec<Event>,
    /// Every service's state, from the world itself.
    state: Value,
    broken: Vec<String>,
    fault: Option<String>,
}

/// Something that is not as expected.
pub(super) struct Difference {
    pub(super) span: Span,
    pub(super) text: String,
}

impl Stage<'_> {
    /// Carries a case out.
    ///
    /// # Errors
    /// A sentence saying why it could not begin.
    pub(super) fn rehearse(&self, case: &Case, params: Value) -> Result<Outcome, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        let runtime = runtime.map_err(|error| format!("no runtime could be started: {error}"))?;
        runtime.block_on(async {
            let options = case.world.iter().map(|(name, value)| (name.clone(), value.value.clone())).collect();
            let world = SimWorld::new(self.world, &options, case.seed)?;
            if let Some(items) = &case.confirm {
                world.confirm_only(items.clone());
            }
            let kept = KeptEvents::default();
            let (_asking, signals) = watch::channel(Signals::default());
            let job = Job {
                runbook: Arc::clone(self.runbook),
                header: self.header(params),
                target: self.target,
                world: &world,
                guards: self.guards,
                primitives: primitive::find,
                journal: &kept,
                signals,
                past: None,
                progress: &|_| {},
            };
            let ended = tokio::select! {
                biased;
                () = world.drive() => None,
                ended = engine::run(job) => Some(ended),
            };
            let ended = ended.ok_or("the world ended before the run")?;
            let broken = world.broken().into_iter().map(|broken| broken.invariant).collect();
            let (state, fault) = (world.state(), world.fault());
            Ok(Outcome { ended, events: kept.take(), state, broken, fault })
        })
    }

    fn header(&self, params: Value) -> Header {
        Header {
            run: "rehearsal".to_owned(),
            runbook: self.runbook.name.as_str().to_owned(),
            about: self.runbook.about.clone(),
            target: self.target.name.clone(),
            simulated: true,
            engine: ENGINE.to_owned(),
            file: self.runbook.file.name().to_owned(),
            who: "simulated operator".to_owned(),
            params,
            steps: self.runbook.steps.iter().map(|step| step.id.shared()).collect(),
            ..Header::default()
        }
    }
}

impl Outcome {
    /// Everything that is not as a case expects it.
    pub(super) fn differences(&self, case: &Case, target: &Target) -> Vec<Difference> {
        let steps = self.statuses();
        let judged = case.expect.iter().filter_map(|expectation| {
            let text = self.differs(&expectation.what, &steps, target)?;
            Some(Difference { span: expectation.span, text })
        });
        let mut all: Vec<_> = judged.collect();
        let fault = self.fault.iter().map(|text| Difference { span: case_span(case), text: text.clone() });
        all.extend(fault);
        all
    }

    fn differs(&self, what: &Expected, steps: &BTreeMap<&str, Status>, target: &Target) -> Option<String> {
        match what {
            Expected::Ending(ending) => unlike("ending", ending.word(), self.ended.ending.word()),
            Expected::Cause(cause) => {
                let is = self.ended.cause.as_ref().map_or("none", |cause| named(cause));
                unlike("cause", cause, is)
            }
            Expected::Gate(gate, is_armed) => {
                let service = target.gates.get(gate).map_or(gate.as_str(), |gate| gate.service.as_str());
                let is = self.state.get(service).and_then(|state| state.get("armed"));
                let word = |armed: &Value| if *armed == Value::Bool(true) { "armed" } else { "disarmed" };
                unlike(&format!("gates.{gate}"), word(&Value::Bool(*is_armed)), is.map_or("unknown", word))
            }
            Expected::Version(service, version) => {
                self.state_differs(&format!("versions.{service}"), service, "version", &Value::text(version.as_str()))
            }
            Expected::State(service, name, value) => {
                self.state_differs(&format!("state.{service}.{name}"), service, name, value)
            }
            Expected::Step(step, status) => {
                let is = steps.get(step.as_str()).copied().unwrap_or_default();
                unlike(&format!("steps.{step}"), status.word(), is.word())
            }
            Expected::Undone(steps) => {
                unlike("undone", &list(steps.iter().map(|s| &s.value)), &list(self.undone(steps)))
            }
            Expected::Output(name, value) => {
                let is = self.ended.outputs.get(name);
                let is_same = is == Some(value) || is.is_some_and(|is| is.to_string() == value.to_string());
                let is = is.map_or_else(|| "missing".to_owned(), ToString::to_string);
                if is_same { None } else { unlike(&format!("outputs.{name}"), &value.to_string(), &is) }
            }
            Expected::Broken(invariants) => {
                let sorted = |mut all: Vec<String>| {
                    all.sort();
                    all
                };
                let (expected, is) = (sorted(invariants.clone()), sorted(self.broken.clone()));
                unlike("broken", &list(&expected), &list(&is))
            }
        }
    }

    fn state_differs(&self, place: &str, service: &str, name: &str, expected: &Value) -> Option<String> {
        let is = self.state.get(service).and_then(|state| state.get(name));
        if is == Some(expected) {
            return None;
        }
        let is = is.map_or_else(|| "missing".to_owned(), ToString::to_string);
        Some(format!("{place}: expected `{expected}`, is `{is}`"))
    }

    /// How each step stands at the end.
    fn statuses(&self) -> BTreeMap<&str, Status> {
        let mut all = BTreeMap::new();
        for event in &self.events {
            let (step, status) = match &event.what {
                Happened::Started { phase: Phase::Forward, step, .. } => (step, Status::Running),
                Happened::Finished { phase: Phase::Forward, step, status, .. } => (step, *status),
                Happened::Skipped { phase: Phase::Forward, step, .. } => (step, Status::Skipped),
                _ => continue,
            };
            all.insert(&**step, status);
        }
        all
    }

    /// The steps that were undone, in order: the outermost ones, and inner ones that are asked for.
    fn undone(&self, asked: &[Spanned<String>]) -> Vec<&str> {
        let finished = self.events.iter().filter_map(|event| match &event.what {
            Happened::Finished { phase: Phase::Undo, step, status: Status::Ok, .. } => Some(&**step),
            _ => None,
        });
        finished.filter(|path| !path.contains('/') || asked.iter().any(|one| one.value == *path)).collect()
    }
}

/// The word a test has for a cause.
fn named(cause: &Cause) -> &str {
    match cause {
        Cause::Step { step, .. } | Cause::InDoubt { step, .. } => step,
        Cause::Breach { watch, .. } => watch,
        Cause::Limit { limit, .. } => limit,
        Cause::Journal { .. } => "journal",
        Cause::Operator { .. } => "operator",
    }
}

fn unlike(place: &str, expected: &str, is: &str) -> Option<String> {
    (expected != is).then(|| format!("{place}: expected `{expected}`, is `{is}`"))
}

fn list<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<_> = items.into_iter().map(|item| item.as_ref().to_owned()).collect();
    format!("[{}]", items.join(", "))
}

fn case_span(case: &Case) -> Span {
    case.expect.first().map_or(Span::default(), |expectation| expectation.span)
}
