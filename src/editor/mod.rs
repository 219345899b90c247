//! A language server: what an editor asks about a runbook or target while it is written.
//!
//! `cli/` hands in the messages, what is checked with, and where answers go; this room knows the
//! protocol and no file. What is wrong comes from the one checker; what can be written comes from
//! the declarations. Completion, hover and jumps also work where the document is no YAML yet.

mod answers;
mod completion;
mod definition;
mod document;
mod expressions;
mod facts;
mod flow;
mod frame;
mod hover;
mod mentions;
mod names;
mod problems;
mod rename;
mod server;
mod sketch;
mod symbols;
mod tokens;
mod uri;
mod uses;
mod walk;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::runbook::Runbook;
use crate::runbook::target::Target;
use crate::source::SourceFile;

pub use frame::{Incoming, MAX_MESSAGE, read};
pub use server::{Ended, serve};

/// The files that are open, by their paths: they count, not what is on the disk.
pub type OpenFiles = BTreeMap<String, SourceFile>;

/// What the editor's documents are checked with.
pub trait Checker {
    /// Everything that is wrong with a file and with what it includes.
    fn check(&self, file: &SourceFile, open: &OpenFiles) -> Vec<Diagnostic>;

    /// Whether a file is one that says how much each rule weighs.
    fn is_settings(&self, file: &SourceFile) -> bool;

    /// The file that `name` means when it is written in `from`, where that is part of what `whole` is.
    fn included(&self, whole: &SourceFile, from: &SourceFile, name: &str, open: &OpenFiles) -> Option<SourceFile>;

    /// A runbook with what it includes, where all of it can be read.
    fn runbook(&self, file: &SourceFile, open: &OpenFiles) -> Option<Arc<Runbook>>;

    /// The files of the language beside a file and in the folders above it: only they can name it.
    ///
    /// # Errors
    /// A sentence saying that there are more than are read.
    fn neighbours(&self, file: &SourceFile, open: &OpenFiles) -> Result<Vec<SourceFile>, String>;

    /// The target a run of this file would act on, where it is whole.
    fn target(&self, file: &SourceFile, open: &OpenFiles) -> Option<Target>;
}
