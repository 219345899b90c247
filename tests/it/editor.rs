//! `titan-run lsp`: the conversation, what is wrong, fixes and the outline.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::tool::{command, finished, root, titan};
use crate::typing::{Editor, HEAD, byte, codes, edited, slice};

#[test]
fn whatever_is_said_out_of_turn_is_answered_and_survived() {
    let mut editor = Editor::silent();
    assert_eq!(editor.ask("textDocument/hover", json!({}))["error"]["code"], -32002);
    editor.send(b"{ this is no JSON");
    assert_eq!(editor.receive()["error"]["code"], -32700);
    editor.send(&[0xFF, 0xFE]);
    assert_eq!(editor.receive()["error"]["code"], -32700);
    editor.ask("initialize", json!({ "capabilities": {} }));
    editor.tell("initialized", json!({}));
    editor.send(br#"{ "jsonrpc": "2.0", "id": 77 }"#);
    assert_eq!(editor.receive()["error"]["code"], -32600);
    editor.send(b"[1, 2]");
    assert_eq!(editor.receive()["error"]["code"], -32600);
    assert_eq!(editor.ask("initialize", json!({ "capabilities": {} }))["error"]["code"], -32600);
    assert_eq!(editor.ask("textDocument/nothing", json!({}))["error"]["code"], -32601);
    assert_eq!(editor.ask("textDocument/hover", json!({ "position": 3 }))["error"]["code"], -32602);
    let unknown = editor.at("never-opened.yaml", &json!({ "line": 0, "character": 0 }));
    assert_eq!(editor.ask("textDocument/hover", unknown)["error"]["code"], -32602);
    editor.tell("$/nothing", json!({}));
    editor.tell("textDocument/didOpen", json!({ "textDocument": 5 }));
    assert_eq!(editor.open("x.yaml", &format!("{HEAD}    no_undo: x\n")), Vec::<Value>::new());
    assert_eq!(editor.leave(), 0);
}

#[test]
fn how_it_ends_says_whether_it_was_told_to() {
    let mut without_shutdown = Editor::new();
    without_shutdown.tell("exit", Value::Null);
    assert_eq!(without_shutdown.server.wait().unwrap().code(), Some(1));

    let mut cut_off = Editor::new();
    cut_off.to = None;
    assert_eq!(cut_off.server.wait().unwrap().code(), Some(1));

    let mut after = Editor::new();
    after.result("shutdown", Value::Null);
    assert_eq!(after.ask("textDocument/hover", json!({}))["error"]["code"], -32600);
    after.tell("exit", Value::Null);
    assert_eq!(after.server.wait().unwrap().code(), Some(0));
}

#[test]
fn a_length_that_cannot_be_true_ends_it_with_a_word() {
    for header in ["Content-Length: 99999999999999\r\n\r\n{}", "Content-Length: -1\r\n\r\n{}"] {
        let mut server = command(&["lsp"]);
        server.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut server = server.spawn().unwrap();
        // Kept open: nothing else tells it that no more will come.
        let mut to = server.stdin.take().unwrap();
        to.write_all(header.as_bytes()).unwrap();
        finished(server.wait_with_output().unwrap())
            .exits(1)
            .complains("what the editor sends cannot be read: a message");
        drop(to);
    }
}

#[test]
fn a_document_is_bounded() {
    let mut editor = Editor::new();
    let large = format!("titan: 1\n# {}\n", "x".repeat(16 * 1024 * 1024));
    assert_eq!(codes(&editor.open("x.yaml", &large)), ["yaml-size"]);
    assert_eq!(editor.change("x.yaml", HEAD), Vec::<Value>::new());
    assert_eq!(editor.leave(), 0);
}

#[test]
fn what_is_wrong_is_what_lint_says_at_the_same_words() {
    let mut editor = Editor::new();
    for entry in fs::read_dir(root().join("tests/cases/lint")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|kind| kind != "yaml") {
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(editor.folder.path().join(&name), &text).unwrap();
        fs::copy(root().join("tests/cases/lint/functions.rhai"), editor.folder.path().join("functions.rhai")).unwrap();
        let found = editor.open(&name, &text);
        let linted = titan(&["lint", editor.folder.path().join(&name).to_str().unwrap()]);
        for problem in &found {
            let code = problem["code"].as_str().unwrap();
            assert!(linted.out.contains(code), "{name}: lint does not say {code}\n{}", linted.out);
            assert_eq!(problem["source"], "titan-run");
            assert!(problem.get("codeDescription").is_none());
        }
        assert!(!found.is_empty(), "{name}: nothing is wrong\n{}", linted.out);
    }
    let found = editor.open("duplicate.yaml", "titan: 1\nrunbook: duplicate\nsteps:\n  a: { do: note, with: { text: x } }\n  a: { do: note, with: { text: y } }\n");
    let duplicate = found.iter().find(|problem| problem["code"] == "yaml-duplicate-key").unwrap();
    assert_eq!(duplicate["relatedInformation"][0]["location"]["range"]["start"], json!({ "line": 3, "character": 2 }));
    assert_eq!(duplicate["severity"], 1);
}

#[test]
fn places_are_counted_in_utf16_and_over_every_line_end() {
    let mut editor = Editor::new();
    for end in ["\n", "\r\n"] {
        let text =
            format!("{HEAD}  tell: {{ do: note, with: {{ text: \"🚨é ${{wrong_name}}\" }} }}\n").replace('\n', end);
        let found = editor.open("x.yaml", &text);
        assert_eq!(codes(&found), ["unknown-name"]);
        assert_eq!(slice(&text, &found[0]["range"]), "wrong_name");
        let position = &found[0]["range"]["start"];
        assert_eq!(position["line"], 12);
        let column = text.lines().nth(12).unwrap().split("wrong_name").next().unwrap().encode_utf16().count();
        assert_eq!(position["character"], column);
    }
}

#[test]
fn included_files_count_as_the_editor_has_them() {
    let mut editor = Editor::new();
    let inner = "titan: 1\nrunbook: inner\nsteps:\n  a: { do: note, with: { text: x } }\noutputs:\n  gives: 'expected'\nlet:\n  expected: '\"x\"'\n";
    let outer = "titan: 1\nrunbook: outer\nsteps:\n  a: { do: ./inner.yaml }\n  b: { do: note, with: { text: \"${steps.a.out.gives}\" } }\n";
    assert_eq!(codes(&editor.open("outer.yaml", outer)), ["bad-include"]);
    fs::write(editor.folder.path().join("inner.yaml"), inner).unwrap();
    editor.tell("workspace/didChangeWatchedFiles", json!({ "changes": [] }));
    assert_eq!(editor.problems("outer.yaml"), Vec::<Value>::new());
    // Open with another text, not saved.
    editor.open("inner.yaml", &inner.replace("do: note", "do: notes"));
    editor.version -= 1;
    let found = editor.problems_of_any_version("outer.yaml");
    assert!(found.iter().any(|problem| problem["message"].as_str().unwrap().contains("inner.yaml`: ")), "{found:?}");
    assert_eq!(slice(outer, &found[0]["range"]), "./inner.yaml");
    let position = json!({ "line": 3, "character": 14 });
    let at = editor.at("outer.yaml", &position);
    let there = editor.result("textDocument/definition", at);
    assert_eq!(there["uri"], editor.uri("inner.yaml").as_str());
    let offered = editor.offered(&format!(
        "{}  c: {{ do: note, with: {{ text: \"${{steps.a.out.▮}}\" }} }}\n",
        outer.replace("outer", "x")
    ));
    assert_eq!(offered, BTreeSet::from(["gives".to_owned()]));
}

#[test]
fn every_fix_answers_what_it_is_for() {
    let mut editor = Editor::new();
    let mut fixed = 0;
    for text in [
        "titan: 1\nrunbook: x\nstepz: {}\nsteps:\n  look: { do: note, with: { text: x } }\n",
        "titan: 1\nrunbook: x\nsteps:\n  look: { do: nota, with: { text: \"é🚨\" } }\n",
        "titan: 1\nrunbook: x\nsteps:\n  look: { do: note, whith: { text: x } }\n",
        "titan: 1\nrunbook: x\nsteps:\n  look: { do: note, with: { texts: x } }\n",
        "titan: 1\nrunbook: x\nsteps:\n  look: { do: note, with: { text: x } }\n  tell: { needs: [loook], do: note, with: { text: x } }\n",
        "titan: 1\nrunbook: x\nsteps:\n  look: { do: note, with: { text: x }, on_failure: contineu }\n",
        "titan: 1\nrunbook: x\nparams: { limit: { type: int, default: 1 } }\nsteps:\n  look: { do: note, with: { text: \"é🚨 ${params.limt}\" } }\n",
    ] {
        let found = editor.open("x.yaml", text);
        let whole = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 99, "character": 0 } });
        let params = json!({
            "textDocument": { "uri": editor.uri("x.yaml") }, "range": whole, "context": { "diagnostics": found },
        });
        let actions = editor.result("textDocument/codeAction", params);
        for action in actions.as_array().unwrap() {
            assert_eq!(action["kind"], "quickfix");
            let uri = editor.uri("x.yaml");
            let text = edited(text, &action["edit"]["changes"][uri.as_str()]);
            let left = editor.change("x.yaml", &text);
            let message = &action["diagnostics"][0]["message"];
            assert!(left.iter().all(|problem| problem["message"] != *message), "{action}\n{text}\n{left:?}");
            fixed += 1;
        }
    }
    assert!(fixed >= 5, "{fixed}");
}

