//! `titan-run diff`: what differs between two runbooks in meaning; touches nothing but them.

use std::sync::Arc;

use clap::ValueEnum;

use crate::diff::diff as differences;
use crate::guard::Guards;
use crate::primitive::CATALOGUE;
use crate::report::{changes, changes_json};
use crate::runbook::{Runbook, load_copy};

use super::files::{Folder, Trouble};
use super::slip::read_runbook;
use super::{Streams, exit};

#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// The runbook as it was
    before: String,
    /// The runbook as it is
    after: String,
    /// How differences are shown
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// The forms of a comparison.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Text,
    /// One JSON document
    Json,
}

/// Compares two runbooks.
pub(super) fn diff(args: &Args, streams: &mut Streams<'_>) -> u8 {
    let guards = Guards::new(CATALOGUE);
    let (before, after) = (read(&args.before, &guards), read(&args.after, &guards));
    let (before, after) = match (before, after) {
        (Ok(before), Ok(after)) => (before, after),
        (before, after) => {
            let troubles = [before.err(), after.err()];
            return troubles.iter().flatten().map(|trouble| trouble.tell(streams)).max().unwrap_or(exit::USAGE);
        }
    };
    let found = differences(&before, &after);
    let text = match args.output {
        Output::Text => changes(&found),
        Output::Json => changes_json(&found),
    };
    let _ = write!(streams.out, "{text}");
    if found.is_empty() { exit::SUCCEEDED } else { exit::REFUSED }
}

fn read(name: &str, guards: &Guards) -> Result<Arc<Runbook>, Trouble> {
    let file = read_runbook(name)?;
    let loaded = load_copy(&file, guards, CATALOGUE, &Folder::of(name));
    loaded.runbook.ok_or(Trouble::Wrong(loaded.diagnostics))
}
