//! `titan-run diff`: what differs between two runbooks in meaning; touches nothing but them.

use std::path::Path;
use std::sync::Arc;

use clap::ValueEnum;

use crate::diff::diff as differences;
use crate::guard::Guards;
use crate::primitive::CATALOGUE;
use crate::report::{changes, changes_json};
use crate::runbook::{Runbook, load_copy};
use crate::stdlib;
use crate::yaml;

use super::files::{Folder, Trouble, read_bounded, read_stdin};
use super::slip::{as_runbook, read_runbook};
use super::{Streams, exit};

/// What stands for standard input.
const STDIN: &str = "-";

#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// The runbook as it was; `-` for standard input
    before: String,
    /// The runbook as it is; `-` for standard input
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
    if args.before == STDIN && args.after == STDIN {
        streams.complain("standard input is one of the two at most");
        return exit::USAGE;
    }
    let guards = Guards::new(CATALOGUE);
    let (before, after) = (read(&args.before, &args.after, &guards), read(&args.after, &args.before, &guards));
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

/// Reads a runbook. What comes from a pipe has no folder: what it uses is looked for beside `other`.
fn read(name: &str, other: &str, guards: &Guards) -> Result<Arc<Runbook>, Trouble> {
    let is_piped = name == STDIN || is_pipe(name);
    let shown = if is_piped { beside(other, name) } else { name.to_owned() };
    let file = match name {
        STDIN => read_stdin(&shown).map_err(Trouble::Unreadable)?.map_err(Trouble::Wrong).and_then(as_runbook)?,
        _ if is_piped => {
            let bytes = read_bounded(Path::new(name), yaml::MAX_TEXT as u64).map_err(Trouble::Unreadable)?;
            yaml::read_text(&shown, &bytes).map_err(Trouble::Wrong).and_then(as_runbook)?
        }
        _ => read_runbook(name)?,
    };
    let loaded = load_copy(&file, guards, CATALOGUE, &Folder::of(&shown));
    loaded.runbook.ok_or(Trouble::Wrong(loaded.diagnostics))
}

/// Whether a path leads to no file with a place of its own, such as what a shell makes of `<(...)`.
fn is_pipe(name: &str) -> bool {
    stdlib::find(name).is_none() && Path::new(name).metadata().is_ok_and(|kind| !kind.is_file() && !kind.is_dir())
}

/// A name for what comes from a pipe, in the folder of the other file.
fn beside(other: &str, name: &str) -> String {
    let has_folder = other != STDIN && stdlib::find(other).is_none() && !is_pipe(other);
    let folder = Path::new(other).parent().filter(|_| has_folder).unwrap_or(Path::new(""));
    folder.join(if name == STDIN { "<stdin>" } else { "<pipe>" }).display().to_string()
}
