//! `titan-run fmt`: brings runbooks, targets and test files into the one layout.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::layout::{Refusal, lay_out};
use crate::lint::allows_more;
use crate::source::SourceFile;
use crate::yaml::{MAX_TEXT, read_text};

use super::files::read_bounded;
use super::search::{replace, yaml_files};
use super::{Streams, exit};

#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// Files, or folders of them; in folders, files that begin with `titan:`
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,
    /// Write nothing; list what would change, and end with 1 where something would
    #[arg(long)]
    check: bool,
    /// Lay standard input out on standard output
    #[arg(long, conflicts_with = "paths")]
    stdin: bool,
}

/// How a file fared; the worst decides the exit code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fared {
    Same,
    Changed,
    Refused,
}

/// Lays files out.
pub(super) fn fmt(args: &Args, streams: &mut Streams<'_>) -> u8 {
    if args.stdin {
        return from_stdin(args, streams);
    }
    let (files, problems) = yaml_files(&args.paths);
    problems.iter().for_each(|why| streams.complain(why));
    let mut worst = if problems.is_empty() { Fared::Same } else { Fared::Refused };
    let mut changed = 0;
    for path in &files {
        let fared = one(path, args.check, streams);
        changed += usize::from(fared == Fared::Changed);
        worst = worst.max(fared);
    }
    if files.is_empty() && problems.is_empty() {
        streams.complain("no file that begins with `titan:` was found there");
        return exit::USAGE;
    }
    let said = if args.check { "would change" } else { "changed" };
    streams.say(&format!("{changed} of {} {said}", counted(files.len())));
    match worst {
        Fared::Refused => exit::USAGE,
        Fared::Changed if args.check => exit::REFUSED,
        Fared::Changed | Fared::Same => exit::SUCCEEDED,
    }
}

fn counted(files: usize) -> String {
    format!("{files} file{}", if files == 1 { "" } else { "s" })
}

fn one(path: &Path, is_check: bool, streams: &mut Streams<'_>) -> Fared {
    let name = path.display().to_string();
    let bytes = match read_bounded(path, MAX_TEXT as u64) {
        Ok(bytes) => bytes,
        Err(why) => {
            streams.complain(&why);
            return Fared::Refused;
        }
    };
    let Some(text) = laid_out(&name, &bytes, streams) else {
        return Fared::Refused;
    };
    if text.as_bytes() == bytes {
        return Fared::Same;
    }
    if !is_check && let Err(why) = replace(path, text.as_bytes()) {
        streams.complain(&why);
        return Fared::Refused;
    }
    streams.say(&crate::visible::visible(&name));
    Fared::Changed
}

fn from_stdin(args: &Args, streams: &mut Streams<'_>) -> u8 {
    let mut bytes = Vec::new();
    if let Err(error) = std::io::stdin().lock().take(MAX_TEXT as u64 + 1).read_to_end(&mut bytes) {
        streams.complain(&format!("standard input cannot be read: {error}"));
        return exit::USAGE;
    }
    match laid_out("<stdin>", &bytes, streams) {
        None => exit::USAGE,
        Some(text) if args.check => {
            if text.as_bytes() == bytes {
                exit::SUCCEEDED
            } else {
                exit::REFUSED
            }
        }
        Some(text) => match streams.out.write_all(text.as_bytes()) {
            Ok(()) => exit::SUCCEEDED,
            Err(_) => exit::USAGE,
        },
    }
}

/// The text in the one layout; else the user is told why there is none.
fn laid_out(name: &str, bytes: &[u8], streams: &mut Streams<'_>) -> Option<String> {
    let laid = read_text(name, bytes)
        .map_err(Refusal::Wrong)
        .and_then(|file: SourceFile| lay_out(&file).map(|text| (allows_more(&file, &text), text)));
    match laid {
        Ok((false, text)) => Some(text),
        Ok((true, _)) => {
            streams.complain(&format!(
                "`{name}` is left as it is: laid out, a `# titan: allow(...)` comment would allow more; move it above what it speaks of"
            ));
            None
        }
        Err(Refusal::Wrong(found)) => {
            streams.draw(&found);
            None
        }
        Err(Refusal::Changed) => {
            streams.complain(&format!("`{name}` is left as it is: laid out, it would say something else"));
            None
        }
    }
}