#[test]
fn only_the_kinds_of_actions_that_are_asked_for_are_given() {
    let mut editor = Editor::new();
    let found = editor.open("x.yaml", "titan: 1\nrunbook: x\nsteps:\n  look: { do: nota, with: { text: x } }\n");
    let whole = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 9, "character": 0 } });
    for (only, count) in
        [(json!(["quickfix"]), 1), (json!([""]), 1), (json!(["refactor", "source"]), 0), (json!([]), 0)]
    {
        let context = json!({ "diagnostics": found, "only": only });
        let params = json!({ "textDocument": { "uri": editor.uri("x.yaml") }, "range": whole, "context": context });
        let actions = editor.result("textDocument/codeAction", params);
        assert_eq!(actions.as_array().unwrap().len(), count, "{only}");
    }
}

#[test]
fn what_is_wrong_with_the_settings_is_told_in_them() {
    let mut editor = Editor::new();
    let text = "severity: { nope: off }\n";
    fs::write(editor.folder.path().join(".titan-lint.yaml"), text).unwrap();
    let found = editor.open(".titan-lint.yaml", text);
    assert_eq!(codes(&found), ["unknown-code"]);
    assert_eq!(slice(text, &found[0]["range"]), "nope");
    assert_eq!(editor.change(".titan-lint.yaml", "severity: {}\n"), Vec::<Value>::new());
}

