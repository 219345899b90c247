//! The checker at the command line: what is found around a file and decides how it is checked.
//!
//! `lint`, `plan` and `run` check through here, so that they say the same. Holds the sandbox and
//! what was read for one folder; neither can be shared between threads.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::diagnostic::{Diagnostic, Findings, Severity};
use crate::guard::Guards;
use crate::lint::{ExaminedTarget, Levels, Memory, Setting, examine, examine_target};
use crate::primitive::CATALOGUE;
use crate::runbook::target::Target;
use crate::runbook::{Loaded, check_test, decode_target, decode_test};
use crate::sim::SimWorld;
use crate::source::SourceFile;
use crate::stdlib;

use super::files::{Folder, Open, SIMULATED, chosen_target, read_source};
use super::slip::no_target;

/// The name of a file that says how much each rule weighs.
pub(super) const SETTINGS: &str = ".titan-lint.yaml";

/// What people call it too, and what is not read.
const MISNAMED: &str = ".titan-lint.yml";

/// How many folders are searched for settings: deeper ones are not of one repository any more.
const MAX_FOLDERS: usize = 64;

/// Checks files, in one thread.
pub(super) struct Checker {
    /// The sandbox all guards are read in.
    pub(super) guards: Guards,
    target: Option<String>,
    folders: BTreeMap<PathBuf, Rc<Around>>,
    open: Open,
}

/// What a file is, told by what it says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Everything else: a broken file too is read as one.
    Runbook,
    /// It says `target:`, where a runbook says `runbook:`.
    Target,
    /// It says `test:`.
    Test,
}

impl Kind {
    /// Looks through a file.
    pub(super) fn of(file: &SourceFile) -> Self {
        let text = file.text();
        // To look for it anywhere first is many bytes at once.
        let said = |key: &str| {
            let mut lines = text.lines();
            text.contains(key).then(|| lines.find_map(|line| line.strip_prefix(key))).flatten()
        };
        // `test:` and `target:` name something; with a map below, they are another language's.
        let names = |key: &str| said(key).is_some_and(|name| !name.trim().is_empty() || said("titan:").is_some());
        match names("test:") {
            true => Self::Test,
            false if names("target:") && said("runbook:").is_none() => Self::Target,
            false => Self::Runbook,
        }
    }
}

/// What holds for every file of one folder.
pub(super) struct Around {
    /// Where includes come from.
    pub(super) library: Folder,
    /// How much each rule weighs.
    pub(super) levels: Levels,
    /// The file that says so.
    pub(super) settings: Option<SourceFile>,
    /// Where runbooks act.
    pub(super) aim: Aim,
    /// What the rules keep of the runbooks in it that several files use.
    memory: Memory,
    /// What is wrong with the files this was read from.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Why one of them cannot be read.
    pub(super) unreadable: Vec<String>,
}

/// The target of a runbook, as far as there is one.
pub(super) struct Aim {
    /// The target, or the built-in one where that is broken.
    pub(super) target: Target,
    /// Its file.
    pub(super) file: SourceFile,
    /// Whether somebody chose it, and it is whole.
    pub(super) is_chosen: bool,
}

/// What checking one file gave.
pub(super) struct Checked {
    /// What is wrong with it, and with what was read for it.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// From which severity on something is wrong.
    pub(super) deny: Severity,
    /// What cannot be read.
    pub(super) unreadable: Vec<String>,
}

impl Checker {
    /// Checks against a named target, else against the one a run would find.
    pub(super) fn new(target: Option<&str>) -> Self {
        Self {
            guards: Guards::new(CATALOGUE),
            target: target.map(str::to_owned),
            folders: BTreeMap::new(),
            open: Open::default(),
        }
    }

    /// Forgets what was read, and reads under the files that are open now.
    pub(super) fn read_under(&mut self, open: Open) {
        self.folders.clear();
        self.open = open;
    }

    /// Checks a file of any kind.
    pub(super) fn check(&mut self, file: &SourceFile) -> Checked {
        let around = self.around(file.name());
        let own = match Kind::of(file) {
            _ if is_settings(file) => Levels::decode(file).1,
            Kind::Test => self.test_file(file, &around),
            Kind::Target => examine_target(file, &self.guards, &around.levels).diagnostics,
            Kind::Runbook => self.runbook(file, &around, around.aim.is_chosen).diagnostics,
        };
        // The settings a folder has are read for each of its files, themselves among them.
        let is_twice = |one: &Diagnostic| is_settings(file) && one.loc().is_some_and(|loc| is_settings(&loc.file));
        let of_others = around.diagnostics.iter().filter(|one| !is_twice(one)).cloned();
        Checked {
            diagnostics: of_others.chain(own).collect(),
            deny: around.levels.deny,
            unreadable: around.unreadable.clone(),
        }
    }

