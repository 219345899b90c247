//! Reading files: bounded, each once, included ones only inside the runbook's folder.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use crate::diagnostic::Diagnostic;
use crate::guard::Guards;
use crate::runbook::target::Target;
use crate::runbook::{Included, Library, decode_target};
use crate::source::SourceFile;
use crate::stdlib;
use crate::yaml;

use super::slip::no_target;

/// The most bytes of a file a param names: policies are kilobytes.
pub(super) const MAX_PARAM_FILE: u64 = 16 * 1024 * 1024;

/// The target a runbook has where none is named.
const BESIDE: &str = "titan.target.yaml";

/// The environment variable that names a target.
const TARGET_VARIABLE: &str = "TITAN_TARGET";

/// The built-in simulated target.
pub(super) const SIMULATED: &str = "std/targets/simulated.yaml";

/// Reads at most `most` bytes of a file.
pub(super) fn read_bounded(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let shown = path.display();
    let file = File::open(path).map_err(|error| format!("`{shown}` cannot be read: {error}"))?;
    let size = file.metadata().map_or(0, |metadata| metadata.len()).min(most);
    // One byte more, so that the end is seen without another allocation.
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
    let read = file.take(most + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("`{shown}` cannot be read: {error}"))?;
    if bytes.len() as u64 > most {
        return Err(format!("`{shown}` is larger than {most} bytes"));
    }
    Ok(bytes)
}

/// Reads a YAML file, named on the command line or built in.
pub(super) fn read_source(name: &str) -> Result<Result<SourceFile, Vec<Diagnostic>>, String> {
    if let Some(text) = stdlib::find(name) {
        return Ok(Ok(SourceFile::new(name, text)));
    }
    let bytes = read_bounded(Path::new(name), yaml::MAX_TEXT as u64)?;
    Ok(yaml::read_text(name, &bytes))
}

/// Reads YAML from standard input, under a name.
pub(super) fn read_stdin(name: &str) -> Result<Result<SourceFile, Vec<Diagnostic>>, String> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(yaml::MAX_TEXT as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("standard input cannot be read: {error}"))?;
    Ok(yaml::read_text(name, &bytes))
}

/// Reads a file a param names, or a built-in one, as text.
pub(super) fn read_param_file(name: &str) -> Result<String, String> {
    if let Some(text) = stdlib::find(name) {
        return Ok(text.to_owned());
    }
    let bytes = read_bounded(Path::new(name), MAX_PARAM_FILE)?;
    String::from_utf8(bytes).map_err(|_| format!("`{name}` is not UTF-8"))
}

/// Included files: built in, or inside the folder of the runbook that was named. Each is read
/// once, also where many runbooks of the folder include it.
pub(super) struct Folder {
    root: PathBuf,
    runbook: String,
    files: RefCell<BTreeMap<String, Result<SourceFile, String>>>,
    included: RefCell<BTreeMap<String, Included>>,
    open: Open,
}

/// The files that an editor has open, by their paths: they count, not what is on the disk.
pub(super) type Open = Rc<BTreeMap<String, SourceFile>>;

impl Folder {
    /// The folder of a runbook.
    pub(super) fn of(runbook: &str) -> Self {
        Self::under(runbook, Open::default())
    }

    /// The folder of a runbook, under the files that are open.
    pub(super) fn under(runbook: &str, open: Open) -> Self {
        let folder = Path::new(runbook).parent().filter(|p| !p.as_os_str().is_empty());
        Self {
            root: folder.unwrap_or_else(|| Path::new(".")).to_owned(),
            runbook: runbook.to_owned(),
            files: RefCell::default(),
            included: RefCell::default(),
            open,
        }
    }

    fn read_inside(&self, full: &str, name: &str) -> Result<SourceFile, String> {
        // Before anything is touched: whether a file outside exists is nobody's business.
        if !stays_inside(Path::new(full), &self.root) {
            return Err(format!("`{name}` leaves the runbook's folder"));
        }
        let plain = without_dots(full);
        if let Some(file) = self.open.get(&plain).filter(|_| Path::new(&plain).starts_with(&self.root)) {
            return Ok(file.clone());
        }
        let real = Path::new(full).canonicalize().map_err(|error| format!("`{full}` cannot be read: {error}"))?;
        let root = self.root.canonicalize().map_err(|error| format!("`{}`: {error}", self.root.display()))?;
        if !real.starts_with(&root) {
            return Err(format!("`{name}` is a link that leaves the runbook's folder"));
        }
        let bytes = read_bounded(&real, yaml::MAX_TEXT as u64)?;
        yaml::read_text(full, &bytes)
            .map_err(|found| found.first().map_or_else(|| format!("`{name}` cannot be read"), |d| d.message.clone()))
    }
}

