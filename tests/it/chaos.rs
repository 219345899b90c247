//! Random runbooks whose runners die at every record: whatever happens to a run, what
//! `chaos/invariants.rs` says holds of it.
//!
//! `TITAN_CHAOS=10000 cargo test --locked chaos` tries as many runbooks; the tests try a few, the
//! same ones each time.

mod book;
mod invariants;
mod mortal;
mod random;
mod story;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Write;

use proptest::prelude::*;
use titan_run::event::{Happened, Request};
use titan_run::guard::Guards;
use titan_run::lint::{Levels, Memory, Setting, examine};
use titan_run::primitive::CATALOGUE;
use titan_run::runbook::target::Target;
use titan_run::runbook::{Library, ParamSource, decode_target, resolve_params};
use titan_run::source::SourceFile;

use crate::trials::trials;

use book::{Book, Ensure, Needs, OnFailure, Step, Undo, Watch, Work};
use invariants::{differs, is_exact, wrong};
use random::book;
use story::{Case, Death, People, Plan, Story, live, told};

/// How many runbooks are tried where nobody asks for more.
const FEW: u32 = 60;

const TARGET: &str = "titan: 1
target: lab
world: std/worlds/titan.rhai
services: { execution: { log: { file: simulated } }, one: { log: { file: simulated } }, two: { log: { file: simulated } } }
gates: { execution: { probe: { metric: titan_execution_armed_state } } }
";

/// A runbook, its world, and what happens to its run from outside.
#[derive(Clone, Debug)]
struct Trial {
    book: Book,
    world: (&'static str, &'static str),
    people: People,
    /// An abort or a pause, at this share of the run's records.
    ask: Option<(u64, Request)>,
    /// How the points are chosen where runners die.
    seed: u64,
}

fn trial() -> impl Strategy<Value = Trial> {
    let world = prop_oneof![
        6 => Just(("running", "1.0.0")),
        1 => Just(("deploy_fails", "one")),
        1 => Just(("deploy_late", "two")),
        1 => Just(("deaf_to_arm", "true")),
    ];
    let people = prop_oneof![
        3 => Just(People::Resume),
        2 => Just(People::Retry),
        1 => Just(People::Skip),
        1 => Just(People::Abort),
    ];
    let request = prop_oneof![Just(Request::Abort), Just(Request::Pause)];
    let ask = prop::option::weighted(0.4, (1..25_u64, request));
    (book(0), world, people, ask, any::<u64>()).prop_map(|(book, world, people, ask, seed)| {
        let world = if book.has(&|step| matches!(step.work, Work::Arm | Work::Deploy { .. })) {
            world
        } else {
            ("running", "1.0.0")
        };
        Trial { book, world, people, ask, seed }
    })
}

struct Shelf(BTreeMap<String, String>);

impl Library for Shelf {
    fn read(&self, _: &SourceFile, name: &str) -> Result<SourceFile, String> {
        let found = name.strip_prefix("./").and_then(|name| self.0.get(name.trim_end_matches(".yaml")));
        found.map(|text| SourceFile::new(name, text.as_str())).ok_or_else(|| format!("there is no `{name}`"))
    }
}

/// What every trial shares.
struct Stage {
    guards: Guards,
    target: Target,
    levels: Levels,
}

impl Stage {
    fn new() -> Self {
        let guards = Guards::new(CATALOGUE);
        let target = decode_target(&SourceFile::new("lab.yaml", TARGET), &guards).unwrap();
        Self { guards, target, levels: Levels::default() }
    }

    /// The case of a trial, where `lint` finds no error in its runbook.
    fn case(&self, trial: &Trial) -> Option<Case<'_>> {
        let shelf = Shelf(trial.book.files());
        let file = SourceFile::new("main.yaml", shelf.0["main"].as_str());
        let setting =
            Setting { target: &self.target, is_chosen: true, levels: &self.levels, memory: &Memory::default() };
        let examined = examine(&file, &self.guards, CATALOGUE, &shelf, setting);
        let runbook = examined.runbook?;
        let nothing = |name: &str| Err(format!("there is no `{name}`"));
        let source = ParamSource { from: "nobody".to_owned(), strict: false, values: BTreeMap::new() };
        let params = resolve_params(&runbook, &[source], &nothing).unwrap();
        let (option, value) = trial.world;
        let options = BTreeMap::from([(option.to_owned(), value.to_owned())]);
        Some(Case { runbook, params, options, target: &self.target, guards: &self.guards })
    }
}

/// The points where runners die: one, two or three of them, each at any record.
fn deaths(records: u64, seed: u64) -> Vec<Vec<Death>> {
    let few = 8;
    let step = (records / few).max(1);
    let mut random = seed;
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below.max(1)
    };
    let firsts: Vec<_> =
        (0..records).skip(usize::try_from(next(step)).unwrap()).step_by(usize::try_from(step).unwrap()).collect();
    firsts
        .into_iter()
        .map(|after| {
            let more = [0, 0, 1, 2][usize::try_from(next(4)).unwrap()];
            let mut all = vec![Death { after, keeps_tail: next(2) == 0 }];
            all.extend((0..more).map(|_| Death { after: next(8), keeps_tail: next(2) == 0 }));
            all
        })
        .collect()
}

