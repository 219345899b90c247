//! Requests and their answers; one arm, one request.

use lsp_server::ErrorCode;
use lsp_types::request::{
    CodeActionRequest, Completion, DocumentSymbolRequest, Formatting, GotoDefinition, HoverRequest,
    PrepareRenameRequest, References, Rename, Request,
};
use lsp_types::{
    CodeActionKind, CodeActionOptions, CodeActionParams, CompletionOptions, CompletionParams, DocumentFormattingParams,
    DocumentSymbolParams, GotoDefinitionParams, HoverParams, InitializeResult, Location, OneOf, PositionEncodingKind,
    PrepareRenameResponse, ReferenceParams, RenameOptions, RenameParams, SaveOptions, ServerCapabilities, ServerInfo,
    TextDocumentPositionParams, TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions,
    TextDocumentSyncSaveOptions, TextEdit, Uri, WorkDoneProgressOptions,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::diagnostic::Diagnostic;
use crate::layout::lay_out;
use crate::lint::allows_more;
use crate::source::Span;

use super::completion::completion;
use super::definition::definition;
use super::document::Document;
use super::hover::hover;
use super::mentions::subject_at;
use super::names::Setting;
use super::problems::{changes, fixes};
use super::rename::{references, rename, step_at};
use super::symbols::symbols;
use super::uri::uri_of;

/// Characters after which something can be written: a key's blank, a name's dot, a path's slash,
/// and what opens an expression, a list or a map.
const TRIGGERS: [&str; 6] = [" ", ".", "{", "[", ",", "/"];

/// Why a request has no answer.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: i32,
    pub(super) why: String,
}

fn refusal(code: ErrorCode, why: impl Into<String>) -> Refusal {
    Refusal { code: code as i32, why: why.into() }
}

/// An open document with what was found in it.
type Opened<'a> = (Setting<'a>, &'a [Diagnostic]);

/// What the server can do.
pub(super) fn capabilities() -> Value {
    let no_progress = WorkDoneProgressOptions { work_done_progress: None };
    let capabilities = ServerCapabilities {
        position_encoding: Some(PositionEncodingKind::UTF16),
        text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::FULL),
            save: Some(TextDocumentSyncSaveOptions::SaveOptions(SaveOptions { include_text: Some(false) })),
            ..TextDocumentSyncOptions::default()
        })),
        completion_provider: Some(CompletionOptions {
            trigger_characters: Some(TRIGGERS.map(str::to_owned).to_vec()),
            ..CompletionOptions::default()
        }),
        hover_provider: Some(true.into()),
        definition_provider: Some(OneOf::Left(true)),
        references_provider: Some(OneOf::Left(true)),
        rename_provider: Some(OneOf::Right(RenameOptions {
            prepare_provider: Some(true),
            work_done_progress_options: no_progress,
        })),
        code_action_provider: Some(
            CodeActionOptions {
                code_action_kinds: Some(vec![CodeActionKind::QUICKFIX]),
                ..CodeActionOptions::default()
            }
            .into(),
        ),
        document_symbol_provider: Some(OneOf::Left(true)),
        document_formatting_provider: Some(OneOf::Left(true)),
        ..ServerCapabilities::default()
    };
    let server = ServerInfo { name: "titan-run".to_owned(), version: Some(env!("CARGO_PKG_VERSION").to_owned()) };
    json!(InitializeResult { capabilities, server_info: Some(server) })
}

