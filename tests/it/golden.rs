//! Cases with a golden picture beside them: what the program says about a file.
//! `UPDATE_GOLDENS=1` writes them anew.
//!
//! `tests/cases/lint/CODE/` holds cases of one code: `err*.yaml` is reported as that code, `ok*.yaml`
//! comes close and is not. `tests/cases/lint/several/` holds files with several faults, and
//! `tests/cases/run/` runs, `tests/cases/test/` test files. Other files stand there for the cases to name.

use std::fs;
use std::path::{Path, PathBuf};

use crate::tool::{Ran, root, titan};

/// The folder of cases that show several codes.
const SEVERAL: &str = "several";

fn cases(folder: &Path, begin: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut cases: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    cases.retain(|path| path.is_file() && name(path).starts_with(begin) && name(path).ends_with(".yaml"));
    cases.sort();
    cases
}

/// The folders of codes, by the code.
fn codes() -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(root().join("tests/cases/lint")).unwrap();
    let mut folders: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let named = folders.into_iter().map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path));
    named.filter(|(code, _)| code != SEVERAL).collect()
}

/// What the program says about a case; `None`, with a complaint, where it is another than before.
fn said(case: &Path, command: &str, wrong: &mut Vec<String>) -> Ran {
    let name = case.strip_prefix(root()).unwrap().to_str().unwrap();
    let ran = titan(&[command, name]);
    assert!(!ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'), "{name} lets an escape through");
    let said = format!("{}{}exit {}\n", ran.out, ran.err, ran.code);
    let golden = case.with_extension("golden");
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        fs::write(&golden, &said).unwrap();
    }
    let kept = fs::read_to_string(&golden).unwrap_or_default();
    if kept != said {
        wrong.push(format!("--- {}\n{said}\n--- golden\n{kept}", case.display()));
    }
    ran
}

/// Whether a code was reported: it is the first word of the line that begins a drawing.
fn is_told(ran: &Ran, code: &str) -> bool {
    ran.out.lines().any(|line| line.split(" · ").next() == Some(code))
}

#[test]
fn every_wrong_file_is_told_at_its_place() {
    let mut wrong = Vec::new();
    for case in cases(&root().join("tests/cases/lint").join(SEVERAL), "") {
        let ran = said(&case, "lint", &mut wrong);
        assert_eq!(ran.code, 1, "{} is not refused", case.display());
    }
    for (code, folder) in codes() {
        for case in cases(&folder, "err") {
            let ran = said(&case, "lint", &mut wrong);
            assert!(is_told(&ran, &code), "{} is not reported as {code}:\n{}", case.display(), ran.out);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_comes_close_to_a_wrong_file_is_not_reported() {
    for (code, folder) in codes() {
        for case in cases(&folder, "ok") {
            let ran = titan(&["lint", case.to_str().unwrap()]);
            assert!(!is_told(&ran, &code), "{} is reported:\n{}", case.display(), ran.out);
        }
    }
}

/// Holds what a command says about every file of a folder.
fn holds(folder: &str, command: &str) {
    let mut wrong = Vec::new();
    for case in cases(&root().join("tests/cases").join(folder), "") {
        said(&case, command, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_run_is_shown_as_it_went() {
    holds("run", "run");
}

#[test]
fn every_test_file_is_told_what_is_wrong_and_what_differs() {
    holds("test", "test");
}

/// Every code a rule has, every one in a folder, every one in the documents: the same.
#[test]
fn every_rule_has_its_cases_and_every_case_a_code() {
    let mut wrong = Vec::new();
    let folders = codes();
    for rule in titan_run::lint::RULES {
        let folder = folders.iter().find(|(code, _)| code == rule.code).map(|(_, folder)| folder);
        for (begin, least) in [("err", 2), ("ok", 2)] {
            let count = folder.map_or(0, |folder| cases(folder, begin).len());
            if count < least {
                wrong.push(format!("`{}` has {count} cases `{begin}*.yaml`, at least {least}", rule.code));
            }
        }
    }
    for (code, folder) in &folders {
        if titan_run::lint::explanation(code).is_none() {
            wrong.push(format!("{} is no code", folder.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
