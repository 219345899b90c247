//! The files of functions a runbook names under `functions:`, each read once, with the includes.

use crate::diagnostic::{Diagnostic, Findings};
use crate::guard::fault::Wrong;
use crate::guard::{Guards, SaidByFile};
use crate::source::{SourceFile, Spanned};
use crate::yaml::{Node, NodeKind};

use super::allowed::not_allowed;
use super::check::is_unknown_name;
use super::fields::texts_of;
use super::load::{Library, Shelf};
use super::{arguments, calls};

/// The key.
pub(super) const KEY: &str = "functions";

/// The code of a text that a function cannot read.
const TYPES: &str = "type-mismatch";

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
    let mut read_so_far = Vec::new();
    let mut are_whole = true;
    for name in names {
        match read(name, library, findings.file()) {
            Ok(file) => {
                let (more, found) = sandbox.with_functions(&file);
                are_whole &= found.is_empty();
                read_so_far.push((file, found));
                sandbox = more;
            }
            Err(problem) => {
                are_whole = false;
                let finding = findings.error("bad-include", problem, name.span);
                let help = "name a file beside this one, such as `./checks.rhai`, or one of `std/...`";
                findings.push(finding.help(help));
            }
        }
    }
    // Only now is known what they can call of each other.
    let said = if are_whole { sandbox.said_by_files() } else { Vec::new() };
    for (file, mut found) in read_so_far {
        found.extend(said.iter().filter(|said| said.file.name() == file.name()).flat_map(wrong_in));
        files.push(file.clone());
        shelf.take(file, found);
    }
    (sandbox, files)
}

/// Everything that a file of functions calls, reads or hands over that cannot be, and that its comments
/// do not allow: what a rule finds in a runbook.
fn wrong_in(said: &SaidByFile) -> Vec<Diagnostic> {
    let mut findings = Findings::new(said.file.clone());
    for (span, wrong) in &said.wrong {
        is_unknown_name(wrong, *span, &mut findings);
        if let Wrong::BadText { why, help } = wrong {
            let finding = findings.error(TYPES, why, *span);
            findings.push(finding.help(help));
        }
        let call = calls::said(wrong, |message| findings.error(calls::CODE, message, *span));
        findings.extend(call);
    }
    said.asked.iter().for_each(|asked| arguments::asked(&mut findings, asked));
    not_allowed(said.file.text(), findings.into_sorted(), |code| [calls::CODE, TYPES].contains(&code))
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
