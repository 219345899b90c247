//! `titan-run lint`: which files it takes, what it lets pass, and what it mends.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use titan_run::report::CheckupDocument;

use crate::tool::{Ran, command, finished, root};

/// A runbook with nothing wrong.
pub const CLEAN: &str = "titan: 1\nrunbook: NAME\nsteps:\n  a: { do: note, with: { text: x } }\n";
const WRONG: &str = "titan: 1\nrunbook: NAME\nsteps:\n  a: { do: note, with: { txt: x } }\n";
/// A runbook that leaves something behind.
pub const LEFT: &str =
    "titan: 1\nrunbook: NAME\nsteps:\n  a:\n    do: nats_pub\n    with: { subject: titan.a, payload: x }\n";
const NEVER: &str = "titan: 1\nrunbook: NAME\nsteps:\n  a: { do: note, with: { text: x } }\n  b:\n    needs: { a: ok }\n    \
                     do: note\n    with: { text: x }\n  c:\n    needs: { a: failed, b: ok }\n    do: note\n    with: { text: x }\n";

/// A folder of files; `NAME` in a text is the file's stem.
pub struct Desk(tempfile::TempDir);

impl Desk {
    pub fn new(files: &[(&str, &str)]) -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        files.iter().for_each(|(name, text)| desk.write(name, text));
        desk
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let stem = path.file_name().unwrap().to_str().unwrap().split('.').next().unwrap().to_owned();
        fs::write(path, text.replace("NAME", &stem)).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    pub fn titan(&self, arguments: &[&str]) -> Ran {
        finished(command(arguments).current_dir(self.path()).output().unwrap())
    }
}

#[test]
fn files_folders_and_patterns_are_checked_and_counted() {
    let desk = Desk::new(&[("a.yaml", CLEAN), ("in/b.yaml", CLEAN), ("in/deep/c.yml", WRONG), (".hidden.yaml", WRONG)]);
    let cases: &[(&[&str], i32, &str)] = &[
        (&["a.yaml"], 0, "1 file checked, nothing wrong"),
        (&["a.yaml", "./a.yaml"], 0, "1 file checked, nothing wrong"),
        (&["**/*.yaml"], 0, "2 files checked, nothing wrong"),
        (&["in/?.yaml"], 0, "1 file checked, nothing wrong"),
        (&["."], 1, "3 files checked: 2 errors in 1 file; `--fix` mends 1"),
        (&[], 1, "3 files checked: 2 errors in 1 file; `--fix` mends 1"),
    ];
    for (paths, code, line) in cases {
        desk.titan(&[&["lint"], *paths].concat()).exits(*code).says(&format!("{line}\n"));
    }
}

#[test]
fn a_file_is_checked_once_however_its_path_is_written() {
    let desk = Desk::new(&[("in/a.yaml", WRONG), ("b.yaml", CLEAN)]);
    let whole = desk.path().join("in/a.yaml");
    let beside = format!("../{}/in/a.yaml", desk.path().file_name().unwrap().to_str().unwrap());
    std::os::unix::fs::symlink("in", desk.path().join("link")).unwrap();
    let paths = ["in/a.yaml", "in/../in/a.yaml", "in/./a.yaml", "link/a.yaml", &beside, whole.to_str().unwrap(), "."];
    let checked = desk.titan(&[&["lint"], &paths[..]].concat()).exits(1);
    let checked = checked.says("2 files checked: 2 errors in 1 file").says("[in/a.yaml:");
    assert_eq!(checked.out.matches("unknown-argument").count(), 1, "{}", checked.out);
}

#[test]
fn a_file_whose_name_could_be_no_runbooks_is_renamed() {
    let text = CLEAN.replace("NAME", "own-name");
    let desk = Desk::new(&[("ä b%.yaml", &text), ("with_joints.yaml", &text)]);
    desk.titan(&["lint", "ä b%.yaml"]).exits(1).says("rename the file to `own-name.yaml`");
    desk.titan(&["lint", "with_joints.yaml"]).exits(1).says("write `runbook: with-joints`, or rename the file");
}

