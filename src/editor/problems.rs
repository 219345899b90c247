//! What is wrong, as the protocol has it, and the edits that would answer it.

use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, DiagnosticRelatedInformation, DiagnosticSeverity, Location,
    NumberOrString, Range, TextEdit, Uri, WorkspaceEdit,
};

use crate::diagnostic::{Diagnostic, Label, Severity};
use crate::schema::FileKind;
use crate::source::SourceFile;

use super::document::Document;
use super::mentions::{files, plain};
use super::names::Setting;
use super::uri::uri_of;

/// Whose name diagnostics carry.
const SOURCE: &str = "titan-run";

/// A diagnostic of a document; what is wrong in another file stands where that one is named.
pub(super) fn problem(setting: Setting<'_>, found: &Diagnostic) -> lsp_types::Diagnostic {
    let document = setting.document;
    let is_here = |label: &Label| label.loc.file.name() == document.file.name();
    let primary = found.labels.first();
    let range = match primary {
        Some(label) if is_here(label) => document.range(label.loc.span),
        Some(label) => where_named(setting, &label.loc.file),
        None => Range::default(),
    };
    let elsewhere = primary.filter(|label| !is_here(label));
    let related: Vec<_> = found.labels.iter().skip(usize::from(elsewhere.is_none())).filter_map(related).collect();
    lsp_types::Diagnostic {
        range,
        severity: Some(match found.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
            Severity::Note => DiagnosticSeverity::INFORMATION,
        }),
        code: Some(NumberOrString::String(found.code.to_owned())),
        code_description: None,
        source: Some(SOURCE.to_owned()),
        message: message(found, elsewhere.map(|label| label.loc.file.name())),
        related_information: (!related.is_empty()).then_some(related),
        tags: None,
        data: None,
    }
}

fn message(found: &Diagnostic, file: Option<&str>) -> String {
    let mut said = match file {
        Some(file) => format!("in `{file}`: {}", found.message),
        None => found.message.clone(),
    };
    let beside = found.labels.first().map_or("", |label| label.text.as_str());
    if !beside.is_empty() {
        said.push_str(&format!("\n{beside}"));
    }
    if let Some(help) = &found.help {
        said.push_str(&format!("\nhelp: {help}"));
    }
    said
}

fn related(label: &Label) -> Option<DiagnosticRelatedInformation> {
    let document = Document::new(label.loc.file.clone(), 0);
    let uri = uri_of(label.loc.file.name())?;
    let text = if label.text.is_empty() { "here" } else { label.text.as_str() };
    Some(DiagnosticRelatedInformation {
        location: Location { uri, range: document.range(label.loc.span) },
        message: text.to_owned(),
    })
}

/// Where a document names another file: the first time, or its own beginning. Whatever a test file
/// leads to, it leads there by the runbook it is for.
fn where_named(setting: Setting<'_>, file: &SourceFile) -> Range {
    let document = setting.document;
    let named = files(setting);
    let exact = named.iter().find(|one| plain(one.subject.file.name()) == plain(file.name()));
    let tested = named.first().filter(|_| document.kind == FileKind::Test);
    exact.or(tested).map_or_else(Range::default, |one| document.range(one.whole))
}

/// What would answer the diagnostics in a range.
pub(super) fn fixes(setting: Setting<'_>, uri: &Uri, found: &[Diagnostic], range: Range) -> Vec<CodeActionOrCommand> {
    let document = setting.document;
    let mut actions = Vec::new();
    for diagnostic in found {
        let Some(fix) = &diagnostic.fix else {
            continue;
        };
        let is_here = diagnostic.loc().is_some_and(|loc| loc.file.name() == document.file.name());
        let problem = problem(setting, diagnostic);
        if !is_here || problem.range.end < range.start || range.end < problem.range.start {
            continue;
        }
        let edits = fix.edits.iter().map(|edit| TextEdit::new(document.range(edit.span), edit.text.clone()));
        actions.push(CodeActionOrCommand::CodeAction(CodeAction {
            title: fix.title.clone(),
            kind: Some(CodeActionKind::QUICKFIX),
            diagnostics: Some(vec![problem]),
            edit: Some(changes(vec![(uri.clone(), edits.collect())])),
            is_preferred: Some(fix.is_safe),
            ..CodeAction::default()
        }));
    }
    actions
}

/// Edits of documents.
pub(super) fn changes(edits: Vec<(Uri, Vec<TextEdit>)>) -> WorkspaceEdit {
    WorkspaceEdit { changes: Some(edits.into_iter().collect()), ..WorkspaceEdit::default() }
}
