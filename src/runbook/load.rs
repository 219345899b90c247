//! Loading a runbook with everything it includes: each file is read once, and the run uses
//! those bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::declaration::Catalogue;
use crate::diagnostic::{Diagnostic, Findings};
use crate::guard::Guards;
use crate::source::{SourceFile, Span};
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

    /// An included runbook that was kept, by the full name of its file.
    fn kept(&self, _file: &str) -> Option<Included> {
        None
    }

    /// Keeps an included runbook that was read without any finding, for whoever includes it next.
    fn keep(&self, _file: &str, _included: &Included) {}
}

/// A runbook that was read because another one includes it.
#[derive(Clone, Debug)]
pub struct Included {
    /// The runbook; `None` where it is broken.
    runbook: Option<Arc<Runbook>>,
    /// Its file, and those it includes; one may come twice.
    files: Vec<SourceFile>,
    /// How many runbooks stand below each other in it, itself counted.
    height: usize,
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
    load_onto(Shelf::default(), file, guards, catalogue, library)
}

/// The same of what may be a copy of a runbook's file, under another name.
pub fn load_copy(file: &SourceFile, guards: &Guards, catalogue: Catalogue, library: &dyn Library) -> Loaded {
    load_onto(Shelf { is_copy: true, ..Shelf::default() }, file, guards, catalogue, library)
}

fn load_onto(
    mut shelf: Shelf,
    file: &SourceFile,
    guards: &Guards,
    catalogue: Catalogue,
    library: &dyn Library,
) -> Loaded {
    let runbook = decode(file, guards, catalogue, library, &mut shelf, &mut Vec::new()).runbook;
    let failed = shelf.diagnostics.iter().any(|d| d.severity == crate::diagnostic::Severity::Error);
    Loaded { runbook: runbook.filter(|_| !failed), files: shelf.files, diagnostics: shelf.diagnostics }
}

/// What was read so far.
#[derive(Default)]
pub(super) struct Shelf {
    files: Vec<SourceFile>,
    runbooks: BTreeMap<String, Included>,
    diagnostics: Vec<Diagnostic>,
    /// Whether the outermost runbook may stand in a file of another name.
    is_copy: bool,
}

impl Shelf {
    /// Takes in the files of a runbook that was read for another one.
    fn take_in(&mut self, included: &Included) {
        for file in &included.files {
            if !self.files.iter().any(|known| known.name() == file.name()) {
                self.files.push(file.clone());
            }
        }
    }

    /// Takes a file in, with what is wrong with it; one that several runbooks name, once. What it
    /// calls may be there beside one of them only.
    pub(super) fn take(&mut self, file: SourceFile, found: Vec<Diagnostic>) {
        if !self.files.iter().any(|known| known.name() == file.name()) {
            self.files.push(file);
        }
        let new: Vec<_> = found.into_iter().filter(|one| !self.diagnostics.contains(one)).collect();
        self.diagnostics.extend(new);
    }
}

/// The includes of one file under way.
pub(super) struct Includes<'a> {
    guards: &'a Guards,
    catalogue: Catalogue,
    library: &'a dyn Library,
    shelf: &'a mut Shelf,
    trail: &'a mut Vec<String>,
    /// What was included so far.
    included: Vec<Included>,
}

impl Includes<'_> {
    /// The runbook that `name` means in `from`; `Ok(None)` where it was read and is broken.
    pub(super) fn runbook(&mut self, from: &SourceFile, name: &str) -> Result<Option<Arc<Runbook>>, String> {
        let file = self.library.read(from, name)?;
        if self.trail.iter().any(|under_way| under_way == file.name()) {
            return Err(format!("`{name}` includes itself: {} -> {}", self.trail.join(" -> "), file.name()));
        }
        let known = self.shelf.runbooks.get(file.name()).cloned();
        let included = match known.or_else(|| self.library.kept(file.name())) {
            Some(known) if self.trail.len() + known.height <= MAX_INCLUDE_DEPTH + 1 => {
                self.shelf.take_in(&known);
                known
            }
            None if self.trail.len() <= MAX_INCLUDE_DEPTH => self.read(&file),
            _ => return Err(format!("`{name}` is included more than {MAX_INCLUDE_DEPTH} deep")),
        };
        self.included.push(included.clone());
        self.shelf.runbooks.insert(file.name().to_owned(), included.clone());
        Ok(included.runbook)
    }

    /// Whether the file that is read may have another name than its runbook.
    pub(super) fn is_copy(&self) -> bool {
        self.shelf.is_copy && self.trail.len() == 1
    }

    fn read(&mut self, file: &SourceFile) -> Included {
        let included = decode(file, self.guards, self.catalogue, self.library, self.shelf, self.trail);
        if self.shelf.diagnostics.is_empty() {
            self.library.keep(file.name(), &included);
        }
        included
    }
}

/// The most insertions of one file: a generated runbook of 100,000 steps has one a step.
const MAX_INSERTIONS: usize = 1 << 17;

/// Whether a file's expressions can be kept in memory.
fn fits(file: &SourceFile, findings: &mut Findings) -> bool {
    let may_be = file.text().len() > MAX_INSERTIONS;
    let is_too_full = may_be && file.text().matches("${").nth(MAX_INSERTIONS).is_some();
    if is_too_full {
        let message = format!("this file has more than {MAX_INSERTIONS} insertions `${{ }}`");
        findings.push(findings.error("guard-size", message, Span::default()));
    }
    !is_too_full
}

fn decode(
    file: &SourceFile,
    guards: &Guards,
    catalogue: Catalogue,
    library: &dyn Library,
    shelf: &mut Shelf,
    trail: &mut Vec<String>,
) -> Included {
    shelf.files.push(file.clone());
    trail.push(file.name().to_owned());
    let mut findings = Findings::new(file.clone());
    let root = yaml::parse(file, &mut findings);
    let root = root.filter(|_| fits(file, &mut findings)).map(Arc::new);
    let (own, functions) = functions::sandbox(guards, root.as_deref(), library, shelf, &mut findings);
    let mut decoder = Decoder {
        guards: &own,
        catalogue,
        includes: Includes { guards, catalogue, library, shelf, trail, included: Vec::new() },
        findings,
        ids: BTreeMap::new(),
        declared: Vec::new(),
    };
    let mut runbook = root.and_then(|root| decoder.runbook(&root, file));
    let Decoder { mut findings, ids, declared, includes, .. } = decoder;
    let included = includes.included;
    if let Some(runbook) = &mut runbook {
        check::check(runbook, &ids, &declared, &mut findings);
    }
    let whole = !findings.has_errors();
    trail.pop();
    shelf.diagnostics.extend(findings.into_sorted());
    let below = included.iter().map(|one| one.height).max().unwrap_or(0);
    let files = included.into_iter().flat_map(|one| one.files);
    Included {
        runbook: runbook.filter(|_| whole).map(Arc::new),
        files: std::iter::once(file.clone()).chain(functions).chain(files).collect(),
        height: below + 1,
    }
}
