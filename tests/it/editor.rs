//! `titan-run lsp`: the conversation, what is wrong, renames, fixes and the outline.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::tool::{command, finished, root, titan};
use crate::typing::{Editor, HEAD, byte, codes, edited, marked, slice};

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
fn a_renamed_step_lints_clean_and_leaves_no_old_name() {
    let mut editor = Editor::new();
    let text = fs::read_to_string(root().join("runbooks/policy-rollout.yaml")).unwrap();
    let clean = editor.open("policy-rollout.yaml", &text);
    for (old, line) in text
        .lines()
        .zip(0..)
        .filter_map(|(line, at)| {
            let id = line.strip_prefix("  ")?.strip_suffix(':')?;
            (!id.starts_with([' ', '#']) && text.contains(&format!("steps.{id}."))).then(|| (id.to_owned(), at))
        })
        .collect::<Vec<(String, i64)>>()
    {
        let at = editor.at("policy-rollout.yaml", &json!({ "line": line, "character": 3 }));
        let prepared = editor.result("textDocument/prepareRename", at.clone());
        assert_eq!(prepared["placeholder"], old.as_str());
        assert_eq!(slice(&text, &prepared["range"]), old);
        let mut params = at;
        params["newName"] = json!("another_name");
        let edit = editor.result("textDocument/rename", params);
        let uri = editor.uri("policy-rollout.yaml");
        let renamed = edited(&text, &edit["changes"][uri.as_str()]);
        assert!(!renamed.contains(&format!("steps.{old}.")), "{old} is left in\n{renamed}");
        assert_eq!(codes(&editor.change("policy-rollout.yaml", &renamed)), codes(&clean), "{old}");
        editor.change("policy-rollout.yaml", &text);
    }
}

#[test]
fn a_rename_reaches_every_place_and_no_other() {
    let mut editor = Editor::new();
    let text = "titan: 1\nrunbook: x\nabout: a look at a\nsteps:\n  a: { do: note, with: { text: a } }\n  b:\n    needs: { 'a': ok }\n    \
                do: note\n    when: 'steps.a.status == \"steps.a\" && steps[\"a\"].status == \"a\"'\n    \
                with: { text: \"é ${steps.a.status} steps.a.b ${\\\"steps.a\\\"}\" }\n  \
                c:\n    needs: [a, b]\n    do: note\n    with:\n      text: |\n        🚨 ${steps.a.status}\n        steps.a\n";
    let problems = editor.open("x.yaml", text);
    let (_, position) = marked("titan: 1\nrunbook: x\nabout: a look at a\nsteps:\n  ▮");
    let mut params = editor.at("x.yaml", &position);
    params["newName"] = json!("first");
    let edit = editor.result("textDocument/rename", params.clone());
    let uri = editor.uri("x.yaml");
    let renamed = edited(text, &edit["changes"][uri.as_str()]);
    let wanted = text
        .replace("\n  a: {", "\n  first: {")
        .replace("{ 'a': ok }", "{ first: ok }")
        .replace("'steps.a.status", "'steps.first.status")
        .replace("steps[\"a\"]", "steps[\"first\"]")
        .replace("${steps.a.status}", "${steps.first.status}")
        .replace("[a, b]", "[first, b]");
    assert_eq!(renamed, wanted);
    assert_eq!(codes(&editor.change("x.yaml", &renamed)), codes(&problems));
    editor.change("x.yaml", text);
    for (new, why) in [("b", "there is a step `b` already"), ("Not_This", "not a snake_case id")] {
        params["newName"] = json!(new);
        let said = editor.ask("textDocument/rename", params.clone());
        assert!(said["error"]["message"].as_str().unwrap().contains(why), "{said}");
    }
    params["newName"] = json!("fine");
    editor.change("x.yaml", &format!("{text}  broken: [\n"));
    assert!(editor.ask("textDocument/rename", params)["error"]["message"].as_str().unwrap().contains("no YAML"));
}

/// What a runbook is after the step `look` got another name, which changes nothing of what is wrong.
fn renamed(text: &str, new: &str) -> String {
    let mut editor = Editor::new();
    let problems = editor.open("x.yaml", text);
    let (_, position) = marked(&text.replacen("\n  look:", "\n  ▮look:", 1));
    let mut params = editor.at("x.yaml", &position);
    params["newName"] = json!(new);
    let edit = editor.result("textDocument/rename", params);
    let renamed = edited(text, &edit["changes"][editor.uri("x.yaml").as_str()]);
    assert_eq!(codes(&editor.change("x.yaml", &renamed)), codes(&problems), "{renamed}");
    renamed
}

