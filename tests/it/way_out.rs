//! What undos and ensures see of the steps, whatever they were at when the way out began.

use std::fs;

use crate::desk::Desk;
use crate::stage::Watched;

/// The watch's last look takes a while, and the step it watches has ended.
const LAST_LOOK: &str = "  change:
    do: exec
    with: { argv: [echo, old] }
    undo: { do: exec, with: { argv: [touch, '$FOLDER/${steps.change.status}'] } }
watch:
  looks: { from: change, to: change, do: exec, with: { argv: [sleep, '1'], observes: true }, every: 1m, breach_when: out.code != 0, on_breach: rollback }
";

#[test]
fn an_undo_sees_that_its_step_went_well_whose_watch_looks_a_last_time() {
    let desk = Desk::new(LAST_LOOK);
    let mut run = Watched::start(desk.run());
    run.until("finished", "change");
    desk.say(&["abort"]).exits(0);
    let (code, ended, _) = run.end();
    assert_eq!((code, desk.path("ok").exists()), (3, true), "{ended}");
}

/// The run is rolled back before its next runner comes to a step that had gone well.
const GAP: &str = "  begin: { do: note, with: { text: x } }
  slow: { do: sleep, with: { for: 30s } }
  change:
    needs: []
    do: exec
    with: { argv: [sleep, '0.5'] }
    undo: { do: exec, with: { argv: [touch, '$FOLDER/${steps.change.status}'] } }
watch:
  looks: { from: slow, do: exec, with: { argv: [echo, x], observes: true }, breach_when: out.code != 0, on_breach: rollback }
";

#[test]
fn an_undo_sees_that_its_step_went_well_which_the_next_runner_never_came_to() {
    let desk = Desk::new(GAP);
    let mut run = Watched::start(desk.run());
    run.until("finished", "change");
    run.killed();
    desk.say(&["resume"]).exits(3);
    assert!(desk.path("ok").exists());
}

/// The second try of the runbook inside fails before it comes to what the first one changed.
const TRIES: &str = "steps:
  first: { do: exec, with: { argv: [test, '!', -e, $FOLDER/done], observes: true } }
  before: { do: exec, with: { argv: [echo, x], observes: true } }
  change:
    do: exec
    idempotent: true
    with: { argv: [touch, $FOLDER/done] }
    undo: { do: exec, with: { argv: [touch, '$FOLDER/${steps.before.status}'] } }
  fails: { do: exec, with: { argv: ['false'], observes: true } }
";

#[test]
fn an_undo_of_an_earlier_try_sees_what_that_try_saw() {
    let desk =
        Desk::new("  outer: { do: ./inner.yaml, idempotent: true, retry: { on: [exit], attempts: 2, every: 10ms } }\n");
    inside(&desk, TRIES);
    let (code, ended, _) = Watched::start(desk.run()).end();
    assert_eq!((code, desk.path("ok").exists()), (3, true), "{ended}");
}

/// The run is rolled back while its next runner is about to go on with the runbook inside.
const GAP_BESIDE: &str = "  outer: { do: ./inner.yaml }
  quick: { needs: [], do: note, with: { text: x } }
  slow: { do: sleep, with: { for: 30s } }
watch:
  looks: { from: slow, do: exec, with: { argv: [echo, x], observes: true }, breach_when: out.code != 0, on_breach: rollback }
";

const UNDER_WAY: &str = "steps:
  begin: { do: sleep, with: { for: 500ms } }
  change: { do: exec, with: { argv: [touch, $FOLDER/done] }, undo: { do: exec, with: { argv: [rm, $FOLDER/done] } } }
  slow: { do: sleep, with: { for: 30s } }
";

#[test]
fn a_runbook_that_the_next_runner_does_not_go_on_with_is_undone_from_inside() {
    let desk = Desk::new(GAP_BESIDE);
    inside(&desk, UNDER_WAY);
    let mut run = Watched::start(desk.run());
    run.until("started", "outer/slow");
    run.killed();
    desk.say(&["resume"]).exits(3);
    assert!(!desk.path("done").exists());
}

/// The runbook inside waits for a person, so that the second item is not begun.
const BETWEEN: &str = "  outer: { do: ./inner.yaml }
  each:
    needs: []
    foreach: '[\"0\", \"1\"]'
    do: exec
    with: { argv: [sleep, '0.5'] }
    undo: { do: exec, with: { argv: [touch, '$FOLDER/${steps.each.status}'] } }
";

#[test]
fn an_undo_sees_a_fan_out_that_ended_between_its_items_as_cut_off() {
    let desk = Desk::new(BETWEEN);
    inside(&desk, "steps:\n  check: { on_failure: pause, do: exec, with: { argv: ['false'], observes: true } }\n");
    assert_eq!(Watched::start(desk.run()).end().0, 5);
    desk.say(&["abort"]).exits(3);
    assert!(desk.path("failed").exists());
}

