//! `titan-run RUNBOOK`: carries a runbook out and shows it.

use super::answers::misfits;
use super::carry::{How, Journey, carry};
use super::prepare::{self, prepare};
use super::runs::Place;
use super::worlds;
use super::{Streams, exit};

#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    #[command(flatten)]
    what: prepare::Args,
    #[command(flatten)]
    world: worlds::Args,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    place: Place,
    /// Keep the journal of a simulated run too; a real run's is always kept
    #[arg(long)]
    record: bool,
}

impl Args {
    /// The runbook that was named.
    pub(super) fn named(&self) -> Option<&str> {
        self.what.runbook.as_deref()
    }
}

/// Runs; gives the exit code of the ending.
pub(super) fn run(args: &Args, streams: &mut Streams<'_>) -> u8 {
    let prepared = match prepare(&args.what, streams) {
        Ok(prepared) => prepared,
        Err(code) => return code,
    };
    let misfits = misfits(&args.how, &prepared.runbook);
    if !misfits.is_empty() {
        misfits.iter().for_each(|why| streams.complain(why));
        return exit::USAGE;
    }
    let is_kept = args.record || prepared.target.world.is_none();
    let place = is_kept.then_some(&args.place);
    carry(Journey { prepared, how: &args.how, world: &args.world, place, earlier: None, asked: Vec::new() }, streams)
}
