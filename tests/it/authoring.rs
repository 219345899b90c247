//! The author's commands: what they write, list, refuse and leave alone.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use titan_run::report::CheckupDocument;

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
fn fmt_changes_nothing_of_what_comments_allow() {
    let folder = tempfile::tempdir().unwrap();
    let found = |path: &str| {
        let checked = titan(&["lint", path, "--format", "json"]);
        let document: CheckupDocument = serde_json::from_str(&checked.out).unwrap();
        let mut said: Vec<_> = document.findings.into_iter().map(|found| (found.code, found.message)).collect();
        said.sort();
        said
    };
    for entry in fs::read_dir(root().join("tests/cases/lint/allow-unused")).unwrap() {
        let case = entry.unwrap().path();
        if case.extension().is_some_and(|kind| kind == "yaml") {
            let path = folder.path().join(case.file_name().unwrap());
            fs::copy(&case, &path).unwrap();
            let path = path.to_str().unwrap();
            let before = found(path);
            titan(&["fmt", path]).exits(0);
            assert_eq!(found(path), before, "{path}");
        }
    }
}

#[test]
fn fmt_leaves_a_file_where_a_comment_would_allow_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wide.yaml");
    let step = "  a:\n    do: exec\n    with:\n      argv: [sh, -c, \"true\",\n        more] # titan: allow(shell-argv) x\n    no_undo: x\n";
    let text = format!("titan: 1\nrunbook: wide\nsteps:\n{step}");
    fs::write(&path, &text).unwrap();
    let path = path.to_str().unwrap();
    titan(&["lint", path]).exits(0).says("shell-argv · ");
    titan(&["fmt", path]).exits(2).complains("would allow more");
    assert_eq!(fs::read_to_string(path).unwrap(), text);
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
fn a_new_runbook_lints_runs_and_passes_its_tests() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().to_str().unwrap();
    let runbook = folder.path().join("rotate-keys.yaml");
    titan(&["new", "rotate-keys", "--in", here]).exits(0).says("rotate-keys.test.yaml");
    titan(&["lint", here]).exits(0).says("2 files checked, nothing wrong");
    titan(&["fmt", "--check", here]).exits(0);
    titan(&[runbook.to_str().unwrap()]).exits(0);
    titan(&["test", here]).exits(0).says("4 of 4 cases as expected");
    let before = fs::read_to_string(&runbook).unwrap();
    titan(&["new", "rotate-keys", "--in", here]).exits(2).complains("exists and is not overwritten");
    assert_eq!(fs::read_to_string(&runbook).unwrap(), before);
}

#[test]
fn a_new_runbook_needs_a_good_name_and_a_place() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().to_str().unwrap();
    let rows = [
        ("Rotate_Keys.yaml", "write `titan-run new rotate-keys`"),
        ("../up", "write `titan-run new up`"),
        ("2-keys", "write `titan-run new keys`"),
        ("!", "use lower-case words joined by `-`"),
    ];
    for (name, told) in rows {
        titan(&["new", name, "--in", here]).exits(2).complains(told);
    }
    titan(&["new", "keys", "--in", &format!("{here}/deeper")]).exits(2).complains("mkdir -p");
    fs::write(folder.path().join("keys.test.yaml"), "mine").unwrap();
    titan(&["new", "keys", "--in", here]).exits(2).complains("`").complains("keys.test.yaml");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else was written");
}

#[test]
fn a_test_file_is_about_the_runbook_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().to_str().unwrap();
    titan(&["test", here]).exits(2).complains("no `*.test.yaml` was found there");
    titan(&["new", "keys", "--in", here]).exits(0);
    fs::remove_file(folder.path().join("keys.yaml")).unwrap();
    titan(&["test", here]).exits(2).complains("keys.yaml` cannot be read");
    fs::write(folder.path().join("keys.yaml"), "titan: 1\nrunbook: keys\nstep: {}\n").unwrap();
    titan(&["test", here]).exits(1).complains("did you mean `steps`?");
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