#[test]
fn what_cannot_be_read_is_never_green() {
    let desk = Desk::new(&[("a.yaml", CLEAN), ("other/x.txt", ""), ("raw.yaml", "")]);
    fs::write(desk.path().join("raw.yaml"), b"\xff").unwrap();
    std::os::unix::fs::symlink("nowhere.yaml", desk.path().join("other/gone")).unwrap();
    let cases: &[(&[&str], i32)] = &[
        (&["a.yaml", "missing.yaml"], 2),
        (&["a.yaml", "other"], 2),
        (&["other"], 2),
        (&["other/gone"], 2),
        (&["a.yaml", "*.yml"], 2),
        (&["a.yaml", "[.yaml"], 2),
        (&["raw.yaml"], 1),
        (&["a.yaml", "--target", "missing.yaml"], 2),
        (&["a.yaml", "--deny", "everything"], 2),
        (&["a.yaml", "--unsafe"], 2),
    ];
    for (arguments, code) in cases {
        let ran = desk.titan(&[&["lint"], *arguments].concat()).exits(*code);
        assert!(!ran.out.contains("nothing wrong"), "{arguments:?}: {}", ran.out);
        assert_eq!(ran.err.is_empty(), *code == 1, "findings are the product, trouble is not: {}", ran.err);
    }
}

