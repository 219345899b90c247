//! `titan-run lsp`: renames, references and where a name is declared.

use std::fs;

use serde_json::{Value, json};

use crate::tool::{root, titan};
use crate::typing::{Editor, codes, edited, marked, slice};

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
    for (new, why) in [
        ("b", "there is a step `b` already"),
        ("Not_This", "not a snake_case id"),
        ("true", "none can read `steps.true`; take another name, such as `true_step`"),
    ] {
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
fn a_rename_reaches_every_way_to_read_a_step() {
    let text = looked_at(
        "    when: get(steps, \"look\", 1) == 1 || has(steps, 'look') || steps . look . status == \"look\"\n    do: script\n    \
         with:\n      code: |\n        // it's steps.look\n        let look = `look ${steps.look.status} ${steps[\"look\"].status}`;\n        \
         #{ look: look, steps: steps?.look.status }\n    no_undo: looks\n",
    );
    let wanted = text
        .replace("(steps, \"look\"", "(steps, \"gaze\"")
        .replace("(steps, 'look'", "(steps, 'gaze'")
        .replace("steps . look", "steps . gaze")
        .replace("${steps.look", "${steps.gaze")
        .replace("[\"look\"]", "[\"gaze\"]")
        .replace("?.look", "?.gaze")
        .replace("\n  look:", "\n  gaze:");
    assert_eq!(renamed(&text, "gaze"), wanted);
}

#[test]
fn a_rename_is_refused_where_a_step_may_be_named_by_a_value() {
    let mut editor = Editor::new();
    for code in ["let s = steps; s.look", "steps[name].status", "steps.keys()", "`${\"look\" in steps}`"] {
        let step = format!("    do: script\n    with:\n      code: '{code}'\n    no_undo: looks\n");
        let text = looked_at(&step);
        editor.open("x.yaml", &text);
        let mut params = editor.at("x.yaml", &json!({ "line": 3, "character": 3 }));
        params["newName"] = json!("gaze");
        let said = editor.ask("textDocument/rename", params);
        let why = said["error"]["message"].as_str().unwrap();
        assert_eq!(
            why,
            "line 8 of `x.yaml` reads `steps` by a name that only a run knows; write `steps.look` where that is meant"
        );
    }
}

#[test]
fn names_between_escaped_quotes_are_known_and_offered() {
    let mut editor = Editor::new();
    for guard in [
        r#""steps.look.st▮atus == \"ok\"""#,
        r#""true && \"x\" != steps.look.st▮atus""#,
        "'''x'' != \"y\" || steps.look.st▮atus == \"ok\"'",
        "steps[\"look\"].st▮atus == \"ok\"",
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

const INNER: &str = "titan: 1\nrunbook: inner\nparams:\n  v: { type: text, default: x }\nsteps:\n  first: { do: note, with: { text: \"${params.v}\" } }\n  \
                     second: { do: note, with: { text: \"${steps.first.out.text}\" } }\n";
const OUTER: &str = "titan: 1\nrunbook: outer\nparams:\n  p: { type: text, default: y }\nlet:\n  expected: params.p\nsteps:\n  \
                     sub: { do: ./below/inner.yaml, with: { v: \"${expected}\" } }\n  \
                     code:\n    do: script\n    with:\n      code: |\n        #{ expected: expected, p: params[\"p\"] }\n    no_undo: It looks.\n";
const OUTER_TEST: &str = "titan: 1\ntest: outer\nparams: { p: z }\ncases:\n  a:\n    expect:\n      ending: succeeded\n      \
                          steps: { sub: ok, \"sub/first\": ok, sub/second: ok }\n      undone: [sub/first]\n";

/// An editor with a runbook that includes another, and its test, none of them open.
fn nested() -> Editor {
    let editor = Editor::new();
    fs::create_dir(editor.folder.path().join("below")).unwrap();
    for (name, text) in [("below/inner.yaml", INNER), ("outer.yaml", OUTER), ("outer.test.yaml", OUTER_TEST)] {
        fs::write(editor.folder.path().join(name), text).unwrap();
    }
    editor
}

/// The answer about the `▮` of a document.
fn answer(editor: &mut Editor, method: &str, name: &str, text: &str, more: &Value) -> Value {
    let (text, position) = marked(text);
    editor.open(name, &text);
    let mut params = editor.at(name, &position);
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    editor.ask(&format!("textDocument/{method}"), params)
}

#[test]
fn a_rename_reaches_the_tests_of_the_runbooks_that_include_it() {
    for (name, text) in [
        ("below/inner.yaml", INNER.replace("  first:", "  fi▮rst:")),
        ("outer.test.yaml", OUTER_TEST.replace("\"sub/first", "\"sub/fi▮rst")),
        ("outer.test.yaml", OUTER_TEST.replace("[sub/first", "[sub/first▮")),
    ] {
        let mut editor = nested();
        let said = answer(&mut editor, "rename", name, &text, &json!({ "newName": "uno" }));
        let changed = |name: &str, text: &str| edited(text, &said["result"]["changes"][editor.uri(name).as_str()]);
        let wanted = INNER.replace("  first:", "  uno:").replace("steps.first.", "steps.uno.");
        assert_eq!(changed("below/inner.yaml", INNER), wanted, "{said}");
        assert_eq!(changed("outer.test.yaml", OUTER_TEST), OUTER_TEST.replace("sub/first", "sub/uno"));
        assert_eq!(said["result"]["changes"].as_object().unwrap().len(), 2);
    }
    let mut editor = nested();
    let text = OUTER_TEST.replace("{ sub: ok", "{ su▮b: ok");
    let said = answer(&mut editor, "rename", "outer.test.yaml", &text, &json!({ "newName": "part" }));
    let changes = &said["result"]["changes"];
    let changed = |name: &str, text: &str| edited(text, &changes[editor.uri(name).as_str()]);
    assert_eq!(changed("outer.yaml", OUTER), OUTER.replace("  sub:", "  part:"));
    let wanted = OUTER_TEST.replace("sub/", "part/").replace("sub:", "part:");
    assert_eq!(changed("outer.test.yaml", OUTER_TEST), wanted);
}

#[test]
fn a_rename_reaches_the_tests_through_folders_beside_each_other() {
    let mut editor = nested();
    for (name, text) in [
        ("outer.yaml", "titan: 1\nrunbook: outer\nsteps:\n  sub: { do: ./beside/between.yaml }\n"),
        ("beside/between.yaml", "titan: 1\nrunbook: between\nsteps:\n  mid: { do: ./../below/inner.yaml }\n"),
    ] {
        fs::create_dir_all(editor.folder.path().join("beside")).unwrap();
        fs::write(editor.folder.path().join(name), text).unwrap();
    }
    let test = "titan: 1\ntest: outer\ncases:\n  a: { expect: { ending: succeeded, steps: { sub/mid/first: ok } } }\n";
    fs::write(editor.folder.path().join("outer.test.yaml"), test).unwrap();
    let text = INNER.replace("  first:", "  fi▮rst:");
    let said = answer(&mut editor, "rename", "below/inner.yaml", &text, &json!({ "newName": "uno" }));
    let edits = &said["result"]["changes"][editor.uri("outer.test.yaml").as_str()];
    assert_eq!(edited(test, edits), test.replace("mid/first", "mid/uno"), "{said}");
}

#[test]
fn a_rename_is_refused_where_it_cannot_be_whole() {
    let mut editor = nested();
    let rename = &json!({ "newName": "uno" });
    let built_in =
        "titan: 1\ntest: std/deploy_pair\ncases:\n  a: { expect: { ending: succeeded, steps: { run▮ning: ok } } }\n";
    let said = answer(&mut editor, "rename", "x.test.yaml", built_in, rename);
    assert!(said["error"]["message"].as_str().unwrap().contains("which is built in"), "{said}");
    fs::write(editor.folder.path().join("outer.test.yaml"), format!("{OUTER_TEST}      cause: [\n")).unwrap();
    let text = INNER.replace("  first:", "  fi▮rst:");
    let said = answer(&mut editor, "rename", "below/inner.yaml", &text, rename);
    assert_eq!(said["error"]["message"], "`outer.test.yaml` is no YAML as it stands; mend it first");
}

#[test]
fn everything_declared_is_found_wherever_it_is_named() {
    let cases = [
        (
            "outer.yaml",
            OUTER.replace("  p:", "  ▮p:"),
            vec!["outer.test.yaml:2", "outer.yaml:3", "outer.yaml:5", "outer.yaml:12"],
        ),
        (
            "outer.yaml",
            OUTER.replace("  expected:", "  expected▮:"),
            vec!["outer.yaml:5", "outer.yaml:7", "outer.yaml:12"],
        ),
        (
            "outer.yaml",
            OUTER.replace("{ v:", "{ v▮:"),
            vec!["below/inner.yaml:3", "below/inner.yaml:5", "outer.yaml:7"],
        ),
        ("outer.yaml", OUTER.replace("./below", "./▮below"), vec!["outer.yaml:7"]),
        (
            "outer.yaml",
            OUTER.replace("  sub:", "  ▮sub:"),
            vec!["outer.test.yaml:7", "outer.test.yaml:7", "outer.test.yaml:7", "outer.test.yaml:8", "outer.yaml:7"],
        ),
        (
            "outer.test.yaml",
            OUTER_TEST.replace("sub/second", "sub/▮second"),
            vec!["below/inner.yaml:6", "outer.test.yaml:7"],
        ),
        ("outer.test.yaml", OUTER_TEST.replace("test: ", "test: ▮"), vec!["outer.test.yaml:1"]),
    ];
    for (name, text, wanted) in cases {
        let mut editor = nested();
        let all = &json!({ "context": { "includeDeclaration": true } });
        let said = answer(&mut editor, "references", name, &text, all);
        let root = editor.uri("");
        let place = |one: &Value| {
            format!("{}:{}", one["uri"].as_str().unwrap().trim_start_matches(&root), one["range"]["start"]["line"])
        };
        let found: Vec<_> = said["result"].as_array().unwrap().iter().map(place).collect();
        assert_eq!(found, wanted, "{text}");
    }
}

#[test]
fn what_an_include_and_a_test_name_is_declared_where_they_lead() {
    for (name, text, wanted) in [
        ("outer.yaml", OUTER.replace("{ v:", "{ ▮v:"), ("below/inner.yaml", 3)),
        ("outer.yaml", OUTER.replace("params.p", "params.▮p"), ("outer.yaml", 3)),
        ("outer.test.yaml", OUTER_TEST.replace("test: ", "test: ▮"), ("outer.yaml", 0)),
        ("outer.test.yaml", OUTER_TEST.replace("{ p:", "{ ▮p:"), ("outer.yaml", 3)),
        ("outer.test.yaml", OUTER_TEST.replace("sub/second", "sub/▮second"), ("below/inner.yaml", 6)),
    ] {
        let mut editor = nested();
        let there = answer(&mut editor, "definition", name, &text, &json!({}))["result"].clone();
        assert_eq!(there["uri"], editor.uri(wanted.0).as_str(), "{text}");
        assert_eq!(there["range"]["start"]["line"], wanted.1, "{text}");
    }
}
