//! `titan-run schema` says what the checker says: whatever decodes is valid, and a file with a
//! wrong key, word or type is not.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use titan_run::diagnostic::{Findings, Severity};
use titan_run::guard::{Guards, plain_value};
use titan_run::primitive::CATALOGUE;
use titan_run::runbook::grammar::{Holds, Table};
use titan_run::runbook::{Library, decode_target, decode_test, load};
use titan_run::schema::{FileKind, schema};
use titan_run::source::SourceFile;
use titan_run::stdlib;
use titan_run::yaml::{self, Node, NodeKind};

use crate::tool::{root, titan};

static RUNBOOKS: LazyLock<Validator> = LazyLock::new(|| validator(FileKind::Runbook));
static TARGETS: LazyLock<Validator> = LazyLock::new(|| validator(FileKind::Target));
static TESTS: LazyLock<Validator> = LazyLock::new(|| validator(FileKind::Test));

fn validator(kind: FileKind) -> Validator {
    let schema = schema(kind, CATALOGUE);
    jsonschema::meta::validate(&schema).expect("the schema is a schema");
    jsonschema::draft202012::new(&schema).unwrap()
}

fn of(kind: FileKind) -> &'static Validator {
    match kind {
        FileKind::Runbook => &RUNBOOKS,
        FileKind::Target => &TARGETS,
        FileKind::Test => &TESTS,
    }
}

/// Included files of the standard library only.
struct Std;

impl Library for Std {
    fn read(&self, _from: &SourceFile, name: &str) -> Result<SourceFile, String> {
        let ending = if name.ends_with(".rhai") || name.ends_with(".yaml") { "" } else { ".yaml" };
        let full = format!("{name}{ending}");
        let text = stdlib::find(&full).ok_or("not there")?;
        Ok(SourceFile::new(full.as_str(), text))
    }
}

/// Whether the checker decodes a file.
fn decodes(kind: FileKind, name: &str, text: &str) -> bool {
    let file = SourceFile::new(name, text);
    let guards = Guards::new(CATALOGUE);
    match kind {
        FileKind::Runbook => {
            let found = load(&file, &guards, CATALOGUE, &Std).diagnostics;
            found.iter().all(|found| found.severity != Severity::Error)
        }
        FileKind::Target => decode_target(&file, &guards).is_ok(),
        FileKind::Test => decode_test(&file, &guards).is_ok(),
    }
}

/// What another YAML reader hands to its schema validator.
fn as_json(text: &str) -> Option<Value> {
    let file = SourceFile::new("x.yaml", text);
    let mut findings = Findings::new(file.clone());
    let root = yaml::parse(&file, &mut findings)?;
    (!findings.has_errors()).then(|| json_of(&root))
}

fn json_of(node: &Node) -> Value {
    match &node.kind {
        NodeKind::Scalar(scalar) => match plain_value(scalar) {
            titan_run::value::Value::Null => Value::Null,
            titan_run::value::Value::Bool(truth) => json!(truth),
            titan_run::value::Value::Int(int) => json!(int),
            titan_run::value::Value::Float(float) => json!(float),
            other => json!(other.to_string()),
        },
        NodeKind::List(items) => Value::Array(items.iter().map(json_of).collect()),
        NodeKind::Map(entries) => {
            Value::Object(entries.iter().map(|(key, value)| (key.value.clone(), json_of(value))).collect::<Map<_, _>>())
        }
    }
}

fn kind_of(text: &str) -> FileKind {
    let says = |key: &str| text.lines().any(|line| line.starts_with(key));
    match (says("test:"), says("target:")) {
        (true, _) => FileKind::Test,
        (_, true) => FileKind::Target,
        _ => FileKind::Runbook,
    }
}

/// How many cases a property has; `PROPTEST_CASES` says another number.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(600)
}

/// Every YAML file of the repository that is a runbook, a target or a test, with its name and text.
static FILES: LazyLock<Vec<(String, String)>> = LazyLock::new(every_file);

