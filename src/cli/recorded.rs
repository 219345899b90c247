//! A run from its record: the files it was made of, and whether they are still the same.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::diagnostic::Severity;
use crate::event::Header;
use crate::guard::Guards;
use crate::lint::{Levels, Memory, Setting, examine};
use crate::policy::sha256_hex;
use crate::primitive::CATALOGUE;
use crate::runbook::{Library, decode_target, load};
use crate::source::SourceFile;
use crate::stdlib;
use crate::value::Value;

use super::check::SETTINGS;
use super::files::{MAX_PARAM_FILE, included, read_bounded};
use super::prepare::{ENGINE, Prepared};

/// Everything a run is made of, from its first record alone. To go forward it must pass the
/// checker again; a rollback is never held up by a rule.
///
/// # Errors
/// A sentence when this engine cannot read what that one wrote, or would not run it.
pub(super) fn prepared(header: &Header, is_checked: bool) -> Result<Prepared, String> {
    let guards = Guards::new(CATALOGUE);
    let shelf = Shelf { file: &header.file, sources: &header.sources };
    let target = decode_target(&shelf.source(&header.target_file)?, &guards);
    let target = target.map_err(|found| {
        let why = found.first().map_or("it is broken", |found| found.message.as_str());
        format!("the recorded target cannot be read by this engine: {why}")
    })?;
    let file = shelf.source(&header.file)?;
    let loaded = match is_checked {
        true => {
            let settings = header.sources.keys().find(|name| name.rsplit('/').next() == Some(SETTINGS));
            let settings = settings.and_then(|name| shelf.source(name).ok());
            let levels = settings.map(|file| Levels::decode(&file).0).unwrap_or_default();
            let setting = Setting { target: &target, is_chosen: true, levels: &levels, memory: &Memory::default() };
            examine(&file, &guards, CATALOGUE, &shelf, setting)
        }
        false => load(&file, &guards, CATALOGUE, &shelf),
    };
    let Some(runbook) = loaded.runbook else {
        let wrong = loaded.diagnostics.iter().find(|found| found.severity == Severity::Error);
        let why = wrong.map_or("it is broken", |found| found.message.as_str());
        return Err(format!("the recorded runbook is refused by this engine: {why}"));
    };
    Ok(Prepared { runbook, target, guards, header: header.clone() })
}

/// What is not as it was when the run began; a sentence each.
pub(super) fn changes(header: &Header) -> Vec<String> {
    let mut changes = Vec::new();
    if header.engine != ENGINE {
        changes.push(format!("the engine was {}, and this is {ENGINE}", header.engine));
    }
    for (name, digest) in &header.digests {
        let file = match name.strip_prefix("params.") {
            Some(param) => header.params.get(param).and_then(|value| value.get("path")).map(Value::to_string),
            None => Some(name.clone()),
        };
        let found = file.map_or_else(|| Err("its name is not on record".to_owned()), |file| contents(header, &file));
        match found {
            Ok(bytes) if sha256_hex(&bytes) == *digest => {}
            Ok(_) => changes.push(format!("`{name}` was changed since the run began")),
            Err(why) => changes.push(format!("`{name}` cannot be compared: {why}")),
        }
    }
    changes
}

/// A file's bytes as they are now.
fn contents(header: &Header, file: &str) -> Result<Vec<u8>, String> {
    match stdlib::find(file) {
        Some(text) => Ok(text.as_bytes().to_vec()),
        None => read_bounded(&Path::new(&header.folder).join(file), MAX_PARAM_FILE),
    }
}

/// The recorded files.
struct Shelf<'a> {
    file: &'a str,
    sources: &'a BTreeMap<String, Arc<str>>,
}

impl Shelf<'_> {
    fn source(&self, name: &str) -> Result<SourceFile, String> {
        let text = self.sources.get(name).ok_or_else(|| format!("`{name}` is not on record"))?;
        Ok(SourceFile::new(name, &**text))
    }
}

impl Library for Shelf<'_> {
    fn read(&self, from: &SourceFile, name: &str) -> Result<SourceFile, String> {
        self.source(&included(from, name, self.file)?)
    }
}
