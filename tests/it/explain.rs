//! Every code is explained, every explanation is in the documents, and every example in it is
//! true: `bad` yields the code, `good` does not.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use titan_run::lint::{READING, RULES, explanation};

use crate::tool::{Ran, root, titan};

/// Codes of what no example can show: bytes that are no text, and what is too large or too deep.
/// The test below makes them.
const WITHOUT_EXAMPLE: &[&str] =
    &["guard-size", "hidden-character", "json-bom", "json-depth", "json-size", "not-utf8", "yaml-depth", "yaml-size"];

/// A rule whose subject is too large for a document.
const TOO_LARGE: &str = "too-large-to-prove";

/// The examples of an explanation: language, the other words of the fence, text.
fn examples(text: &str) -> Vec<(String, Vec<String>, String)> {
    let fences = text.split("\n```").skip(1).step_by(2);
    let read = fences.map(|fence| {
        let (head, body) = fence.split_once('\n').unwrap();
        let mut words = head.split_whitespace().map(str::to_owned);
        (words.next().unwrap_or_default(), words.collect(), format!("{body}\n"))
    });
    read.collect()
}

/// The value of a key at the beginning of a line.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    line.split('#').next().map(str::trim)
}

/// What the program says about an example, in a folder where names are those of the built-in
/// target and every `part:` before it is there.
fn checked(folder: &Path, parts: &[(String, String)], language: &str, words: &[String], text: &str) -> Ran {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    write("titan.target.yaml", &fs::read_to_string(root().join("stdlib/targets/simulated.yaml")).unwrap());
    parts.iter().for_each(|(name, text)| drop(write(name, text)));
    let named = words.iter().find_map(|word| word.strip_prefix("as="));
    match language {
        "json" => titan(&["hash", &write("policy.json", text)]),
        "rhai" => {
            write("own.rhai", text);
            let user =
                "titan: 1\nrunbook: user\nfunctions: [./own.rhai]\nsteps:\n  a: { do: note, with: { text: x } }\n";
            titan(&["lint", &write("user.yaml", user)])
        }
        "yaml" if value(text, "severity").is_some() || value(text, "deny").is_some() => {
            write(".titan-lint.yaml", text);
            let clean = "titan: 1\nrunbook: clean\nsteps:\n  a: { do: note, with: { text: x } }\n";
            titan(&["lint", &write("clean.yaml", clean)])
        }
        "yaml" if value(text, "test").is_some() => {
            let runbook = "titan: 1\nrunbook: example\nparams:\n  name: { type: text, default: you }\nsteps:\n  \
                           a: { do: note, with: { text: x } }\noutputs: { name: params.name }\n";
            write("example.yaml", runbook);
            titan(&["lint", &write("example.test.yaml", text)])
        }
        "yaml" => {
            let name = value(text, "runbook").map_or_else(|| "example.yaml".to_owned(), |name| format!("{name}.yaml"));
            titan(&["lint", &write(named.unwrap_or(&name), text)])
        }
        other => panic!("`{other}` is no language of examples"),
    }
}

fn says(ran: &Ran, code: &str) -> bool {
    ran.said().lines().any(|line| line.split(" · ").next() == Some(code))
}