/// Whether a trial is of a runbook that runs; what is wrong with one of its stories fails it.
fn tried(trial: &Trial, stage: &Stage, lives: &Cell<u64>) -> Result<bool, TestCaseError> {
    let Some(case) = stage.case(trial) else {
        return Ok(false);
    };
    let lived = |plan: &Plan| -> Result<Story, TestCaseError> {
        lives.set(lives.get() + 1);
        let say = |why: String, story: Option<&Story>| TestCaseError::fail(saying(trial, plan, &why, story));
        let story = live(&case, plan).map_err(|why| say(why, None))?;
        match wrong(&trial.book, &story) {
            Some(why) => Err(say(why, Some(&story))),
            None => Ok(story),
        }
    };
    let plan = Plan { deaths: Vec::new(), asks: trial.ask.iter().cloned().collect(), people: trial.people };
    let base = lived(&plan)?;
    let first_runner = base.events.iter().take_while(|event| !matches!(event.what, Happened::Resumed { .. }));
    let asked_at = first_runner.filter(|event| matches!(event.what, Happened::Requested(_))).last();
    for deaths in deaths(base.events.len() as u64, trial.seed) {
        // What was asked for must be on record before the first runner dies.
        let is_asked = asked_at.is_some_and(|asked| deaths[0].after > asked.seq && deaths[0].keeps_tail);
        // A pause is over when somebody resumes, whether or not the runner came to it.
        let is_pause = matches!(trial.ask, Some((_, Request::Pause)));
        let is_exact = is_exact(&trial.book) && (trial.ask.is_none() || is_asked) && !is_pause;
        let plan = Plan { deaths, ..plan.clone() };
        let story = lived(&plan)?;
        if let Some(why) = differs(&base, &story).filter(|_| is_exact) {
            let why = format!("{why}\n{}", told(&base.events));
            return Err(TestCaseError::fail(saying(trial, &plan, &why, Some(&story))));
        }
    }
    Ok(true)
}

fn saying(trial: &Trial, plan: &Plan, why: &str, story: Option<&Story>) -> String {
    let files: String = trial.book.files().values().map(|text| format!("---\n{text}")).collect();
    let whole = story.map(|story| format!("{:#?}\n{}", story.done, told(&story.events))).unwrap_or_default();
    format!("{why}\n{plan:?} {:?}\n{whole}\n{files}", trial.world)
}

#[test]
fn whatever_happens_to_a_run_it_ends_as_documented() {
    let stage = Stage::new();
    let (mut runner, asked) = trials("TITAN_CHAOS", FEW);
    let (passed, lives) = (Cell::new(0_u32), Cell::new(0_u64));
    let result = runner.run(&trial(), |trial| {
        if tried(&trial, &stage, &lives)? {
            passed.set(passed.get() + 1);
        }
        Ok(())
    });
    if asked != FEW {
        writeln!(std::io::stderr(), "{} of {asked} runbooks ran, {} runs", passed.get(), lives.get()).unwrap();
    }
    result.unwrap_or_else(|error| panic!("{error}"));
    // Runbooks that nothing passes would show nothing.
    assert!(passed.get() >= asked / 3, "only {} of {asked} were run", passed.get());
}

/// A world in which nothing goes wrong by itself.
const PLAIN: (&str, &str) = ("running", "1.0.0");

/// Tries a runbook with runners that die at many of its records.
fn holds(steps: Vec<Step>, world: (&'static str, &'static str), people: People) {
    let stage = Stage::new();
    let book = Book { steps, watch: None, ensure: Some(Ensure::Tells), total_limit: false };
    for seed in 0..10 {
        let trial = Trial { book: book.clone(), world, people, ask: None, seed };
        let result = tried(&trial, &stage, &Cell::new(0));
        assert!(result.unwrap_or_else(|error| panic!("{error}")), "it does not run");
    }
}

#[test]
fn an_arm_that_is_done_again_and_fails_is_in_no_doubt() {
    holds(vec![Step::new(Work::Arm, Needs::Above)], ("deaf_to_arm", "true"), People::Resume);
}

#[test]
fn an_undo_that_is_done_again_sees_what_it_saw() {
    let script = Step::new(Work::Script { calls: 2, fails: false }, Needs::Above);
    let inner = Book { steps: vec![script], watch: None, ensure: None, total_limit: false };
    let nested = Step { undo: Undo::Script, ..Step::new(Work::Nested(Box::new(inner)), Needs::Nothing) };
    holds(vec![Step::new(Work::Check { good_from: 99 }, Needs::Above), nested], PLAIN, People::Resume);
}

#[test]
fn a_watch_of_an_item_that_is_retried_looks_on_anew() {
    let tell = Work::Tell { fails: true, is_idempotent: true, rings: false };
    let watch = Watch { from: 0, to: None, on_breach: OnFailure::Rollback, is_sampled: false };
    let inner =
        Book { steps: vec![Step::new(tell, Needs::Above)], watch: Some(watch), ensure: None, total_limit: false };
    let nested = Step::new(Work::Nested(Box::new(inner)), Needs::Above);
    let each = Step { fan_out: Some(1), on_failure: OnFailure::Pause, ..nested };
    holds(vec![each, Step::new(Work::Sleep, Needs::Nothing)], PLAIN, People::Retry);
}