fn every_file() -> Vec<(String, String)> {
    let folders = [
        "runbooks",
        "runbooks/targets",
        "stdlib",
        "stdlib/targets",
        "tests/cases/lint",
        "tests/cases/run",
        "tests/cases/test",
    ];
    let mut found = Vec::new();
    for folder in folders {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|kind| kind == "yaml") {
                found.push((name(&path), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

#[track_caller]
fn whatever_decodes_is_valid(name: &str, text: &str) -> bool {
    let kind = kind_of(text);
    if !decodes(kind, name, text) {
        return false;
    }
    let json = as_json(text).expect("what decodes is YAML");
    let errors: Vec<_> = of(kind).iter_errors(&json).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{name} decodes and is not valid: {}\n{text}", errors.join("\n"));
    true
}

#[test]
fn every_good_file_of_the_repository_is_valid() {
    let good = FILES.iter().filter(|(name, text)| whatever_decodes_is_valid(name, text)).count();
    assert!(good >= 30, "only {good} files decode");
}

#[test]
fn the_command_prints_the_schema() {
    for (word, kind) in [("runbook", FileKind::Runbook), ("target", FileKind::Target), ("test", FileKind::Test)] {
        let printed: Value = serde_json::from_str(&titan(&["schema", word]).exits(0).out).unwrap();
        assert_eq!(printed, schema(kind, CATALOGUE));
    }
}

/// What each line is wrong about; every one is told by the checker too.
const WRONG: &[(FileKind, &str)] = &[
    (FileKind::Runbook, "titan: 2\nrunbook: x\nsteps: { a: { do: note, with: { text: hello } } }\n"),
    (FileKind::Runbook, "titan: 1\nsteps: { a: { do: note, with: { text: hello } } }\n"),
    (FileKind::Runbook, "titan: 1\nrunbook: X\nsteps: { a: { do: note, with: { text: hello } } }\n"),
    (FileKind::Runbook, "titan: 1\nrunbook: x\nsteps: {}\n"),
    (FileKind::Runbook, "titan: 1\nrunbook: x\nsteps: { A: { do: note, with: { text: hello } } }\n"),
    (FileKind::Runbook, "titan: 1\nrunbook: x\nsteps: { a: { do: note, with: { text: hello } } }\nmore: 1\n"),
    (FileKind::Runbook, "titan: 1\nrunbook: x\nsteps: { a: { do: nothing } }\n"),
    (FileKind::Runbook, "titan: 1\nrunbook: x\nsteps: { a: { do: note } }\n"),
    (FileKind::Runbook, "titan: 1\nrunbook: x\nsteps: { a: { do: note, with: { text: [a] } } }\n"),
    (FileKind::Runbook, "titan: 1\nrunbook: x\nsteps: { a: { do: note, with: { texts: hello } } }\n"),
    (FileKind::Runbook, "titan: 1\nrunbook: x\nsteps: { a: { do: sleep, with: { for: 90 } } }\n"),
    (FileKind::Runbook, "titan: 1\nrunbook: x\nsteps: { a: { do: script, with: { text: hello } } }\n"),
    (FileKind::Runbook, "titan: 1\nrunbook: x\nsteps: { a: { do: arm, with: { gate: execution, reason: '' } } }\n"),
    (FileKind::Runbook, "titan: 1\nrunbook: x\nsteps: { a: { do: note, with: { text: a }, on_failure: stop } }\n"),
    (FileKind::Runbook, "titan: 1\nrunbook: x\nsteps: { a: { do: note, with: { text: a }, timeout: soon } }\n"),
    (FileKind::Runbook, "titan: 1\nrunbook: x\nsteps: { a: { do: note, with: { text: a }, needs: b } }\n"),
    (FileKind::Runbook, "titan: 1\nrunbook: x\nsteps: { a: { do: note, with: { text: a }, retry: { on: [bad] } } }\n"),
    (FileKind::Runbook, "titan: 1\nrunbook: x\nsteps: { a: { do: note, with: { text: a }, retry: {} } }\n"),
    (FileKind::Runbook, "titan: 1\nrunbook: x\nsteps: { a: { do: note, with: { text: a }, max_parallel: 0 } }\n"),
    (
        FileKind::Runbook,
        "titan: 1\nrunbook: x\nparams: { p: { type: word } }\nsteps: { a: { do: note, with: { text: a } } }\n",
    ),
    (
        FileKind::Runbook,
        "titan: 1\nrunbook: x\nparams: { p: { type: int, one_of: 3 } }\nsteps: { a: { do: note, with: { text: a } } }\n",
    ),
    (FileKind::Target, "titan: 1\nabout: nothing\n"),
    (FileKind::Target, "titan: 7\ntarget: x\n"),
    (FileKind::Target, "titan: 1\ntarget: x\nnats: { url: localhost }\n"),
    (FileKind::Target, "titan: 1\ntarget: x\nnats: { token: abc }\n"),
    (FileKind::Target, "titan: 1\ntarget: x\nservices: { a: { instances: none } }\n"),
    (FileKind::Target, "titan: 1\ntarget: x\ngates: { a: { arm: { payload: xml } } }\n"),
    (FileKind::Target, "titan: 1\ntarget: x\nmetrics: { a: { absent: maybe } }\n"),
    (FileKind::Target, "titan: 1\ntarget: x\nabout: null\n"),
    (FileKind::Test, "titan: 1\ntest: x.yaml\ncases: {}\n"),
    (FileKind::Test, "titan: 1\ntest: x.yaml\ncases: { a: { expect: { ending: well } } }\n"),
    (FileKind::Test, "titan: 1\ntest: x.yaml\ncases: { a: { seed: -1, expect: { ending: stuck } } }\n"),
    (FileKind::Test, "titan: 1\ntest: x.yaml\ncases: { a: { expect: { ending: stuck, steps: { b: good } } } }\n"),
];

#[test]
fn what_is_wrong_in_its_form_is_neither_valid_nor_decoded() {
    for (kind, text) in WRONG {
        assert!(!of(*kind).is_valid(&as_json(text).unwrap()), "valid: {text}");
        assert!(!decodes(*kind, "x.yaml", text), "decodes: {text}");
    }
}

/// Every map with known keys that a kind of file can hold.
fn tables(table: &'static Table, found: &mut Vec<&'static Table>) {
    if found.iter().any(|known| std::ptr::eq(*known, table)) {
        return;
    }
    found.push(table);
    table.keys().for_each(|key| inside(&key.holds, found));
}

fn inside(holds: &'static Holds, found: &mut Vec<&'static Table>) {
    match holds {
        Holds::Map(table) => tables(table, found),
        Holds::Named(_, each) | Holds::List(each) => inside(each, found),
        Holds::Either(one, other) => {
            inside(one, found);
            inside(other, found);
        }
        _ => {}
    }
}

#[test]
fn every_key_is_in_its_document() {
    let language = fs::read_to_string(root().join("docs/language.md")).unwrap();
    let mut missing = Vec::new();
    for (kind, document) in [
        (FileKind::Runbook, "docs/language.md"),
        (FileKind::Target, "docs/targets.md"),
        (FileKind::Test, "docs/authoring.md"),
    ] {
        let text = fs::read_to_string(root().join(document)).unwrap();
        let mut found = Vec::new();
        tables(kind.table(), &mut found);
        for table in found {
            for key in table.keys() {
                let name = key.name;
                let forms = [
                    format!("`{name}`"),
                    format!(".{name}`"),
                    format!("`{name}:"),
                    format!("`{name}."),
                    format!("{name}: "),
                    format!("\n{name}:\n"),
                ];
                if !forms.iter().any(|form| text.contains(form)) {
                    missing.push(format!("{document} does not name `{name}` of {}", table.what));
                }
            }
        }
    }
    let rows = titan_run::runbook::keys::STEP.keys().map(|key| format!("| `{}` | {} |", key.name, key.about));
    missing.extend(rows.filter(|row| !language.contains(row.as_str())));
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// One change of a text: a line left out, doubled, moved in or out, or a word replaced.
#[derive(Clone, Debug)]
enum Change {
    Drop(usize),
    Double(usize),
    Indent(usize),
    Replace(usize, String),
    Key(usize, String),
}

fn words() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "1",
        "true",
        "90s",
        "5m",
        "null",
        "[]",
        "{}",
        "[a, b]",
        "'${params.x}'",
        "note",
        "arm",
        "confirm",
        "ok",
        "rollback",
        "execution",
        "0.5",
        "''",
        "'3'",
        "+3",
        "std/verified_arm",
        "[timeout]",
        "~",
        "{ a: ok }",
        "a",
    ]);
    known.prop_map(str::to_owned)
}

fn keys() -> impl Strategy<Value = String> {
    let mut found = Vec::new();
    tables(FileKind::Runbook.table(), &mut found);
    tables(FileKind::Target.table(), &mut found);
    tables(FileKind::Test.table(), &mut found);
    let mut names: Vec<_> = found.iter().flat_map(|table| table.keys()).map(|key| key.name.to_owned()).collect();
    names.extend(CATALOGUE.0.iter().flat_map(|one| one.arguments).map(|argument| argument.name.to_owned()));
    prop::sample::select(names)
}

fn change() -> impl Strategy<Value = Change> {
    let at = 0..200_usize;
    prop_oneof![
        at.clone().prop_map(Change::Drop),
        at.clone().prop_map(Change::Double),
        at.clone().prop_map(Change::Indent),
        (at.clone(), words()).prop_map(|(at, word)| Change::Replace(at, word)),
        (at, keys()).prop_map(|(at, word)| Change::Key(at, word)),
    ]
}

fn changed(text: &str, change: &Change) -> String {
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    let count = lines.len().max(1);
    match change {
        Change::Drop(at) => {
            lines.remove(at % count);
        }
        Change::Double(at) => {
            let line = lines[at % count].clone();
            lines.insert(at % count, line);
        }
        Change::Indent(at) => lines[at % count].insert_str(0, "  "),
        Change::Replace(at, word) => {
            let line = &mut lines[at % count];
            if let Some(colon) = line.find(": ") {
                line.truncate(colon + 2);
                line.push_str(word);
            }
        }
        Change::Key(at, word) => {
            let line = &mut lines[at % count];
            if let Some(colon) = line.find(':') {
                let start = line.len() - line.trim_start().len();
                if start < colon {
                    line.replace_range(start..colon, word);
                }
            }
        }
    }
    lines.join("\n") + "\n"
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn whatever_decodes_after_random_changes_is_valid(
        at in 0..1_000_usize,
        changes in prop::collection::vec(change(), 1..4),
    ) {
        let (name, text) = &FILES[at % FILES.len()];
        let text = changes.iter().fold(text.clone(), |text, change| changed(&text, change));
        whatever_decodes_is_valid(name, &text);
    }

    #[test]
    fn a_key_that_no_map_has_is_never_valid(at in 0..1_000_usize, line in 0..200_usize) {
        let (name, text) = &FILES[at % FILES.len()];
        let text = changed(text, &Change::Key(line, "no_such_key".to_owned()));
        let Some(json) = as_json(&text) else { return Ok(()) };
        let is_valid = of(kind_of(&text)).is_valid(&json);
        // Where names are the author's any key may stand, for both.
        prop_assert!(is_valid || !decodes(kind_of(&text), name, &text), "{text}");
    }
}

#[test]
fn every_declared_key_is_read() {
    let decoders = ["decode.rs", "work_decode.rs", "target_decode.rs", "test_decode.rs", "fields.rs", "functions.rs"];
    let read = |file: &&str| fs::read_to_string(root().join("src/runbook").join(file)).unwrap();
    let code: String = decoders.iter().map(read).collect();
    let mut found = vec![&titan_run::runbook::keys::SCRIPT];
    for kind in [FileKind::Runbook, FileKind::Target, FileKind::Test] {
        tables(kind.table(), &mut found);
    }
    for table in found {
        for key in table.keys() {
            assert!(code.contains(&format!("\"{}\"", key.name)), "nobody reads `{}` of {}", key.name, table.what);
        }
    }
}
