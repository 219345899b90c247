//! The documents are true: references equal what the program says, examples run.

use std::fs;

use titan_run::guard::FUNCTIONS;

use crate::tool::{root, titan};

/// The fenced examples of a document: the words after the language, and the text.
pub fn examples(document: &str, language: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join(document)).unwrap();
    let fences = text.split("\n```").skip(1).step_by(2);
    let named = fences.filter_map(|fence| {
        let (head, body) = fence.split_once('\n')?;
        let words = head.strip_prefix(language)?;
        Some((words.trim().to_owned(), format!("{body}\n")))
    });
    named.collect()
}

#[test]
fn the_primitive_reference_is_what_the_program_writes() {
    let written = titan(&["list", "primitives", "--markdown"]).exits(0).out;
    let kept = fs::read_to_string(root().join("docs/primitives.md")).unwrap();
    assert_eq!(kept, written, "write it anew: titan-run list primitives --markdown > docs/primitives.md");
}

#[test]
fn every_function_and_world_option_is_in_its_document() {
    let language = fs::read_to_string(root().join("docs/language.md")).unwrap();
    for function in FUNCTIONS {
        let row = format!("| `{}` | {} |", function.signature().replace('|', "\\|"), function.about);
        assert!(language.contains(&row), "docs/language.md lacks {row}");
    }
    let versions = fs::read_to_string(root().join("stdlib/versions.rhai")).unwrap();
    for function in versions.lines().filter_map(|line| line.strip_prefix("fn ")) {
        let signature = function.trim_end_matches(" {");
        assert!(language.contains(&format!("| `{signature}` | ")), "docs/language.md lacks {signature}");
    }
    let world = fs::read_to_string(root().join("stdlib/worlds/titan.rhai")).unwrap();
    let targets = fs::read_to_string(root().join("docs/targets.md")).unwrap();
    let options = world.split("fn options() {").nth(1).unwrap().split("    }\n").next().unwrap();
    for line in options.lines().filter_map(|line| line.trim().split_once(": \"")) {
        assert!(targets.contains(&format!("| `{}` (", line.0)), "docs/targets.md lacks `{}`", line.0);
    }
}

#[test]
fn every_example_runbook_lints_and_runs() {
    let folder = tempfile::tempdir().unwrap();
    let mut examples = examples("docs/language.md", "yaml");
    examples.extend(self::examples("README.md", "yaml"));
    examples.extend(self::examples("docs/runs.md", "yaml"));
    assert!(examples.len() >= 5);
    for (words, text) in examples {
        let name = text.lines().find_map(|line| line.strip_prefix("runbook: ")).unwrap();
        let name = name.split_whitespace().next().unwrap();
        let path = folder.path().join(format!("{name}.yaml"));
        fs::write(&path, &text).unwrap();
        let path = path.to_str().unwrap();
        titan(&["lint", path]).exits(0);
        let code = words.strip_prefix("exit=").map_or(0, |code| code.parse().unwrap());
        titan(&[path]).exits(code);
    }
}

#[test]
fn every_command_of_the_readme_that_needs_nothing_runs() {
    let shell: String = examples("README.md", "sh").into_iter().map(|(_, text)| text).collect();
    let lines = shell.lines().filter(|line| line.starts_with("titan-run "));
    let mut ran = 0;
    for line in lines {
        let (command, wanted) =
            line.split_once("# exit ").map_or((line, "0"), |(command, code)| (command, code.trim()));
        let command = command.split('#').next().unwrap();
        if command.contains(" RUN")
            || command.contains("--target")
            || command.contains("sim")
            || command.contains("--nats")
        {
            continue;
        }
        let words: Vec<_> = command.split_whitespace().skip(1).collect();
        let mut running = crate::tool::command(&words);
        running.env("TITAN_RUNS", "/nowhere/runs");
        crate::tool::finished(running.output().unwrap()).exits(wanted.parse().unwrap());
        ran += 1;
    }
    assert!(ran >= 5, "{ran}");
}
