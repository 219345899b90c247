//! A rollback closes every gate that the run has opened before it changes anything, whatever an author
//! wrote, and whoever goes on with it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::desk::Desk;
use crate::stage::{Stage, Watched};
use crate::tool::{Ran, command, finished, titan};

const PARAMS: &str = "  execution: { type: text }\n  brain: { type: text }\n  expected: { type: text }\n";

const PAIR: &str = "{ do: std/deploy_pair, with: { execution: '${params.execution}', brain: '${params.brain}', expected: '${params.expected}' } }";

/// Deploys both and opens.
const FORTH: &str = "steps:
  close: { do: disarm, with: { gate: execution, reason: forth } }
  pair: PAIR
  arm: { do: std/observed_arm, with: { gate: execution, service: execution, expected: '${params.expected}', reason: forth } }
";

/// Closes, and deploys both.
const BACK: &str = "steps:
  close: { do: disarm, with: { gate: execution, reason: back } }
  pair: PAIR
";

/// Closes, and leaves the rest to another runbook, which closes once more.
const BACK_IN_PARTS: &str = "steps:
  close: { do: disarm, with: { gate: execution, reason: back } }
  rest: { do: ./rest.yaml, with: { execution: '${params.execution}', brain: '${params.brain}', expected: '${params.expected}' } }
";

const REST: &str = "steps:
  b: { do: deploy, with: { service: brain, version: '${params.brain}' } }
  e: { do: deploy, with: { service: execution, version: '${params.execution}' } }
  close: { do: disarm, with: { gate: execution, reason: stays closed } }
";

/// Everything that is asked and read before the first change, and what is ensured.
const ROLLS: &str = "titan: 1
runbook: rolls
params:
  policy: { type: file, default: std/policies/risk_policy-2.0.0.json }
  version: { type: text, default: '2.0.0' }
let: { expected: policy_hash(params.policy) }
limits: { total: 3h, disarmed: 2h }
steps:
  before: { do: service_hash, with: { service: execution } }
  old_e: { do: service_version, with: { service: execution } }
  old_b: { do: service_version, with: { service: brain } }
  gate_before: { do: gate_state, with: { gate: execution } }
  ask: { do: confirm, with: { items: { sure: 'Really ${expected}?' } } }
STEPS  fails: { do: assert, with: { that: false, message: no } }
ensure:
  known: { do: gate_state, with: { gate: execution }, timeout: 1m }
";

const FORTH_AND_BACK: &str = "  forth:
    do: ./forth.yaml
    with: { execution: '${params.version}', brain: '${params.version}', expected: '${expected}' }
    undo: { do: ./back.yaml, with: { execution: '${steps.old_e.out.version}', brain: '${steps.old_b.out.version}', expected: '${steps.before.out.hash}' } }
";

/// Writes the runbook and its parts; gives the runbook's path.
fn written(folder: &Path, steps: &str, parts: &[(&str, &str)]) -> PathBuf {
    for (name, part) in parts {
        let part = part.replace("PAIR", PAIR);
        let params = if part.contains("params.execution") { PARAMS } else { "  expected: { type: text }\n" };
        fs::write(folder.join(format!("{name}.yaml")), format!("titan: 1\nrunbook: {name}\nparams:\n{params}{part}"))
            .unwrap();
    }
    let path = folder.join("rolls.yaml");
    fs::write(&path, ROLLS.replace("STEPS", steps)).unwrap();
    path
}

/// Runs it in the simulated world.
fn simulated(steps: &str, parts: &[(&str, &str)], world: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), steps, parts);
    let options: Vec<_> = world.iter().flat_map(|option| ["--world", option]).collect();
    titan(&[&["run", path.to_str().unwrap(), "--confirm", "all"], &options[..]].concat())
}

