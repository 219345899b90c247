//! The conversation: what may be said when, which documents are open, what is told unasked.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, TryRecvError};

use lsp_server::ErrorCode;
use lsp_types::notification::{
    DidChangeTextDocument, DidChangeWatchedFiles, DidCloseTextDocument, DidOpenTextDocument, DidSaveTextDocument, Exit,
    Notification, PublishDiagnostics,
};
use lsp_types::request::{Initialize, Request, Shutdown};
use lsp_types::{
    DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams, PublishDiagnosticsParams, Uri,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::declaration::Catalogue;
use crate::diagnostic::Diagnostic;
use crate::source::SourceFile;
use crate::yaml::read_text;

use super::answers::{self, Refusal};
use super::document::Document;
use super::frame::{Incoming, write};
use super::names::Setting;
use super::problems::problem;
use super::uri::path_of;
use super::{Checker, OpenFiles};

/// How a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// As the protocol wants it: a shutdown, then an exit.
    Properly,
    /// The editor is gone.
    Abruptly,
}

/// How far a conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Before,
    Under,
    After,
}

/// An open document with what was found in it.
struct Open {
    document: Document,
    /// What is wrong with its bytes, where it cannot be read at all.
    unreadable: Vec<Diagnostic>,
    found: Vec<Diagnostic>,
}

struct Server<'a> {
    checker: &'a dyn Checker,
    catalogue: Catalogue,
    to: &'a mut dyn Write,
    phase: Phase,
    documents: BTreeMap<Uri, Open>,
    /// What was typed and not read yet: of many changes in a row only the last is read.
    typed: BTreeMap<Uri, (i32, String)>,
    /// The documents to be checked again.
    stale: BTreeSet<Uri>,
}

/// Serves one editor until it leaves. Documents are checked when no message waits, so that a fast
/// typist is not told about every letter.
///
/// # Errors
/// When the editor cannot be told something.
pub fn serve(
    from: &Receiver<Incoming>,
    to: &mut dyn Write,
    checker: &dyn Checker,
    catalogue: Catalogue,
) -> io::Result<Ended> {
    let (documents, typed, stale) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
    let mut server = Server { checker, catalogue, to, phase: Phase::Before, documents, typed, stale };
    loop {
        let next = match from.try_recv() {
            Ok(next) => Some(next),
            Err(TryRecvError::Disconnected) => None,
            Err(TryRecvError::Empty) => {
                server.check_stale()?;
                from.recv().ok()
            }
        };
        let message = match next {
            None => return Ok(Ended::Abruptly),
            Some(Incoming::Message(message)) => message,
            Some(Incoming::Broken(why)) => {
                server.refuse(&Value::Null, ErrorCode::ParseError as i32, &why)?;
                continue;
            }
        };
        if message.get("method").and_then(Value::as_str) == Some(Exit::METHOD) {
            return Ok(if server.phase == Phase::After { Ended::Properly } else { Ended::Abruptly });
        }
        server.take(message)?;
    }
}

