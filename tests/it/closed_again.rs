//! A gate is closed again by whoever goes on with a rollback, on a served Titan.

use std::fs;

use serde_json::Value;

use crate::closing::{AGAIN, FORTH_AND_BACK, REARMS, written};
use crate::stage::{Stage, Watched};
use crate::tool::{command, finished};

/// The same on a served Titan.
fn served(stage: &Stage, steps: &str, parts: &[(&str, &str)]) -> std::process::Command {
    let path = written(stage.folder.path(), steps, parts);
    let mut run = command(&["run", "--confirm", "all", "--target"]);
    run.arg(stage.target()).arg(path).env("TITAN_RUNS", stage.runs());
    run
}

#[test]
fn a_gate_that_an_undo_opened_is_closed_by_the_next_runner() {
    let stage = Stage::new(&[]);
    let rearm = "steps:
  tell: { needs: [], do: exec, with: { argv: [sleep, '60'] }, no_undo: It only tells. }
  arm: { needs: [], do: std/verified_arm, with: { gate: execution, service: execution, expected: '${params.expected}', reason: again } }
";
    let steps = format!("  # titan: allow(arm-unobserved) a test\n{}", REARMS.replace("MORE", ""));
    let mut run = Watched::start(served(&stage, &steps, &[("rearm", rearm)]));
    run.until("finished", "close/arm/arm");
    run.killed();
    let (code, _, _) = stage.resumed().end();
    assert_eq!(code, 4);
    stage.is("1.0.0", false);
}

/// Opens at once, and looks for what is not there before it deploys back.
const LOOKS_BACK: &str = "steps:
  close: { do: disarm, with: { gate: execution, reason: back } }
  look: { do: exec, with: { argv: [test, -e, FLAG], observes: true } }
  b: { do: deploy, with: { service: brain, version: '${params.brain}' } }
  e: { do: deploy, with: { service: execution, version: '${params.execution}' } }
  seen: { do: expect_hash, with: { service: execution, expected: '${params.expected}' } }
";

const FORTH_AT_ONCE: &str = "steps:
  close: { do: disarm, with: { gate: execution, reason: forth } }
  pair: PAIR
  arm: { do: std/verified_arm, with: { gate: execution, service: execution, expected: '${params.expected}', reason: forth } }
";

/// Goes on with the newest run, which rolls back wholly; gives what happened.
fn rolled_back(stage: &Stage) -> Vec<Value> {
    let (code, ended, events) = stage.resumed().end();
    assert_eq!((code, &ended["ending"]), (3, &Value::from("rolled_back")), "{ended}");
    events
}

/// Opens the gate, as a person may while a run is stuck.
fn armed_by_hand(stage: &Stage) {
    let by_hand = stage.folder.path().join("by-hand.yaml");
    fs::write(
        &by_hand,
        "titan: 1
runbook: by-hand
steps:
  # titan: allow(arm-unverified, arm-unconfirmed, arm-unobserved, effect-without-undo, gate-unknown-at-end) a test
  arm: { do: arm, with: { gate: execution, reason: by hand }, undo: { do: disarm, with: { gate: execution, reason: x } } }
",
    )
    .unwrap();
    let mut arm = command(&["run", "--target"]);
    arm.arg(stage.target()).arg(by_hand).env("TITAN_RUNS", stage.folder.path().join("other"));
    finished(arm.output().unwrap()).exits(0);
}

#[test]
fn a_gate_that_was_opened_by_hand_is_closed_again_when_an_undo_is_done_anew() {
    let stage = Stage::new(&[]);
    let flag = stage.folder.path().join("flag");
    let back = LOOKS_BACK.replace("FLAG", flag.to_str().unwrap());
    let steps = FORTH_AND_BACK.replace("  forth:\n", "  # titan: allow(arm-unobserved) a test\n  forth:\n");
    let parts = [("forth", FORTH_AT_ONCE), ("back", back.as_str())];
    assert_eq!(Watched::start(served(&stage, &steps, &parts)).end().0, 4);
    stage.is("2.0.0", false);
    armed_by_hand(&stage);
    fs::write(flag, "").unwrap();
    let events = rolled_back(&stage);
    let is_closing = |event: &Value| event["what"]["event"] == "started" && event["what"]["step"] == "forth/close";
    assert!(events.iter().any(is_closing), "{events:#?}");
    stage.is("1.0.0", false);
}

