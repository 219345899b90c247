//! `titan-run lint`: everything that is wrong with runbooks and targets, before anything runs.

use std::path::{Path, PathBuf};

use crate::diagnostic::Severity;
use crate::guard::Guards;
use crate::primitive::CATALOGUE;
use crate::runbook::{decode_target, load};
use crate::source::SourceFile;

use super::files::{Folder, read_source};
use super::{Streams, exit};

/// The command's arguments.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// Runbooks, targets, or folders of them
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,
}

/// How deep folders are searched: deeper ones are not runbooks any more.
const MAX_FOLDER_DEPTH: usize = 16;

/// Checks every file, and says how many were checked.
pub(super) fn lint(args: &Args, streams: &mut Streams<'_>) -> u8 {
    let mut files = Vec::new();
    let mut code = exit::SUCCEEDED;
    for path in &args.paths {
        if let Err(why) = collect(path, 0, &mut files) {
            streams.complain(&why);
            code = exit::USAGE;
        }
    }
    files.sort();
    files.dedup();
    let guards = Guards::new(CATALOGUE);
    for path in &files {
        match lint_one(path, &guards, streams) {
            exit::SUCCEEDED => {}
            worse => code = worse,
        }
    }
    if files.is_empty() {
        streams.complain("no runbook was found there");
        return exit::USAGE;
    }
    if code == exit::SUCCEEDED {
        let plural = if files.len() == 1 { "" } else { "s" };
        streams.say(&format!("{} file{plural} checked, nothing wrong", files.len()));
    }
    code
}

fn collect(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let unreadable = |error: std::io::Error| format!("`{}` cannot be read: {error}", path.display());
    if !path.metadata().map_err(unreadable)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    if depth > MAX_FOLDER_DEPTH {
        return Err(format!("`{}` is nested more than {MAX_FOLDER_DEPTH} deep", path.display()));
    }
    for entry in path.read_dir().map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        let is_yaml = path.extension().is_some_and(|kind| kind == "yaml" || kind == "yml");
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_dir() && !is_hidden {
            collect(&path, depth + 1, files)?;
        } else if is_yaml && !is_hidden {
            files.push(path);
        }
    }
    Ok(())
}

fn lint_one(path: &Path, guards: &Guards, streams: &mut Streams<'_>) -> u8 {
    let name = path.display().to_string();
    let file = match read_source(&name) {
        Ok(Ok(file)) => file,
        Ok(Err(found)) => {
            streams.draw(&found);
            return exit::REFUSED;
        }
        Err(why) => {
            streams.complain(&why);
            return exit::USAGE;
        }
    };
    let found = if is_target(&file) {
        decode_target(&file, guards).err().unwrap_or_default()
    } else {
        load(&file, guards, CATALOGUE, &Folder::of(&name)).diagnostics
    };
    if found.is_empty() {
        return exit::SUCCEEDED;
    }
    streams.draw(&found);
    let is_wrong = found.iter().any(|d| d.severity == Severity::Error);
    if is_wrong { exit::REFUSED } else { exit::SUCCEEDED }
}

/// A target says `target:` where a runbook says `runbook:`.
fn is_target(file: &SourceFile) -> bool {
    let says = |key: &str| file.text().lines().any(|line| line.starts_with(key));
    says("target:") && !says("runbook:")
}
