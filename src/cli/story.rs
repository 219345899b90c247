//! `titan-run show`, `why`, `replay` and `verify`: a run from its record, touching nothing.

use crate::engine::{Evidence, explain};
use crate::report::{timeline, why as explained};

use super::carry::{Output, View};
use super::runs::{Named, Story};
use super::{Streams, exit, recorded};

/// The arguments of `why`.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct WhyArgs {
    #[command(flatten)]
    named: Named,
    /// The step's path, such as `arm` or `deploy_pair/deploy_brain`
    step: String,
}

/// The arguments of `replay`.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    named: Named,
    /// How the run is shown
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// The arguments of `verify`.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    named: Named,
    /// The checksum the last record must have
    #[arg(long, value_name = "HEX")]
    head: Option<String>,
}

fn story(named: &Named) -> Result<Story, String> {
    named.find().and_then(|folder| folder.read()).and_then(|bytes| Story::read(&bytes))
}

/// What a command says, or why it cannot.
fn answer(streams: &mut Streams<'_>, said: Result<String, String>) -> u8 {
    match said {
        Ok(text) => {
            streams.say(text.trim_end());
            exit::SUCCEEDED
        }
        Err(why) => {
            streams.complain(&why);
            exit::REFUSED
        }
    }
}

/// Shows every record of a run.
pub(super) fn show(named: &Named, streams: &mut Streams<'_>) -> u8 {
    let shown = story(named).map(|story| {
        let torn = story.torn.map_or(String::new(), |torn| {
            format!("the last {} bytes are of an unfinished record, which was never acknowledged\n", torn.bytes)
        });
        format!("{}{torn}head {}", timeline(&story.events), story.chain.head())
    });
    answer(streams, shown)
}

/// Says why a step ran, was skipped or failed.
pub(super) fn why(args: &WhyArgs, streams: &mut Streams<'_>) -> u8 {
    let said = story(&args.named).and_then(|story| {
        let header = story.state.header.as_deref().ok_or("the journal holds no whole record")?;
        let prepared = recorded::prepared(header)?;
        let evidence = Evidence {
            runbook: &prepared.runbook,
            target: &prepared.target,
            guards: &prepared.guards,
            header,
            events: &story.events,
        };
        let found = explain(evidence, &args.step)?;
        Ok(explained(&story.events, &found, &args.step))
    });
    answer(streams, said)
}

/// Feeds a run's events to the ordinary view.
pub(super) fn replay(args: &ReplayArgs, streams: &mut Streams<'_>) -> u8 {
    match story(&args.named) {
        Ok(story) => {
            let view = View::new(args.output, streams.out);
            story.events.iter().for_each(|event| view.event(event));
            exit::SUCCEEDED
        }
        Err(why) => {
            streams.complain(&why);
            exit::REFUSED
        }
    }
}

/// Checks the chain of a run's records, and its head against one that was kept elsewhere.
pub(super) fn verify(args: &VerifyArgs, streams: &mut Streams<'_>) -> u8 {
    let said = story(&args.named).and_then(|story| {
        let head = story.chain.head();
        if let Some(wanted) = args.head.as_deref().filter(|wanted| *wanted != head) {
            return Err(format!("the last record has checksum {head}, not {wanted}"));
        }
        if let Some(torn) = story.torn {
            return Err(format!("the last {} bytes at byte {} are an unfinished record", torn.bytes, torn.offset));
        }
        Ok(format!("{} records, each follows the one before it\nhead {head}", story.events.len()))
    });
    answer(streams, said)
}
