//! `titan-run schema`: the JSON Schema of a kind of file, for editors that check YAML by one.

use clap::ValueEnum;

use crate::primitive::CATALOGUE;
use crate::schema::{FileKind, schema};

use super::{Streams, exit};

#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// The kind of file
    #[arg(default_value = "runbook")]
    of: Of,
}

#[derive(Clone, Copy, ValueEnum)]
enum Of {
    /// Runbooks
    Runbook,
    /// Targets
    Target,
    /// Test files
    Test,
}

/// Prints the schema.
pub(super) fn print(args: &Args, streams: &mut Streams<'_>) -> u8 {
    let kind = match args.of {
        Of::Runbook => FileKind::Runbook,
        Of::Target => FileKind::Target,
        Of::Test => FileKind::Test,
    };
    streams.say(&format!("{:#}", schema(kind, CATALOGUE)));
    exit::SUCCEEDED
}
