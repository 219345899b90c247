//! Which files `lint` is asked about: files, folders, patterns, standard input.

use std::path::Path;

/// How deep folders are searched: deeper ones are not runbooks any more.
const MAX_FOLDER_DEPTH: usize = 16;

/// The names of all files, sorted, each once; and a sentence for every path that leads to none.
pub(super) fn collect(paths: &[impl AsRef<Path>]) -> (Vec<String>, Vec<String>) {
    let mut names = Vec::new();
    let mut trouble = Vec::new();
    for path in paths.iter().map(AsRef::as_ref) {
        let before = names.len();
        let is_pattern = path.to_string_lossy().contains(['*', '?', '[']) && !path.exists();
        let found = match is_pattern {
            true => of_pattern(&path.to_string_lossy(), &mut names),
            false => of_path(path, 0, &mut names),
        };
        match found {
            Err(why) => trouble.push(why),
            Ok(()) if names.len() == before => trouble.push(format!("no runbook was found in `{}`", path.display())),
            Ok(()) => {}
        }
    }
    names.sort();
    names.dedup();
    (names, trouble)
}

fn of_pattern(pattern: &str, names: &mut Vec<String>) -> Result<(), String> {
    let options = glob::MatchOptions { require_literal_leading_dot: true, ..glob::MatchOptions::default() };
    let found = glob::glob_with(pattern, options);
    for path in found.map_err(|error| format!("`{pattern}` is no pattern: {error}"))? {
        let path = path.map_err(|error| format!("`{}` cannot be read: {}", error.path().display(), error.error()))?;
        if path.is_file() {
            names.push(name(&path));
        }
    }
    Ok(())
}

fn of_path(path: &Path, depth: usize, names: &mut Vec<String>) -> Result<(), String> {
    if path == Path::new("-") {
        names.push("-".to_owned());
        return Ok(());
    }
    let unreadable = |error: std::io::Error| format!("`{}` cannot be read: {error}", path.display());
    if !path.metadata().map_err(unreadable)?.is_dir() {
        names.push(name(path));
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
            of_path(&path, depth + 1, names)?;
        } else if is_yaml && !is_hidden {
            names.push(name(&path));
        }
    }
    Ok(())
}

/// A path as it is shown, without a leading `./`, so that one file has one name.
fn name(path: &Path) -> String {
    let shown = path.display().to_string();
    shown.strip_prefix("./").unwrap_or(&shown).to_owned()
}
