//! Runs that wait after an effect failed: whatever is asked next, what it may have done is undone
//! once, and never forgotten.

use std::fs;
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use crate::desk::Desk;
use crate::stage::Watched;
use crate::tool::finished;

/// What a run's page and its record say of a limit that runs on, and what it does after it.
#[test]
fn a_run_that_pauses_says_until_when_it_can_go_on() {
    let desk = Desk::new(HALF_DONE);
    let text = fs::read_to_string(desk.path("desk.yaml")).unwrap();
    fs::write(desk.path("desk.yaml"), text.replace("steps:", "limits: { total: 2h }\nsteps:")).unwrap();
    let page = finished(desk.run().output().unwrap()).exits(5);
    let events = desk.events();
    let began = events[0]["what"]["started_unix_ms"].as_u64().unwrap();
    let limit = &events.last().unwrap()["what"]["limit"];
    assert_eq!((limit["limit"].as_str(), limit["passes_ms"].as_u64()), (Some("total"), Some(2 * 3_600_000)));
    let passes = UNIX_EPOCH + Duration::from_millis(began + 2 * 3_600_000);
    let passes = humantime::format_rfc3339_seconds(passes);
    page.says(&format!("does `half_done` again until {passes}, when limit `total` passes"));
}

/// Something is changed and the step fails; undoing it twice fails as well.
const HALF_DONE: &str = "  half_done:
    on_failure: pause
    do: exec
    with: { argv: [touch, $FOLDER/acted, $FOLDER/no/such] }
    undo: { do: exec, with: { argv: [mv, -n, $FOLDER/acted, $FOLDER/undone] }, expect: out.code == 0 }
";

/// The same in a fan-out whose first item ended well.
const ITEMS: &str = "  items:
    foreach: '[\"one\", \"no/such\"]'
    on_failure: pause
    do: exec
    with: { argv: [touch, \"$FOLDER/acted ${item}\", \"$FOLDER/${item}\"] }
    undo: { do: exec, with: { argv: [rm, -r, \"$FOLDER/acted ${item}\"] } }
";

#[test]
fn an_effect_that_failed_is_undone_by_an_abort_whatever_was_asked_before() {
    for before in [&[][..], &["retry"], &["resume"], &["resume", "retry"], &["retry", "resume"]] {
        let desk = Desk::new(HALF_DONE);
        finished(desk.run().output().unwrap()).exits(5).says("effects so far stand");
        for verb in before {
            match *verb {
                "retry" => drop(desk.say(&["retry", "half_done", "--why", "a test"]).exits(0)),
                _ => drop(desk.say(&["resume"]).exits(5)),
            }
        }
        desk.say(&["abort"]).exits(3).says("✓ undo half_done").says("next: what was changed is undone");
        assert!(desk.path("undone").exists() && !desk.path("acted").exists(), "{before:?}");
    }
}

#[test]
fn an_effect_that_failed_twice_is_undone_once() {
    let slow = "  slow: { needs: [], do: sleep, with: { for: 30s } }\n";
    let desk = Desk::new(&format!("{HALF_DONE}{slow}"));
    let mut run = Watched::start(desk.run());
    run.until("finished", "half_done");
    desk.say(&["retry", "half_done", "--why", "a test"]).exits(0);
    run.until("finished", "half_done");
    desk.say(&["abort"]).exits(0);
    let (code, _, events) = run.end();
    let undos = events.iter().filter(|seen| seen["what"]["event"] == "started" && seen["what"]["phase"] == "undo");
    assert_eq!((code, undos.count()), (3, 1));
    desk.say(&["verify"]).exits(0);
}

#[test]
fn the_items_of_a_fan_out_that_waits_are_undone_and_those_that_ended_well_not_done_again() {
    let desk = Desk::new(ITEMS);
    fs::create_dir(desk.path("acted no")).unwrap();
    finished(desk.run().output().unwrap()).exits(5);
    fs::remove_file(desk.path("one")).unwrap();
    desk.say(&["resume"]).exits(5);
    assert!(!desk.path("one").exists(), "the first item was done again");
    desk.say(&["abort"]).exits(3);
    for item in ["one", "no/such"] {
        assert!(!desk.path(&format!("acted {item}")).exists(), "{item} was not undone");
    }
}

#[test]
fn an_undo_is_not_late_because_nobody_was_there_to_do_it() {
    let undo = "undo: { do: sleep, with: { for: 1s }, timeout: 2s }";
    let changed = format!("  changed: {{ do: exec, with: {{ argv: [touch, $FOLDER/acted] }}, {undo} }}\n");
    let fails = "  fails: { do: assert, with: { that: \"${false}\", message: no } }\n";
    let desk = Desk::new(&format!("{changed}{fails}"));
    let mut run = Watched::start(desk.run());
    run.until("finished", "fails");
    run.until("started", "changed");
    run.killed();
    assert!(Command::new("sleep").arg("3").status().unwrap().success());
    desk.say(&["resume"]).exits(3).says("✓ undo changed");
}

/// The runbook inside waits for a person while a fan-out beside it is at its first item.
const BESIDE: &str = "  outer: { do: ./inner.yaml }
  each: { needs: [], foreach: '[\"0\", \"1\", \"2\"]', do: sleep, with: { for: 300ms } }
";

#[test]
fn a_run_pauses_beside_a_fan_out_that_has_items_left() {
    let desk = Desk::new(BESIDE);
    let inner = "  check: { on_failure: pause, do: exec, with: { argv: [test, -e, $FOLDER/ready], observes: true } }";
    let inner = inner.replace("$FOLDER", desk.path("").to_str().unwrap());
    fs::write(desk.path("inner.yaml"), format!("titan: 1\nrunbook: inner\nsteps:\n{inner}\n")).unwrap();
    let (code, ended, _) = Watched::start(desk.run()).end();
    assert_eq!((code, ended["cause"]["step"].as_str()), (5, Some("outer/check")), "{ended}");
    fs::write(desk.path("ready"), "").unwrap();
    desk.say(&["resume"]).exits(0);
}
