//! `titan-run plan`: what a runbook would do; touches nothing but the files it reads.

use crate::guard::Guards;
use crate::primitive::CATALOGUE;
use crate::report::describe;
use crate::runbook::load;

use super::files::{Folder, Trouble, read_source};
use super::{Streams, exit};

/// The command's arguments.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// The runbook
    runbook: String,
}

/// Describes a runbook.
pub(super) fn plan(args: &Args, streams: &mut Streams<'_>) -> u8 {
    let guards = Guards::new(CATALOGUE);
    let file = match read_source(&args.runbook) {
        Ok(Ok(file)) => file,
        Ok(Err(found)) => return Trouble::Wrong(found).tell(streams),
        Err(why) => return Trouble::Unreadable(why).tell(streams),
    };
    let loaded = load(&file, &guards, CATALOGUE, &Folder::of(&args.runbook));
    match loaded.runbook {
        Some(runbook) => {
            let _ = write!(streams.out, "{}", describe(&runbook));
            exit::SUCCEEDED
        }
        None => Trouble::Wrong(loaded.diagnostics).tell(streams),
    }
}
