//! Command lines that are almost right: the command that was meant, the file of another kind.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use clap::CommandFactory;
use clap::error::ErrorKind;
use serde::de::IgnoredAny;

use crate::diagnostic::did_you_mean;
use crate::source::SourceFile;
use crate::stdlib;
use crate::visible::visible;

use super::check::Kind;
use super::files::{Trouble, read_source};

/// What a word in the place of a command or runbook was meant as, where it is neither.
pub(super) fn no_command(word: &str) -> Option<String> {
    let looks_like_a_file = word.contains(['.', '/']) || stdlib::find(word).is_some() || Path::new(word).exists();
    let command = super::Cli::command();
    let is_command = command.get_subcommands().any(|one| one.get_name() == word) || word == "help";
    if word.is_empty() || word.starts_with('-') || looks_like_a_file || is_command {
        return None;
    }
    let near = did_you_mean(word, command.get_subcommands().map(clap::Command::get_name));
    let help = near
        .map_or_else(|| "`titan-run --help` lists the commands".to_owned(), |near| format!("did you mean `{near}`?"));
    Some(format!("no command `{word}`, and no such runbook; {help}"))
}

/// What was meant by a command line that cannot be read because of its first words.
pub(super) fn meant(args: &[OsString], error: &clap::Error) -> Option<String> {
    if !error.use_stderr() {
        return None;
    }
    let mut words = args.iter().skip(1).filter_map(|word| word.to_str());
    let first = words.next()?;
    no_command(first).or_else(|| {
        let second = words.next()?;
        let is_one_too_many = error.kind() == ErrorKind::ArgumentConflict && !first.starts_with('-');
        (is_one_too_many && !second.starts_with('-')).then(|| {
            format!("`{second}` is one argument too many; write `titan-run {first}`, or a command before the runbook")
        })
    })
}

/// Reads a runbook that is named on the command line; a file of another kind is told by its name.
pub(super) fn read_runbook(name: &str) -> Result<SourceFile, Trouble> {
    as_runbook(read_source(name).map_err(Trouble::Unreadable)?.map_err(Trouble::Wrong)?)
}

/// A file that was named as a runbook, where it is no file of another kind.
pub(super) fn as_runbook(file: SourceFile) -> Result<SourceFile, Trouble> {
    let shown = visible(file.name());
    let why = match Kind::of(&file) {
        Kind::Runbook if is_json(&file) => {
            format!(
                "`{shown}` is JSON, as a policy is, not a runbook; `titan-run RUNBOOK --set policy={shown}` takes it"
            )
        }
        Kind::Runbook => return Ok(file),
        Kind::Test => format!("`{shown}` is a test file, not a runbook; `titan-run test {shown}` runs it"),
        Kind::Target => {
            format!("`{shown}` is a target, not a runbook; `titan-run RUNBOOK --target {shown}` acts there")
        }
    };
    Err(Trouble::Unreadable(why))
}

/// What a file is that was named as a target, and where it belongs; nothing where it may be one.
pub(super) fn no_target(file: &SourceFile) -> Option<String> {
    let shown = visible(file.name());
    match Kind::of(file) {
        Kind::Target => None,
        Kind::Test => Some(format!("`{shown}` is a test file, not a target; `titan-run test {shown}` runs it")),
        Kind::Runbook if is_json(file) => {
            Some(format!("`{shown}` is JSON, as a policy is, not a target; `--set policy={shown}` hands it over"))
        }
        Kind::Runbook if file.text().lines().any(|line| line.starts_with("runbook:")) => {
            Some(format!("`{shown}` is a runbook, not a target; `titan-run {shown} --target TARGET` carries it out"))
        }
        Kind::Runbook => None,
    }
}

/// Whether a file holds a JSON object that is nothing of ours: what is ours says `titan`.
fn is_json(file: &SourceFile) -> bool {
    let is_object = || serde_json::from_str::<BTreeMap<String, IgnoredAny>>(file.text());
    file.text().trim_start().starts_with('{') && is_object().is_ok_and(|keys| !keys.contains_key("titan"))
}