/// The lines of the rollback, each from its sign on.
fn rollback(ran: &Ran) -> Vec<String> {
    let lines = ran.out.lines().skip_while(|line| !line.contains("rolling back")).skip(1);
    let told =
        lines.take_while(|line| !line.is_empty()).map(|line| line.get(10..).unwrap_or_default().trim().to_owned());
    told.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn place(lines: &[String], beginning: &str) -> usize {
    let found = lines.iter().position(|line| line.starts_with(beginning));
    found.unwrap_or_else(|| panic!("`{beginning}` is not in {lines:#?}"))
}

#[test]
fn what_opened_a_gate_is_undone_in_its_turn() {
    let later = "  close: { do: disarm, with: { gate: execution, reason: again } }
  mid_b: { do: service_version, with: { service: brain } }
  b: { do: deploy, with: { service: brain, version: '${params.version}' }, undo: { do: deploy, with: { service: brain, version: '${steps.mid_b.out.version}' } } }
";
    let steps = format!("{FORTH_AND_BACK}{later}");
    let ran = simulated(&steps, &[("forth", FORTH), ("back", BACK)], &[]).exits(3);
    let lines = rollback(&ran);
    assert!(place(&lines, "✓ undo b ") < place(&lines, "✓ undo forth/close"), "{lines:#?}");
    ran.says("execution version: 1.0.0").says("brain version: 1.0.0").says("gate execution is DISARMED");
}

#[test]
fn nothing_is_deployed_behind_a_gate_that_does_not_close() {
    let parts = [("forth", FORTH), ("back", BACK_IN_PARTS), ("rest", REST)];
    let steps = format!("  close: {{ do: disarm, with: {{ gate: execution, reason: first }} }}\n{FORTH_AND_BACK}");
    let ran = simulated(&steps, &parts, &["initially_armed=false", "stuck_armed=true"]).exits(4);
    assert!(!ran.err.contains("did not hold"), "{}", ran.err);
    let lines = rollback(&ran);
    assert!(place(&lines, "✗ close execution") < place(&lines, "✗ undo forth/close"), "{lines:#?}");
    place(&lines, "✗ undo forth/rest/b refused: not done: a gate may be open");
    // What is left to close is closed all the same, behind what was refused.
    let last = lines.iter().rposition(|line| line.starts_with("✗ close execution timeout"));
    assert!(last > Some(place(&lines, "✗ undo forth/rest refused")), "{lines:#?}");
    ran.says("gate `execution` may be open").says("GATE execution IS ARMED").says("execution version: 2.0.0");
}

#[test]
fn an_undo_that_opens_what_it_closes_finds_the_gate_closed() {
    let swap = "steps:
  close: { do: disarm, with: { gate: execution, reason: swap } }
  pair: PAIR
  arm: { do: std/observed_arm, with: { gate: execution, service: execution, expected: '${params.expected}', reason: swap } }
";
    let steps = FORTH_AND_BACK
        .replace("./back", "./forth")
        .replace("  forth:\n", "  # titan: allow(rollback-arms) it was open before\n  forth:\n");
    let ran = simulated(&steps, &[("forth", swap)], &[]).exits(3);
    assert!(!ran.err.contains("did not hold"), "{}", ran.err);
    let lines = rollback(&ran);
    assert!(place(&lines, "✓ close execution") < place(&lines, "✓ undo forth/close"), "{lines:#?}");
    ran.says("GATE execution IS ARMED").says("execution version: 1.0.0").says("brain version: 1.0.0");
}

/// Opens the gate again, twice if need be.
const REARMS: &str = "  close:
    do: disarm
    with: { gate: execution, reason: x }
    undo: { when: 'steps.gate_before.out.state == \"armed\"', do: ./rearm.yaml, with: { expected: '${steps.before.out.hash}' }MORE }
";

const REARM: &str = "steps:
  arm: { do: std/observed_arm, with: { gate: execution, service: execution, expected: '${params.expected}', reason: again, observe: 1m } }
";

#[test]
fn a_gate_that_an_undo_opened_is_closed_before_the_undo_is_tried_again() {
    let retry = ", retry: { on: [mismatch, breach], attempts: 2, every: 30s }, idempotent: true";
    let ran =
        simulated(&REARMS.replace("MORE", retry), &[("rearm", REARM)], &["flip_hash_after_arm_ms=10000"]).exits(4);
    let lines = rollback(&ran);
    assert!(place(&lines, "✓ close execution") < place(&lines, "↻ close again"), "{lines:#?}");
    ran.says("gate execution is DISARMED");
}

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
    let (code, _, _) = Watched::start(stage.about_run(&["resume", "--confirm", "all"])).end();
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
    let (code, ended, events) = Watched::start(stage.about_run(&["resume", "--confirm", "all"])).end();
    assert_eq!((code, &ended["ending"]), (3, &Value::from("rolled_back")), "{ended}");
    let is_closing = |event: &Value| event["what"]["event"] == "started" && event["what"]["step"] == "forth/close";
    assert!(events.iter().any(is_closing), "{events:#?}");
    stage.is("1.0.0", false);
}

