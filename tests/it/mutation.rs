//! Random changes of good runbooks: nothing panics, and what `lint` passes the engine can carry out
//! in the simulated world without meeting a name, a type or an argument it cannot use.
//!
//! `TITAN_MUTATIONS=100000 cargo test --locked mutation` tries as many; the tests try a few hundred,
//! the same ones each time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::Index;
use titan_run::declaration::{ErrorClass, Failure};
use titan_run::diagnostic::Severity;
use titan_run::engine::{self, Job, KeptEvents, Signals};
use titan_run::event::{Cause, Happened, Header};
use titan_run::guard::Guards;
use titan_run::lint::{Levels, Memory, Setting, examine};
use titan_run::primitive::{self, CATALOGUE};
use titan_run::runbook::target::Target;
use titan_run::runbook::{ActionKind, Library, ParamSource, Runbook, decode_target, resolve_params};
use titan_run::sim::SimWorld;
use titan_run::source::SourceFile;
use titan_run::value::Value;
use titan_run::{stdlib, world::World};
use tokio::sync::watch;

use crate::change::{Change, change};
use crate::docs::examples;
use crate::tool::root;
use crate::trials::trials;

/// How many changes are tried where nobody asks for more.
const FEW: u32 = 300;

/// The longest a changed run may take, by its own clock.
const MAX_DAYS: u64 = 30;

/// Good runbooks: the bundled ones, the variants, the documents' examples.
fn good() -> Vec<SourceFile> {
    let mut good = Vec::new();
    for folder in ["runbooks", "tests/cases/variants", "stdlib"] {
        let mut paths: Vec<_> = fs::read_dir(root().join(folder)).unwrap().map(|one| one.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|kind| kind == "yaml"));
        paths.sort();
        for path in paths.iter().filter(|path| !path.to_str().unwrap().ends_with(".test.yaml")) {
            good.push(SourceFile::new(path.to_str().unwrap(), fs::read_to_string(path).unwrap()));
        }
    }
    for document in ["docs/language.md", "docs/runs.md", "README.md"] {
        for (_, text) in examples(document, "yaml").into_iter().filter(|(_, text)| text.contains("\nrunbook: ")) {
            let name = text.split("\nrunbook: ").nth(1).unwrap().split_whitespace().next().unwrap();
            good.push(SourceFile::new(format!("{name}.yaml"), text.as_str()));
        }
    }
    good
}

/// The built-in files, and those beside the good runbooks.
struct Beside;

impl Library for Beside {
    fn read(&self, from: &SourceFile, name: &str) -> Result<SourceFile, String> {
        let missing = || format!("there is no `{name}`");
        if name.starts_with("std/") {
            let names = [name.to_owned(), format!("{name}.yaml"), format!("{name}.rhai")];
            let found = names.into_iter().find_map(|name| Some((name.clone(), stdlib::find(&name)?)));
            return found.map(|(name, text)| SourceFile::new(name, text)).ok_or_else(missing);
        }
        let inside = name.strip_prefix("./").filter(|name| !name.contains("..")).ok_or_else(missing)?;
        let path = Path::new(from.name()).parent().unwrap_or(Path::new("")).join(inside);
        let text = fs::read_to_string(&path).map_err(|_| missing())?;
        Ok(SourceFile::new(path.to_str().unwrap(), text))
    }
}

/// What every case shares.
struct Stage {
    guards: Guards,
    target: Target,
    levels: Levels,
}

impl Stage {
    fn new() -> Self {
        let guards = Guards::new(CATALOGUE);
        let text = stdlib::find("std/targets/simulated.yaml").unwrap();
        let target = decode_target(&SourceFile::new("std/targets/simulated.yaml", text), &guards).unwrap();
        Self { guards, target, levels: Levels::default() }
    }

    /// The runbook, where `lint --deny warning` passes it.
    fn linted(&self, file: &SourceFile) -> Option<Arc<Runbook>> {
        let setting =
            Setting { target: &self.target, is_chosen: true, levels: &self.levels, memory: &Memory::default() };
        let examined = examine(file, &self.guards, CATALOGUE, &Beside, setting);
        let is_warned = examined.diagnostics.iter().any(|found| found.severity >= Severity::Warning);
        examined.runbook.filter(|_| !is_warned)
    }

    /// The params a run has, where they can be had.
    fn params(&self, runbook: &Runbook) -> Option<Value> {
        let read = |name: &str| stdlib::find(name).map(str::to_owned).ok_or_else(|| "not there".to_owned());
        let values: BTreeMap<_, _> = self.target.params.clone();
        let source = ParamSource { from: "the target".to_owned(), strict: false, values };
        resolve_params(runbook, &[source], &read).ok()
    }

