//! A small editor for the tests: it speaks to `titan-run lsp` over its standard streams.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::tool::command;

/// How long an answer may take: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// An editor with one folder.
pub struct Editor {
    pub server: Child,
    pub to: Option<ChildStdin>,
    from: Receiver<Value>,
    pub folder: TempDir,
    next_id: i64,
    pub version: i64,
}

fn started() -> Command {
    let mut command = command(&["lsp"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The messages of a stream, as they come.
fn messages(from: ChildStdout) -> Receiver<Value> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        loop {
            let mut length = 0;
            loop {
                let mut line = String::new();
                if from.read_line(&mut line).unwrap_or(0) == 0 {
                    return;
                }
                match line.trim().split_once(": ") {
                    Some(("Content-Length", digits)) => length = digits.parse().unwrap(),
                    Some(_) => {}
                    None => break,
                }
            }
            let mut body = vec![0; length];
            from.read_exact(&mut body).unwrap();
            if send.send(serde_json::from_slice(&body).unwrap()).is_err() {
                return;
            }
        }
    });
    receive
}

impl Editor {
    /// A server that was not spoken to yet.
    pub fn silent() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = started().current_dir(folder.path()).spawn().unwrap();
        let to = server.stdin.take();
        let from = messages(server.stdout.take().unwrap());
        Self { server, to, from, folder, next_id: 1, version: 1 }
    }

    pub fn new() -> Self {
        let mut editor = Self::silent();
        let said = editor.ask("initialize", json!({ "processId": null, "rootUri": null, "capabilities": {} }));
        assert_eq!(said["result"]["capabilities"]["positionEncoding"], "utf-16");
        editor.tell("initialized", json!({}));
        editor
    }

    pub fn send(&mut self, bytes: &[u8]) {
        let to = self.to.as_mut().unwrap();
        write!(to, "Content-Length: {}\r\n\r\n", bytes.len()).unwrap();
        to.write_all(bytes).unwrap();
        to.flush().unwrap();
    }

    pub fn tell(&mut self, method: &str, params: Value) {
        let message = json!({ "jsonrpc": "2.0", "method": method, "params": params });
        self.send(message.to_string().as_bytes());
    }

    pub fn receive(&self) -> Value {
        self.from.recv_timeout(PATIENCE).expect("an answer")
    }

    /// The answer to a request; what comes before it is passed over.
    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.next_id;
        self.next_id += 1;
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.send(message.to_string().as_bytes());
        loop {
            let said = self.receive();
            if said["id"] == id {
                return said;
            }
        }
    }

    pub fn result(&mut self, method: &str, params: Value) -> Value {
        let said = self.ask(method, params);
        assert!(said.get("error").is_none(), "{said}");
        said["result"].clone()
    }

    pub fn uri(&self, name: &str) -> String {
        format!("file://{}/{name}", self.folder.path().display())
    }

    /// What is wrong with a document, once it was checked.
    pub fn problems(&mut self, name: &str) -> Vec<Value> {
        let uri = self.uri(name);
        loop {
            let said = self.receive();
            let is_asked = said["params"]["uri"] == uri.as_str() && said["params"]["version"] == self.version;
            if said["method"] == "textDocument/publishDiagnostics" && is_asked {
                return said["params"]["diagnostics"].as_array().unwrap().clone();
            }
        }
    }

    /// Opens a document, and says what is wrong with it.
    pub fn open(&mut self, name: &str, text: &str) -> Vec<Value> {
        self.version += 1;
        let document = json!({ "uri": self.uri(name), "languageId": "yaml", "version": self.version, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
        self.problems(name)
    }

    pub fn change(&mut self, name: &str, text: &str) -> Vec<Value> {
        self.version += 1;
        let document = json!({ "uri": self.uri(name), "version": self.version });
        self.tell("textDocument/didChange", json!({ "textDocument": document, "contentChanges": [{ "text": text }] }));
        self.problems(name)
    }

    pub fn at(&self, name: &str, position: &Value) -> Value {
        json!({ "textDocument": { "uri": self.uri(name) }, "position": position })
    }

    /// What can be written at the `▮` of a text.
    pub fn offered(&mut self, text: &str) -> BTreeSet<String> {
        let (text, position) = marked(text);
        self.open("x.yaml", &text);
        let at = self.at("x.yaml", &position);
        let items = self.result("textDocument/completion", at);
        items.as_array().unwrap().iter().map(|item| item["label"].as_str().unwrap().to_owned()).collect()
    }

    /// What is said about the `▮` of a text.
    pub fn hover(&mut self, text: &str) -> String {
        let (text, position) = marked(text);
        self.open("x.yaml", &text);
        let at = self.at("x.yaml", &position);
        let said = self.result("textDocument/hover", at);
        said["contents"]["value"].as_str().unwrap_or("").to_owned()
    }

    /// What is wrong with a document, whatever its version.
    pub fn problems_of_any_version(&self, name: &str) -> Vec<Value> {
        let uri = self.uri(name);
        loop {
            let said = self.receive();
            if said["method"] == "textDocument/publishDiagnostics" && said["params"]["uri"] == uri.as_str() {
                return said["params"]["diagnostics"].as_array().unwrap().clone();
            }
        }
    }

    pub fn leave(mut self) -> i32 {
        self.result("shutdown", Value::Null);
        self.tell("exit", Value::Null);
        self.server.wait().unwrap().code().unwrap()
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A text without its `▮`, and where that was, in UTF-16 units.
pub fn marked(text: &str) -> (String, Value) {
    let at = text.find('▮').unwrap();
    let before = &text[..at];
    let line = before.matches('\n').count();
    let column = before.rsplit('\n').next().unwrap().encode_utf16().count();
    (text.replace('▮', ""), json!({ "line": line, "character": column }))
}

/// The byte of a position, found in its own way: line by line, unit by unit.
pub fn byte(text: &str, position: &Value) -> usize {
    let line = usize::try_from(position["line"].as_u64().unwrap()).unwrap();
    let column = usize::try_from(position["character"].as_u64().unwrap()).unwrap();
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = &text[start..];
    let units: Vec<u16> = rest.encode_utf16().take(column).collect();
    start + String::from_utf16(&units).unwrap().len()
}

pub fn slice<'t>(text: &'t str, range: &Value) -> &'t str {
    &text[byte(text, &range["start"])..byte(text, &range["end"])]
}

/// A text after edits, which do not overlap.
pub fn edited(text: &str, edits: &Value) -> String {
    let mut edits: Vec<_> = edits.as_array().unwrap().iter().collect();
    edits.sort_by_key(|edit| std::cmp::Reverse(byte(text, &edit["range"]["start"])));
    edits.iter().fold(text.to_owned(), |mut text, edit| {
        let range = byte(&text, &edit["range"]["start"])..byte(&text, &edit["range"]["end"]);
        text.replace_range(range, edit["newText"].as_str().unwrap());
        text
    })
}

pub fn codes(problems: &[Value]) -> Vec<&str> {
    problems.iter().map(|problem| problem["code"].as_str().unwrap()).collect()
}

/// The beginning of a runbook that is good so far.
pub const HEAD: &str = "titan: 1\nrunbook: x\nparams:\n  limit: { type: duration, default: 5m, about: How long }\n  \
                    policy: { type: file, default: std/policies/risk_policy-1.0.0.json }\nlet:\n  \
                    expected: policy_hash(params.policy)\nsteps:\n  look:\n    about: Look at it.\n    \
                    do: service_hash\n    with: { service: execution }\n";
