//! Runs on disk: one folder a run, owned by one process, and never through a symbolic link.
//!
//! ```text
//! RUNS/ID/journal      the records; locked by the process that carries the run out
//! RUNS/ID/commands     the marks of the processes that came to their end
//! RUNS/ID/control      the socket through which a person speaks to that process
//! RUNS/../targets/NAME locked by the process that acts on that target
//! ```
//!
//! Locks are the kernel's (`flock`): they end with their owner, are not inherited, and nobody
//! steals them.

use std::cell::Cell;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, FlockOperation, OFlags, fallocate, flock};

use crate::journal::Store;

/// The most bytes of a journal that are read: 100,000 steps need about 60 MB.
const MAX_JOURNAL: u64 = 1024 * 1024 * 1024;

/// The most bytes of the note an owner leaves in its lock.
const MAX_NOTE: u64 = 256;

const JOURNAL: &str = "journal";
const COMMANDS: &str = "commands";
/// The room for its marks, of about a dozen bytes each: more commands than a rollout starts.
const COMMANDS_ROOM: u64 = 64 * 1024;

/// How often a journal's lock is tried: whoever asks whether it is owned holds it for microseconds.
const LOOKS: u32 = 1_000;

/// How much is written ahead at a time: about 400 steps.
const AHEAD: usize = 256 * 1024;

/// The folder of one run.
#[derive(Clone, Debug)]
pub(crate) struct RunFolder {
    path: PathBuf,
}

/// A journal file that this process owns. It is written a good piece ahead with zeros, so that a
/// record is an overwrite, which is quicker to sync than growth; the end cuts them off.
#[derive(Debug)]
pub(crate) struct JournalFile {
    file: File,
    /// Where the next record goes.
    end: Cell<u64>,
    /// Where the zeros end.
    ahead: Cell<u64>,
}

/// A lock on a target; acting on it ends with this value, or with the process.
#[derive(Debug)]
pub(crate) struct TargetLock {
    _file: File,
}

impl RunFolder {
    /// Makes the folder of a new run and its journal, owned by this process.
    pub(crate) fn create(runs: &Path, id: &str) -> Result<(Self, JournalFile), String> {
        make_folder(runs)?;
        let path = runs.join(id);
        DirBuilder::new().mode(0o700).create(&path).map_err(|error| trouble("cannot be made", &path, &error))?;
        let file = open(&path.join(JOURNAL), OpenOptions::new().read(true).write(true).create_new(true))?;
        lock_journal(&file).map_err(|()| format!("`{}` is owned by another process", path.display()))?;
        sync_folder(&path)?;
        sync_folder(runs)?;
        Ok((Self { path }, JournalFile::at(file, 0)))
    }

    /// The one run whose id begins with `beginning`.
    pub(crate) fn find(runs: &Path, beginning: &str) -> Result<Self, String> {
        let all = Self::all(runs)?;
        if let Some(found) = all.iter().find(|run| run.id() == beginning) {
            return Ok(found.clone());
        }
        let found: Vec<_> = all.iter().filter(|run| !beginning.is_empty() && run.id().starts_with(beginning)).collect();
        match found.as_slice() {
            [one] => Ok((*one).clone()),
            [] => Err(format!("there is no run `{beginning}` in `{}`; `titan-run runs` lists them", runs.display())),
            several => {
                let ids: Vec<_> = several.iter().map(|run| run.id()).collect();
                Err(format!("`{beginning}` begins several runs: {}", ids.join(", ")))
            }
        }
    }