impl Server<'_> {
    /// Takes one message: a request has an id and a method, a notification no id.
    fn take(&mut self, mut message: Value) -> io::Result<()> {
        let params = message.get_mut("params").map(Value::take).unwrap_or_default();
        let method = message.get("method").and_then(Value::as_str).map(str::to_owned);
        let id = message.get("id").filter(|id| id.is_string() || id.is_number()).cloned();
        match (method, id) {
            (Some(method), Some(id)) => self.request(&id, &method, params),
            (Some(method), None) => self.notification(&method, params),
            // An answer to what was never asked.
            (None, Some(_)) if message.get("result").is_some() || message.get("error").is_some() => Ok(()),
            (None, id) => {
                let id = id.unwrap_or_default();
                self.refuse(&id, ErrorCode::InvalidRequest as i32, "a message needs a `method`")
            }
        }
    }

    fn refuse(&mut self, id: &Value, code: i32, why: &str) -> io::Result<()> {
        write(self.to, &json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": why } }))
    }

    fn answer(&mut self, id: &Value, result: &Value) -> io::Result<()> {
        write(self.to, &json!({ "jsonrpc": "2.0", "id": id, "result": result }))
    }

    fn request(&mut self, id: &Value, method: &str, params: Value) -> io::Result<()> {
        match (self.phase, method) {
            (Phase::Before, Initialize::METHOD) => {
                self.phase = Phase::Under;
                self.answer(id, &answers::capabilities())
            }
            (Phase::Before, _) => self.refuse(id, ErrorCode::ServerNotInitialized as i32, "`initialize` comes first"),
            (Phase::Under, Initialize::METHOD) | (Phase::After, _) => {
                self.refuse(id, ErrorCode::InvalidRequest as i32, &format!("`{method}` is not asked now"))
            }
            (Phase::Under, Shutdown::METHOD) => {
                self.phase = Phase::After;
                self.answer(id, &Value::Null)
            }
            (Phase::Under, _) => {
                self.check_stale()?;
                let answered = {
                    let open = self.open_files();
                    answers::answer(method, params, |uri| {
                        let one = self.documents.get(uri)?;
                        let setting = Setting {
                            document: &one.document,
                            checker: self.checker,
                            open: &open,
                            catalogue: self.catalogue,
                        };
                        Some((setting, one.found.as_slice()))
                    })
                };
                match answered {
                    Ok(result) => self.answer(id, &result),
                    Err(Refusal { code, why }) => self.refuse(id, code, &why),
                }
            }
        }
    }

    /// What is no request has no answer, so a notification that cannot be read is passed over.
    fn notification(&mut self, method: &str, params: Value) -> io::Result<()> {
        if self.phase != Phase::Under {
            return Ok(());
        }
        match method {
            DidOpenTextDocument::METHOD => {
                if let Some(DidOpenTextDocumentParams { text_document: one }) = read(params) {
                    self.typed.insert(one.uri, (one.version, one.text));
                }
            }
            DidChangeTextDocument::METHOD => {
                if let Some(DidChangeTextDocumentParams { text_document: one, content_changes: changes }) = read(params)
                    && let Some(whole) = changes.into_iter().rfind(|change| change.range.is_none())
                {
                    self.typed.insert(one.uri, (one.version, whole.text));
                }
            }
            DidCloseTextDocument::METHOD => {
                if let Some(DidCloseTextDocumentParams { text_document: one }) = read(params) {
                    self.all_are_stale();
                    self.stale.remove(&one.uri);
                    self.typed.remove(&one.uri);
                    if self.documents.remove(&one.uri).is_some() {
                        self.publish(one.uri, None, Vec::new())?;
                    }
                }
            }
            DidSaveTextDocument::METHOD | DidChangeWatchedFiles::METHOD => {
                self.all_are_stale();
            }
            _ => {}
        }
        Ok(())
    }

    /// Reads a document's text.
    fn open(&mut self, uri: Uri, version: i32, text: &str) {
        let path = path_of(&uri);
        let (file, unreadable) = match read_text(&path, text.as_bytes()) {
            Ok(file) => (file, Vec::new()),
            // Too large, or with characters that hide: it is not looked at any further.
            Err(found) => (
                found
                    .first()
                    .and_then(|one| one.loc())
                    .map_or_else(|| SourceFile::new(path.as_str(), ""), |loc| loc.file.clone()),
                found,
            ),
        };
        let document = Document::new(file, version);
        self.documents.insert(uri, Open { document, unreadable, found: Vec::new() });
        self.all_are_stale();
    }

    /// A file has another text now; whichever may have read it is checked again.
    fn all_are_stale(&mut self) {
        self.stale.extend(self.documents.keys().cloned());
    }

    fn open_files(&self) -> OpenFiles {
        let readable = self.documents.values().filter(|one| one.unreadable.is_empty());
        readable.map(|one| (one.document.file.name().to_owned(), one.document.file.clone())).collect()
    }

    /// Checks what is not checked yet, and tells what was found.
    fn check_stale(&mut self) -> io::Result<()> {
        for (uri, (version, text)) in std::mem::take(&mut self.typed) {
            self.open(uri, version, &text);
        }
        if self.stale.is_empty() {
            return Ok(());
        }
        let open = self.open_files();
        for uri in std::mem::take(&mut self.stale) {
            let Some(one) = self.documents.get_mut(&uri) else {
                continue;
            };
            one.found = match one.unreadable.is_empty() {
                true if one.document.is_ours() || self.checker.is_settings(&one.document.file) => {
                    self.checker.check(&one.document.file, &open)
                }
                true => Vec::new(),
                false => one.unreadable.clone(),
            };
            let document = &one.document;
            let setting = Setting { document, checker: self.checker, open: &open, catalogue: self.catalogue };
            let problems = one.found.iter().map(|found| problem(setting, found)).collect();
            let version = document.version;
            self.publish(uri, Some(version), problems)?;
        }
        Ok(())
    }

    fn publish(&mut self, uri: Uri, version: Option<i32>, diagnostics: Vec<lsp_types::Diagnostic>) -> io::Result<()> {
        let params = PublishDiagnosticsParams { uri, diagnostics, version };
        write(self.to, &json!({ "jsonrpc": "2.0", "method": PublishDiagnostics::METHOD, "params": params }))
    }
}

fn read<T: DeserializeOwned>(params: Value) -> Option<T> {
    serde_json::from_value(params).ok()
}
