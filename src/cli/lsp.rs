//! `titan-run lsp`: serves an editor over standard input and output.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, OnceLock};
use std::thread;

use crate::diagnostic::Diagnostic;
use crate::editor::{self, Ended, OpenFiles};
use crate::primitive::CATALOGUE;
use crate::runbook::target::Target;
use crate::runbook::{Library, Runbook, load};
use crate::source::SourceFile;

use super::check::{Around, Checker, is_settings};
use super::files::{Folder, read_source};
use super::{Streams, exit, search};

#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// Speak over standard input and output; what is done anyway, and some editors say so
    #[arg(long)]
    stdio: bool,
    /// Where runbooks will act; without it what a run would find
    #[arg(long, value_name = "FILE")]
    target: Option<String>,
}

/// How many messages may wait: an editor that sends more waits itself.
const MAX_WAITING: usize = 64;

/// Serves until the editor leaves.
pub(super) fn lsp(args: &Args, streams: &mut Streams<'_>) -> u8 {
    let _ = args.stdio;
    let (send, receive) = sync_channel(MAX_WAITING);
    let unreadable = Arc::new(OnceLock::new());
    let why = Arc::clone(&unreadable);
    // Ends with the process: nothing else ends a read of standard input.
    thread::spawn(move || {
        let mut from = std::io::stdin().lock();
        loop {
            match editor::read(&mut from).map(|next| next.map(|next| send.send(next))) {
                Ok(Some(Ok(()))) => {}
                Ok(_) => return,
                Err(error) => return why.set(error).unwrap_or_default(),
            }
        }
    });
    let checker = Disk(RefCell::new(Checker::new(args.target.as_deref())));
    match editor::serve(&receive, streams.out, &checker, CATALOGUE) {
        Ok(Ended::Properly) => exit::SUCCEEDED,
        Ok(Ended::Abruptly) => {
            if let Some(error) = unreadable.get() {
                streams.complain(&format!("what the editor sends cannot be read: {error}"));
            }
            exit::REFUSED
        }
        Err(error) => {
            streams.complain(&format!("the editor does not listen any more: {error}"));
            exit::REFUSED
        }
    }
}

/// Files on the disk, under those that are open.
struct Disk(RefCell<Checker>);

impl Disk {
    /// What is around a file, read anew.
    fn around(&self, file: &SourceFile, open: &OpenFiles) -> Rc<Around> {
        let mut checker = self.0.borrow_mut();
        checker.read_under(Rc::new(open.clone()));
        checker.around(file.name())
    }
}

impl editor::Checker for Disk {
    fn check(&self, file: &SourceFile, open: &OpenFiles) -> Vec<Diagnostic> {
        let mut checker = self.0.borrow_mut();
        checker.read_under(Rc::new(open.clone()));
        checker.check(file).diagnostics
    }

    fn is_settings(&self, file: &SourceFile) -> bool {
        is_settings(file)
    }

    fn included(&self, whole: &SourceFile, from: &SourceFile, name: &str, open: &OpenFiles) -> Option<SourceFile> {
        Folder::under(whole.name(), Rc::new(open.clone())).read(from, name).ok()
    }

    fn runbook(&self, file: &SourceFile, open: &OpenFiles) -> Option<Arc<Runbook>> {
        let around = self.around(file, open);
        load(file, &self.0.borrow().guards, CATALOGUE, &around.library).runbook
    }

    fn neighbours(&self, file: &SourceFile, open: &OpenFiles) -> Result<Vec<SourceFile>, String> {
        let files = search::above(Path::new(file.name()))?;
        let names = files.iter().map(|path| path.display().to_string());
        let read = names.filter_map(|name| open.get(&name).cloned().or_else(|| read_source(&name).ok()?.ok()));
        Ok(read.collect())
    }

    fn target(&self, file: &SourceFile, open: &OpenFiles) -> Option<Target> {
        Some(self.around(file, open).aim.target.clone())
    }
}
