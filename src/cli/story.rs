//! `titan-run show`, `why`, `replay` and `verify`: a run from its record, touching nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::engine::{Evidence, Explained, explain};
use crate::event::{Happened, Phase};
use crate::report::{reasons, timeline, why as explained};
use crate::visible::visible;

use super::approvals::approvals;
use super::carry::{Output, View};
use super::exit::Refusal;
use super::runs::{Named, Story};
use super::{Streams, exit, recorded};

// The arguments of `why`.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct WhyArgs {
    #[command(flatten)]
    named: Named,
    /// The step's path, such as `arm` or `deploy_pair/deploy_brain`
    step: String,
}

// The arguments of `replay`.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    named: Named,
    /// How the run is shown
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

// The arguments of `verify`.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    named: Named,
    /// The checksum the last record must have
    #[arg(long, value_name = "HEX")]
    head: Option<String>,
}

fn story(named: &Named) -> Result<Story, Refusal> {
    Ok(Story::read(&named.find()?.read()?)?)
}

/// What a command says, or why it cannot.
fn answer(streams: &mut Streams<'_>, said: Result<String, Refusal>) -> u8 {
    match said {
        Ok(text) => {
            streams.say(text.trim_end());
            exit::SUCCEEDED
        }
        Err(Refusal { code, why }) => {
            streams.complain(&why);
            code
        }
    }
}

/// Shows every record of a run, and why each of its steps came out as it did.
pub(super) fn show(named: &Named, streams: &mut Streams<'_>) -> u8 {
    let shown = story(named).map(|story| {
        let torn = story.torn.map_or(String::new(), |torn| {
            format!("the last {} bytes are of an unfinished record, which was never acknowledged\n", torn.bytes)
        });
        let steps = match explained_all(&story) {
            Ok(found) => reasons(&story.events, &found),
            Err(why) => format!("its steps cannot be explained: {}\n", visible(&why)),
        };
        format!("{}{torn}\n{steps}\nhead {}", timeline(&story.events), story.chain.head())
    });
    answer(streams, shown)
}

/// Says why a step ran, was skipped or failed.
pub(super) fn why(args: &WhyArgs, streams: &mut Streams<'_>) -> u8 {
    let said = story(&args.named).and_then(|story| {
        let found = with_evidence(&story, |evidence| explain(evidence, &args.step))?.map_err(Refusal::usage)?;
        Ok(explained(&story.events, &found, &args.step))
    });
    answer(streams, said)
}

/// Every step of the forward part that is on record, in the order of the record.
fn explained_all(story: &Story) -> Result<Vec<(Arc<str>, Explained)>, String> {
    let mut seen = BTreeSet::new();
    let paths = story.events.iter().filter_map(|event| match &event.what {
        Happened::Started { step, phase: Phase::Forward, .. }
        | Happened::Finished { step, phase: Phase::Forward, .. }
        | Happened::Skipped { step, phase: Phase::Forward, .. } => Some(step),
        _ => None,
    });
    let paths: Vec<_> = paths.filter(|path| seen.insert(Arc::clone(path))).collect();
    with_evidence(story, |evidence| {
        paths.iter().map(|path| Ok((Arc::clone(path), explain(evidence, path)?))).collect()
    })?
}

/// Asks something of a run's record and the files it holds.
fn with_evidence<T>(story: &Story, ask: impl FnOnce(Evidence<'_>) -> T) -> Result<T, String> {
    let header = story.state.header.as_deref().ok_or("the journal holds no whole record")?;
    let prepared = recorded::prepared(header, false)?;
    Ok(ask(Evidence {
        runbook: &prepared.runbook,
        target: &prepared.target,
        guards: &prepared.guards,
        header,
        events: &story.events,
    }))
}

/// Feeds a run's events to the ordinary view.
pub(super) fn replay(args: &ReplayArgs, streams: &mut Streams<'_>) -> u8 {
    match story(&args.named) {
        Ok(story) => {
            let view = View::new(args.output, streams.out);
            story.events.iter().for_each(|event| view.event(event));
            exit::SUCCEEDED
        }
        Err(Refusal { code, why }) => {
            streams.complain(&why);
            code
        }
    }
}

/// Checks the chain of a run's records, and its head against one that was kept elsewhere.
pub(super) fn verify(args: &VerifyArgs, streams: &mut Streams<'_>) -> u8 {
    let said = story(&args.named).and_then(|story| {
        let head = story.chain.head();
        if let Some(wanted) = args.head.as_deref().filter(|wanted| !wanted.eq_ignore_ascii_case(head)) {
            return Err(format!("the last record has checksum {head}, not {wanted}").into());
        }
        if let Some(torn) = story.torn {
            return Err(
                format!("the last {} bytes at byte {} are an unfinished record", torn.bytes, torn.offset).into()
            );
        }
        let mut said = format!("{} records, each follows the one before it\n", story.events.len());
        for approval in approvals(&story.events)? {
            said.push_str(&format!("{approval}\n"));
        }
        Ok(format!("{said}head {head}"))
    });
    answer(streams, said)
}
