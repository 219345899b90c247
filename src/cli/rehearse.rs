//! `titan-run rehearse`: on the real target, the steps of a runbook that only look.
//!
//! It proves addresses, credentials, probes and what runs now, before anybody is woken. It keeps
//! no journal and holds no lock: it may run beside a rollout.

use super::Streams;
use super::carry::{How, Journey, Output, carry};
use super::prepare::{self, prepare};
use super::worlds;

#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    #[command(flatten)]
    what: prepare::Args,
    #[command(flatten)]
    world: worlds::Args,
    /// How the rehearsal is shown
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// Rehearses; gives the exit code of the ending.
pub(super) fn rehearse(args: &Args, streams: &mut Streams<'_>) -> u8 {
    let mut prepared = match prepare(&args.what, streams) {
        Ok(prepared) => prepared,
        Err(code) => return code,
    };
    prepared.header.rehearsal = true;
    let how = How::shown(args.output);
    carry(Journey { prepared, how: &how, world: &args.world, place: None, earlier: None, asked: Vec::new() }, streams)
}
