//! `titan-run new`: begins a runbook and its test file, both whole.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::name::RunbookName;

use super::{Streams, exit};

/// The word in the scaffold that the name stands for.
const NAME: &str = "RUNBOOK";

/// What a runbook is begun with, by the ending of the file's name.
const SCAFFOLD: [(&str, &str); 2] =
    [(".yaml", include_str!("scaffold/runbook.yaml")), (".test.yaml", include_str!("scaffold/runbook.test.yaml"))];

#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// The runbook's name, such as `rotate-keys`
    name: String,
    /// The folder the files are written to
    #[arg(long = "in", value_name = "DIR", default_value = ".")]
    folder: PathBuf,
}

/// Writes both files, or neither.
pub(super) fn new(args: &Args, streams: &mut Streams<'_>) -> u8 {
    let name = match RunbookName::parse(&args.name) {
        Ok(name) => name,
        Err(error) => {
            streams.complain(&format!("{error}; {}", next_keystroke(&args.name)));
            return exit::USAGE;
        }
    };
    match write_all(name.as_str(), &args.folder) {
        Ok(paths) => {
            for path in &paths {
                streams.say(&format!("wrote {}", crate::visible::visible(&path.display().to_string())));
            }
            if let [runbook, test] = paths.as_slice() {
                streams.say(&format!("rehearse it: titan-run {}", runbook.display()));
                streams.say(&format!("test it:     titan-run test {}", test.display()));
            }
            exit::SUCCEEDED
        }
        Err(why) => {
            streams.complain(&why);
            exit::USAGE
        }
    }
}

fn next_keystroke(written: &str) -> String {
    let lower = written.to_lowercase();
    let words = lower.trim_end_matches(".yaml").split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    let near = words.join("-");
    match RunbookName::parse(near.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-')) {
        Ok(near) => format!("write `titan-run new {near}`"),
        Err(_) => "use lower-case words joined by `-`, such as `rotate-keys`".to_owned(),
    }
}

fn write_all(name: &str, folder: &Path) -> Result<Vec<PathBuf>, String> {
    let shown = folder.display();
    if !folder.is_dir() {
        return Err(format!("`{shown}` is no folder; `mkdir -p {shown}` makes it"));
    }
    let planned: Vec<_> =
        SCAFFOLD.iter().map(|(ending, text)| (folder.join(format!("{name}{ending}")), *text)).collect();
    if let Some((path, _)) = planned.iter().find(|(path, _)| path.symlink_metadata().is_ok()) {
        return Err(format!("`{}` exists and is not overwritten; choose another name", path.display()));
    }
    let mut written = Vec::new();
    for (path, text) in planned {
        if let Err(error) = write_one(&path, &text.replace(NAME, name)) {
            for earlier in &written {
                let _ = fs::remove_file(earlier);
            }
            return Err(format!("`{}` cannot be written: {error}", path.display()));
        }
        written.push(path);
    }
    Ok(written)
}

fn write_one(path: &Path, text: &str) -> std::io::Result<()> {
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}