#[test]
fn standard_input_is_checked_under_the_name_it_is_given() {
    let desk = Desk::new(&[("in/part.yaml", CLEAN)]);
    let piped = |text: &str, more: &[&str]| {
        let mut lint = command(&[&["lint", "-"], more].concat());
        let mut child = lint.current_dir(desk.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        child = child.stderr(Stdio::piped());
        let mut child = child.spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        finished(child.wait_with_output().unwrap())
    };
    let user = "titan: 1\nrunbook: user\nsteps:\n  a: { do: ./part.yaml }\n";
    piped(user, &["--stdin-name", "in/user.yaml"]).exits(0).says("1 file checked, nothing wrong");
    piped(user, &["--stdin-name", "in/other.yaml"]).exits(1).says("in/other.yaml:2:10");
    piped(user, &[]).exits(1).says("<stdin>:4:12");
    piped(user, &["--fix"]).exits(2).complains("standard input is none");
}

#[test]
fn the_denied_severity_decides_about_the_exit() {
    let warned = LEFT.replace("  a:\n", "  a:\n    no_undo: x\n    # titan: allow(effect-without-undo) left over\n");
    let desk = Desk::new(&[("a.yaml", &warned)]);
    desk.titan(&["lint"]).exits(0).says("1 file checked: 1 warning; `--fix` mends 1\n");
    desk.titan(&["lint", "--deny", "warning"]).exits(1);
    desk.titan(&["lint", "--deny", "note"]).exits(1);
    desk.titan(&["lint", "--deny", "error"]).exits(0);
    desk.write(".titan-lint.yaml", "deny: warning\n");
    desk.titan(&["lint"]).exits(1);
    desk.titan(&["lint", "--deny", "error"]).exits(0);
    desk.write(".titan-lint.yaml", "severity: { allow-unused: note }\ndeny: warning\n");
    desk.titan(&["lint"]).exits(0).says("1 file checked: 1 note; `--fix` mends 1\n");
}

#[test]
fn settings_govern_lint_plan_and_run_alike() {
    let desk = Desk::new(&[("repository/deep/never.yaml", NEVER)]);
    let each = |code: &[i32; 3]| {
        for (command, code) in ["lint", "plan", "run"].iter().zip(code) {
            desk.titan(&[command, "repository/deep/never.yaml"]).exits(*code);
        }
    };
    each(&[1, 2, 2]);
    desk.write("repository/.titan-lint.yaml", "severity: { unreachable-step: warning }\n");
    each(&[0, 0, 0]);
    desk.titan(&["run", "repository/deep/never.yaml"]).complains("unreachable-step · proved");
    desk.write("repository/.titan-lint.yaml", "severity: { unreachable-step: off }\n");
    let quiet = desk.titan(&["run", "repository/deep/never.yaml"]).exits(0);
    assert!(!quiet.err.contains("unreachable-step"), "{}", quiet.err);
    // Settings above the repository are not its own.
    fs::rename(desk.path().join("repository/.titan-lint.yaml"), desk.path().join(".titan-lint.yaml")).unwrap();
    each(&[0, 0, 0]);
    fs::create_dir(desk.path().join("repository/.git")).unwrap();
    each(&[1, 2, 2]);
}

#[test]
fn what_keeps_runs_safe_is_allowed_only_where_it_is_meant() {
    let desk = Desk::new(&[("left.yaml", LEFT), (".titan-lint.yaml", "severity: { effect-without-undo: warning }\n")]);
    desk.titan(&["lint"]).exits(1).says("severity-locked").says("titan: allow(effect-without-undo)");
    desk.titan(&["run", "left.yaml"]).exits(2);
    desk.write(".titan-lint.yaml", "severity: { effect-without-undoo: off }\n");
    desk.titan(&["lint"]).exits(1).says("did you mean `effect-without-undo`?");
    fs::remove_file(desk.path().join(".titan-lint.yaml")).unwrap();
    desk.write("left.yaml", &LEFT.replace("  a:\n", "  a: # titan: allow(effect-without-undo) wrong line\n"));
    desk.titan(&["run", "left.yaml"]).exits(2);
    desk.write("left.yaml", &LEFT.replace("  a:\n", "  # titan: allow(effect-without-undo) an exercise\n  a:\n"));
    desk.titan(&["lint"]).exits(0).says("nothing wrong");
    desk.titan(&["run", "left.yaml"]).exits(0);
}

#[test]
fn the_same_files_give_the_same_bytes_in_the_order_of_their_names() {
    let desk = Desk::new(&[("part.yaml", WRONG)]);
    let user = "titan: 1\nrunbook: NAME\nsteps:\n  a: { do: ./part.yaml }\n  b: { do: std/verified_arm }\n";
    for at in 0..60 {
        desk.write(&format!("u{at:02}.yaml"), user);
    }
    let first = desk.titan(&["lint", "--format", "json"]).exits(1);
    for _ in 0..3 {
        assert_eq!(desk.titan(&["lint", "--format", "json"]).out, first.out);
    }
    let document: CheckupDocument = serde_json::from_str(&first.out).unwrap();
    let files: Vec<_> = document.findings.iter().map(|found| found.file.clone()).collect();
    assert!(files.is_sorted());
    let of_part = document.findings.iter().filter(|found| found.file == "part.yaml").count();
    assert_eq!(of_part, 2, "what many files include is said once");
    assert!(files.contains(&"u00.yaml".to_owned()) && files.contains(&"u59.yaml".to_owned()));
}

/// What must be mended, and into what; `None` where the file must stay as it is.
const FIXES: &[(&str, &str, Option<&str>)] = &[
    ("key", "  a: { do: note, wiht: { text: x } }\n", Some("  a: { do: note, with: { text: x } }\n")),
    ("argument", "  a: { do: note, with: { txt: x } }\n", Some("  a: { do: note, with: { text: x } }\n")),
    (
        "guard",
        "  a:\n    when: !target.simulated # it's so\n    do: note\n    with: { text: 'it''s' }\n",
        Some("  a:\n    when: '!target.simulated' # it's so\n    do: note\n    with: { text: 'it''s' }\n"),
    ),
    ("guard that goes on", "  a:\n    when: !target\n      .simulated\n    do: note\n    with: { text: x }\n", None),
    ("guard in a flow map", "  a: { when: !target.simulated, do: note, with: { text: x } }\n", None),
    (
        "word",
        "  a: { do: note, on_failure: contiune, with: { text: x } }\n",
        Some("  a: { do: note, on_failure: continue, with: { text: x } }\n"),
    ),
    (
        "name inside a guard",
        "  a: { do: note, with: { text: \"${target.name} ${tarret.name}\" } }\n",
        Some("  a: { do: note, with: { text: \"${target.name} ${target.name}\" } }\n"),
    ),
    ("an action that looks", "  a: { do: nte, with: { text: x } }\n", Some("  a: { do: note, with: { text: x } }\n")),
    ("an action that changes", "  a: { do: arn, with: { gate: execution, reason: x } }\n", None),
    (
        "comment with its line",
        "  # titan: allow(effect-without-undo) none\n  a: { do: note, with: { text: x } } # titan: allow(unreachable-step) x\n",
        Some("  a: { do: note, with: { text: x } }\n"),
    ),
    ("two candidates", "  a: { do: note, with: { text: x }, on: 1 }\n", None),
];

#[test]
fn safe_fixes_are_made_and_said() {
    let head = "titan: 1\nrunbook: fixed\nsteps:\n";
    for (what, before, after) in FIXES {
        let desk = Desk::new(&[("fixed.yaml", &format!("{head}{before}"))]);
        let path = desk.path().join("fixed.yaml");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let ran = desk.titan(&["lint", "--fix"]);
        assert_eq!(desk.read("fixed.yaml"), format!("{head}{}", after.unwrap_or(before)), "{what}: {}", ran.err);
        assert_eq!(ran.out.contains("`fixed.yaml` was fixed: "), after.is_some(), "{what}: {}", ran.out);
        if after.is_some() {
            assert_eq!(ran.code, 0, "{what}: {}", ran.err);
        }
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(desk.path()).unwrap().count(), 1, "nothing is left beside it");
        let again = desk.titan(&["lint", "--fix"]);
        assert!(!again.out.contains("was fixed"), "{what}: {}", again.out);
    }
}

