//! The files of functions a runbook names under `functions:`, each read once, with the includes.

use crate::diagnostic::Findings;
use crate::guard::Guards;
use crate::source::{SourceFile, Spanned};
use crate::yaml::{Node, NodeKind};

use super::fields::texts_of;
use super::load::{Library, Shelf};

/// The key.
pub(super) const KEY: &str = "functions";

/// The ending of a file of functions; a built-in one is named without it.
const ENDING: &str = ".rhai";

/// The most files one runbook names: more could not be told apart.
const MAX_FILES: usize = 16;

/// The sandbox in which a runbook's guards are compiled: with the functions it names;
/// and the files of those.
pub(super) fn sandbox(
    guards: &Guards,
    root: Option<&Node>,
    library: &dyn Library,
    shelf: &mut Shelf,
    findings: &mut Findings,
) -> (Guards, Vec<SourceFile>) {
    let mut files = Vec::new();
    let mut sandbox = guards.without_functions();
    let named = match root.map(|root| &root.kind) {
        Some(NodeKind::Map(entries)) => entries.iter().find(|(key, _)| key.value == KEY).map(|(_, node)| node),
        _ => None,
    };
    let Some(node) = named else {
        return (sandbox, files);
    };
    let names = texts_of(node, KEY, findings);
    if names.len() > MAX_FILES {
        let message = format!("`{KEY}` names more than {MAX_FILES} files");
        findings.push(findings.error("bad-include", message, node.span));
        return (sandbox, files);
    }
    for name in names {
        match read(name, library, findings.file()) {
            Ok(file) => {
                let (more, found) = sandbox.with_functions(&file);
                files.push(file.clone());
                shelf.take(file, found);
                sandbox = more;
            }
            Err(problem) => {
                let finding = findings.error("bad-include", problem, name.span);
                let help = "name a file beside this one, such as `./checks.rhai`, or one of `std/...`";
                findings.push(finding.help(help));
            }
        }
    }
    (sandbox, files)
}

fn read(name: Spanned<&str>, library: &dyn Library, from: &SourceFile) -> Result<SourceFile, String> {
    let (folder, stem) = name.value.split_at(name.value.rfind('/').map_or(0, |at| at + 1));
    if stem.ends_with(ENDING) {
        return library.read(from, name.value);
    }
    if folder.starts_with("std/") && !stem.contains('.') {
        return library.read(from, &format!("{}{ENDING}", name.value));
    }
    Err(format!("`{}` is no file of functions: its name must end with `{ENDING}`", name.value))
}