    /// Carries a runbook out, and gives every failure there was.
    fn failures(&self, runbook: &Arc<Runbook>, params: Value) -> Vec<Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let kept = KeptEvents::default();
        let ended = runtime.block_on(async {
            let world = SimWorld::untouched(stdlib::find("std/worlds/titan.rhai").unwrap(), 1);
            let (_asking, signals) = watch::channel(Signals::default());
            let steps = runbook.steps.iter().map(|step| step.id.shared()).collect();
            let job = Job {
                runbook: Arc::clone(runbook),
                header: Header { run: "mutation".to_owned(), simulated: true, params, steps, ..Header::default() },
                target: &self.target,
                world: &world,
                guards: &self.guards,
                primitives: primitive::find,
                journal: &kept,
                signals,
                past: None,
                progress: &|_| {},
            };
            let too_long = world.clock().sleep(std::time::Duration::from_secs(MAX_DAYS * 86_400));
            tokio::select! {
                biased;
                () = world.drive() => panic!("the world ended before the run"),
                ended = engine::run(job) => Some(ended),
                () = too_long => None,
            }
        });
        let cause = ended.and_then(|ended| ended.cause).into_iter().filter_map(|cause| match cause {
            Cause::Step { failure, .. } | Cause::Breach { failure, .. } => Some(failure),
            _ => None,
        });
        let events = kept.take();
        let said = events.iter().filter_map(|event| match &event.what {
            Happened::Finished { failure, .. } | Happened::CallFinished { failure, .. } => failure.clone(),
            _ => None,
        });
        said.chain(cause).collect()
    }
}

/// What failures say that come of a name, a type or an argument that cannot be; what a world or a
/// value that is known only then says no to is not among them.
const OF_THE_TEXT: [&str; 16] = [
    "there is no `",
    "there is no property",
    "unknown property",
    "no function fits",
    "does not compare with",
    "compares with null",
    "must be true or false",
    "needs true or false",
    "data type incorrect",
    "has not ended",
    "so it has no `out`",
    "is not an argument",
    "` is missing",
    "` must be ",
    "needs one of `",
    "from `with`",
];

/// Whether a failure says that the runbook names or means something that cannot be.
fn is_of_the_text(failure: &Failure) -> bool {
    let is_class = matches!(failure.class, ErrorClass::Refused | ErrorClass::Malformed);
    // What a function of a file gets, and makes of it, has no declared type.
    let is_inside_function = failure.message.contains(".rhai:");
    is_class && !is_inside_function && OF_THE_TEXT.iter().any(|words| failure.message.contains(words))
}

/// Whether it tells of a name, which is told beforehand in scripts as well.
fn is_name(failure: &Failure) -> bool {
    failure.message.contains("there is no `")
}

/// Whether a runbook, or one it uses, has a script: of the values in one nobody knows before.
fn has_script(runbook: &Runbook) -> bool {
    let mut works = runbook.steps.iter().flat_map(|step| [Some(&step.work), step.undo.as_deref()]).flatten();
    works.any(|work| match &work.action.kind {
        ActionKind::Script(_) => true,
        ActionKind::Runbook(inner) => has_script(inner),
        ActionKind::Primitive(_) => false,
    })
}

fn tried(base: &SourceFile, changes: &[Change], good: &[SourceFile], stage: &Stage) -> Result<bool, TestCaseError> {
    let text = changes.iter().fold(base.text().to_owned(), |text, change| change.on(&text, good));
    let file = SourceFile::new(base.name(), text.as_str());
    let Some(runbook) = stage.linted(&file) else {
        return Ok(false);
    };
    let Some(params) = stage.params(&runbook) else {
        return Ok(false);
    };
    let failures = stage.failures(&runbook, params);
    let is_scripted = has_script(&runbook);
    let wrong = failures.iter().find(|failure| is_of_the_text(failure) && (!is_scripted || is_name(failure)));
    prop_assert!(wrong.is_none(), "{}\n{text}", wrong.map_or(String::new(), ToString::to_string));
    Ok(true)
}

#[test]
fn what_lint_passes_the_engine_carries_out() {
    let good = good();
    let stage = Stage::new();
    let (mut runner, asked) = trials("TITAN_MUTATIONS", FEW);
    let passed = RefCell::new(0_u32);
    let strategy = (any::<Index>(), prop::collection::vec(change(), 1..4));
    let result = runner.run(&strategy, |(base, changes)| {
        if tried(base.get(&good), &changes, &good, &stage)? {
            *passed.borrow_mut() += 1;
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    // Changes that nothing passes would show nothing.
    assert!(*passed.borrow() >= asked / 20, "only {} of {asked} were run", passed.borrow());
}