#[test]
fn unsafe_fixes_are_made_only_when_asked_for() {
    let text = CLEAN.replace("NAME", "other").replace("titan: 1", "titan: 2");
    let desk = Desk::new(&[("own.yaml", &text)]);
    desk.titan(&["lint", "--fix"]).exits(1);
    assert_eq!(desk.read("own.yaml"), text);
    desk.titan(&["lint", "--fix", "--unsafe"]).exits(0).says("write `runbook: own`, write `titan: 1`");
    assert_eq!(desk.read("own.yaml"), CLEAN.replace("NAME", "own"));
}

#[test]
fn a_fix_that_makes_a_file_worse_is_not_written() {
    // `retri` can only be `retry`; with it there, three keys are wrong instead of one.
    let text = "titan: 1\nrunbook: NAME\nsteps:\n  a:\n    do: gate_state\n    with: { gate: execution }\n  b:\n    do: gate_state\n    \
                with: { gate: execution }\n    retries: { foo: 1, bar: 2, baz: 3 }\n";
    let desk = Desk::new(&[("worse.yaml", &text.replace("retries", "retri"))]);
    let before = desk.read("worse.yaml");
    desk.titan(&["lint", "--fix"]).exits(1).says("`--fix` mends 1");
    assert_eq!(desk.read("worse.yaml"), before);
}

#[test]
fn a_fixed_action_is_fixed_for_those_who_use_it() {
    let user = "titan: 1\nrunbook: NAME\nsteps:\n  a: { do: ./z.yaml }\n";
    let desk = Desk::new(&[("a.yaml", user), ("z.yaml", WRONG)]);
    desk.titan(&["lint", "--fix"]).exits(0).says("2 files checked, nothing wrong");
}

/// The first example of a document that contains a text.
fn example(document: &str, with: &str) -> String {
    let text = fs::read_to_string(root().join(document)).unwrap();
    let mut fences = text.split("\n```").skip(1).step_by(2).filter(|fence| fence.contains(with));
    fences.next().unwrap().split_once('\n').unwrap().1.to_owned() + "\n"
}

#[test]
fn the_settings_comments_and_hooks_of_the_documents_work() {
    let steps = example("docs/ci.md", "# titan: allow(");
    let desk = Desk::new(&[("a.yaml", &format!("titan: 1\nrunbook: a\n{steps}"))]);
    desk.write(".titan-lint.yaml", &example("docs/ci.md", "\nseverity:"));
    desk.titan(&["lint"]).exits(0).says("1 file checked, nothing wrong");
    let hooks = fs::read_to_string(root().join(".pre-commit-hooks.yaml")).unwrap();
    let entries: Vec<_> = hooks.lines().filter_map(|line| line.trim().strip_prefix("entry: titan-run ")).collect();
    assert_eq!(entries, ["lint", "fmt"]);
    for entry in entries {
        desk.titan(&[entry, "a.yaml"]).exits(0);
        let id = format!("- id: titan-run-{entry}");
        assert!(hooks.contains(&id) && example("docs/ci.md", "repos:").contains(&id));
    }
}

/// A run with a real target that stands still after its first step, for a person.
const STILL: &str = "titan: 1\nrunbook: NAME\nsteps:\n  a: { do: assert, on_failure: pause, with: { that: \"${1 == 2}\" } }\n  \
                     b:\n    needs: { a: ok }\n    do: note\n    with: { text: x }\n  c:\n    needs: { a: failed, b: ok }\n    \
                     do: note\n    with: { text: x }\n";

#[test]
fn the_settings_of_a_run_belong_to_what_it_is_made_of() {
    let desk = Desk::new(&[("still.yaml", STILL), ("here.yaml", "titan: 1\ntarget: here\n")]);
    let settings = "severity: { unreachable-step: warning }\n";
    desk.write(".titan-lint.yaml", settings);
    let titan = |arguments: &[&str]| {
        let mut command = command(arguments);
        finished(command.current_dir(desk.path()).env("TITAN_RUNS", desk.path().join("runs")).output().unwrap())
    };
    titan(&["run", "still.yaml", "--target", "here.yaml"]).exits(5);
    let run = fs::read_dir(desk.path().join("runs")).unwrap().next().unwrap().unwrap().file_name();
    let run = run.to_str().unwrap();
    desk.write(".titan-lint.yaml", "severity: { unreachable-step: note }\n");
    titan(&["resume", run]).exits(1).complains("`.titan-lint.yaml` was changed since the run began");
    desk.write(".titan-lint.yaml", settings);
    titan(&["resume", run]).exits(5);
    fs::remove_file(desk.path().join(".titan-lint.yaml")).unwrap();
    titan(&["resume", run]).exits(1).complains("`.titan-lint.yaml` cannot be compared");
    let aborted = titan(&["abort", run]);
    assert!([1, 3].contains(&aborted.code), "{} {}", aborted.out, aborted.err);
}

