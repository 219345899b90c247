//! `titan-run lsp`: what can be written, and what is known of what is written.

use serde_json::json;

use crate::typing::{Editor, HEAD, edited, marked};

/// A document with a `▮`, what must be offered there, and what must not.
const OFFERS: &[(&str, &[&str], &[&str])] = &[
    ("▮", &["titan", "runbook", "steps"], &["do"]),
    ("titan: 1\nrun▮", &["runbook", "params"], &["titan"]),
    ("titan: ▮", &["1"], &[]),
    ("HEAD    ▮", &["needs", "when", "retry", "no_undo"], &["do", "about", "titan"]),
    ("HEAD    on_failure: ▮\n", &["rollback", "continue", "pause"], &["needs"]),
    ("HEAD    retry: { on: [timeout, ▮", &["no_responders", "mismatch"], &["attempts"]),
    ("HEAD    retry: { on: [timeout], ▮ }\n", &["attempts", "backoff"], &["on"]),
    ("HEAD    needs: [▮", &[], &["look"]),
    ("HEAD  tell:\n    needs: [▮]\n    do: note\n", &["look"], &["tell"]),
    ("HEAD  tell:\n    needs: { look: ▮ }\n", &["ok", "failed", "done"], &["look"]),
    ("HEAD  tell:\n    needs:\n      - ▮\n", &["look"], &["tell"]),
    ("HEAD  tell:\n    do: ▮", &["note", "expect_hash", "script", "std/verified_arm"], &["look"]),
    ("HEAD  tell:\n    do: no▮\n    with: { text: x }\n", &["note"], &["text"]),
    ("HEAD  tell:\n    do: expect_hash\n    with: { ▮", &["service", "expected"], &["do"]),
    ("HEAD  tell:\n    do: expect_hash\n    with:\n      service: execution\n      ▮\n", &["expected"], &["service"]),
    ("HEAD  tell:\n    do: expect_hash\n    with: { service: ▮ }\n", &["execution", "brain"], &["look"]),
    ("HEAD  tell:\n    do: arm\n    with: { gate: ▮", &["execution"], &["brain"]),
    ("HEAD  tell:\n    do: std/verified_arm\n    with: { ▮ }\n", &["gate", "expected", "reason"], &["text"]),
    ("HEAD  tell:\n    do: script\n    with: { ▮ }\n", &["code"], &["text"]),
    ("HEAD  tell:\n    when: ▮", &["params", "steps", "target", "expected", "policy_hash"], &["out", "look"]),
    ("HEAD  tell:\n    when: steps.▮\n    do: note\n", &["look"], &["params"]),
    ("HEAD  tell:\n    when: steps.lo▮", &["look"], &["params", "tell"]),
    ("HEAD  tell:\n    do: note\n    with: { text: \"${steps.▮\" }\n", &["look"], &["tell"]),
    ("HEAD  tell:\n    do: deploy\n    undo:\n      when: steps.▮\n", &["look", "tell"], &[]),
    ("HEAD  tell:\n    do: script\n    with:\n      code: |\n        serv▮", &["service_hash", "steps"], &["arm"]),
    ("HEAD  tell:\n    do: script\n    with:\n      code: |\n        let x = `a ${▮", &["note", "params", "len"], &[]),
    (
        "HEAD  tell:\n    do: script\n    with:\n      code: |\n        let x = `a ${params.▮}`;\n",
        &["limit"],
        &["note"],
    ),
    ("HEAD  tell:\n    do: script\n    with:\n      code: |\n        let x = `a ▮`;\n", &[], &["note"]),
    ("HEAD  tell:\n    when: steps.look.▮", &["out", "status"], &["look"]),
    ("HEAD  tell:\n    when: steps.look.out.▮", &["hash"], &["out"]),
    ("HEAD  tell:\n    when: \"params.▮\n    do: note\n", &["limit", "policy"], &["steps"]),
    ("HEAD  tell:\n    when: params.policy.▮\n", &["path", "text"], &["limit"]),
    ("HEAD  tell:\n    do: note\n    with: { text: \"it is ${par▮", &["params"], &[]),
    ("HEAD  tell:\n    do: note\n    with: { text: \"it is ${params.▮} now\" }\n", &["limit"], &["params"]),
    ("HEAD  tell:\n    do: note\n    with: { text: \"it is params.▮ now\" }\n", &[], &["limit"]),
    ("HEAD  tell:\n    when: expected == \"▮\"\n", &[], &["params"]),
    ("HEAD  tell:\n    do: service_hash\n    until: out.▮", &["hash"], &["params"]),
    ("HEAD  tell:\n    foreach: target.services\n    do: note\n    when: ▮", &["item"], &[]),
    ("HEAD  tell:\n    when: target.▮", &["subjects", "services"], &["look"]),
    ("HEAD  tell:\n    when: target.subjects.▮", &["rejections"], &["services"]),
    ("HEADwatch:\n  w:\n    from: ▮\n", &["look"], &["w"]),
    ("HEADwatch:\n  w:\n    ▮", &["from", "breach_when", "do"], &["needs"]),
    ("HEADwatch:\n  w:\n    breach_when: ▮", &["count", "rate", "out"], &[]),
    ("HEADensure:\n  e:\n    ▮", &["do", "until"], &["needs", "from"]),
    ("HEADfunctions: [▮]\n", &["std/versions"], &["look"]),
    ("HEADfunctions: [std/versions]\noutputs:\n  a: ver▮\n", &["version_newer", "len"], &[]),
    ("HEADoutputs:\n  a: ▮\n", &["steps", "expected"], &["out"]),
    ("titan: 1\nlet:\n  a: ▮\n", &["params"], &["steps"]),
    ("titan: 1\nparams:\n  a: { type: ▮ }\n", &["duration", "file"], &[]),
    ("titan: 1\ntarget: x\n▮", &["nats", "services", "gates"], &["steps", "runbook"]),
    ("titan: 1\ntarget: x\nservices:\n  a: {}\nparity: [▮", &["a"], &[]),
    ("titan: 1\ntarget: x\nnats: { token: ▮ }\n", &["env:", "file:"], &[]),
    ("titan: 1\ntarget: x\ngates:\n  execution:\n    probe: { ▮", &["metric", "armed"], &["service"]),
    ("titan: 1\ntest: x.yaml\ncases:\n  a:\n    expect: { ending: ▮", &["succeeded", "stuck"], &[]),
    ("apiVersion: v1\nkind: Pod\n▮", &[], &["titan"]),
];

