//! `titan-run key new`: makes an approver's key.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use crate::approval::new_key;

use super::{Streams, exit};

#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make a key: the seed goes into a new file, the public key is printed
    New {
        /// The file for the seed; it must not be there yet
        file: PathBuf,
    },
}

/// Makes a key.
pub(super) fn key(args: &Args, streams: &mut Streams<'_>) -> u8 {
    let Command::New { file } = &args.command;
    let made = new_key().and_then(|key| {
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
        let written = opened.and_then(|mut out| writeln!(out, "{}", key.seed).and_then(|()| out.sync_all()));
        written.map(|()| key.public).map_err(|error| format!("`{}` cannot be written: {error}", file.display()))
    });
    match made {
        Ok(public) => {
            streams.say(&public);
            exit::SUCCEEDED
        }
        Err(why) => {
            streams.complain(&why);
            exit::USAGE
        }
    }
}
