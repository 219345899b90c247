//! Cases with a golden picture: every file under `tests/cases/lint`, `tests/cases/run` and
//! `tests/cases/test` has beside it what the program says about it. `UPDATE_GOLDENS=1` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};

use crate::tool::{Ran, root, titan};

fn cases(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("tests/cases").join(folder)).unwrap();
    let mut cases: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.extension().is_some_and(|kind| kind == "yaml"));
    cases.sort();
    cases
}

/// Holds what was said against the golden file beside the case.
fn holds(case: &Path, ran: &Ran, wrong: &mut Vec<String>) {
    let said = format!("{}{}exit {}\n", ran.out, ran.err, ran.code);
    let golden = case.with_extension("golden");
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        fs::write(&golden, &said).unwrap();
    }
    let kept = fs::read_to_string(&golden).unwrap_or_default();
    if kept != said {
        wrong.push(format!("--- {}\n{said}\n--- golden\n{kept}", case.display()));
    }
}

fn all(folder: &str, arguments: &[&str]) {
    let mut wrong = Vec::new();
    for case in cases(folder) {
        let name = case.strip_prefix(root()).unwrap().to_str().unwrap();
        let ran = titan(&[arguments, &[name]].concat());
        assert!(!ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'), "{name} lets an escape through");
        holds(&case, &ran, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_wrong_file_is_told_at_its_place() {
    all("lint", &["lint"]);
    for case in cases("lint") {
        let golden = fs::read_to_string(case.with_extension("golden")).unwrap();
        assert!(golden.ends_with("exit 1\n"), "{} is not refused", case.display());
    }
}

/// The first word of a line that begins a diagnostic is its code.
fn has(said: &str, code: &str) -> bool {
    said.lines().any(|line| line.split_once(" · ").map_or(line, |(first, _)| first) == code)
}

#[test]
fn every_rule_sees_what_is_wrong_and_lets_pass_what_comes_close() {
    let mut wrong = Vec::new();
    let mut folders: Vec<_> = fs::read_dir(root().join("tests/cases/lint")).unwrap().map(|one| one.unwrap()).collect();
    folders.retain(|one| one.file_type().unwrap().is_dir());
    for folder in folders {
        let code = folder.file_name().into_string().unwrap();
        assert!(titan_run::lint::RULES.iter().any(|rule| rule.code == code), "no rule is called `{code}`");
        let cases = cases(&format!("lint/{code}"));
        for kind in ["err", "ok"] {
            let of_kind = |case: &&PathBuf| case.file_name().unwrap().to_str().unwrap().starts_with(kind);
            assert!(cases.iter().filter(of_kind).count() >= 2, "`{code}` has fewer than two {kind} cases");
        }
        for case in cases {
            let name = case.strip_prefix(root()).unwrap().to_str().unwrap();
            let ran = titan(&["lint", name]);
            let is_err = case.file_name().unwrap().to_str().unwrap().starts_with("err");
            if is_err {
                holds(&case, &ran, &mut wrong);
            }
            if has(&ran.err, &code) != is_err {
                wrong.push(format!("--- {name}: `{code}` is {}said\n{}", if is_err { "not " } else { "" }, ran.err));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_run_is_shown_as_it_went() {
    all("run", &["run"]);
}

#[test]
fn every_test_file_is_told_what_is_wrong_and_what_differs() {
    all("test", &["test"]);
}
