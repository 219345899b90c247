//! `titan-run list`: what there is to write with.

use clap::ValueEnum;

use crate::guard::FUNCTIONS;
use crate::primitive::CATALOGUE;
use crate::report::reference;
use crate::stdlib;

use super::{Streams, exit};

#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// What to list
    #[arg(default_value = "primitives")]
    what: What,
    /// Print the primitives as the Markdown reference
    #[arg(long)]
    markdown: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// What `do:` can name
    Primitives,
    /// What guards can call
    Functions,
    /// The built-in files
    Std,
}

/// Lists one kind of thing, a line each.
pub(super) fn list(args: &Args, streams: &mut Streams<'_>) -> u8 {
    match args.what {
        What::Primitives if args.markdown => {
            let _ = write!(streams.out, "{}", reference(CATALOGUE));
        }
        What::Primitives => {
            for one in CATALOGUE.0 {
                streams.say(&format!("{:<16} {}", one.name, one.about));
                for argument in one.arguments {
                    let need = if argument.required { "required" } else { "optional" };
                    streams.say(&format!(
                        "    {:<14} {:<14} {need}  {}",
                        argument.name,
                        argument.kind.word(),
                        argument.about
                    ));
                }
            }
        }
        What::Functions => {
            for function in FUNCTIONS {
                streams.say(&format!("{:<36} {}", function.signature(), function.about));
            }
        }
        What::Std => stdlib::names().for_each(|name| streams.say(name)),
    }
    exit::SUCCEEDED
}
