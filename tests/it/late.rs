//! A deploy goes on when the program that waits for it is gone: a rollback goes over it.

use serde_json::Value;

use crate::stage::{Stage, Watched, signal, until};

/// Long enough to be in the middle of it.
const SLOW: &[&str] = &["deploy_ms=1500"];

/// Runs the rollout until a deploy is under way.
fn at_deploy(stage: &Stage, service: &str) -> Watched {
    let mut run = Watched::start(stage.rollout(&stage.target(), &[]));
    run.until("remembered", &format!("deploy_pair/deploy_{service}"));
    run
}

/// How a step came out in the rollback.
fn undone<'a>(events: &'a [Value], step: &str) -> Vec<&'a str> {
    let all = events.iter().map(|event| &event["what"]).filter(|what| what["phase"] == "undo" && what["step"] == step);
    all.filter_map(|what| what["event"].as_str()).filter(|event| ["finished", "skipped"].contains(event)).collect()
}

#[test]
fn an_abort_during_a_deploy_brings_the_old_version_back_over_it() {
    for service in ["execution", "brain"] {
        let stage = Stage::new(SLOW);
        let run = at_deploy(&stage, service);
        signal("INT", run.process());
        let (code, end, events) = run.end();
        assert_eq!((code, &end["ending"]), (3, &Value::from("rolled_back")), "{end}");
        assert_eq!(undone(&events, &format!("deploy_pair/deploy_{service}")), ["finished"]);
        stage.is("1.0.0", false);
    }
}

#[test]
fn an_abort_of_a_run_that_died_during_a_deploy_does_the_same() {
    let stage = Stage::new(SLOW);
    let run = at_deploy(&stage, "execution");
    run.killed();
    let (code, end, events) = Watched::start(stage.about_run(&["abort"])).end();
    assert_eq!((code, &end["ending"]), (3, &Value::from("rolled_back")), "{end}");
    assert_eq!(undone(&events, "deploy_pair/deploy_execution"), ["finished"]);
    stage.is("1.0.0", false);
}

#[test]
fn an_abort_before_any_deploy_restarts_nothing() {
    let stage = Stage::new(&[]);
    // Asked for the second time, the version takes its time.
    let reads = stage.folder.path().join("reads");
    let slow = format!("echo x >> {0}; [ $(wc -l < {0}) = 2 ] && sleep 60; exec \"$@\"", reads.display());
    let read = "version: [titan-run, sim, --dir, $DIR, version, execution]";
    let program = env!("CARGO_BIN_EXE_titan-run");
    let slowly = read.replace("[titan-run", &format!("[sh, -c, '{slow}', sh, {program}"));
    let here = stage.folder.path().join("sim").display().to_string();
    let target = stage.changed_target(&[(&read.replace("$DIR", &here), &slowly.replace("$DIR", &here))]);
    let mut run = Watched::start(stage.rollout(&target, &[]));
    run.until("started", "deploy_pair/running");
    until(|| std::fs::read_to_string(&reads).is_ok_and(|reads| reads.lines().count() == 2));
    signal("INT", run.process());
    let (code, end, events) = run.end();
    assert_eq!(code, 3, "{end}");
    assert_eq!(undone(&events, "deploy_pair/deploy_execution"), ["skipped"]);
    stage.is("1.0.0", false);
}
