//! Finding the files a command is about, and replacing one whole.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::diagnostic::Findings;
use crate::source::SourceFile;
use crate::yaml;

/// How deep folders are searched: deeper ones are not runbooks any more.
const MAX_FOLDER_DEPTH: usize = 16;

/// How many files may lie in one folder whose runbooks are compared: more are no longer written by
/// people.
const MAX_BESIDE: usize = 20_000;

/// How every file of the language that is laid out has a line.
const BEGINNING: &str = "titan:";
const NEXT_LINE: &str = "\ntitan:";

/// How much of a file is looked at for its `titan:` line: behind the comments it begins with.
const MAX_HEAD: u64 = 64 * 1024;

/// The files named, and in the folders named the YAML files that begin with `titan:`; sorted,
/// with a sentence for each path that cannot be read.
pub(super) fn yaml_files(paths: &[PathBuf]) -> (Vec<PathBuf>, Vec<String>) {
    let mut files = Vec::new();
    let mut problems = Vec::new();
    for path in paths {
        match path.metadata() {
            Ok(kind) if kind.is_dir() => {
                if let Err(why) = inside(path, is_begun, 0, &mut files) {
                    problems.push(why);
                }
            }
            Ok(_) => files.push(path.clone()),
            Err(error) => problems.push(unreadable(path, &error)),
        }
    }
    files.sort();
    files.dedup();
    (files, problems)
}

fn unreadable(path: &Path, error: &std::io::Error) -> String {
    format!("`{}` cannot be read: {error}", path.display())
}

/// The YAML files in a folder and below that are to be kept, in no order.
pub(super) fn inside(
    folder: &Path,
    keep: fn(&Path) -> bool,
    depth: usize,
    files: &mut Vec<PathBuf>,
) -> Result<(), String> {
    if depth > MAX_FOLDER_DEPTH {
        return Err(format!("`{}` is nested more than {MAX_FOLDER_DEPTH} deep", folder.display()));
    }
    for entry in folder.read_dir().map_err(|error| unreadable(folder, &error))? {
        let entry = entry.map_err(|error| unreadable(folder, &error))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(|error| unreadable(&path, &error))?;
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        let is_yaml = path.extension().is_some_and(|kind| kind == "yaml" || kind == "yml");
        if kind.is_dir() && !is_hidden {
            inside(&path, keep, depth + 1, files)?;
        } else if is_yaml && !is_hidden && keep(&path) {
            files.push(path);
        }
    }
    Ok(())
}

/// Whether a file may be one of this language, or one that is not whole: another one is a map without any
/// key of ours at its top.
pub(super) fn is_ours(file: &SourceFile) -> bool {
    // Most are told by one look.
    if file.text().starts_with(BEGINNING) || file.text().contains(NEXT_LINE) {
        return true;
    }
    let mut findings = Findings::new(file.clone());
    let tree = yaml::parse(file, &mut findings).filter(|_| !findings.has_errors());
    tree.is_none_or(|tree| {
        let names = |key: &&str| tree.get(key).is_some_and(|named| named.entries().is_empty());
        tree.entries().is_empty()
            || ["titan", "runbook", "steps"].iter().any(|key| tree.get(key).is_some())
            || ["target", "test"].iter().any(names)
    })
}

/// The YAML files that begin with `titan:` beside a file and in the folders above it, up to the one
/// that holds the repository.
pub(super) fn above(file: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    // What is in no file has no folder.
    let folders = file.ancestors().skip(1).filter(|folder| folder.is_absolute()).take(MAX_FOLDER_DEPTH);
    for (height, folder) in folders.enumerate() {
        let Ok(entries) = folder.read_dir() else {
            continue;
        };
        let entries: Vec<_> = entries.flatten().take(MAX_BESIDE + 1).collect();
        match entries.len() > MAX_BESIDE {
            true if height == 0 => return Err(format!("`{}` holds more than {MAX_BESIDE} files", folder.display())),
            // So full a folder is a place for anything, not the root of some runbooks.
            true => break,
            false => {}
        }
        let is_yaml = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "yaml" || kind == "yml");
        let files = entries.into_iter().map(|entry| entry.path()).filter(is_yaml);
        found.extend(files.filter(|path| path.is_file() && is_begun(path)));
        if folder.join(".git").exists() {
            break;
        }
    }
    found.sort();
    Ok(found)
}

/// Whether a file has a `titan:` line, as every file of the language has.
fn is_begun(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_HEAD).read_to_end(&mut head));
    read.is_ok() && head.split(|byte| *byte == b'\n').any(|line| line.starts_with(BEGINNING.as_bytes()))
}

/// Replaces a file's bytes at once: whoever reads it sees the old ones or the new ones. Its mode
/// stays, and a link stays a link.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let unwritable = |error: std::io::Error| format!("`{}` cannot be written: {error}", path.display());
    let real = path.canonicalize().map_err(unwritable)?;
    let mode = fs::metadata(&real).map_err(unwritable)?.permissions();
    if mode.readonly() {
        return Err(format!("`{}` cannot be written: it is read-only", path.display()));
    }
    let name = real.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let beside = real.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(&beside)?;
        file.write_all(bytes)?;
        file.set_permissions(mode.clone())?;
        file.sync_all()?;
        fs::rename(&beside, &real)
    };
    write().map_err(|error| {
        let _ = fs::remove_file(&beside);
        unwritable(error)
    })
}