#[test]
fn every_example_is_true() {
    let codes = RULES.iter().map(|rule| rule.code).chain(READING.iter().map(|(code, _)| *code));
    let mut wrong = Vec::new();
    for code in codes {
        let text = explanation(code).unwrap();
        let heading = text.lines().next().unwrap();
        assert!(heading.ends_with('.') && !heading.starts_with('#'), "{code}: `{heading}` is no sentence");
        let (mut bad, mut good, mut parts) = (0, 0, Vec::new());
        for (language, words, text) in examples(&text) {
            if let Some(name) = words.first().and_then(|word| word.strip_prefix("part:")) {
                parts.push((name.to_owned(), text));
                continue;
            }
            let folder = tempfile::tempdir().unwrap();
            let ran = checked(folder.path(), &parts, &language, &words, &text);
            let is_said = says(&ran, code);
            match words.first().map(String::as_str) {
                Some("bad") => {
                    bad += 1;
                    if !is_said {
                        wrong.push(format!("{code}: a bad example is not reported\n{text}{}", ran.said()));
                    }
                }
                Some("good") => {
                    good += 1;
                    let is_rule = RULES.iter().any(|rule| rule.code == code);
                    if is_said || (!is_rule && ran.code != 0) {
                        wrong.push(format!("{code}: a good example is reported\n{text}{}", ran.said()));
                    }
                }
                _ => wrong.push(format!("{code}: an example is neither `bad` nor `good`")),
            }
        }
        let needs_none = WITHOUT_EXAMPLE.contains(&code) || code == TOO_LARGE;
        if (bad == 0 || good == 0) != needs_none {
            wrong.push(format!("{code}: {bad} bad and {good} good examples"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_no_example_shows_is_reported_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let step = |body: &str| format!("titan: 1\nrunbook: x\nsteps:\n  a:\n    do: note\n    {body}\n").into_bytes();
    let cases: &[(&str, &str, Vec<u8>)] = &[
        ("guard-size", "x.yaml", step(&format!("when: '{}'", "1+".repeat(600_000) + "1 == 1"))),
        ("hidden-character", "x.yaml", step("with: { text: \"a\u{202e}b\" }")),
        ("json-bom", "x.json", b"\xef\xbb\xbf{}".to_vec()),
        ("json-depth", "x.json", vec![b'['; 10_000]),
        ("json-size", "", Vec::new()),
        ("not-utf8", "x.yaml", b"titan: \xff\n".to_vec()),
        ("yaml-depth", "x.yaml", ["[".repeat(65), "]".repeat(65)].concat().into_bytes()),
        ("yaml-size", "x.yaml", b"a: [1".iter().copied().chain(b",1".repeat(4_000_001)).chain(*b"]\n").collect()),
    ];
    assert_eq!(cases.iter().map(|(code, ..)| *code).collect::<Vec<_>>(), WITHOUT_EXAMPLE);
    // No file as large as that is read; a text in a run may be.
    let large = titan_run::policy::read_text("x.json", &vec![b' '; titan_run::policy::MAX_SIZE + 1]).unwrap_err();
    assert_eq!(large[0].code, "json-size");
    for (code, name, bytes) in cases.iter().filter(|(_, name, _)| !name.is_empty()) {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let command = if name.ends_with("json") { "hash" } else { "lint" };
        let ran = titan(&[command, path.to_str().unwrap()]);
        assert!(says(&ran, code), "{code}: {}", ran.said());
    }
}

#[test]
fn every_code_in_the_source_is_explained() {
    let known: BTreeSet<_> =
        RULES.iter().map(|rule| rule.code).chain(READING.iter().map(|(code, _)| *code)).map(str::to_owned).collect();
    let mut used = BTreeSet::new();
    let mut whole = String::new();
    let mut open = vec![root().join("src")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                used.extend(codes_in(&text));
                whole.push_str(if path.ends_with("lint/reading.rs") { "" } else { &text });
            }
        }
    }
    assert_eq!(used.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new(), "not explained");
    let unused: Vec<_> = known.iter().filter(|code| !whole.contains(&format!("\"{code}\""))).collect();
    assert_eq!(unused, Vec::<&String>::new(), "explained, and used nowhere");
    for (code, folder) in READING.iter().map(|(code, _)| (code, root().join("src/lint/reading"))) {
        assert!(folder.join(format!("{code}.md")).is_file());
    }
    let files = fs::read_dir(root().join("src/lint/reading")).unwrap().count();
    assert_eq!(files, READING.len(), "a text in src/lint/reading is not in the list");
}

/// The codes a source file reports: the first text handed to what makes a diagnostic, and what a
/// rule calls itself.
fn codes_in(text: &str) -> Vec<String> {
    let makers = [".error(", ".refuse(", "self.known(", "Diagnostic::error(", "code: "];
    let mut found = Vec::new();
    for maker in makers {
        for rest in text.split(maker).skip(1) {
            let Some(inner) = rest.trim_start().strip_prefix('"') else {
                continue;
            };
            let code = inner.split('"').next().unwrap();
            let is_code =
                !code.is_empty() && code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
            if is_code {
                found.push(code.to_owned());
            }
        }
    }
    found
}

#[test]
fn the_reference_is_what_the_program_writes() {
    let written = titan(&["explain", "--markdown"]).exits(0).out;
    let kept = fs::read_to_string(root().join("docs/lints.md")).unwrap();
    assert_eq!(kept, written, "write it anew: titan-run explain --markdown > docs/lints.md");
}

#[test]
fn a_code_is_explained_and_a_misspelt_one_is_answered() {
    titan(&["explain", "effect-without-undo"]).exits(0).says("Say how it is reversed");
    titan(&["explain", "yaml-tag"]).exits(0).says("Quote it:");
    titan(&["explain"]).exits(0).says("arm-unverified");
    titan(&["explain", "arm-unverifed"]).exits(2).complains("did you mean `arm-unverified`?");
}
