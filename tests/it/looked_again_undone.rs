//! What undos have seen is looked at again before one of them opens a gate. On a served Titan.

use std::fs;
use std::path::{Path, PathBuf};

use crate::closing::{FORTH_AND_BACK, written};
use crate::looked_again::{FLAG, Killed, filled, looked_again, started};
use crate::stage::Stage;

/// Closes, deploys back, looks, and opens.
const REARMS: &str = "steps:
  close: { do: disarm, with: { gate: execution, reason: back } }
  pair: PAIR
  seen: { do: expect_hash, with: { service: execution, expected: '${params.expected}' } }
  flag: { do: exec, with: { argv: [test, -e, FLAG], observes: true }, retry: { on: [exit], attempts: 600, every: 100ms }, timeout: 2m }
  arm: { do: arm, with: { gate: execution, reason: back } }
";

#[test]
fn what_an_undo_has_seen_is_looked_at_again_before_it_opens() {
    let forth = "steps:
  close: { do: disarm, with: { gate: execution, reason: forth } }
  pair: PAIR
";
    let steps =
        FORTH_AND_BACK.replace("  forth:\n", "  # titan: allow(rollback-arms, arm-unobserved) a test\n  forth:\n");
    let killed = Killed::at("retrying", "forth/flag", |folder| {
        let back = REARMS.replace("FLAG", folder.join(FLAG).to_str().unwrap());
        written(folder, &steps, &[("forth", forth), ("back", &back)])
    });
    let killed = killed.and_deployed("execution", "2.0.0");
    let (code, _, events) = killed.stage.resumed().end();
    assert_eq!(code, 4);
    assert!(
        looked_again(&events).iter().any(|(step, failure)| step == "forth/seen" && failure.is_some()),
        "{events:#?}"
    );
    assert_eq!(killed.stage.state()["services"]["execution"]["state"]["armed"], false);
}

/// Rolls back to what was, waits for a flag between the pair and the gate, and opens it again.
const RETURNS: &str = "titan: 1
runbook: returns
BEFORE  close:
    do: disarm
    with: { gate: execution, reason: forth }
    # titan: allow(rollback-arms) a test
    undo: { do: arm, with: { gate: execution, reason: back } }
  between:
    do: exec
    with: { argv: [test, x, '=', x] }
    undo: { do: exec, with: { argv: [test, -e, FLAG], observes: true }, retry: { on: [exit], attempts: 600, every: 100ms }, timeout: 2m }
PAIR  fails: { do: assert, with: { that: false, message: no } }
ensure:
  known: { do: gate_state, with: { gate: execution }, timeout: 1m }
";

/// Writes it, or one that is made of it.
fn written_returning(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("returns.yaml");
    fs::write(&path, filled(folder, text)).unwrap();
    path
}

/// Something whose undo looks at Brain, and something whose undo asks.
const LOOKS_AND_ASKS: &str = r#"  asks:
    do: exec
    with: { argv: [echo, asks] }
    undo: { do: confirm, with: { items: { back: 'Open it again?' } } }
  looks:
    do: exec
    with: { argv: [echo, looks] }
    expect: out.stdout == "looks"
    undo: { do: service_version, with: { service: brain }, expect: out.version == "1.0.0" }
"#;

#[test]
fn what_an_undo_has_seen_is_judged_as_by_that_undo() {
    let stage = Stage::new(&[]);
    let run = started(&stage, |folder| {
        fs::write(folder.join(FLAG), "").unwrap();
        // The pair is brought back before Brain is looked at.
        written_returning(folder, &RETURNS.replace("PAIR", &format!("{LOOKS_AND_ASKS}PAIR")))
    });
    let (code, ended, events) = run.end();
    assert_eq!(code, 3, "{ended}");
    assert!(looked_again(&events).contains(&("looks".to_owned(), None)), "{events:#?}");
    stage.is("1.0.0", true);
}

#[test]
fn what_another_undo_has_seen_is_looked_at_again_before_one_opens() {
    let killed = Killed::at("retrying", "between", |folder| written_returning(folder, RETURNS));
    let killed = killed.and_deployed("execution", "2.0.0");
    let (_, _, events) = killed.stage.resumed().end();
    assert!(looked_again(&events).iter().any(|(_, failure)| failure.is_some()), "{events:#?}");
    assert_eq!(killed.stage.state()["services"]["execution"]["state"]["armed"], false);
}