#[test]
fn a_target_without_a_gate_has_services_that_need_no_one_policy() {
    let target = "titan: 1\ntarget: shop\nservices:\n  web: { deploy: [./deploy.sh, \"{version}\"], version: [./version.sh] }\n  \
                  api: { deploy: [./deploy.sh, \"{version}\"], version: [./version.sh] }\n";
    let deploy = "titan: 1\nrunbook: NAME\nsteps:\n  before: { do: service_version, with: { service: web } }\n  deploy:\n    \
                  do: deploy\n    with: { service: web, version: \"2\" }\n    \
                  undo: { do: deploy, with: { service: web, version: \"${steps.before.out.version}\" } }\n";
    let desk = Desk::new(&[("titan.target.yaml", target), ("web.yaml", deploy)]);
    desk.titan(&["lint", "web.yaml"]).exits(1).says("one-sided-deploy").says("left out of `parity` in the target");
    desk.write("titan.target.yaml", &format!("{target}parity: []\n"));
    desk.titan(&["lint", "web.yaml"]).exits(0).says("1 file checked, nothing wrong");
}

#[test]
fn a_gate_whose_service_counts_no_rejections_needs_none_counted() {
    let folder = root().join("tests/cases/lint/arm-unobserved/second-gate");
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let (target, rollout) = (read("titan.target.yaml"), read("rollout.yaml"));
    let desk = Desk::new(&[("titan.target.yaml", &target), ("rollout.yaml", &rollout)]);
    desk.titan(&["lint", "rollout.yaml"]).exits(0).says("1 file checked, nothing wrong");
    desk.write("rollout.yaml", &rollout.replace("out.increase == 0", "out.increase < 9"));
    desk.titan(&["lint", "rollout.yaml"]).exits(1).says("`execution` is opened, and not looked at afterwards");
    desk.write(
        "rollout.yaml",
        &rollout.replace("  stays_enabled:\n    needs: [enable]\n", "  stays_enabled:\n    needs: [arm]\n"),
    );
    desk.titan(&["lint", "rollout.yaml"]).exits(1).says("`signals` is opened, and not looked at afterwards");
    desk.write("rollout.yaml", &rollout);
    // One that is, or may be, this service's, and one that is the service's of no gate.
    for counter in ["titan_brain_and_execution_rejections_total", "titan_rejections_total", "titan_events_total"] {
        let events = "  events: { log: { file: simulated } }\ngates:\n";
        let metrics = format!("parity: [brain, execution]\nmetrics: {{ rejections: {{ name: {counter} }} }}\n");
        desk.write("titan.target.yaml", &[&target.replace("gates:\n", events), metrics.as_str()].concat());
        desk.titan(&["lint", "rollout.yaml"]).exits(1).says("`signals` is opened, and not looked at afterwards");
    }
}

/// A file of params or of another program lies beside runbooks; a runbook that is not whole is none of those.
#[test]
fn what_has_nothing_of_a_runbook_is_passed_over_in_a_folder_and_said_so() {
    let others = [("params.yaml", "version: 1.2.3\n"), ("ci.yml", "stages: [test]\ntest:\n  script: [make]\n")];
    let desk = Desk::new(&others);
    desk.titan(&["lint", "."])
        .exits(2)
        .says("2 YAML files of other kinds passed over")
        .complains("no runbook was found there");
    desk.write("clean.yaml", CLEAN);
    let told = desk.titan(&["lint", "."]).exits(0);
    told.says("1 file checked, nothing wrong; 2 YAML files of other kinds passed over");
    for (name, text) in [
        ("flow.yaml", "{titan: 1, runbook: flow, steps: {a: {do: nothing}}}\n"),
        ("quoted.yaml", "\"titan\": 1\n\"runbook\": quoted\n\"steps\": {a: {do: nothing}}\n"),
        ("broken.yaml", "a: [1\n"),
        ("empty.yaml", ""),
    ] {
        desk.write(name, text);
        desk.titan(&["lint", "."]).exits(1).says(name);
        desk.write(name, CLEAN);
    }
    desk.write("part.yaml", "steps:\n  a: { do: note, with: { text: x } }\n");
    desk.titan(&["lint", "."]).exits(1).says("missing-key");
    desk.titan(&["lint", "params.yaml"]).exits(1).says("missing-key");
}