impl Library for Folder {
    fn read(&self, from: &SourceFile, name: &str) -> Result<SourceFile, String> {
        let full = included(from, name, &self.runbook)?;
        if let Some(text) = stdlib::find(&full) {
            return Ok(SourceFile::new(full, text));
        }
        let known = self.files.borrow().get(&full).cloned();
        known.unwrap_or_else(|| {
            let read = self.read_inside(&full, name);
            self.files.borrow_mut().insert(full, read.clone());
            read
        })
    }

    fn kept(&self, file: &str) -> Option<Included> {
        self.included.borrow().get(file).cloned()
    }

    fn keep(&self, file: &str, included: &Included) {
        self.included.borrow_mut().insert(file.to_owned(), included.clone());
    }
}

/// Whether a path written from a folder stays in it, by its words alone.
fn stays_inside(path: &Path, folder: &Path) -> bool {
    let mut depth = 0_usize;
    let inside = path.strip_prefix(folder).unwrap_or(path);
    inside.components().all(|part| match part {
        Component::ParentDir => depth.checked_sub(1).map(|up| depth = up).is_some(),
        Component::Normal(_) => {
            depth += 1;
            true
        }
        Component::CurDir | Component::RootDir | Component::Prefix(_) => true,
    })
}

/// A path without `.` and `..`, so that one file has one name.
fn without_dots(path: &str) -> String {
    let mut plain = PathBuf::new();
    for part in Path::new(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain.display().to_string()
}

/// The full name of the file that `name` means when it is written in `from`; `runbook` is the
/// file that was named on the command line.
pub(super) fn included(from: &SourceFile, name: &str, runbook: &str) -> Result<String, String> {
    if let Some(rest) = name.strip_prefix("std/") {
        let full = match rest.ends_with(".rhai") {
            true => name.to_owned(),
            false => format!("std/{}.yaml", rest.trim_end_matches(".yaml")),
        };
        return stdlib::find(&full).map(|_| full).ok_or_else(|| format!("there is no built-in `{name}`"));
    }
    if Path::new(name).is_absolute() {
        return Err(format!("`{name}` is an absolute path, and a runbook must run wherever it is checked out"));
    }
    let Some(relative) = name.strip_prefix("./") else {
        return Err(format!("`{name}` is neither `std/...` nor `./...`"));
    };
    let folder = Path::new(from.name()).parent().unwrap_or_else(|| Path::new(runbook));
    Ok(folder.join(relative).display().to_string().replace("/./", "/"))
}

/// The file of the target somebody chose for a runbook: the one named, else the environment's,
/// else the one beside or above it.
pub(super) fn chosen_target(named: Option<&str>, runbook: &str) -> Option<String> {
    if let Some(name) = named {
        return Some(name.to_owned());
    }
    if let Some(name) = std::env::var(TARGET_VARIABLE).ok().filter(|name| !name.is_empty()) {
        return Some(name);
    }
    let folder = Folder::of(runbook).root;
    let start = folder.canonicalize().unwrap_or(folder);
    let found = start.ancestors().map(|folder| folder.join(BESIDE)).find(|path| path.is_file());
    found.map(|path| path.display().to_string())
}

/// Reads and decodes a target.
pub(super) fn read_target(name: &str, guards: &Guards) -> Result<(SourceFile, Target), Trouble> {
    let file = read_source(name).map_err(Trouble::Unreadable)?.map_err(Trouble::Wrong)?;
    if let Some(why) = no_target(&file) {
        return Err(Trouble::Unreadable(why));
    }
    let target = decode_target(&file, guards).map_err(Trouble::Wrong)?;
    Ok((file, target))
}

/// Why a file cannot be used.
pub(super) enum Trouble {
    /// It cannot be read.
    Unreadable(String),
    /// It says something wrong.
    Wrong(Vec<Diagnostic>),
}

impl Trouble {
    /// Tells the user, and gives the exit code.
    pub(super) fn tell(&self, streams: &mut super::Streams<'_>) -> u8 {
        match self {
            Self::Unreadable(why) => streams.complain(why),
            Self::Wrong(diagnostics) => streams.draw(diagnostics),
        }
        super::exit::USAGE
    }
}