#[test]
fn a_gate_is_closed_though_a_person_must_say_what_became_of_its_undo() {
    let stage = Stage::new(&[]);
    let steps = "  close: { do: disarm, with: { gate: execution, reason: again } }
  e: { do: deploy, with: { service: execution, version: '${params.version}' }, undo: { do: deploy, with: { service: execution, version: '${steps.old_e.out.version}' } } }
  b: { do: deploy, with: { service: brain, version: '${params.version}' }, undo: { do: deploy, with: { service: brain, version: '${steps.old_b.out.version}' } } }
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
    let (code, _, _) = Watched::start(stage.about_run(&["resume", "--confirm", "all"])).end();
    assert_eq!(code, 4);
    stage.is("1.0.0", false);
}

#[test]
fn a_script_that_calls_without_a_wait_is_stopped_between_two_calls() {
    let code = "let n = 0; while n < 5000 { note(#{ text: `at ${n}` }); n += 1; } n";
    let desk = Desk::new(&format!("  long: {{ do: script, no_undo: A test., with: {{ code: '{code}' }} }}\n"));
    let mut run = Watched::start(desk.run());
    run.until("call_started", "long");
    desk.say(&["abort"]).exits(0);
    let (_, ended, events) = run.end();
    let calls = events.iter().filter(|event| event["what"]["event"] == "call_finished").count();
    assert!(calls < 5_000, "{ended}");
}

#[test]
fn a_script_is_bounded_by_its_timeout_between_two_calls() {
    let code = "let n = 0; while n < 5000 { note(#{ text: `at ${n}` }); n += 1; } n";
    let step = format!("  long: {{ do: script, timeout: 50ms, no_undo: A test., with: {{ code: '{code}' }} }}\n");
    let (_, ended, _) = Watched::start(Desk::new(&step).run()).end();
    assert_eq!(ended["cause"]["failure"]["class"], "timeout", "{ended}");
}

/// Opens the gate again in a part that is cut off, and goes on without it.
const TRIES: &str = "steps:
  # titan: allow(arm-unobserved) a test
  again: { do: ./again.yaml, with: { expected: '${params.expected}' }, timeout: 20s, on_failure: continue }
  tell: { needs: { again: done }, do: note, with: { text: tried } }
";

const AGAIN: &str = "steps:
  arm: { do: std/verified_arm, with: { gate: execution, service: execution, expected: '${params.expected}', reason: again } }
  stay: { do: sleep, with: { for: STAY }, timeout: 10m }
";

#[test]
fn a_gate_is_closed_with_the_part_of_an_undo_that_opened_it_and_was_cut_off() {
    let steps = REARMS.replace("./rearm", "./tries").replace("MORE", "");
    let again = AGAIN.replace("STAY", "60s");
    let ran = simulated(&steps, &[("tries", TRIES), ("again", &again)], &[]).exits(3);
    let lines = rollback(&ran);
    assert!(place(&lines, "✓ close execution") < place(&lines, "✗ undo close/again timeout"), "{lines:#?}");
    ran.says("gate execution is DISARMED");
}

