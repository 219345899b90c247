//! `titan-run abort`, `pause`, `skip`, `retry`, `approve` and `deny`: what a person asks of a run
//! from another terminal.
//!
//! A run that is being carried out is asked through its control socket. One that is not can still
//! be told what to do next, in its record; `abort` rolls it back at once.

use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;

use crate::approval::{self, Question};
use crate::declaration::Effect;
use crate::event::{Asked, Event, Happened, Phase, Request};
use crate::journal::{self, Keeper, Known, State};
use crate::live::control::{Reply, ask};
use crate::live::run_folder::RunFolder;
use crate::live::{now_unix_ms, read_seed, user};
use crate::report::{Appeal, appeal};
use crate::runbook::{OnFailure, Runbook};
use crate::value::Value;

use super::carry::How;
use super::exit::Refusal;
use super::resume::roll_back;
use super::runs::{Named, Story};
use super::{Streams, approvals, exit, recorded};

// The arguments of `abort`.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct AbortArgs {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    how: How,
    /// Kept with the request
    #[arg(long, default_value = "no reason given")]
    why: String,
}

// The arguments of `pause`.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct PauseArgs {
    #[command(flatten)]
    named: Named,
    /// Kept with the request
    #[arg(long, default_value = "no reason given")]
    why: String,
}

// The arguments of `skip` and `retry`.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct StepArgs {
    #[command(flatten)]
    named: Named,
    /// The step's path
    step: String,
    /// Kept with the request
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    why: String,
}

// The arguments of `approve` and `deny`.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct DecideArgs {
    #[command(flatten)]
    named: Named,
    /// The file that holds the seed of your key
    #[arg(long, value_name = "KEYFILE")]
    key: PathBuf,
    /// The asking step, where several ask
    #[arg(long)]
    step: Option<String>,
    /// Do not ask before signing
    #[arg(long)]
    yes: bool,
    /// Kept with the answer
    #[arg(long, default_value = "no reason given")]
    why: String,
}

/// Rolls a run back, whether or not it is being carried out.
pub(super) fn abort(args: &AbortArgs, streams: &mut Streams<'_>) -> u8 {
    let asked = asked(Request::Abort, &args.why);
    match args.named.find() {
        Ok(folder) if folder.is_owned() => told(speak(&folder, &asked).map_err(Refusal::from), streams),
        Ok(_) => roll_back(&args.named, &args.how, asked, streams),
        Err(refusal) => told(Err(refusal), streams),
    }
}

/// Stops a run at its next safe point.
pub(super) fn pause(args: &PauseArgs, streams: &mut Streams<'_>) -> u8 {
    let said = args.named.find().and_then(|folder| {
        if !folder.is_owned() {
            return Err(format!("run `{}` is not being carried out, so there is nothing to pause", folder.id()).into());
        }
        Ok(speak(&folder, &asked(Request::Pause, &args.why))?)
    });
    told(said, streams)
}

/// Goes on without a step.
pub(super) fn skip(args: &StepArgs, streams: &mut Streams<'_>) -> u8 {
    of_step(args, Request::Skip { step: args.step.clone() }, streams)
}

/// Does a failed step again.
pub(super) fn retry(args: &StepArgs, streams: &mut Streams<'_>) -> u8 {
    of_step(args, Request::Retry { step: args.step.clone() }, streams)
}

fn of_step(args: &StepArgs, request: Request, streams: &mut Streams<'_>) -> u8 {
    let asked = asked(request, &args.why);
    let said = args.named.find().and_then(|folder| {
        is_step(&folder, &args.step)?;
        match folder.is_owned() {
            true => Ok(speak(&folder, &asked)?),
            false => Ok(write_down(&folder, &asked)?),
        }
    });
    told(said, streams)
}

/// Whether a run has a step; a slip is told here, before anybody is asked. What cannot be read is
/// left to whoever is asked, who judges for himself.
fn is_step(folder: &RunFolder, path: &str) -> Result<(), Refusal> {
    let bytes = folder.read()?;
    let Some(Happened::RunStarted(header)) = journal::first(&bytes).map(|first| first.what) else {
        return Ok(());
    };
    match recorded::prepared(&header, false) {
        Ok(prepared) => prepared.runbook.named_step(path).map(drop).map_err(Refusal::usage),
        Err(_) => Ok(()),
    }
}

/// Signs that a run may go on.
pub(super) fn approve(args: &DecideArgs, streams: &mut Streams<'_>) -> u8 {
    decide(args, true, streams)
}