#[test]
fn a_gate_is_closed_though_a_person_must_say_what_became_of_its_undo() {
    let stage = Stage::new(&[]);
    let steps = "  close: { do: disarm, with: { gate: execution, reason: again } }
  e: { do: deploy, with: { service: execution, version: '${params.version}' }, undo: { do: deploy, with: { service: execution, version: '${steps.old_execution.out.version}' } } }
  b: { do: deploy, with: { service: brain, version: '${params.version}' }, undo: { do: deploy, with: { service: brain, version: '${steps.old_brain.out.version}' } } }
  # titan: allow(arm-unobserved, undo-incomplete) the script closes it
  arm:
    do: std/verified_arm
    with: { gate: execution, service: execution, expected: '${expected}', reason: forth }
    undo:
      do: script
      with:
        code: |
          exec(#{ argv: [\"sleep\", \"60\"] });
          disarm(#{ gate: \"execution\", reason: \"told\" });
";
    let mut run = Watched::start(served(&stage, steps, &[]));
    run.until("gate_closed", "arm/arm");
    run.until("call_started", "arm");
    run.killed();
    let (code, _, _) = stage.resumed().end();
    assert_eq!(code, 4);
    stage.is("1.0.0", false);
}

#[test]
fn a_rollback_that_goes_on_closes_a_gate_that_was_opened_by_hand_before_it_deploys() {
    let stage = Stage::new(&[]);
    let flag = stage.folder.path().join("flag");
    let back = LOOKS_BACK.replace("FLAG", flag.to_str().unwrap());
    let back: String =
        back.lines().filter(|line| !line.contains("do: disarm")).map(|line| format!("{line}\n")).collect();
    let forth: String = FORTH_AT_ONCE
        .lines()
        .filter(|line| line.contains("steps:") || line.contains("pair:"))
        .map(|line| format!("{line}\n"))
        .collect();
    let opening = "  # titan: allow(arm-unobserved) a test
  arm: { do: std/verified_arm, with: { gate: execution, service: execution, expected: '${expected}', reason: x } }
";
    let steps =
        format!("  close: {{ do: disarm, with: {{ gate: execution, reason: first }} }}\n{FORTH_AND_BACK}{opening}");
    let parts = [("forth", forth.as_str()), ("back", back.as_str())];
    assert_eq!(Watched::start(served(&stage, &steps, &parts)).end().0, 4);
    armed_by_hand(&stage);
    fs::write(flag, "").unwrap();
    let events = rolled_back(&stage);
    assert!(events.iter().any(|event| event["what"]["event"] == "gate_closed"), "{events:#?}");
    stage.is("1.0.0", false);
}

#[test]
fn what_an_undo_had_opened_is_opened_anew_where_it_is_closed_anew() {
    let stage = Stage::new(&[]);
    let swap = format!("{FORTH_AT_ONCE}  stay: {{ do: sleep, with: {{ for: 2s }} }}\n");
    let steps = FORTH_AND_BACK
        .replace("./back", "./forth")
        .replace("  forth:\n", "  # titan: allow(rollback-arms, arm-unobserved) a test\n  forth:\n");
    let mut run = Watched::start(served(&stage, &steps, &[("forth", &swap)]));
    run.until("rollback_started", "");
    run.until("finished", "forth/arm");
    run.killed();
    let events = rolled_back(&stage);
    let is_opening = |event: &Value| event["what"]["event"] == "started" && event["what"]["step"] == "forth/arm/arm";
    assert!(events.iter().any(is_opening), "{events:#?}");
    stage.is("1.0.0", true);
}

#[test]
fn a_second_abort_closes_what_an_undo_has_opened_and_waits_for_nothing() {
    let stage = Stage::new(&[]);
    let steps = REARMS
        .replace("./rearm", "./again")
        .replace("  close:\n", "  # titan: allow(arm-unobserved) a test\n  close:\n")
        .replace("MORE", "");
    let again =
        format!("{}  close: {{ do: disarm, with: {{ gate: execution, reason: x }} }}\n", AGAIN.replace("STAY", "5m"));
    let mut run = Watched::start(served(&stage, &steps, &[("again", &again)]));
    run.until("started", "close/stay");
    stage_say(&stage, &["abort"]);
    stage_say(&stage, &["abort"]);
    assert_eq!(run.end().0, 4);
    stage.is("1.0.0", false);
}

/// Says something to the run under way.
fn stage_say(stage: &Stage, words: &[&str]) {
    finished(stage.about_run(words).output().unwrap()).exits(0);
}

#[test]
fn a_gate_that_was_to_be_closed_is_closed_by_the_next_runner() {
    let stage = Stage::new(&[]);
    let rearm = "steps:
  arm: { do: std/verified_arm, with: { gate: execution, service: execution, expected: '${params.expected}', reason: again } }
  check: { do: exec, with: { argv: ['false'], observes: true } }
";
    let steps = format!("  # titan: allow(arm-unobserved) a test\n{}", REARMS.replace("MORE", ""));
    let mut run = Watched::start(served(&stage, &steps, &[("rearm", rearm)]));
    run.until("gate_closing", "close/arm/arm");
    run.killed();
    let (code, _, events) = stage.resumed().end();
    assert_eq!(code, 4);
    let at = |event: &str, step: &str| {
        events.iter().position(|one| one["what"]["event"] == event && one["what"]["step"] == step).unwrap_or(usize::MAX)
    };
    assert!(at("gate_closed", "close/arm/arm") < at("started", "close/arm/verify"), "{events:#?}");
    assert!(at("started", "close/arm/verify") < at("started", "close/arm/arm"), "{events:#?}");
    stage.is("1.0.0", false);
}