#[test]
fn what_can_be_written_is_offered_also_in_a_half_typed_document() {
    let mut editor = Editor::new();
    for (text, wanted, unwanted) in OFFERS {
        let text = text.replace("HEAD", HEAD);
        let offered = editor.offered(&text);
        for word in *wanted {
            assert!(offered.contains(*word), "`{word}` is not offered in\n{text}\n{offered:?}");
        }
        for word in *unwanted {
            assert!(!offered.contains(*word), "`{word}` is offered in\n{text}\n{offered:?}");
        }
    }
    assert_eq!(editor.leave(), 0);
}

#[test]
fn the_other_runbooks_of_the_folder_are_offered_as_actions() {
    let mut editor = Editor::new();
    for (name, text) in [
        ("inner.yaml", "titan: 1\nrunbook: inner\nabout: Does little.\nsteps: {}\n"),
        ("inner.test.yaml", "titan: 1\ntest: inner\n"),
        ("titan.target.yaml", "titan: 1\ntarget: t\n"),
        ("pod.yaml", "apiVersion: v1\n"),
    ] {
        std::fs::write(editor.folder.path().join(name), text).unwrap();
    }
    let offered = editor.offered(&format!("{HEAD}  tell:\n    do: ./▮\n"));
    let local: Vec<_> = offered.iter().filter(|label| label.starts_with('.')).collect();
    assert_eq!(local, ["./inner.yaml"]);
}

#[test]
fn an_offer_replaces_the_word_that_is_typed() {
    let mut editor = Editor::new();
    for (before, label, after) in [
        ("HEAD  é🚨: {}\n  tell:\n    do: expect_▮\n", "expect_hash", "HEAD  é🚨: {}\n  tell:\n    do: expect_hash\n"),
        ("HEAD    no_u▮\n", "no_undo", "HEAD    no_undo: \n"),
        ("HEAD    abo▮: x\n", "needs", "HEAD    needs: x\n"),
        ("HEAD  t:\n    when: steps.l▮ == 1\n", "look", "HEAD  t:\n    when: steps.look == 1\n"),
        ("HEAD  t:\n    needs: { l▮ }\n", "look", "HEAD  t:\n    needs: { look: ok }\n"),
    ] {
        let (text, position) = marked(&before.replace("HEAD", HEAD));
        editor.open("x.yaml", &text);
        let at = editor.at("x.yaml", &position);
        let items = editor.result("textDocument/completion", at);
        let item = items.as_array().unwrap().iter().find(|item| item["label"] == label);
        let item = item.unwrap_or_else(|| panic!("{label} is not offered in\n{text}\n{items}"));
        assert_eq!(edited(&text, &json!([item["textEdit"]])), after.replace("HEAD", HEAD));
    }
}

