//! `titan-run test`: runs test files against the simulated world; touches nothing real.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::runbook::target::Target;
use crate::runbook::test_file::{Case, TestFile};
use crate::runbook::{ParamSource, Runbook, check_test, decode_test, resolve_params};
use crate::sim::SimWorld;
use crate::stdlib;
use crate::visible::visible;

use super::case::Stage;
use super::check::{Checker, tested_runbook};
use super::files::{SIMULATED, Trouble, read_param_file, read_source};
use super::search::yaml_files;
use super::{Streams, exit};

/// How the name of a test file ends.
const ENDING: &str = ".test.yaml";

#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// Test files, or folders in which every `*.test.yaml` is run
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,
}

/// How many cases there were.
#[derive(Default)]
struct Count {
    good: usize,
    all: usize,
}

/// Runs every case, and says which did not come to what it expects.
pub(super) fn test(args: &Args, streams: &mut Streams<'_>) -> u8 {
    let (mut files, problems) = yaml_files(&args.paths);
    problems.iter().for_each(|why| streams.complain(why));
    files.retain(|path| args.paths.contains(path) || path.display().to_string().ends_with(ENDING));
    if files.is_empty() {
        streams.complain(&format!("no `*{ENDING}` was found there; `titan-run new NAME` begins a runbook with one"));
        return exit::USAGE;
    }
    let mut checker = Checker::new(Some(SIMULATED));
    let mut code = if problems.is_empty() { exit::SUCCEEDED } else { exit::USAGE };
    let mut count = Count::default();
    for path in &files {
        code = code.max(one_file(&path.display().to_string(), &mut checker, &mut count, streams));
    }
    let plural = if count.all == 1 { "" } else { "s" };
    streams.say(&format!("{} of {} case{plural} as expected", count.good, count.all));
    code
}

fn one_file(name: &str, checker: &mut Checker, count: &mut Count, streams: &mut Streams<'_>) -> u8 {
    let ready = match Ready::read(name, checker) {
        Ok(ready) => ready,
        Err(Trouble::Wrong(found)) => {
            streams.draw(&found);
            return exit::REFUSED;
        }
        Err(trouble) => return trouble.tell(streams),
    };
    let guards = &checker.guards;
    let stage = Stage { runbook: &ready.runbook, target: &ready.target, guards, world: ready.world };
    let mut code = exit::SUCCEEDED;
    for case in &ready.test.cases {
        let lines = run_case(&ready, &stage, case);
        count.all += 1;
        count.good += usize::from(lines.is_empty());
        let word = if lines.is_empty() { "ok  " } else { "FAIL" };
        streams.say(&format!("{word}  {}  {}", visible(&ready.test.runbook.value), case.id));
        if !lines.is_empty() {
            code = exit::REFUSED;
            lines.iter().for_each(|line| streams.say(&format!("      {}", visible(line))));
        }
    }
    code
}

/// What is not as expected, a line each, with its place.
fn run_case(ready: &Ready, stage: &Stage<'_>, case: &Case) -> Vec<String> {
    let values = case.params.iter().map(|(name, value)| (name.clone(), value.value.clone())).collect();
    let source = |from: &str, values: BTreeMap<_, _>| ParamSource { from: from.to_owned(), strict: false, values };
    let sources = [source("the case", values), source("the target", ready.target.params.clone())];
    let params = match resolve_params(&ready.runbook, &sources, &read_param_file) {
        Ok(params) => params,
        Err(problems) => return problems,
    };
    let outcome = match stage.rehearse(case, params) {
        Ok(outcome) => outcome,
        Err(why) => return vec![why],
    };
    let differences = outcome.differences(case, &ready.target);
    let file = &ready.test.file;
    let told = differences.iter().map(|one| {
        let (line, _) = file.line_column(one.span.start);
        format!("{}:{line}: {}", file.name(), one.text)
    });
    let mut lines: Vec<_> = told.collect();
    if !lines.is_empty() {
        let cause = outcome.ended.cause.as_ref().map_or_else(String::new, |cause| format!(": {}", cause.sentence()));
        lines.push(format!("it ended `{}`{cause}", outcome.ended.ending.word()));
        lines.extend(outcome.ended.needs_person.iter().map(|need| format!("a person is needed: {need}")));
    }
    lines
}

/// A test file with everything it is about.
struct Ready {
    test: TestFile,
    runbook: Arc<Runbook>,
    target: Target,
    /// The text of the simulated world.
    world: &'static str,
}

impl Ready {
    fn read(name: &str, checker: &mut Checker) -> Result<Self, Trouble> {
        let file = read_source(name).map_err(Trouble::Unreadable)?.map_err(Trouble::Wrong)?;
        let test = decode_test(&file, &checker.guards).map_err(Trouble::Wrong)?;
        let named = tested_runbook(&file, &test.runbook.value);
        let read = read_source(&named).map_err(|why| Trouble::Unreadable(format!("{name}: {why}")))?;
        let around = checker.around(&named);
        let loaded = checker.runbook(&read.map_err(Trouble::Wrong)?, &around, true);
        let runbook = loaded.runbook.ok_or(Trouble::Wrong(loaded.diagnostics))?;
        let target = around.aim.target.clone();
        let world = target.world.as_deref().and_then(stdlib::find).unwrap_or_default();
        let options = SimWorld::option_names(world).map_err(Trouble::Unreadable)?;
        let found = check_test(&test, &runbook, &target, &options);
        if !found.is_empty() {
            return Err(Trouble::Wrong(found));
        }
        Ok(Self { test, runbook, target, world })
    }
}