    /// Checks a test file, and the runbook it is about in the built-in simulated Titan.
    fn test_file(&self, file: &SourceFile, around: &Around) -> Vec<Diagnostic> {
        let test = match decode_test(file, &self.guards) {
            Ok(test) => test,
            Err(found) => return found,
        };
        let named = tested_runbook(file, &test.runbook.value);
        let open = self.open.get(&named).cloned();
        let runbook = match open.map_or_else(|| read_source(&named), |open| Ok(Ok(open))) {
            Ok(Ok(runbook)) => runbook,
            Ok(Err(found)) => return found,
            Err(why) => {
                let findings = Findings::new(file.clone());
                let help = "name the runbook beside this file, or one of `std/...`";
                return vec![findings.error("bad-include", why, test.runbook.span).help(help)];
            }
        };
        let target = self.simulated().target;
        // What is kept for other files was seen against their target.
        let memory = Memory::default();
        let setting = Setting { target: &target, is_chosen: true, levels: &around.levels, memory: &memory };
        let loaded = examine(&runbook, &self.guards, CATALOGUE, &around.library, setting);
        let Some(runbook) = loaded.runbook else {
            return loaded.diagnostics;
        };
        let world = target.world.as_deref().and_then(stdlib::find).unwrap_or_default();
        SimWorld::option_names(world)
            .map_or_else(|_| Vec::new(), |options| check_test(&test, &runbook, &target, &options))
    }

    /// Checks a runbook; `is_chosen` says whether its target must have what it names.
    pub(super) fn runbook(&self, file: &SourceFile, around: &Around, is_chosen: bool) -> Loaded {
        let setting = Setting { target: &around.aim.target, is_chosen, levels: &around.levels, memory: &around.memory };
        examine(file, &self.guards, CATALOGUE, &around.library, setting)
    }

    /// What decides about the files of a file's folder.
    pub(super) fn around(&mut self, name: &str) -> Rc<Around> {
        let folder = Path::new(name).parent().unwrap_or(Path::new("")).to_owned();
        if let Some(known) = self.folders.get(&folder) {
            return Rc::clone(known);
        }
        let around = Rc::new(self.look_around(name));
        self.folders.insert(folder, Rc::clone(&around));
        around
    }

    fn look_around(&self, name: &str) -> Around {
        let mut diagnostics = Vec::new();
        let mut unreadable = Vec::new();
        let mut source = |name: &str| match self.read(name) {
            Ok(Ok(file)) => Some(file),
            Ok(Err(found)) => {
                diagnostics.extend(found);
                None
            }
            Err(why) => {
                unreadable.push(why);
                None
            }
        };
        let (settings, misnamed) = settings_file(name);
        let settings = settings.and_then(|path| source(&path));
        let aimed_at = chosen_target(self.target.as_deref(), name).and_then(|path| source(&path));
        unreadable.extend(misnamed);
        let mut levels = Levels::default();
        if let Some(file) = &settings {
            let (written, found) = Levels::decode(file);
            levels = written;
            diagnostics.extend(found);
        }
        let aimed_at = aimed_at.and_then(|file| {
            if let Some(why) = no_target(&file) {
                unreadable.push(why);
                return None;
            }
            let ExaminedTarget { target, diagnostics: found } = examine_target(&file, &self.guards, &levels);
            diagnostics.extend(found);
            Some(Aim { target: target?, file, is_chosen: true })
        });
        let aim = aimed_at.unwrap_or_else(|| self.simulated());
        let library = Folder::under(name, Rc::clone(&self.open));
        Around { library, levels, settings, aim, memory: Memory::default(), diagnostics, unreadable }
    }

    /// Reads a file, under the name people write it with.
    fn read(&self, path: &str) -> Result<Result<SourceFile, Vec<Diagnostic>>, String> {
        match self.open.get(path) {
            Some(file) => Ok(Ok(file.clone())),
            None => read_source(&shown(Path::new(path))),
        }
    }

    fn simulated(&self) -> Aim {
        let text = stdlib::find(SIMULATED).unwrap_or_default();
        let file = SourceFile::new(SIMULATED, text);
        let target = decode_target(&file, &self.guards).unwrap_or_default();
        Aim { target, file, is_chosen: false }
    }
}

/// Whether a file is one of settings.
pub(super) fn is_settings(file: &SourceFile) -> bool {
    file.name().rsplit('/').next() == Some(SETTINGS)
}

/// The file of the runbook a test file names: a built-in one, or the one beside it.
pub(super) fn tested_runbook(file: &SourceFile, name: &str) -> String {
    if name.starts_with("std/") {
        return format!("{}.yaml", name.trim_end_matches(".yaml"));
    }
    let folder = Path::new(file.name()).parent().unwrap_or_else(|| Path::new(""));
    folder.join(format!("{name}.yaml")).display().to_string()
}

/// The settings beside or above a file, not above the repository it is in; and a sentence for each
/// file on the way whose name is almost theirs.
fn settings_file(name: &str) -> (Option<String>, Vec<String>) {
    let mut misnamed = Vec::new();
    let folder = Path::new(name).parent().filter(|folder| !folder.as_os_str().is_empty());
    let start = folder.unwrap_or(Path::new(".")).canonicalize().unwrap_or_default();
    for folder in start.ancestors().take(MAX_FOLDERS) {
        let (path, almost) = (folder.join(SETTINGS), folder.join(MISNAMED));
        if almost.is_file() {
            misnamed.push(format!("`{}` is not read: call it `{SETTINGS}`", shown(&almost)));
        }
        if path.is_file() {
            return (Some(path.display().to_string()), misnamed);
        }
        if folder.join(".git").exists() {
            break;
        }
    }
    (None, misnamed)
}

/// A path as people write it: from the folder they are in, where it is inside.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let inside = here.as_deref().and_then(|here| path.strip_prefix(here).ok());
    inside.unwrap_or(path).display().to_string()
}