#[test]
fn at_every_letter_of_a_document_under_way_everything_is_answered() {
    let mut editor = Editor::new();
    let whole = format!(
        "{HEAD}  tell:\n    needs: {{ look: done }}\n    do: note\n    with: {{ text: \"é ${{steps.look.out.hash}}\" }}\n"
    );
    let cuts: Vec<_> = whole.char_indices().map(|(at, _)| at).step_by(3).collect();
    for cut in cuts {
        let (text, position) = marked(&format!("{}▮", &whole[..cut]));
        editor.version += 1;
        let document =
            json!({ "uri": editor.uri("x.yaml"), "languageId": "yaml", "version": editor.version, "text": text });
        editor.tell("textDocument/didOpen", json!({ "textDocument": document }));
        for method in ["completion", "hover", "definition", "prepareRename"] {
            let at = editor.at("x.yaml", &position);
            editor.result(&format!("textDocument/{method}"), at);
        }
        let document = json!({ "textDocument": { "uri": editor.uri("x.yaml") } });
        editor.result("textDocument/documentSymbol", document);
    }
    assert_eq!(editor.leave(), 0);
}

#[test]
fn what_stands_under_the_cursor_is_explained() {
    let mut editor = Editor::new();
    let cases = [
        ("HEAD    on_fai▮lure: pause\n", "- `continue`: "),
        ("HEAD    on_failure: pau▮se\n", "a person is waited for"),
        ("HEAD  t: { do: expect▮_hash }\n", "- `expected`"),
        ("HEAD  t: { do: expect_hash, with: { exp▮ected: x } }\n", "required"),
        ("HEAD  t: { do: std/verified▮_arm }\n", "gives `out.hash`"),
        ("HEAD  t: { do: note, needs: [lo▮ok] }\n", "Look at it."),
        ("HEAD  t: { do: note, needs: { look: do▮ne } }\n", "in any way"),
        ("HEAD  t: { do: note, when: steps.lo▮ok.status == \"ok\" }\n", "**steps.look** · service_hash"),
        ("HEAD  t: { do: note, when: params.lim▮it > duration(\"1s\") }\n", "**params.limit** · duration"),
        ("HEAD  t: { do: note, when: dura▮tion(\"1s\") }\n", "duration(text) -> duration"),
        ("HEAD  t: { do: note, when: expec▮ted == 1 }\n", "policy_hash(params.policy)"),
        ("HEAD  t: { do: note, with: { text: \"${exp▮ected}\" } }\n", "**expected** · a text"),
        (
            "HEADfunctions: [std/versions]\noutputs:\n  a: version_▮newer(\"1\", \"2\")\n",
            "version_newer(version, than)",
        ),
        ("HEAD  lo▮ok2: { do: note, about: This one. }\n", "This one."),
        ("HEAD  t: { do: note, with: { text: \"é🚨 ${params.po▮licy.path}\" } }\n", "**params.policy** · file"),
    ];
    for (text, wanted) in cases {
        let text = text.replace("HEAD", HEAD);
        let said = editor.hover(&text);
        assert!(said.contains(wanted), "`{wanted}` is not said of\n{text}\n{said}");
    }
    assert_eq!(editor.hover(&format!("{HEAD}  t: {{ do: note, with: {{ text: noth▮ing }} }}\n")), "");
}

#[test]
fn what_is_named_is_found_where_it_is_declared() {
    let mut editor = Editor::new();
    for (text, line) in [
        ("HEAD  t: { do: note, needs: [lo▮ok] }\n", 8),
        ("HEAD  t: { do: note, needs: { lo▮ok: ok } }\n", 8),
        ("HEAD  t: { do: note, when: steps.look.o▮ut.hash == 1 }\n", 8),
        ("HEAD  t: { do: note, when: params.lim▮it == 1 }\n", 3),
        ("HEAD  t: { do: note, when: expec▮ted == 1 }\n", 6),
        ("HEADwatch: { w: { from: lo▮ok } }\n", 8),
    ] {
        let (text, position) = marked(&text.replace("HEAD", HEAD));
        editor.open("x.yaml", &text);
        let at = editor.at("x.yaml", &position);
        let there = editor.result("textDocument/definition", at);
        assert_eq!(there["range"]["start"]["line"], line, "{text}\n{there}");
    }
}