#[test]
fn what_is_wrong_with_a_tested_runbook_is_told_where_the_test_names_it() {
    let mut editor = Editor::new();
    let runbook = format!("{HEAD}  tell: {{ do: note, with: {{ text: \"${{wrong_name}}\" }} }}\n");
    fs::write(editor.folder.path().join("x.yaml"), &runbook).unwrap();
    let test = "titan: 1\ntest: x\ncases:\n  a: { expect: { ending: succeeded } }\n";
    let found = editor.open("x.test.yaml", test);
    assert_eq!(codes(&found), ["unknown-name"]);
    assert_eq!(slice(test, &found[0]["range"]), "x");
    assert!(found[0]["message"].as_str().unwrap().starts_with("in `"));
    // Open and mended, not saved.
    editor.open("x.yaml", &format!("{HEAD}    no_undo: It only looks.\n"));
    assert_eq!(editor.change("x.test.yaml", test), Vec::<Value>::new());
}

#[test]
fn a_document_is_laid_out_as_fmt_does() {
    let mut editor = Editor::new();
    let text = "titan: 1\nrunbook: x\nsteps:\n     look:   { with: { text: é🚨 },   do: note } # why\n";
    editor.open("x.yaml", text);
    let params =
        json!({ "textDocument": { "uri": editor.uri("x.yaml") }, "options": { "tabSize": 2, "insertSpaces": true } });
    let edits = editor.result("textDocument/formatting", params.clone());
    let path = editor.folder.path().join("x.yaml");
    fs::write(&path, text).unwrap();
    titan(&["fmt", path.to_str().unwrap()]).exits(0);
    let laid_out = fs::read_to_string(&path).unwrap();
    assert_eq!(edited(text, &edits), laid_out);
    assert_ne!(text, laid_out);
    editor.change("x.yaml", &laid_out);
    assert_eq!(editor.result("textDocument/formatting", params), Value::Null);
}

#[test]
fn the_outline_holds_what_the_author_has_named() {
    let mut editor = Editor::new();
    let text = fs::read_to_string(root().join("runbooks/policy-rollout.yaml")).unwrap();
    editor.open("policy-rollout.yaml", &text);
    let document = json!({ "textDocument": { "uri": editor.uri("policy-rollout.yaml") } });
    let outline = editor.result("textDocument/documentSymbol", document);
    let under = |name: &str| {
        let found = outline.as_array().unwrap().iter().find(|symbol| symbol["name"] == name).unwrap();
        found["children"].as_array().unwrap().clone()
    };
    assert!(under("steps").iter().any(|step| step["name"] == "disarm" && step["detail"] == "disarm"));
    assert!(under("params").iter().any(|param| param["name"] == "rearm" && param["detail"] == "bool"));
    for symbol in outline.as_array().unwrap() {
        assert_eq!(slice(&text, &symbol["selectionRange"]), symbol["name"].as_str().unwrap());
        let (whole, name) = (&symbol["range"], &symbol["selectionRange"]);
        assert!(byte(&text, &whole["start"]) <= byte(&text, &name["start"]));
        assert!(byte(&text, &name["end"]) <= byte(&text, &whole["end"]));
    }
}
