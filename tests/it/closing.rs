//! A rollback closes every gate that the run has opened before it changes anything, whatever an author
//! wrote, and whoever goes on with it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::tool::{Ran, titan};

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

/// What is asked and read before the first change.
pub const BEFORE: &str = "params:
  policy: { type: file, default: std/policies/risk_policy-2.0.0.json }
  version: { type: text, default: '2.0.0' }
let: { expected: policy_hash(params.policy) }
limits: { total: 3h, disarmed: 2h }
steps:
  before: { do: service_hash, with: { service: execution } }
  old_execution: { do: service_version, with: { service: execution } }
  old_brain: { do: service_version, with: { service: brain } }
  ask: { do: confirm, with: { items: { sure: 'Really ${expected}?' } } }
";

/// A runbook that rolls back, with what is ensured.
const ROLLS: &str = "titan: 1
runbook: rolls
BEFORE  gate_before: { do: gate_state, with: { gate: execution } }
STEPS  fails: { do: assert, with: { that: false, message: no } }
ensure:
  known: { do: gate_state, with: { gate: execution }, timeout: 1m }
";

pub const FORTH_AND_BACK: &str = "  forth:
    do: ./forth.yaml
    with: { execution: '${params.version}', brain: '${params.version}', expected: '${expected}' }
    undo: { do: ./back.yaml, with: { execution: '${steps.old_execution.out.version}', brain: '${steps.old_brain.out.version}', expected: '${steps.before.out.hash}' } }
";

/// Writes the runbook and its parts; gives the runbook's path.
pub fn written(folder: &Path, steps: &str, parts: &[(&str, &str)]) -> PathBuf {
    for (name, part) in parts {
        let part = part.replace("PAIR", PAIR);
        let params = if part.contains("params.execution") { PARAMS } else { "  expected: { type: text }\n" };
        fs::write(folder.join(format!("{name}.yaml")), format!("titan: 1\nrunbook: {name}\nparams:\n{params}{part}"))
            .unwrap();
    }
    let path = folder.join("rolls.yaml");
    fs::write(&path, ROLLS.replace("BEFORE", BEFORE).replace("STEPS", steps)).unwrap();
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
pub const REARMS: &str = "  close:
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

/// Opens the gate again in a part that is cut off, and goes on without it.
const TRIES: &str = "steps:
  # titan: allow(arm-unobserved, timeout-too-short) a test
  again: { do: ./again.yaml, with: { expected: '${params.expected}' }, timeout: 20s, on_failure: continue }
  tell: { needs: { again: done }, do: note, with: { text: tried } }
";

pub const AGAIN: &str = "steps:
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