/// A runbook with a step `look`, and another step.
fn looked_at(step: &str) -> String {
    format!("titan: 1\nrunbook: x\nsteps:\n  look: {{ do: service_version, with: {{ service: brain }} }}\n  a:\n{step}")
}

#[test]
fn a_rename_reaches_into_every_kind_of_quotes() {
    for step in [
        r#"    when: "steps.look.status == \"ok\""
    do: note
    with: { text: "a ${if steps.look.status == \"ok\" { steps.look.out.version } else { \"\" }}" }
"#,
        "    when: 'steps.look.out.version != ''x'''\n    do: note\n    with: { text: b }\n",
        "    when: steps.look.status == \"ok\"\n      && steps.look.out.version != \"1\"\n    do: note\n    with: { text: c }\n",
        "    when: \"has(steps.look.out, \\\"version\\\")\n      && true\"\n    do: note\n    with: { text: d }\n",
        "    needs: [\"lo\\x6fk\"]\n    do: note\n    with:\n      text: >-\n        a ${steps\n        .look.out.version} \"steps.look\"\noutputs:\n  o: \"steps.look.out.version + \\\"\\\"\"\n",
    ] {
        let text = looked_at(step);
        let wanted = text.replace("steps.look.", "steps.gaze.").replace("  look:", "  gaze:");
        let wanted = wanted.replace(" .look.", " .gaze.").replace("lo\\x6fk", "gaze");
        assert_eq!(renamed(&text, "gaze"), wanted);
    }
}

#[test]
fn names_between_escaped_quotes_are_known_and_offered() {
    let mut editor = Editor::new();
    for guard in [
        r#""steps.look.st▮atus == \"ok\"""#,
        r#""true && \"x\" != steps.look.st▮atus""#,
        "'''x'' != \"y\" || steps.look.st▮atus == \"ok\"'",
    ] {
        let said = editor.hover(&looked_at(&format!("    when: {guard}\n    do: note\n    with: {{ text: b }}\n")));
        assert!(said.contains("steps.look.status"), "{guard}: {said}");
    }
    let offered = editor.offered(&looked_at("    when: \"\\\"x\\\" == steps.look.▮\"\n    do: note\n"));
    assert!(offered.contains("status"), "{offered:?}");
    let offered = editor.offered(&looked_at("    when: \"\\\"x▮\\\" == steps.look\"\n    do: note\n"));
    assert!(offered.is_empty(), "{offered:?}");
}

#[test]
fn a_rename_reaches_the_test_file() {
    let mut editor = Editor::new();
    for name in ["policy-rollout.yaml", "policy-rollout.test.yaml"] {
        fs::copy(root().join("runbooks").join(name), editor.folder.path().join(name)).unwrap();
    }
    let text = fs::read_to_string(root().join("runbooks/policy-rollout.yaml")).unwrap();
    let test = fs::read_to_string(root().join("runbooks/policy-rollout.test.yaml")).unwrap();
    editor.open("policy-rollout.yaml", &text);
    let (_, position) = marked(&text.replacen("\n  deploy_pair:", "\n  ▮deploy_pair:", 1));
    let mut params = editor.at("policy-rollout.yaml", &position);
    params["newName"] = json!("both");
    let edit = editor.result("textDocument/rename", params);
    let changes = |name: &str| edit["changes"][editor.uri(name).as_str()].clone();
    let renamed = edited(&text, &changes("policy-rollout.yaml"));
    let renamed_test = edited(&test, &changes("policy-rollout.test.yaml"));
    assert!(test.contains("deploy_pair") && !renamed_test.contains("deploy_pair"), "{renamed_test}");
    for (name, text) in [("policy-rollout.yaml", &renamed), ("policy-rollout.test.yaml", &renamed_test)] {
        fs::write(editor.folder.path().join(name), text).unwrap();
    }
    let path = editor.folder.path().join("policy-rollout.test.yaml");
    titan(&["test", path.to_str().unwrap()]).exits(0);
    editor.change("policy-rollout.yaml", &renamed);
    let (test, position) = marked(&renamed_test.replacen("[both", "[bo▮th", 1));
    editor.open("policy-rollout.test.yaml", &test);
    let at = editor.at("policy-rollout.test.yaml", &position);
    let there = editor.result("textDocument/definition", at.clone());
    assert_eq!(there["uri"], editor.uri("policy-rollout.yaml").as_str());
    assert_eq!(slice(&renamed, &there["range"]), "both");
    let offered = editor.result("textDocument/completion", at);
    assert!(offered.as_array().unwrap().iter().any(|offer| offer["label"] == "still_the_same"), "{offered}");
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