/// Signs that a run may not go on.
pub(super) fn deny(args: &DecideArgs, streams: &mut Streams<'_>) -> u8 {
    decide(args, false, streams)
}

fn decide(args: &DecideArgs, yes: bool, streams: &mut Streams<'_>) -> u8 {
    let said = args.named.find().and_then(|folder| {
        let seed = read_seed(&args.key).map_err(Refusal::usage)?;
        args.step.iter().try_for_each(|step| is_step(&folder, step))?;
        let Story { state, events, .. } = Story::read(&folder.read()?)?;
        let (step, question) = open_question(&state, args.step.as_deref())?;
        let asking = state.known(Phase::Forward, &step).ok_or("the run does not wait for an approval")?;
        let with = asking.calls.last().map_or(&asking.with, |call| &call.with);
        let forged = |why| format!("nothing was signed: the question is not this run's: {why}");
        approvals::check(&events, &step, with, &question).map_err(forged)?;
        let signed = approval::sign(&seed, &question.digest, yes)?;
        question.accepts(&signed, now_unix_ms())?;
        streams.say(appeal(&shown(&state, &step, with, &question)?, now_unix_ms()).trim_end());
        if !args.yes && !confirmed(if yes { "approve" } else { "deny" }, streams) {
            return Err("nothing was signed".into());
        }
        Ok(speak(&folder, &asked(Request::Decide { step, signed }, &args.why))?)
    });
    told(said, streams)
}

/// The question that a run waits for an answer to.
fn open_question(state: &State, step: Option<&str>) -> Result<(String, Question), String> {
    let asking = |(path, known): (&std::sync::Arc<str>, &Known)| {
        let is_open = known.is_open() && step.is_none_or(|step| step == &**path);
        let question = known.memory.as_ref().and_then(Question::from_value);
        question.filter(|_| is_open).map(|question| (path.to_string(), question))
    };
    let mut open: Vec<_> = state.all(Phase::Forward).filter_map(asking).collect();
    match (open.pop(), open.is_empty()) {
        (Some(one), true) => state.goes_on().map(|()| one),
        (None, _) => Err("the run does not wait for an approval".to_owned()),
        (Some(_), false) => Err("several steps ask; `--step PATH` says which one is answered".to_owned()),
    }
}

/// What an approver must see before signing.
fn shown(state: &State, step: &str, with: &Value, question: &Question) -> Result<Appeal, String> {
    let header = state.header.as_deref().ok_or("the run has no header")?;
    let prepared = recorded::prepared(header, false)?;
    Ok(Appeal {
        run: header.run.clone(),
        runbook: header.runbook.clone(),
        target: header.target.clone(),
        step: step.to_owned(),
        requesters: question.requesters.clone(),
        shows: with.get("shows").cloned().unwrap_or_default(),
        params: header.params.clone(),
        effects: effects(&prepared.runbook, ""),
        digests: header.digests.clone(),
        question: question.clone(),
    })
}

/// Every step that changes something, in reading order, with its action.
fn effects(runbook: &Runbook, prefix: &str) -> Vec<String> {
    let mut found = Vec::new();
    for step in runbook.steps.iter().filter(|step| step.work.action.effect() == Effect::Changes) {
        let path = format!("{prefix}{}", step.id);
        match &step.work.action.kind {
            crate::runbook::ActionKind::Runbook(inner) => found.extend(effects(inner, &format!("{path}/"))),
            _ => found.push(format!("{path}: {}", step.work.action.name())),
        }
    }
    found
}

fn confirmed(verb: &str, streams: &mut Streams<'_>) -> bool {
    if !std::io::stdin().is_terminal() {
        streams.complain("this is no terminal; `--yes` signs without asking");
        return false;
    }
    let _ = write!(streams.err, "{verb}? [y/N] ");
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.is_ok() && matches!(line.trim(), "y" | "Y" | "yes")
}

fn asked(request: Request, why: &str) -> Asked {
    Asked { request, who: user(), why: why.to_owned() }
}

fn told(said: Result<String, Refusal>, streams: &mut Streams<'_>) -> u8 {
    match said {
        Ok(text) => {
            streams.say(&crate::visible::visible(&text));
            exit::SUCCEEDED
        }
        Err(Refusal { code, why }) => {
            streams.complain(&why);
            code
        }
    }
}