/// Writes the runbook used as an action.
fn inside(desk: &Desk, steps: &str) {
    let steps = steps.replace("$FOLDER", desk.path("").to_str().unwrap());
    fs::write(desk.path("inner.yaml"), format!("titan: 1\nrunbook: inner\n{steps}")).unwrap();
}

/// Looks for a second on its way out.
const ENSURES: &str = "  change: { do: exec, with: { argv: [touch, $FOLDER/done] }, undo: { do: exec, with: { argv: [rm, $FOLDER/done] } } }
ensure:
  looks: { do: exec, with: { argv: [sleep, '1'], observes: true } }
";

#[test]
fn an_abort_while_a_run_ensures_at_its_good_end_rolls_it_back() {
    let desk = Desk::new(ENSURES);
    let mut run = Watched::start(desk.run());
    run.until("started", "looks");
    desk.say(&["abort"]).exits(0).says("the run rolls back");
    let (code, ended, _) = run.end();
    assert_eq!((code, desk.path("done").exists()), (3, false), "{ended}");
}

/// The policy that both services hold.
const POLICY: &str = "policy=std/policies/risk_policy-1.0.0.json";

/// Opens the gate, and closes it with a reason that an operator gives.
const ARMS: &str = "titan: 1
runbook: arms
params:
  note: { type: text }
  policy: { type: file }
let:
  expected: policy_hash(params.policy)
limits: { total: 3h, disarmed: 2h }
steps:
  ask: { do: confirm, with: { items: { sure: Really? } } }
  close: { do: disarm, with: { gate: execution, reason: x } }
  execution: { do: expect_hash, with: { service: execution, expected: '${expected}' } }
  brain: { do: wait_metric, with: { service: brain, metric: handshake_success }, until: out.value >= 1 }
  agreed:
    do: wait_log
    with: { service: brain, pattern: '${target.patterns.handshake_ok}', since: '' }
    expect: lower(out.captures.hash) == expected
  arm:
    do: arm
    with: { gate: execution, reason: x }
    undo: { do: disarm, UNDO }
  counted:
    do: wait_metric
    with: { service: execution, metric: rejections }
    hold: out.increase == 0
    for: 5m
  stays: { needs: [arm], do: gate_state, with: { gate: execution }, hold: 'out.state == \"armed\"', for: 5m }
watch:
  rejections:
    from: arm
    do: nats_watch
    with: { subject: '${target.subjects.rejections}' }
    breach_when: count > 0
    on_breach: rollback
  hash:
    from: arm
    do: expect_hash
    with: { service: execution, expected: '${expected}' }
    breach_when: out.hash != expected
    on_breach: rollback
ensure:
  known: { do: gate_state, with: { gate: execution }, timeout: 1m }
";

#[test]
fn a_gate_is_closed_though_its_undo_cannot_be_carried_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("arms.yaml");
    for undo in [
        "with: { gate: execution, reason: '${params.note}' }",
        "with: { gate: execution, reason: x }, timeout: 1ms",
        "with: { gate: execution, reason: 'because of ${number(params.note)}' }",
    ] {
        fs::write(&path, ARMS.replace("UNDO", undo)).unwrap();
        let arguments = ["run", path.to_str().unwrap(), "--confirm", "all", "--set", "note=", "--set", POLICY];
        let ran = crate::tool::titan(&[&arguments[..], &["--world", "reject_after_arm_ms=60000"]].concat()).exits(4);
        let is_told = ran.out.contains("gate `execution` was closed without it, and is verified disarmed");
        assert!(is_told || ran.out.contains("✓ close execution "), "{}", ran.out);
        let told = ran.says("gate execution is DISARMED");
        assert!(!told.err.contains("did not hold"), "{}", told.err);
    }
}

#[test]
fn what_opened_a_gate_is_undone_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("arms.yaml");
    let slow = "  marker: { do: script, with: { code: '1' }, undo: { do: sleep, with: { for: 30m } } }\n  \
                check: { do: assert, with: { that: '${params.note != \"\"}', message: x } }\n  counted:\n";
    let text = ARMS.replace("UNDO", "with: { gate: execution, reason: x }").replace("  counted:\n", slow);
    fs::write(
        &path,
        text.replace(
            "    do: wait_metric\n    with: { service: execution",
            "    needs: [arm]\n    do: wait_metric\n    with: { service: execution",
        ),
    )
    .unwrap();
    let arguments = ["run", path.to_str().unwrap(), "--confirm", "all", "--set", "note=", "--set", POLICY];
    let ran = crate::tool::titan(&[&arguments[..], &["--world", "flip_hash_after_arm_ms=60000"]].concat()).exits(3);
    let place = |text: &str| ran.out.find(text).unwrap_or_else(|| panic!("`{text}` is not in\n{}", ran.out));
    assert!(place("undo arm") < place("undo marker"), "{}", ran.out);
    assert!(!ran.err.contains("did not hold"), "{}", ran.err);
}
