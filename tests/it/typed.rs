//! The rules about expressions: each finds what its `err` cases show, says it as in the golden
//! picture beside them, and is silent about its `ok` cases and about everything that is bundled.

use std::fs;
use std::path::{Path, PathBuf};

use titan_run::diagnostic::Diagnostic;
use titan_run::guard::Guards;
use titan_run::lint::{Levels, Memory, RULES, Setting, examine};
use titan_run::primitive::CATALOGUE;
use titan_run::report::{Style, draw};
use titan_run::runbook::Library;
use titan_run::runbook::target::Target;
use titan_run::source::SourceFile;

use crate::tool::root;

/// The rules whose cases are held here.
const CODES: [&str; 14] = [
    "argument-type",
    "constant-guard",
    "guard-not-bool",
    "index-out-of-range",
    "may-be-missing",
    "may-be-skipped",
    "nan-trap",
    "not-ended",
    "null-comparison",
    "type-mismatch",
    "unknown-function",
    "unknown-status",
    "unlisted-name",
    "unreachable-guard",
];

/// Files of the repository.
struct Disk;

impl Library for Disk {
    fn read(&self, from: &SourceFile, name: &str) -> Result<SourceFile, String> {
        let folder = Path::new(from.name()).parent().unwrap().to_owned();
        let path = match name.strip_prefix("std/") {
            Some(name) if name.ends_with(".rhai") => PathBuf::from("stdlib").join(name),
            Some(name) => PathBuf::from("stdlib").join(format!("{name}.yaml")),
            None => folder.join(name),
        };
        Ok(read(path.to_str().unwrap()))
    }
}

fn read(name: &str) -> SourceFile {
    SourceFile::new(name, fs::read_to_string(root().join(name)).unwrap())
}

fn told(file: &SourceFile, target: Option<&Target>) -> Vec<Diagnostic> {
    let (usual, guards, levels) = (Target::default(), Guards::new(CATALOGUE), Levels::default());
    let setting = Setting {
        target: target.unwrap_or(&usual),
        is_chosen: target.is_some(),
        levels: &levels,
        memory: &Memory::default(),
    };
    examine(file, &guards, CATALOGUE, &Disk, setting).diagnostics
}

/// The cases of a folder, by their names in the repository.
fn cases(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned());
    let mut names: Vec<_> =
        names.filter(|name| name.ends_with(".yaml")).map(|name| format!("{folder}/{name}")).collect();
    names.sort();
    names
}

#[test]
fn every_fault_of_an_expression_is_said_by_its_rule() {
    let mut wrong = Vec::new();
    for code in CODES {
        let cases = cases(&format!("tests/cases/lint/{code}"));
        assert!(cases.iter().filter(|name| name.contains("/err")).count() >= 2, "{code} has too few cases");
        assert!(cases.iter().filter(|name| name.contains("/ok")).count() >= 2, "{code} has too few cases");
        for name in cases {
            let mut found = told(&read(&name), None);
            found.retain(|one| CODES.contains(&one.code) || one.code.starts_with("unknown-"));
            let is_said = found.iter().any(|one| one.code == code);
            let drawn = draw(&found, Style::Plain);
            if name.contains("/ok") {
                if !found.is_empty() {
                    wrong.push(format!("{name} is no fault:\n{drawn}"));
                }
                continue;
            }
            // Its picture is held by `golden.rs`.
            if !is_said {
                wrong.push(format!("--- {name}\n{drawn}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_bundled_has_no_fault_in_its_expressions() {
    let mut wrong = String::new();
    for folder in ["runbooks", "stdlib", "tests/cases/run"] {
        for name in cases(folder) {
            let mut found = told(&read(&name), None);
            found.retain(|one| CODES.contains(&one.code));
            if !found.is_empty() {
                wrong.push_str(&format!("--- {name}\n{}", draw(&found, Style::Plain)));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_the_documents_show_has_no_fault_in_its_expressions() {
    let mut wrong = String::new();
    let mut looked_at = 0;
    for name in ["README.md", "docs/language.md", "docs/primitives.md", "docs/targets.md", "docs/runs.md"] {
        let text = fs::read_to_string(root().join(name)).unwrap();
        for block in text.split("```yaml").skip(1).filter_map(|rest| rest.split("```").next()) {
            let (_, yaml) = block.split_once('\n').unwrap();
            if !yaml.contains("runbook:") {
                continue;
            }
            looked_at += 1;
            let mut found = told(&SourceFile::new("<example>", yaml), None);
            found.retain(|one| CODES.contains(&one.code));
            if !found.is_empty() {
                wrong.push_str(&format!("--- {name}\n{}", draw(&found, Style::Plain)));
            }
        }
    }
    assert!(wrong.is_empty() && looked_at > 3, "{wrong}");
}

#[test]
fn every_rule_about_expressions_is_one() {
    for code in CODES {
        let rule = RULES.iter().find(|rule| rule.code == code).unwrap_or_else(|| panic!("there is no {code}"));
        assert!(rule.explanation().contains("```yaml bad"), "{code} has no example");
    }
}

#[test]
fn a_chosen_target_has_the_names_it_has_and_no_other() {
    let file = read("tests/cases/lint/unlisted-name/ok.yaml");
    let mut target = Target::default();
    let named = |target: &Target| told(&file, Some(target)).iter().filter(|one| one.code == "unlisted-name").count();
    assert_eq!(named(&target), 1);
    target.subjects.insert("rejections".to_owned(), "titan.evt.exec.reject.v1".to_owned());
    assert_eq!(named(&target), 0);
}

#[test]
fn a_pattern_of_a_chosen_target_has_the_groups_it_has_and_no_other() {
    let file = read("tests/cases/lint/verified-apart/ok-2.yaml");
    let mut target = Target::default();
    for (pattern, count) in [("OK: (?<hash>[0-9a-f]+)", 0), ("OK: (?<sum>[0-9a-f]+)", 1), ("OK", 1)] {
        target.patterns.insert("handshake_ok".to_owned(), pattern.to_owned());
        let told = told(&file, Some(&target));
        let is_here = |one: &&Diagnostic| one.loc().is_some_and(|loc| loc.file == file);
        let named = told.iter().filter(is_here).filter(|one| one.code == "unlisted-name").count();
        assert_eq!(named, count, "{pattern}: {told:?}");
    }
}
