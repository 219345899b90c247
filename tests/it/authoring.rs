//! The author's commands: what they write, list, refuse and leave alone.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use crate::docs::examples;
use crate::tool::{Ran, command, finished, root, titan};

const CROOKED: &str = "runbook: crooked\ntitan: 1   # one\nsteps:\n    say: {do: note,with: {text: hi}}\n";
const STRAIGHT: &str = "titan: 1   # one\nrunbook: crooked\nsteps:\n  say: { do: note, with: { text: hi } }\n";

fn piped(arguments: &[&str], input: &str) -> Ran {
    let mut command = command(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    finished(child.wait_with_output().unwrap())
}

#[test]
fn fmt_lays_out_what_it_can_and_leaves_the_rest_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let here = folder.path().to_str().unwrap();
    fs::write(path("crooked.yaml"), CROOKED).unwrap();
    fs::set_permissions(path("crooked.yaml"), fs::Permissions::from_mode(0o640)).unwrap();
    fs::write(path("foreign.yaml"), "services:   {}\n").unwrap();
    std::os::unix::fs::symlink(path("crooked.yaml"), path("link.yaml")).unwrap();
    titan(&["fmt", "--check", here]).exits(1).says("crooked.yaml").says("2 of 2 files would change");
    assert_eq!(fs::read_to_string(path("crooked.yaml")).unwrap(), CROOKED);
    titan(&["fmt", here]).exits(0).says("1 of 2 files changed");
    assert_eq!(fs::read_to_string(path("crooked.yaml")).unwrap(), STRAIGHT);
    assert_eq!(fs::metadata(path("crooked.yaml")).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(fs::symlink_metadata(path("link.yaml")).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(path("foreign.yaml")).unwrap(), "services:   {}\n");
    titan(&["fmt", "--check", here]).exits(0).says("0 of 2 files would change");
    fs::write(path("broken.yaml"), "titan: 1\nsteps: [\n").unwrap();
    fs::write(path("crooked.yaml"), CROOKED).unwrap();
    titan(&["fmt", here]).exits(2).says("1 of 3 files changed").complains("yaml-syntax").complains("broken.yaml");
    assert_eq!(fs::read_to_string(path("broken.yaml")).unwrap(), "titan: 1\nsteps: [\n");
    assert_eq!(fs::read_to_string(path("crooked.yaml")).unwrap(), STRAIGHT);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4, "a temporary file was left behind");
}

#[test]
fn fmt_says_why_it_does_not_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crooked.yaml");
    fs::write(&path, CROOKED).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    titan(&["fmt", path.to_str().unwrap()]).exits(2).complains("read-only");
    assert_eq!(fs::read_to_string(&path).unwrap(), CROOKED);
    titan(&["fmt", "/nowhere"]).exits(2).complains("`/nowhere` cannot be read");
    let empty = tempfile::tempdir().unwrap();
    titan(&["fmt", empty.path().to_str().unwrap()]).exits(2).complains("no file that begins with `titan:`");
}

#[test]
fn fmt_serves_editors_through_its_standard_streams() {
    assert_eq!(piped(&["fmt", "--stdin"], CROOKED).exits(0).out, STRAIGHT);
    piped(&["fmt", "--stdin", "--check"], CROOKED).exits(1);
    piped(&["fmt", "--stdin", "--check"], STRAIGHT).exits(0);
    assert_eq!(piped(&["fmt", "--stdin"], "a: [\n").exits(2).complains("<stdin>").out, "");
}

#[test]
fn everything_shown_to_authors_has_the_layout() {
    let folders = ["runbooks", "stdlib", "tests/cases/run", "tests/cases/runbook", "tests/cases/test"];
    titan(&[&["fmt", "--check"], &folders[..]].concat()).exits(0);
    let documents = ["README.md", "docs/language.md", "docs/runs.md", "docs/authoring.md"];
    for (_, text) in documents.iter().flat_map(|document| examples(document, "yaml")) {
        assert_eq!(piped(&["fmt", "--stdin"], &text).exits(0).out, text, "{}", root().display());
    }
}

#[test]
fn every_bundled_test_file_holds() {
    let ran = titan(&["test", "runbooks", "stdlib"]).exits(0);
    let all = ran.out.lines().filter(|line| line.starts_with("ok    ")).count();
    assert!(all >= 30 && ran.out.ends_with(&format!("{all} of {all} cases as expected\n")), "{}", ran.out);
    for runbook in ["policy-rollout", "policy-rollback", "brain-stuck", "monitoring-check", "std/deploy_pair"] {
        assert!(ran.out.contains(&format!("ok    {runbook}  ")), "{runbook}");
    }
}

#[test]
fn the_test_file_in_the_documents_holds() {
    let folder = tempfile::tempdir().unwrap();
    let (_, text) =
        examples("docs/authoring.md", "yaml").into_iter().find(|(_, text)| text.contains("\ntest: ")).unwrap();
    let path = folder.path().join("policy-rollout.test.yaml");
    fs::write(&path, text).unwrap();
    fs::copy(root().join("runbooks/policy-rollout.yaml"), folder.path().join("policy-rollout.yaml")).unwrap();
    titan(&["test", path.to_str().unwrap()]).exits(0).says("1 of 1 case as expected");
}
