//! `titan-run explain`: what a code of the checker means, why it matters, what to write instead.

use crate::diagnostic::did_you_mean;
use crate::lint::{READING, RULES, explanation};
use crate::report::{lint_list, lint_reference, shown};

use super::{Streams, exit};

#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// The code, as `lint` prints it; without one all are listed
    code: Option<String>,
    /// Print everything as the Markdown reference
    #[arg(long, conflicts_with = "code")]
    markdown: bool,
}

/// Explains one code, or lists all.
pub(super) fn explain(args: &Args, streams: &mut Streams<'_>) -> u8 {
    let Some(code) = &args.code else {
        let text = if args.markdown { lint_reference() } else { lint_list() };
        let _ = write!(streams.out, "{text}");
        return exit::SUCCEEDED;
    };
    if let Some(text) = explanation(code) {
        let _ = write!(streams.out, "{code}\n\n{}", shown(&text));
        return exit::SUCCEEDED;
    }
    let codes = RULES.iter().map(|rule| rule.code).chain(READING.iter().map(|(code, _)| *code));
    let help = match did_you_mean(code, codes) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`titan-run explain` lists them".to_owned(),
    };
    streams.complain(&format!("there is no code `{code}`; {help}"));
    exit::USAGE
}