    /// Every run, the oldest first; none where there is no folder yet.
    pub(crate) fn all(runs: &Path) -> Result<Vec<Self>, String> {
        let entries = match fs::read_dir(runs) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(trouble("cannot be read", runs, &error)),
        };
        let is_run = |path: &PathBuf| {
            fs::symlink_metadata(path).is_ok_and(|found| found.is_dir()) && path.join(JOURNAL).exists()
        };
        let mut found: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_run).collect();
        found.sort();
        Ok(found.into_iter().map(|path| Self { path }).collect())
    }

    /// The run's id.
    pub(crate) fn id(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// Whether the run of this id may go on here: a copy of a run's folder, or one that was
    /// renamed, would do again what the run itself has done.
    pub(crate) fn is_of(&self, run: &str) -> Result<(), String> {
        let why = || {
            format!("`{}` holds the record of run `{run}`: a run goes on only in the folder of its own name", self.id())
        };
        (self.id() == run).then_some(()).ok_or_else(why)
    }

    /// The journal's bytes, read without owning it.
    pub(crate) fn read(&self) -> Result<Vec<u8>, String> {
        read_all(&open(&self.path.join(JOURNAL), OpenOptions::new().read(true))?, &self.path)
    }

    /// Takes the run over, and reads its journal.
    pub(crate) fn take_over(&self) -> Result<(JournalFile, Vec<u8>), String> {
        let file = open(&self.path.join(JOURNAL), OpenOptions::new().read(true).write(true))?;
        lock_journal(&file).map_err(|()| format!("run `{}` is being carried out by another process", self.id()))?;
        let bytes = read_all(&file, &self.path)?;
        let end = bytes.len() as u64;
        Ok((JournalFile::at(file, end), bytes))
    }

    /// Whether a process carries the run out now.
    pub(crate) fn is_owned(&self) -> bool {
        let file = open(&self.path.join(JOURNAL), OpenOptions::new().read(true));
        file.is_ok_and(|file| lock(&file).is_err())
    }

    /// Where the commands are noted that have ended; nothing where that is impossible. Its room is
    /// taken beforehand: on a disk that has become full, what a deploy has started must not be
    /// taken for an orphan.
    pub(crate) fn ended_commands(&self) -> Option<File> {
        let file = open(&self.path.join(COMMANDS), OpenOptions::new().append(true).create(true)).ok()?;
        let _ = fallocate(&file, FallocateFlags::KEEP_SIZE, 0, COMMANDS_ROOM);
        Some(file)
    }

    /// The commands that were noted as ended.
    pub(crate) fn read_ended_commands(&self) -> String {
        let file = open(&self.path.join(COMMANDS), OpenOptions::new().read(true));
        let bytes = file.ok().and_then(|file| read_all(&file, &self.path).ok()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Where a person speaks to the process that carries the run out.
    pub(crate) fn control(&self) -> PathBuf {
        self.path.join("control")
    }
}

impl JournalFile {
    fn at(file: File, end: u64) -> Self {
        Self { file, end: Cell::new(end), ahead: Cell::new(end) }
    }

    /// Cuts everything after `bytes` off.
    pub(crate) fn cut(&self, bytes: u64) -> Result<(), String> {
        let cut = self.file.set_len(bytes).and_then(|()| self.file.sync_all());
        cut.map_err(|error| format!("the journal's torn tail cannot be cut off: {error}"))?;
        self.end.set(bytes);
        self.ahead.set(bytes);
        Ok(())
    }
}

impl Store for JournalFile {
    fn write(&self, bytes: &[u8]) -> Result<(), String> {
        let trouble = |error: std::io::Error| format!("the journal cannot be written: {error}");
        let end = self.end.get() + bytes.len() as u64;
        if end > self.ahead.get() {
            // Behind the new records: what stands before them reads as room until they are written.
            self.file.write_all_at(&vec![0; AHEAD], end).map_err(trouble)?;
            self.ahead.set(end + AHEAD as u64);
        }
        self.file.write_all_at(bytes, self.end.get()).map_err(trouble)?;
        self.end.set(end);
        Ok(())
    }

    fn sync(&self) -> Result<(), String> {
        self.file.sync_data().map_err(|error| format!("the journal cannot be synced: {error}"))
    }
}

impl Drop for JournalFile {
    fn drop(&mut self) {
        if self.ahead.get() > self.end.get() {
            let _ = self.file.set_len(self.end.get());
        }
    }
}

impl TargetLock {
    /// Owns a target; `run` is left as a note for whoever comes second.
    pub(crate) fn take(runs: &Path, target: &str, run: &str) -> Result<Self, String> {
        let folder = runs.parent().unwrap_or(runs).join("targets");
        make_folder(&folder)?;
        let path = folder.join(crate::percent::percent_encoded(target));
        let file = open(&path, OpenOptions::new().read(true).write(true).create(true))?;
        if lock(&file).is_err() {
            let mut owner = String::new();
            let _ = (&file).take(MAX_NOTE).read_to_string(&mut owner);
            let owner = owner.trim_end();
            let id = owner.split(',').next().unwrap_or_default();
            return Err(format!(
                "target `{target}` is acted on by another run: {owner}; `titan-run abort {id}` rolls it back"
            ));
        }
        let note = format!("{run}, process {}\n", std::process::id());
        let noted = file.set_len(0).and_then(|()| (&file).write_all(note.as_bytes()));
        noted.map_err(|error| trouble("cannot be written", &path, &error))?;
        Ok(Self { _file: file })
    }
}

/// Makes a folder and those above it; each that is new survives a loss of power.
fn make_folder(path: &Path) -> Result<(), String> {
    if path.is_dir() {
        return Ok(());
    }
    let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    make_folder(above)?;
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(trouble("cannot be made", path, &error)),
        _ => sync_folder(above),
    }
}

/// Opens a file of ours: not through a symbolic link, and for nobody else to read.
fn open(path: &Path, options: &mut OpenOptions) -> Result<File, String> {
    let flags = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0);
    let opened = options.mode(0o600).custom_flags(flags).open(path);
    opened.map_err(|error| trouble("cannot be opened", path, &error))
}

fn lock(file: &File) -> Result<(), ()> {
    flock(file, FlockOperation::NonBlockingLockExclusive).map_err(|_| ())
}

/// Locks a journal, against which others only hold a lock for the moment of looking.
fn lock_journal(file: &File) -> Result<(), ()> {
    let mut locked = lock(file);
    for _ in 0..LOOKS {
        if locked.is_ok() {
            break;
        }
        std::thread::yield_now();
        locked = lock(file);
    }
    locked
}

fn read_all(file: &File, shown: &Path) -> Result<Vec<u8>, String> {
    let expected = file.metadata().map_or(0, |found| found.len()).min(MAX_JOURNAL);
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or(0) + 1);
    let read = file.take(MAX_JOURNAL + 1).read_to_end(&mut bytes);
    read.map_err(|error| trouble("cannot be read", shown, &error))?;
    if bytes.len() as u64 > MAX_JOURNAL {
        return Err(format!("the journal in `{}` is larger than {MAX_JOURNAL} bytes", shown.display()));
    }
    Ok(bytes)
}

/// Makes the names in a folder survive a loss of power.
fn sync_folder(path: &Path) -> Result<(), String> {
    let synced = File::open(path).and_then(|folder| folder.sync_all());
    synced.map_err(|error| trouble("cannot be synced", path, &error))
}

fn trouble(what: &str, path: &Path, error: &std::io::Error) -> String {
    format!("`{}` {what}: {error}", path.display())
}