/// Answers a request about the document that `find` gives for a URI.
pub(super) fn answer<'a>(
    method: &str,
    params: Value,
    find: impl Fn(&Uri) -> Option<Opened<'a>>,
) -> Result<Value, Refusal> {
    let ask = Ask { find: &find };
    match method {
        Completion::METHOD => {
            let CompletionParams { text_document_position: at, .. } = read(params)?;
            ask.at(&at, |setting, offset| json!(completion(setting, offset)))
        }
        HoverRequest::METHOD => {
            let HoverParams { text_document_position_params: at, .. } = read(params)?;
            ask.at(&at, |setting, offset| {
                let found = hover(setting, offset);
                json!(found.map(|(said, span)| json!({
                    "contents": { "kind": "markdown", "value": said },
                    "range": setting.document.range(span),
                })))
            })
        }
        GotoDefinition::METHOD => {
            let GotoDefinitionParams { text_document_position_params: at, .. } = read(params)?;
            ask.at(&at, |setting, offset| json!(place(setting, &at.text_document.uri, offset)))
        }
        References::METHOD => {
            let ReferenceParams { text_document_position: at, context, .. } = read(params)?;
            ask.at(&at, |setting, offset| {
                json!(locations(setting, &at.text_document.uri, offset, context.include_declaration))
            })
        }
        PrepareRenameRequest::METHOD => {
            let at: TextDocumentPositionParams = read(params)?;
            ask.at(&at, |setting, offset| {
                let found = step_at(setting, offset);
                json!(found.map(|(placeholder, span)| {
                    PrepareRenameResponse::RangeWithPlaceholder { range: setting.document.range(span), placeholder }
                }))
            })
        }
        Rename::METHOD => {
            let RenameParams { text_document_position: at, new_name: new, .. } = read(params)?;
            let uri = &at.text_document.uri;
            let (setting, _) = ask.document(uri)?;
            let offset = setting.document.offset(at.position);
            let renamed = rename(setting, offset, &new).map_err(|why| refusal(ErrorCode::RequestFailed, why))?;
            let edits = renamed.into_iter().filter_map(|(document, spans)| {
                let edits = spans.into_iter().map(|span| TextEdit::new(document.range(span), new.clone()));
                Some((uri_in(setting, uri, &document)?, edits.collect()))
            });
            Ok(json!(changes(edits.collect())))
        }
        CodeActionRequest::METHOD => {
            let CodeActionParams { text_document, range, context, .. } = read(params)?;
            let (setting, found) = ask.document(&text_document.uri)?;
            let is_wanted = |kind: &CodeActionKind| [CodeActionKind::EMPTY, CodeActionKind::QUICKFIX].contains(kind);
            let found = if context.only.is_none_or(|kinds| kinds.iter().any(is_wanted)) { found } else { &[] };
            Ok(json!(fixes(setting, &text_document.uri, found, range)))
        }
        Formatting::METHOD => {
            let DocumentFormattingParams { text_document, .. } = read(params)?;
            let (setting, _) = ask.document(&text_document.uri)?;
            Ok(json!(laid_out(setting.document)))
        }
        DocumentSymbolRequest::METHOD => {
            let DocumentSymbolParams { text_document, .. } = read(params)?;
            let (setting, _) = ask.document(&text_document.uri)?;
            Ok(json!(symbols(setting.document)))
        }
        _ => Err(refusal(ErrorCode::MethodNotFound, format!("`{method}` is not known here"))),
    }
}

fn read<T: DeserializeOwned>(params: Value) -> Result<T, Refusal> {
    serde_json::from_value(params).map_err(|error| refusal(ErrorCode::InvalidParams, error.to_string()))
}

struct Ask<'f, F> {
    find: &'f F,
}

impl<'a, F: Fn(&Uri) -> Option<Opened<'a>>> Ask<'_, F> {
    fn document(&self, uri: &Uri) -> Result<Opened<'a>, Refusal> {
        (self.find)(uri).ok_or_else(|| refusal(ErrorCode::InvalidParams, format!("`{}` is not open", uri.as_str())))
    }

    /// Answers about a place in a document.
    fn at<T: Serialize>(
        &self,
        at: &TextDocumentPositionParams,
        answer: impl FnOnce(Setting<'a>, usize) -> T,
    ) -> Result<Value, Refusal> {
        let (setting, _) = self.document(&at.text_document.uri)?;
        Ok(json!(answer(setting, setting.document.offset(at.position))))
    }
}

/// The edit that gives a document the one layout; `None` where it has it or cannot have it.
fn laid_out(document: &Document) -> Option<Vec<TextEdit>> {
    let text = lay_out(&document.file).ok().filter(|text| document.is_ours() && text != document.text())?;
    if allows_more(&document.file, &text) {
        return None;
    }
    Some(vec![TextEdit::new(document.range(Span::new(0, document.text().len())), text)])
}

/// Where something is declared; `None` in a file that is on no disk.
fn place(setting: Setting<'_>, uri: &Uri, offset: usize) -> Option<Location> {
    match definition(setting, offset)? {
        (None, span) => Some(Location { uri: uri.clone(), range: setting.document.range(span) }),
        (Some(file), span) => {
            let uri = uri_of(file.name())?;
            Some(Location { uri, range: Document::new(file, 0).range(span) })
        }
    }
}

/// Every place that names what is under the cursor.
fn locations(setting: Setting<'_>, uri: &Uri, offset: usize, with_declaration: bool) -> Vec<Location> {
    let Some((subject, _)) = subject_at(setting, offset) else {
        return Vec::new();
    };
    let named = references(setting, &subject).into_iter().filter_map(|(document, mut spans)| {
        let is_home = document.file.name() == subject.file.name();
        let declared = subject.declared(&document).filter(|_| is_home && !with_declaration);
        spans.retain(|span| Some(*span) != declared);
        let uri = uri_in(setting, uri, &document)?;
        let locations = spans.into_iter().map(|span| Location { uri: uri.clone(), range: document.range(span) });
        Some(locations.collect::<Vec<_>>())
    });
    named.flatten().collect()
}

/// The URI of a document: for the one that was asked about, as the editor has it.
fn uri_in(setting: Setting<'_>, uri: &Uri, document: &Document) -> Option<Uri> {
    match document.file.name() == setting.document.file.name() {
        true => Some(uri.clone()),
        false => uri_of(document.file.name()),
    }
}
