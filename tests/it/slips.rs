//! Slips of a tired operator: noticed before anything is done, with the next keystroke.

use crate::desk::Desk;
use crate::stage::{signal, until};
use crate::tool::{command, finished, titan};

const ROLLOUT: &str = "runbooks/policy-rollout.yaml";

const CHECKED: &str = "  checked:
    do: confirm
    with: { items: { one: \"First, ${run.id}?\", two: \"Second?\" } }
  after: { no_undo: A test., do: exec, with: { argv: [touch, $FOLDER/acted] } }
";

#[test]
fn a_misspelt_item_of_a_checklist_is_told_before_anything_is_done() {
    for (items, why) in [
        (&["imges"][..], "no checklist has this item; did you mean `images`? the items are `images`, `reviewed`"),
        (&["all", "zzz"][..], "no checklist has this item; the items are"),
    ] {
        let mut rollout = command(&[ROLLOUT]);
        for item in items {
            rollout.args(["--confirm", item]);
        }
        let ran = finished(rollout.output().unwrap()).exits(2).complains(why);
        assert_eq!(ran.out, "", "nothing began");
    }
    titan(&[ROLLOUT, "--confirm", "images", "--confirm", "reviewed"]).exits(0);
    titan(&["runbooks/monitoring-check.yaml", "--confirm", "images"]).exits(2).complains("asks no checklist");
    let desk = Desk::new(CHECKED);
    let run = |words: &[&str]| finished(desk.run().args(words).output().unwrap());
    run(&["--confirm", "tow"]).exits(2).complains("did you mean `two`?");
    run(&["--confirm", "all", "--approve-with", "nobody.seed"]).exits(2).complains("`titan-run key new FILE`");
    assert!(!desk.path("acted").exists());
    run(&["--confirm", "one", "--confirm", "two"]).exits(0);
    assert!(desk.path("acted").exists());
}

#[test]
fn an_item_of_a_checklist_that_is_computed_is_known_only_when_it_comes_up() {
    let desk = Desk::new(
        "  ask: { do: confirm, with: { items: \"${#{ one: `First?` }}\" } }\n  last: { do: note, with: { text: x } }\n",
    );
    finished(desk.run().args(["--confirm", "one", "--confirm", "two"]).output().unwrap()).exits(0);
}

const PAUSES: &str = "  waits:
    on_failure: pause
    do: assert
    with: { that: \"${false}\", message: not yet }
  checked: { do: confirm, with: { items: { one: \"First?\" } } } # titan: allow(approval-late) a test
";

#[test]
fn what_is_not_there_is_a_slip_and_not_a_failure() {
    let desk = Desk::new(PAUSES);
    finished(desk.run().output().unwrap()).exits(5);
    let runs = desk.path("state/runs");
    let about = |words: &[&str]| finished(command(words).env("TITAN_RUNS", &runs).output().unwrap());
    let none = "there is no run `nope`";
    let named: [&[&str]; 9] = [
        &["resume", "nope"],
        &["abort", "nope"],
        &["pause", "nope"],
        &["show", "nope"],
        &["replay", "nope"],
        &["verify", "nope"],
        &["why", "nope", "waits"],
        &["skip", "nope", "waits", "--why", "x"],
        &["retry", "nope", "waits", "--why", "x"],
    ];
    for words in named {
        about(words).exits(2).complains(none).complains("`titan-run runs` lists them");
    }
    for verb in ["skip", "retry"] {
        desk.say(&[verb, "wats", "--why", "x"]).exits(2).complains("`desk` has no step `wats`; did you mean `waits`?");
        desk.say(&[verb, "waits/in", "--why", "x"]).exits(2).complains("`waits` is no runbook used as an action");
    }
    desk.say(&["why", "wats"]).exits(2).complains("did you mean `waits`?");
    for verb in ["approve", "deny"] {
        desk.say(&[verb, "--key", "nope"]).exits(2).complains("`nope` cannot be read").complains("titan-run key new");
    }
    desk.say(&["resume", "--confirm", "oen"]).exits(2).complains("did you mean `one`?");
    titan(&["sim", "--world", "foo=bar"]).exits(2).complains("the world has no option `foo`");
    titan(&["sim", "--world", "wrong_polcy_on=brain"]).exits(2).complains("did you mean `wrong_policy_on`?");
    titan(&["sim", "--world", "foo"]).exits(2).complains("is not of the form NAME=VALUE");
}

#[test]
fn a_plan_says_how_long_each_step_is_repeated_and_tried_again() {
    let plan = titan(&["plan", ROLLOUT]).exits(0);
    plan.says("hold ").says(" for ").says("until ").says("timeout ").says("retry on timeout, no_responders: ");
}

#[test]
fn a_misspelt_command_is_told_with_the_one_that_was_meant() {
    let meant: [(&[&str], &str); 6] = [
        (&["rn", ROLLOUT], "no command `rn`, and no such runbook; did you mean `run`?"),
        (&["rn"], "did you mean `run`?"),
        (&["resme", "0tp1", "--confirm", "all"], "no command `resme`, and no such runbook; did you mean `resume`?"),
        (&["lnit", "--bogus"], "did you mean `lint`?"),
        (&["xyzzy", ROLLOUT], "`titan-run --help` lists the commands"),
        (&[ROLLOUT, "more"], "`more` is one argument too many"),
    ];
    for (words, why) in meant {
        let ran = titan(words).exits(2).complains(why);
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    }
    titan(&["run", "--bogus"]).exits(2).complains("unexpected argument '--bogus'");
    titan(&["nowhere.yaml"]).exits(2).complains("`nowhere.yaml` cannot be read");
}

#[test]
fn a_target_or_a_test_in_the_place_of_a_runbook_is_told_by_its_name() {
    let (target, test) = ("runbooks/targets/sim-nats.yaml", "runbooks/policy-rollout.test.yaml");
    for words in [&["run"][..], &["rehearse"], &["plan"], &["graph"], &["diff", ROLLOUT], &[]] {
        for (file, why) in [
            (target, format!("`{target}` is a target, not a runbook; `titan-run RUNBOOK --target {target}` acts")),
            (test, format!("`{test}` is a test file, not a runbook; `titan-run test {test}` runs it")),
        ] {
            let ran = titan(&[words, &[file]].concat()).exits(2).complains(&why);
            assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
        }
    }
}

#[test]
fn a_file_of_another_kind_in_the_place_of_a_runbook_or_a_target_is_told_by_its_name() {
    let (target, test) = ("runbooks/targets/sim-nats.yaml", "runbooks/policy-rollout.test.yaml");
    let policy = "stdlib/policies/risk_policy-2.0.0.json";
    let cases: [(&[&str], String); 8] = [
        (
            &[policy],
            format!("`{policy}` is JSON, as a policy is, not a runbook; `titan-run RUNBOOK --set policy={policy}`"),
        ),
        (&["plan", policy], format!("`{policy}` is JSON, as a policy is, not a runbook")),
        (&[target, "--target", ROLLOUT], format!("`{target}` is a target, not a runbook; `titan-run RUNBOOK --target")),
        (
            &[ROLLOUT, "--target", ROLLOUT],
            format!("`{ROLLOUT}` is a runbook, not a target; `titan-run {ROLLOUT} --target"),
        ),
        (
            &[ROLLOUT, "--target", test],
            format!("`{test}` is a test file, not a target; `titan-run test {test}` runs it"),
        ),
        (&[ROLLOUT, "--target", policy], format!("`{policy}` is JSON, as a policy is, not a target; `--set policy=")),
        (&["disarm", "--target", ROLLOUT], format!("`{ROLLOUT}` is a runbook, not a target")),
        (&["lint", ROLLOUT, "--target", ROLLOUT], format!("`{ROLLOUT}` is a runbook, not a target")),
    ];
    for (words, why) in cases {
        titan(words).exits(2).complains(&why);
    }
}

#[test]
fn an_address_without_its_scheme_is_told_with_the_one_that_was_meant() {
    let metrics = |address: &str| titan(&["disarm", "--nats", "127.0.0.1:1", "--metrics", address]).exits(2);
    metrics("10.0.0.7:9464").complains("`10.0.0.7:9464` has no scheme; write `http://10.0.0.7:9464/metrics`");
    metrics("nats://10.0.0.7").complains("`nats://` does not begin an HTTP address; write `http://10.0.0.7/metrics`");
    let nats = "`http://` does not begin a NATS address; write `nats://h:4222`";
    titan(&["disarm", "--nats", "http://h:4222", "--metrics", "http://h:1/metrics"]).exits(2).complains(nats);
    titan(&["sim", "--nats", "http://h:4222"]).exits(2).complains(nats);
}

#[test]
fn a_disarm_that_is_stopped_says_that_the_gate_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let said = folder.path().join("said");
    let mut disarm = command(&["disarm", "--nats", "127.0.0.1:1", "--metrics", "http://127.0.0.1:1/metrics"]);
    let mut disarm = disarm.stderr(std::fs::File::create(&said).unwrap()).spawn().unwrap();
    until(|| std::fs::read_to_string(&said).unwrap().contains("waiting for disarmed"));
    signal("INT", disarm.id());
    assert_eq!(disarm.wait().unwrap().code(), Some(4));
    let said = std::fs::read_to_string(&said).unwrap();
    assert!(said.contains("stopped by Ctrl-C: gate `execution` is UNKNOWN"), "{said}");
}