#[test]
fn a_gate_that_the_target_does_not_have_keeps_nothing_from_being_undone() {
    let later = "  # titan: allow(arm-unobserved) a test
  other: { do: std/verified_arm, with: { gate: '${params.version + \"x\"}', service: execution, expected: '${expected}', reason: x } }
";
    let forth = FORTH.lines().take(3).collect::<Vec<_>>().join("\n") + "\n";
    let steps = format!("{FORTH_AND_BACK}{later}");
    let ran = simulated(&steps, &[("forth", &forth), ("back", BACK)], &[]).exits(4);
    ran.says("the target has no gate `2.0.0x`").says("execution version: 1.0.0").says("brain version: 1.0.0");
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
    let (code, ended, events) = Watched::start(stage.about_run(&["resume", "--confirm", "all"])).end();
    assert_eq!((code, &ended["ending"]), (3, &Value::from("rolled_back")), "{ended}");
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
    let (code, ended, events) = Watched::start(stage.about_run(&["resume", "--confirm", "all"])).end();
    assert_eq!((code, &ended["ending"]), (3, &Value::from("rolled_back")), "{ended}");
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
fn a_gate_that_one_item_of_an_undo_opened_is_closed_with_the_item_that_failed() {
    let tries = "steps:
  # titan: allow(arm-unobserved) a test
  again: { foreach: '[7, 70]', max_parallel: 2, on_failure: continue, do: ./again.yaml, with: { expected: '${params.expected}', n: '${item}' } }
  tell: { needs: { again: done }, do: note, with: { text: tried } }
";
    let again = "  n: { type: int }
steps:
  arm: { when: params.n > 30, do: std/verified_arm, with: { gate: execution, service: execution, expected: '${params.expected}', reason: again } }
  stay: { do: sleep, with: { for: 20s }, timeout: 10m }
  bad: { do: assert, with: { that: '${params.n > 30}', message: bad } }
  stays: { do: sleep, with: { for: 20s }, timeout: 10m }
";
    let steps = REARMS.replace("./rearm", "./tries").replace("MORE", "");
    let ran = simulated(&steps, &[("tries", tries), ("again", again)], &[]).exits(3);
    let lines = rollback(&ran);
    assert!(place(&lines, "✗ undo close/again[0] ") < place(&lines, "✓ close execution"), "{lines:#?}");
    ran.says("gate execution is DISARMED");
}

#[test]
fn a_gate_that_does_not_close_is_told_whoever_goes_on_behind_it() {
    let steps = REARMS.replace("./rearm", "./tries").replace("MORE", "");
    let again = AGAIN.replace("STAY", "60s");
    let world = ["initially_armed=false", "stuck_armed=true"];
    let opened = steps.replace(
        "when: 'steps.gate_before.out.state == \"armed\"'",
        "when: 'steps.gate_before.out.state == \"disarmed\"'",
    );
    let opened = format!("  # titan: allow(rollback-arms) a test\n{opened}");
    let ran = simulated(&opened, &[("tries", TRIES), ("again", &again)], &world).exits(4);
    ran.says("✗ close execution").says("needs a person: gate `execution` may be open").says("GATE execution IS ARMED");
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
    let (code, _, events) = Watched::start(stage.about_run(&["resume", "--confirm", "all"])).end();
    assert_eq!(code, 4);
    let at = |event: &str, step: &str| {
        events.iter().position(|one| one["what"]["event"] == event && one["what"]["step"] == step).unwrap_or(usize::MAX)
    };
    assert!(at("gate_closed", "close/arm/arm") < at("started", "close/arm/verify"), "{events:#?}");
    assert!(at("started", "close/arm/verify") < at("started", "close/arm/arm"), "{events:#?}");
    stage.is("1.0.0", false);
}
