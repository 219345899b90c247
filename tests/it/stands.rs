//! Runs that stand still for a person: each pauses once nothing else is under way, nothing goes on
//! that nobody spoke of, and the next runner sees what the one before it saw.

use std::fs;

use crate::desk::Desk;
use crate::stage::Watched;

/// A desk with a second runbook, `inner.yaml`.
fn with_inner(steps: &str, inner: &str) -> Desk {
    let desk = Desk::new(steps);
    let inner = inner.replace("$FOLDER", desk.path("").to_str().unwrap());
    fs::write(desk.path("inner.yaml"), format!("titan: 1\nrunbook: inner\n{inner}")).unwrap();
    desk
}

#[test]
fn a_skip_of_a_step_that_waits_counts_for_no_later_try() {
    let inner = "steps:
  check: { may_skip: true, on_failure: pause, do: exec, with: { argv: [test, -e, $FOLDER/ready], observes: true } }
  slow: { needs: [], do: sleep, with: { for: 1500ms } }
  change: { needs: { check: done, slow: ok }, no_undo: A test., idempotent: true, do: exec, with: { argv: [test, -e, $FOLDER/ready] } }\n";
    let outer = "  outer: { idempotent: true, do: ./inner.yaml, retry: { on: [exit], attempts: 2, every: 10ms } }\n";
    let desk = with_inner(outer, inner);
    let mut run = Watched::start(desk.run());
    run.until("finished", "outer/check");
    desk.say(&["skip", "outer/check", "--why", "a test"]).exits(0);
    run.until("retrying", "outer");
    fs::write(desk.path("ready"), "").unwrap();
    run.until("started", "outer/check");
    assert_eq!(run.end().0, 0);
}