/// Says something to the process that carries a run out.
fn speak(folder: &RunFolder, asked: &Asked) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no runtime could be started: {error}"))?;
    match runtime.block_on(ask(&folder.control(), asked))? {
        Reply::Taken(text) => Ok(text),
        Reply::Refused(why) => Err(why),
    }
}

/// Writes a request into the record of a run that nobody carries out.
fn write_down(folder: &RunFolder, asked: &Asked) -> Result<String, String> {
    let (journal, bytes) = folder.take_over()?;
    let Story { state, chain, torn, whole_bytes, .. } = Story::read(&bytes)?;
    state.goes_on()?;
    let header = state.header.as_deref().ok_or("the run never began")?;
    folder.is_of(&header.run)?;
    judge(&recorded::prepared(header, false)?.runbook, &state, &asked.request)?;
    if torn.is_some() {
        return Err("the journal ends in an unfinished record; `titan-run resume` mends it".to_owned());
    }
    journal.cut(whole_bytes)?;
    let event = Event {
        v: crate::event::EVENT_FORMAT,
        seq: chain.next_seq(),
        at_ms: state.at_ms,
        what: Happened::Requested(asked.clone()),
    };
    let keeper = Keeper::new(journal, chain, state);
    keeper.append(&event)?;
    keeper.commit()?;
    Ok(format!("{} is on record; `titan-run resume {}` goes on", asked.request.phrase(), folder.id()))
}

/// Whether a step is in doubt, so that a person's word on it counts.
///
/// # Errors
/// A sentence saying why not.
pub(super) fn judge_word(runbook: &Runbook, state: &State, path: &str) -> Result<(), Refusal> {
    runbook.named_step(path).map_err(Refusal::usage)?;
    let mut known = [Phase::Forward, Phase::Undo].into_iter().filter_map(|phase| state.known(phase, path));
    let is_in_doubt = known.any(|known| known.acted && known.is_open());
    let why = || format!("`{path}` is not in doubt, so nobody has to say what became of it");
    is_in_doubt.then_some(()).ok_or_else(|| why().into())
}

/// Whether a run may be asked this now.
///
/// # Errors
/// A sentence saying why not.
pub(super) fn judge(runbook: &Runbook, state: &State, request: &Request) -> Result<(), String> {
    let path = match request {
        Request::Abort => return Ok(()),
        _ if state.rollback.is_some() => {
            return Err("the run rolls back, and hears nothing but `titan-run abort`".to_owned());
        }
        Request::Pause => return Ok(()),
        Request::TookEffect { .. } | Request::TookNone { .. } => {
            return Err("only `titan-run resume` hears what became of a step in doubt".to_owned());
        }
        Request::Skip { step } | Request::Retry { step } | Request::Decide { step, .. } => step,
    };
    let step = runbook.named_step(path)?;
    let known = state.known(Phase::Forward, path);
    let is_open = known.is_some_and(|known| known.is_open());
    let has_failed = known.is_some_and(Known::has_failed) && step.on_failure == OnFailure::Pause;
    let items = state.items(Phase::Forward, path);
    let mut tries =
        items.iter().map(|(_, item)| &**item).chain([&**path]).filter_map(|at| state.known(Phase::Forward, at));
    let may_retry =
        step.on_failure == OnFailure::Pause && tries.clone().any(|known| known.has_failed() && !known.again);
    match request {
        Request::Skip { .. } if !step.may_skip => {
            Err(format!("the runbook does not let anybody go on without `{path}`: it lacks `may_skip: true`"))
        }
        Request::Skip { .. } if !(is_open || has_failed) => Err(format!("`{path}` is neither under way nor waiting")),
        Request::Skip { .. } | Request::Retry { .. } if path.ends_with(']') && has_failed => {
            let whole = path.rsplit_once('[').map_or(&**path, |(whole, _)| whole);
            Err(format!("`{path}` is one item; `titan-run retry RUN {whole}` does again what failed of all"))
        }
        Request::Retry { .. } if !may_retry && tries.any(|known| known.again) => {
            Err(format!("`{path}` is to be done again already"))
        }
        Request::Retry { .. } if !may_retry => Err(format!("`{path}` did not fail and wait for a person")),
        Request::Decide { signed, .. } => {
            let question = known.filter(|_| is_open).and_then(|known| Question::from_value(known.memory.as_ref()?));
            let question = question.ok_or_else(|| format!("`{path}` does not wait for an approval"))?;
            question.accepts(signed, now_unix_ms()).map(drop)
        }
        _ => Ok(()),
    }
}
