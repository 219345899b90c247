//! `titan-run plan`: what a runbook would do; touches nothing but the files it reads.

use crate::diagnostic::Severity;
use crate::report::describe;

use super::check::Checker;
use super::slip::read_runbook;
use super::{Streams, exit};

#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// The runbook
    runbook: String,
    /// Where it will act; without it what a run would find
    #[arg(long, value_name = "FILE")]
    target: Option<String>,
}

/// Describes a runbook.
pub(super) fn plan(args: &Args, streams: &mut Streams<'_>) -> u8 {
    let file = match read_runbook(&args.runbook) {
        Ok(file) => file,
        Err(trouble) => return trouble.tell(streams),
    };
    let mut checker = Checker::new(args.target.as_deref());
    let around = checker.around(&args.runbook);
    let loaded = checker.runbook(&file, &around, around.aim.is_chosen);
    let found: Vec<_> = around.diagnostics.iter().chain(&loaded.diagnostics).cloned().collect();
    streams.draw(&found);
    around.unreadable.iter().for_each(|why| streams.complain(why));
    let is_wrong = !around.unreadable.is_empty() || found.iter().any(|found| found.severity == Severity::Error);
    match loaded.runbook.filter(|_| !is_wrong) {
        Some(runbook) => {
            let _ = write!(streams.out, "{}", describe(&runbook));
            exit::SUCCEEDED
        }
        None => exit::USAGE,
    }
}
