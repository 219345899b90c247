//! `titan-run hash`: the policy hash of a file, as both services compute it.

use std::path::Path;

use crate::policy;

use super::files::{MAX_PARAM_FILE, read_bounded};
use super::{Streams, exit};

#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// JSON files
    #[arg(required = true)]
    files: Vec<String>,
    /// Print the canonical form (RFC 8785) instead of its hash
    #[arg(long)]
    canonical: bool,
}

/// Hashes every file; a wrong one does not hide the others.
pub(super) fn hash(args: &Args, streams: &mut Streams<'_>) -> u8 {
    let mut code = exit::SUCCEEDED;
    for name in &args.files {
        if let Err(worse) = one(name, args, streams) {
            code = worse;
        }
    }
    code
}

fn one(name: &str, args: &Args, streams: &mut Streams<'_>) -> Result<(), u8> {
    let complain = |streams: &mut Streams<'_>, why: &str| {
        streams.complain(why);
        exit::USAGE
    };
    let bytes = read_bounded(Path::new(name), MAX_PARAM_FILE).map_err(|why| complain(streams, &why))?;
    let wrong = |streams: &mut Streams<'_>, found: Vec<_>| {
        streams.draw(&found);
        exit::REFUSED
    };
    let file = policy::read_text(name, &bytes).map_err(|found| wrong(streams, found))?;
    let text = if args.canonical {
        let canonical = policy::canonical_json(&file).map_err(|found| wrong(streams, found))?;
        String::from_utf8_lossy(&canonical).into_owned()
    } else {
        let hash = policy::policy_hash(&file).map_err(|found| wrong(streams, found))?;
        match args.files.len() {
            1 => hash,
            _ => format!("{hash}  {}", crate::visible::visible(name)),
        }
    };
    streams.say(&text);
    Ok(())
}
