//! Loading a runbook with everything it includes: each file is read once, and the run uses
//! those bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::declaration::Catalogue;
use crate::diagnostic::{Diagnostic, Findings};
use crate::guard::Guards;
use crate::source::SourceFile;
use crate::yaml;

use super::decode::Decoder;
use super::{Runbook, check, functions};

/// How deep runbooks may include each other: deeper than any person can follow.
pub const MAX_INCLUDE_DEPTH: usize = 8;

/// Where included files come from.
pub trait Library {
    /// Reads the file that `name` means when it is written in `from`.
    ///
    /// # Errors
    /// A sentence saying why there is no such file, or why it may not be read.
    fn read(&self, from: &SourceFile, name: &str) -> Result<SourceFile, String>;
}

/// A runbook, the files it was made of, and what is wrong with them.
#[derive(Debug)]
pub struct Loaded {
    /// The runbook; `None` where an error stands in the way.
    pub runbook: Option<Arc<Runbook>>,
    /// Every file read, in the order of reading.
    pub files: Vec<SourceFile>,
    /// What is wrong, file by file, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

/// Decodes a runbook and everything it includes, and reports every problem of all the files.
pub fn load(file: &SourceFile, guards: &Guards, catalogue: Catalogue, library: &dyn Library) -> Loaded {
    let mut shelf = Shelf::default();
    let runbook = decode(file, guards, catalogue, library, &mut shelf, &mut Vec::new());
    let failed = shelf.diagnostics.iter().any(|d| d.severity == crate::diagnostic::Severity::Error);
    Loaded { runbook: runbook.filter(|_| !failed), files: shelf.files, diagnostics: shelf.diagnostics }
}

/// What was read so far.
#[derive(Default)]
pub(super) struct Shelf {
    files: Vec<SourceFile>,
    runbooks: BTreeMap<String, Option<Arc<Runbook>>>,
    diagnostics: Vec<Diagnostic>,
}

impl Shelf {
    /// Takes a file in, with what is wrong with it; one that several runbooks name, once.
    pub(super) fn take(&mut self, file: SourceFile, found: Vec<Diagnostic>) {
        if self.files.iter().any(|known| known.name() == file.name()) {
            return;
        }
        self.files.push(file);
        self.diagnostics.extend(found);
    }
}

/// The includes of one file under way.
pub(super) struct Includes<'a> {
    guards: &'a Guards,
    catalogue: Catalogue,
    library: &'a dyn Library,
    shelf: &'a mut Shelf,
    trail: &'a mut Vec<String>,
}

impl Includes<'_> {
    /// The runbook that `name` means in `from`; `Ok(None)` where it was read and is broken.
    pub(super) fn runbook(&mut self, from: &SourceFile, name: &str) -> Result<Option<Arc<Runbook>>, String> {
        let file = self.library.read(from, name)?;
        if self.trail.iter().any(|under_way| under_way == file.name()) {
            return Err(format!("`{name}` includes itself: {} -> {}", self.trail.join(" -> "), file.name()));
        }
        if self.trail.len() > MAX_INCLUDE_DEPTH {
            return Err(format!("`{name}` is included more than {MAX_INCLUDE_DEPTH} deep"));
        }
        if let Some(known) = self.shelf.runbooks.get(file.name()) {
            return Ok(known.clone());
        }
        let runbook = decode(&file, self.guards, self.catalogue, self.library, self.shelf, self.trail);
        self.shelf.runbooks.insert(file.name().to_owned(), runbook.clone());
        Ok(runbook)
    }
}

fn decode(
    file: &SourceFile,
    guards: &Guards,
    catalogue: Catalogue,
    library: &dyn Library,
    shelf: &mut Shelf,
    trail: &mut Vec<String>,
) -> Option<Arc<Runbook>> {
    shelf.files.push(file.clone());
    trail.push(file.name().to_owned());
    let mut findings = Findings::new(file.clone());
    let root = yaml::parse(file, &mut findings);
    let own = functions::sandbox(guards, root.as_ref(), library, shelf, &mut findings);
    let mut decoder = Decoder {
        guards: &own,
        catalogue,
        includes: Includes { guards, catalogue, library, shelf, trail },
        findings,
        ids: BTreeMap::new(),
        declared: Vec::new(),
    };
    let runbook = root.and_then(|root| decoder.runbook(&root, file));
    let Decoder { mut findings, ids, declared, .. } = decoder;
    if let Some(runbook) = &runbook {
        check::check(runbook, &ids, &declared, &mut findings);
    }
    let whole = !findings.has_errors();
    trail.pop();
    shelf.diagnostics.extend(findings.into_sorted());
    runbook.filter(|_| whole).map(Arc::new)
}
