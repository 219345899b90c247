//! What an author writes means what the reference says: params from every source and of every
//! type, the target that is found, the lists and completions that are printed.

use std::fs;

use tempfile::TempDir;

use crate::tool::{Ran, command, finished, titan};

/// A folder with a runbook that prints one param.
fn folder(param: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "titan: 1\nrunbook: one\nparams:\n  p: {{ {param} }}\nsteps:\n  a: {{ do: note, with: {{ text: x }} }}\n\
         outputs:\n  p: params.p\n"
    );
    fs::write(folder.path().join("one.yaml"), text).unwrap();
    folder
}

fn given(param: &str, value: &str) -> Ran {
    let folder = folder(param);
    finished(command(&["one.yaml", "--set", &format!("p={value}")]).current_dir(folder.path()).output().unwrap())
}

#[test]
fn a_param_is_read_as_its_type_asks() {
    let good = [
        ("type: text", "1.0", "1.0"),
        ("type: int", "-7", "-7"),
        ("type: number", "1.5", "1.5"),
        ("type: bool", "true", "true"),
        ("type: duration", "1m30s", "1m30s"),
        ("type: list", r#"["a", 2]"#, r#"["a",2]"#),
        ("type: map", r#"{"a": 2}"#, r#"{"a":2}"#),
        ("type: text, one_of: [a, b]", "b", "b"),
    ];
    for (param, value, shown) in good {
        given(param, value).exits(0).says(&format!("\n  p: {shown}\n"));
    }
    let wrong = [
        ("type: int", "1.5", "is no int"),
        ("type: number", "NaN", "is no number"),
        ("type: bool", "yes", "is no bool"),
        ("type: duration", "5", "is no duration"),
        ("type: list", "a", "is no list"),
        ("type: map", "[1]", "is no map"),
        ("type: file", "no-such-file", "cannot be read"),
        ("type: file", "", "is no file"),
        ("type: text, one_of: [a, b]", "c", "`c` is not one of `a`, `b`"),
    ];
    for (param, value, why) in wrong {
        given(param, value).exits(2).complains(why);
    }
}

#[test]
fn the_nearest_source_of_a_param_wins() {
    let folder = folder("type: text, default: of the default");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let run = |words: &[&str], variable: Option<&str>| {
        let mut running = command(&["run", "one.yaml"]);
        running.args(words).envs(variable.map(|value| ("TITAN_PARAM_P", value))).current_dir(folder.path());
        finished(running.output().unwrap()).exits(0)
    };
    run(&[], None).says("  p: of the default\n");
    let target = "titan: 1\ntarget: near\nworld: std/worlds/titan.rhai\nparams: { p: of the target, other: ignored }\n";
    write("titan.target.yaml", target);
    run(&[], None).says("on target near").says("  p: of the target\n");
    run(&[], Some("of the environment")).says("  p: of the environment\n");
    write("values.yaml", "p: of the file\n");
    let file = ["--params", "values.yaml"];
    run(&file, Some("of the environment")).says("  p: of the file\n");
    run(&[&file[..], &["--set", "p=of the line"]].concat(), Some("x")).says("  p: of the line\n");
}

#[test]
fn the_target_is_the_one_named_then_the_environments_then_the_one_above() {
    let folder = folder("type: text, default: x");
    let inside = folder.path().join("deep/er");
    fs::create_dir_all(&inside).unwrap();
    fs::rename(folder.path().join("one.yaml"), inside.join("one.yaml")).unwrap();
    for (file, name) in [("titan.target.yaml", "above"), ("named.yaml", "named"), ("variable.yaml", "variable")] {
        let text = format!("titan: 1\ntarget: {name}\nworld: std/worlds/titan.rhai\n");
        fs::write(folder.path().join(file), text).unwrap();
    }
    let run = |words: &[&str], variable: Option<&str>| {
        let mut running = command(&["run", "deep/er/one.yaml"]);
        running.args(words).envs(variable.map(|value| ("TITAN_TARGET", value))).current_dir(folder.path());
        finished(running.output().unwrap()).exits(0)
    };
    run(&[], None).says("on target above ");
    run(&[], Some("variable.yaml")).says("on target variable ");
    run(&["--target", "named.yaml"], Some("variable.yaml")).says("on target named ");
}

#[test]
fn what_there_is_to_write_with_is_listed_and_completed() {
    titan(&["list"]).exits(0).says("wait_metric").says("nats_watch");
    titan(&["list", "functions"]).exits(0).says("policy_hash(file | text) -> text");
    titan(&["list", "std"]).exits(0).says("std/versions.rhai").says("std/verified_arm.yaml");
    for shell in ["bash", "zsh", "fish"] {
        titan(&["completions", shell]).exits(0).says("rehearse");
    }
    titan(&["completions", "tcl"]).exits(2).complains("tcl");
}

#[test]
fn what_is_wrong_on_the_command_line_is_said_before_anything_begins() {
    let cases: [(&[&str], &str); 7] = [
        (&[], "<RUNBOOK>"),
        (&["no-such-file.yaml"], "cannot be read"),
        (&["runbooks/policy-rollout.yaml", "--set", "observ=1m"], "did you mean `observe`?"),
        (&["runbooks/policy-rollout.yaml", "--set", "observe"], "is not of the form NAME=VALUE"),
        (&["runbooks/policy-rollout.yaml", "--set", "observe=1m", "--set", "observe=2m"], "is given twice"),
        (&["runbooks/policy-rollout.yaml", "--world", "wrong_polcy_on=brain"], "has no option `wrong_polcy_on`"),
        (&["plan", "stdlib/targets/simulated.yaml"], "is a target, not a runbook"),
    ];
    for (words, why) in cases {
        titan(words).exits(2).complains(why);
    }
}
