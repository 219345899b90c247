//! From the command line to everything a run is made of: runbook, target, params, digests.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::{Findings, Severity};
use crate::event::Header;
use crate::guard::Guards;
use crate::live::user;
use crate::policy::sha256_hex;
use crate::runbook::target::Target;
use crate::runbook::{ParamSource, Runbook, resolve_params};
use crate::source::SourceFile;
use crate::value::Value;
use crate::yaml;

use super::check::Checker;
use super::files::{read_param_file, read_source};
use super::slip::read_runbook;
use super::{Streams, exit};

/// What the environment variable of a param begins with; the param's name follows in upper case.
const PARAM_VARIABLE: &str = "TITAN_PARAM_";

/// The version of this engine, as a header holds it.
pub(super) const ENGINE: &str = concat!("titan-run ", env!("CARGO_PKG_VERSION"));

// What says which runbook runs where, with what.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// The runbook
    #[arg(required = true)]
    pub(super) runbook: Option<String>,
    /// Where to act; without it `TITAN_TARGET`, then `titan.target.yaml` beside or above the
    /// runbook, then the built-in simulated Titan
    #[arg(long, value_name = "FILE")]
    pub(super) target: Option<String>,
    /// Give a param its value
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// A YAML file with values of params
    #[arg(long, value_name = "FILE")]
    params: Option<String>,
}

/// Everything a run is made of.
pub(super) struct Prepared {
    pub(super) runbook: Arc<Runbook>,
    pub(super) target: Target,
    pub(super) guards: Guards,
    /// Without id and time, which come from the world.
    pub(super) header: Header,
}

/// Reads everything, and tells the user everything that is wrong; the error is the exit code.
pub(super) fn prepare(args: &Args, streams: &mut Streams<'_>) -> Result<Prepared, u8> {
    let name = args.runbook.as_deref().unwrap_or_default();
    let file = read_runbook(name).map_err(|trouble| trouble.tell(streams))?;
    let mut checker = Checker::new(args.target.as_deref());
    let around = checker.around(name);
    let loaded = checker.runbook(&file, &around, true);
    let found: Vec<_> = around.diagnostics.iter().chain(&loaded.diagnostics).cloned().collect();
    streams.draw(&found);
    around.unreadable.iter().for_each(|why| streams.complain(why));
    if !around.unreadable.is_empty() || found.iter().any(|found| found.severity == Severity::Error) {
        return Err(exit::USAGE);
    }
    let runbook = loaded.runbook.ok_or(exit::USAGE)?;
    let (guards, target, target_file) = (checker.guards, around.aim.target.clone(), &around.aim.file);
    let mut complain = |problems: Vec<String>| {
        problems.iter().for_each(|problem| streams.complain(problem));
        exit::USAGE
    };
    let sources = sources(args, &runbook, &target, &guards).map_err(&mut complain)?;
    let params = resolve_params(&runbook, &sources, &read_param_file).map_err(&mut complain)?;
    let read: Vec<_> = loaded.files.iter().chain([target_file]).chain(&around.settings).collect();
    let header = Header {
        file: name.to_owned(),
        target_file: target_file.name().to_owned(),
        folder: std::env::current_dir().map(|folder| folder.display().to_string()).unwrap_or_default(),
        who: user(),
        sources: read.iter().map(|file| (file.name().to_owned(), Arc::from(file.text()))).collect(),
        runbook: runbook.name.as_str().to_owned(),
        about: runbook.about.clone(),
        target: target.name.clone(),
        simulated: target.world.is_some(),
        engine: ENGINE.to_owned(),
        digests: digests(&read, args.params.as_deref(), &params),
        params,
        steps: runbook.steps.iter().map(|step| step.id.shared()).collect(),
        ..Header::default()
    };
    Ok(Prepared { runbook, target, guards, header })
}

/// Where values of params come from, the strongest first.
fn sources(args: &Args, runbook: &Runbook, target: &Target, guards: &Guards) -> Result<Vec<ParamSource>, Vec<String>> {
    let (set, mut problems) = pairs("--set", &args.set);
    let file = match args.params.as_deref().map(|name| params_file(name, guards)).transpose() {
        Ok(values) => values.unwrap_or_default(),
        Err(problem) => {
            problems.push(problem);
            BTreeMap::new()
        }
    };
    if !problems.is_empty() {
        return Err(problems);
    }
    let from_variable = |name: &Arc<str>| {
        let variable = format!("{PARAM_VARIABLE}{}", name.to_uppercase());
        Some((name.to_string(), Value::text(std::env::var(variable).ok()?)))
    };
    let source = |from: &str, strict, values| ParamSource { from: from.to_owned(), strict, values };
    Ok(vec![
        source("`--set`", true, set),
        source("`--params`", true, file),
        source(
            "the environment",
            false,
            runbook.params.iter().filter_map(|param| from_variable(&param.name)).collect(),
        ),
        source("the target", false, target.params.clone()),
    ])
}

/// `NAME=VALUE` pairs, and a sentence for each that is none or comes twice.
pub(super) fn pairs(option: &str, written: &[String]) -> (BTreeMap<String, Value>, Vec<String>) {
    let mut values = BTreeMap::new();
    let mut problems = Vec::new();
    for pair in written {
        match pair.split_once('=') {
            Some((name, _)) if values.contains_key(name) => problems.push(format!("`{option} {name}` is given twice")),
            Some((name, value)) if !name.is_empty() => {
                values.insert(name.to_owned(), Value::text(value));
            }
            _ => problems.push(format!("`{option} {pair}` is not of the form NAME=VALUE")),
        }
    }
    (values, problems)
}

fn params_file(name: &str, guards: &Guards) -> Result<BTreeMap<String, Value>, String> {
    let first = |found: Vec<crate::diagnostic::Diagnostic>| {
        let message = found.first().map_or("it cannot be read", |d| d.message.as_str());
        format!("`{name}`: {message}")
    };
    let file = read_source(name)?.map_err(first)?;
    let mut findings = Findings::new(file.clone());
    let root = yaml::parse(&file, &mut findings);
    let template = root.and_then(|root| guards.template(&root, &mut findings));
    if findings.has_errors() {
        return Err(first(findings.into_sorted()));
    }
    let constant = template.as_ref().and_then(|template| template.constant());
    let map = constant.and_then(Value::as_map).ok_or_else(|| format!("`{name}` must be a map of names and values"))?;
    Ok(map.iter().map(|(name, value)| (name.to_string(), value.clone())).collect())
}

/// SHA-256 of every file read, by name; files of params by `params.NAME`.
fn digests(read: &[&SourceFile], params_file: Option<&str>, params: &Value) -> BTreeMap<String, String> {
    let mut digests: BTreeMap<_, _> =
        read.iter().map(|file| (file.name().to_owned(), sha256_hex(file.text().as_bytes()))).collect();
    if let Some((name, text)) = params_file.and_then(|name| Some((name, read_param_file(name).ok()?))) {
        digests.insert(name.to_owned(), sha256_hex(text.as_bytes()));
    }
    for (name, value) in params.as_map().into_iter().flatten() {
        if let Some(text) = value.get("text").and_then(Value::as_text) {
            digests.insert(format!("params.{name}"), sha256_hex(text.as_bytes()));
        }
    }
    digests
}