#[test]
fn every_graph_is_drawn_as_its_picture() {
    let rows = ["tests/cases/graph/every-edge.yaml", "tests/cases/graph/foreign-text.yaml"];
    let mut wrong = Vec::new();
    for case in rows {
        for format in ["mermaid", "dot", "svg"] {
            let drawn = titan(&["graph", case, "--format", format, "--rollback"]).exits(0).out;
            let golden = root().join(case).with_extension(format);
            if std::env::var_os("UPDATE_GOLDENS").is_some() {
                fs::write(&golden, &drawn).unwrap();
            }
            if fs::read_to_string(&golden).unwrap_or_default() != drawn {
                wrong.push(format!("--- {}\n{drawn}", golden.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_bundled_runbook_is_drawn_as_xml_with_each_of_its_steps() {
    for name in ["policy-rollout", "policy-rollback", "brain-stuck", "monitoring-check"] {
        let path = format!("runbooks/{name}.yaml");
        let drawn = titan(&["graph", &path, "--format", "svg", "--rollback"]).exits(0).out;
        let read = roxmltree::Document::parse(&drawn).unwrap();
        let texts: Vec<_> = read.descendants().filter_map(|one| one.text()).collect();
        let steps = fs::read_to_string(root().join(&path)).unwrap();
        let steps = steps.split("\nsteps:\n").nth(1).unwrap().split("\nensure:").next().unwrap().to_owned();
        for id in steps.lines().filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':')) {
            let is_step = !id.starts_with([' ', '#']);
            assert!(!is_step || texts.iter().any(|text| text.trim_start_matches("watch ") == id), "{name} lacks {id}");
        }
    }
    titan(&["graph", "tests/cases/lint/cycle.yaml"]).exits(2).complains("cycle");
}

#[test]
fn a_comparison_says_what_differs_and_what_is_less_safe() {
    let (before, after) = ("tests/cases/diff/before.yaml", "tests/cases/diff/after.yaml");
    let text = titan(&["diff", before, after]).exits(1).out;
    let json = titan(&["diff", before, after, "--output", "json"]).exits(1).out;
    for (said, name) in [(&text, "text.golden"), (&json, "json.golden")] {
        let golden = root().join("tests/cases/diff").join(name);
        if std::env::var_os("UPDATE_GOLDENS").is_some() {
            fs::write(&golden, said).unwrap();
        }
        assert_eq!(&fs::read_to_string(&golden).unwrap_or_default(), said);
    }
    let read: serde_json::Value = serde_json::from_str(&json).unwrap();
    let all = read["changes"].as_array().unwrap();
    assert_eq!(all.len(), text.lines().filter(|line| line.starts_with(['+', '-', '~', '>'])).count());
    assert_eq!(read["less_safe"], text.matches("    LESS SAFE: ").count());
    titan(&["diff", before, before]).exits(0).says("0 differences");
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("old.yaml");
    fs::copy(root().join(before), &copy).unwrap();
    let copy = copy.to_str().unwrap();
    titan(&["diff", copy, before]).exits(0).says("0 differences");
    titan(&["graph", copy]).exits(0);
    titan(&["lint", copy]).exits(1).says("name-not-file");
    titan(&["diff", before, "/nowhere.yaml"]).exits(2).complains("`/nowhere.yaml` cannot be read");
    titan(&["diff", "tests/cases/lint/cycle.yaml", before]).exits(2).complains("cycle");
}

#[test]
fn a_revision_from_a_pipe_is_compared_with_what_stands_beside_the_other_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("runbooks")).unwrap();
    let part = "titan: 1\nrunbook: part\nsteps:\n  a: { do: note, with: { text: x } }\n";
    let now =
        "titan: 1\nrunbook: policy-rollout\nsteps:\n  a: { do: ./part.yaml }\n  b: { do: note, with: { text: y } }\n";
    fs::write(folder.path().join("runbooks/part.yaml"), part).unwrap();
    fs::write(folder.path().join("runbooks/policy-rollout.yaml"), now).unwrap();
    let git = |words: &[&str]| {
        let names = ["-c", "user.name=a", "-c", "user.email=a@example.invalid", "-c", "init.defaultBranch=main"];
        let mut git = Command::new("git");
        assert!(git.args(names).args(words).current_dir(folder.path()).output().unwrap().status.success());
    };
    git(&["init"]);
    git(&["add", "."]);
    git(&["commit", "-m", "one"]);
    fs::write(folder.path().join("runbooks/policy-rollout.yaml"), now.replace("text: y", "text: z")).unwrap();
    let in_shell = |line: &str| {
        let program = env!("CARGO_BIN_EXE_titan-run");
        let mut shell = Command::new("bash");
        shell.arg("-c").arg(line.replace("titan-run", program)).current_dir(folder.path());
        finished(shell.output().unwrap())
    };
    let shell: String = examples("docs/authoring.md", "sh").into_iter().map(|(_, text)| text).collect();
    let line = shell.lines().find(|line| line.starts_with("git show")).unwrap();
    let lines = [line, "titan-run diff <(git show main:runbooks/policy-rollout.yaml) runbooks/policy-rollout.yaml"];
    for line in lines {
        in_shell(line).exits(1).says("~ steps.b.with.text: y -> z\n1 difference, 0 less safe");
    }
    in_shell("titan-run diff runbooks/policy-rollout.yaml - < runbooks/policy-rollout.yaml").exits(0);
    in_shell("echo 'titan: 2' | titan-run diff - runbooks/policy-rollout.yaml")
        .exits(2)
        .complains("runbooks/<stdin>:1:8");
    in_shell("titan-run diff - - < runbooks/policy-rollout.yaml")
        .exits(2)
        .complains("standard input is one of the two at most");
}
