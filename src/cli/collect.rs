//! Which files `lint` is asked about: files, folders, patterns, standard input.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::search::inside;

/// A file to check.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asked {
    /// Its name, as it is shown.
    pub(super) name: String,
    /// Whether it was found in a folder, where files of other kinds may lie.
    pub(super) is_found: bool,
}

/// All files, sorted, each once; and a sentence for every path that leads to none.
pub(super) fn collect(paths: &[impl AsRef<Path>]) -> (Vec<Asked>, Vec<String>) {
    let mut names = Vec::new();
    let mut trouble = Vec::new();
    for path in paths.iter().map(AsRef::as_ref) {
        let before = names.len();
        let is_pattern = path.to_string_lossy().contains(['*', '?', '[']) && !path.exists();
        let found = match is_pattern {
            true => of_pattern(&path.to_string_lossy(), &mut names),
            false => of_path(path, &mut names),
        };
        match found {
            Err(why) => trouble.push(why),
            Ok(()) if names.len() == before => trouble.push(format!("no runbook was found in `{}`", path.display())),
            Ok(()) => {}
        }
    }
    names.sort();
    names.dedup();
    (each_once(names), trouble)
}

/// The files without names that lead to the same place as a shorter one. A link is a name of its own.
fn each_once(files: Vec<Asked>) -> Vec<Asked> {
    let mut folders = BTreeMap::new();
    let mut places: BTreeMap<PathBuf, Asked> = BTreeMap::new();
    for file in files {
        let path = Path::new(&file.name);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let real = folders.entry(folder.to_owned()).or_insert_with(|| folder.canonicalize().ok());
        let place =
            real.as_deref().zip(path.file_name()).map_or_else(|| path.to_owned(), |(real, file)| real.join(file));
        let known = places.entry(place).or_insert_with(|| file.clone());
        known.is_found &= file.is_found;
        if file.name.len() < known.name.len() {
            known.name = file.name;
        }
    }
    let mut files: Vec<_> = places.into_values().collect();
    files.sort();
    files
}

fn of_pattern(pattern: &str, names: &mut Vec<Asked>) -> Result<(), String> {
    let options = glob::MatchOptions { require_literal_leading_dot: true, ..glob::MatchOptions::default() };
    let found = glob::glob_with(pattern, options);
    for path in found.map_err(|error| format!("`{pattern}` is no pattern: {error}"))? {
        let path = path.map_err(|error| format!("`{}` cannot be read: {}", error.path().display(), error.error()))?;
        if path.is_file() {
            names.push(Asked { name: name(&path), is_found: false });
        }
    }
    Ok(())
}

fn of_path(path: &Path, names: &mut Vec<Asked>) -> Result<(), String> {
    let is_folder = |path: &Path| {
        let kind = path.metadata().map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
        Ok::<_, String>(kind.is_dir())
    };
    if path == Path::new("-") || !is_folder(path)? {
        names.push(Asked { name: name(path), is_found: false });
        return Ok(());
    }
    let mut files = Vec::new();
    let found = inside(path, |_| true, 0, &mut files);
    names.extend(files.iter().map(|path| Asked { name: name(path), is_found: true }));
    found
}

/// A path as it is shown, without a leading `./`, so that one file has one name.
fn name(path: &Path) -> String {
    let shown = path.display().to_string();
    shown.strip_prefix("./").unwrap_or(&shown).to_owned()
}
