//! `titan-run graph`: a runbook as a picture; touches nothing but the files it reads.

use clap::ValueEnum;

use crate::graph::{dot, graph_of, mermaid, svg};
use crate::guard::Guards;
use crate::primitive::CATALOGUE;
use crate::runbook::load_copy;

use super::files::{Folder, Trouble};
use super::slip::read_runbook;
use super::{Streams, exit};

#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// The runbook
    runbook: String,
    /// How it is drawn
    #[arg(long, value_enum, default_value_t = Format::Mermaid)]
    format: Format,
    /// Also every undo, in the order of a complete rollback
    #[arg(long)]
    rollback: bool,
}

/// The forms of a picture.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For Markdown
    Mermaid,
    /// For Graphviz
    Dot,
    /// For browsers
    Svg,
}

/// Draws a runbook.
pub(super) fn graph(args: &Args, streams: &mut Streams<'_>) -> u8 {
    let guards = Guards::new(CATALOGUE);
    let file = match read_runbook(&args.runbook) {
        Ok(file) => file,
        Err(trouble) => return trouble.tell(streams),
    };
    let loaded = load_copy(&file, &guards, CATALOGUE, &Folder::of(&args.runbook));
    let Some(runbook) = loaded.runbook else {
        return Trouble::Wrong(loaded.diagnostics).tell(streams);
    };
    let graph = graph_of(&runbook, args.rollback);
    let text = match args.format {
        Format::Mermaid => mermaid(&graph),
        Format::Dot => dot(&graph),
        Format::Svg => svg(&graph),
    };
    let _ = write!(streams.out, "{text}");
    exit::SUCCEEDED
}
