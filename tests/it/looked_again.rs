//! What was seen before a run waited, for another runner or for a person, is looked at again before a
//! gate is opened: somebody may have changed it meanwhile. On a served Titan.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::closing::BEFORE;
use crate::stage::{Stage, Watched};
use crate::tool::{command, finished};

/// Deploys and verifies the pair, waits for a flag, and opens the gate.
const OPENS: &str = "titan: 1
runbook: opens
BEFORE  close: { do: disarm, with: { gate: execution, reason: forth } }
PAIRLOOK  flag: { do: exec, with: { argv: [test, -e, FLAG], observes: true }, retry: { on: [exit], attempts: 600, every: 100ms }, timeout: 2m }
  # titan: allow(arm-unobserved) a test
  arm:
    do: arm
    with: { gate: execution, reason: forth }
    undo: { do: disarm, with: { gate: execution, reason: back } }
ensure:
  known: { do: gate_state, with: { gate: execution }, timeout: 1m }
";

/// Where the file is that both wait for.
pub const FLAG: &str = "flag";

/// Deploys and verifies the pair, and brings back what was.
const PAIR: &str = "  pair:
    do: std/deploy_pair
    with: { execution: '${params.version}', brain: '${params.version}', expected: '${expected}' }
    undo:
      do: std/deploy_pair
      with: { execution: '${steps.old_execution.out.version}', brain: '${steps.old_brain.out.version}', expected: '${steps.before.out.hash}' }
";

/// A runbook with what every one begins with, the pair, and where its flag is.
pub fn filled(folder: &Path, text: &str) -> String {
    text.replace("BEFORE", BEFORE).replace("PAIR", PAIR).replace("FLAG", folder.join(FLAG).to_str().unwrap())
}

/// Writes the runbook with a look.
fn written_opening(folder: &Path, look: &str) -> PathBuf {
    let path = folder.join("opens.yaml");
    fs::write(&path, filled(folder, &OPENS.replace("LOOK", look))).unwrap();
    path
}

/// What the linter wants after the last deploy.
const SAME: &str = "  same: { do: expect_hash, with: { service: execution, expected: '${expected}' } }\n";

/// Starts a run of the runbook that is written into the folder.
pub fn started(stage: &Stage, runbook: impl Fn(&Path) -> PathBuf) -> Watched {
    let mut run = command(&["run", "--confirm", "all", "--target"]);
    run.arg(stage.target()).arg(runbook(stage.folder.path())).env("TITAN_RUNS", stage.runs());
    Watched::start(run)
}

/// A run whose runner was killed.
pub struct Killed {
    pub stage: Stage,
}

impl Killed {
    /// Between what it looks at and its arming.
    fn with_look(look: &str) -> Self {
        Self::at("retrying", "flag", |folder| written_opening(folder, look))
    }

    /// Once an event of a step came; the runbook is written into the folder that it gets, and what it
    /// waits for is there afterwards.
    pub fn at(event: &str, step: &str, runbook: impl Fn(&Path) -> PathBuf) -> Self {
        let stage = Stage::new(&[]);
        let mut run = started(&stage, runbook);
        run.until(event, step);
        run.killed();
        fs::write(stage.folder.path().join(FLAG), "").unwrap();
        Self { stage }
    }

    /// Has somebody deploy another version of a service meanwhile.
    pub fn and_deployed(self, service: &str, version: &str) -> Self {
        let path = self.stage.folder.path().join("by-hand.yaml");
        let step = format!("do: deploy, with: {{ service: {service}, version: '{version}' }}, no_undo: a test");
        let text = format!(
            "titan: 1\nrunbook: by-hand\nsteps:\n  # titan: allow(one-sided-deploy, deploy-while-armed, gate-unknown-at-end) a test\n  deploy: {{ {step} }}\n"
        );
        fs::write(&path, text).unwrap();
        let mut deploy = command(&["run", "--target"]);
        deploy.arg(self.stage.target()).arg(path).env("TITAN_RUNS", self.stage.folder.path().join("other"));
        finished(deploy.output().unwrap()).exits(0);
        self
    }

    /// Has it rolled back because of what a step had seen; nothing was opened.
    fn is_refused_by(&self, look: &str, says: &str) {
        let (code, ended, events) = self.stage.resumed().end();
        assert_eq!((code, &ended["ending"]), (3, &Value::from("rolled_back")), "{ended}");
        assert!(ended["cause"].to_string().contains("is not so any more"), "{ended}");
        let is_told = |(step, failure): &(String, Option<String>)| {
            step == look && failure.as_ref().is_some_and(|message| message.contains(says))
        };
        assert!(looked_again(&events).iter().any(is_told), "{events:#?}");
        assert!(!events.iter().any(|event| event["what"]["event"] == "remembered" && event["what"]["step"] == "arm"));
        self.stage.is("1.0.0", false);
    }
}

/// What still counts when the gate is opened: the last look at each thing.
const STANDING: [&str; 3] = ["pair/handshake_counted", "pair/promoted_once", "same"];

/// The steps whose looks were done again, in order, and how they are not as they were.
pub fn looked_again(events: &[Value]) -> Vec<(String, Option<String>)> {
    let again = events.iter().map(|event| &event["what"]).filter(|what| what["event"] == "looked_again");
    let told = |what: &Value| what["failure"]["message"].as_str().map(str::to_owned);
    let mut again: Vec<_> = again.map(|what| (what["step"].as_str().unwrap().to_owned(), told(what))).collect();
    again.sort();
    again
}

#[test]
fn what_still_holds_is_told_and_the_gate_is_opened() {
    let killed = Killed::with_look(SAME);
    let (code, ended, events) = killed.stage.resumed().end();
    assert_eq!(code, 0, "{ended}");
    assert_eq!(looked_again(&events), STANDING.map(|step| (step.to_owned(), None)));
    killed.stage.is("2.0.0", true);
    let about = |words: &[&str]| finished(killed.stage.about_run(words).output().unwrap()).exits(0);
    about(&["replay"]).says("same").says("looked at again: still so");
    about(&["show"]).says("same was looked at again");
    about(&["verify"]);
    about(&["why", "same"]).says("ok");
}

#[test]
fn a_runner_that_dies_as_it_looks_again_leaves_that_to_the_next() {
    let killed = Killed::with_look(SAME);
    let mut second = killed.stage.resumed();
    second.until("looked_again", "same");
    second.killed();
    let (code, ended, events) = killed.stage.resumed().end();
    assert!(code == 0 && looked_again(&events).contains(&("same".to_owned(), None)), "{ended}");
}

#[test]
fn a_service_that_was_deployed_meanwhile_is_not_armed() {
    Killed::with_look(SAME).and_deployed("execution", "1.0.0").is_refused_by("same", "expected");
}

#[test]
fn a_brain_that_was_deployed_meanwhile_is_not_armed() {
    let look = "  shaken:
    do: wait_metric
    with: { service: brain, metric: handshake_success }
    until: out.value >= 1
    timeout: 10s
";
    let killed = Killed::with_look(&format!("{look}{SAME}")).and_deployed("brain", "1.0.0");
    killed.is_refused_by("shaken", "in time this never held");
}

#[test]
fn what_was_read_and_asserted_is_read_again() {
    let look = "  read: { do: service_version, with: { service: brain } }
  asserted: { do: assert, with: { that: '${steps.read.out.version == params.version}' } }
";
    let killed = Killed::with_look(&format!("{look}{SAME}")).and_deployed("brain", "1.0.0");
    killed.is_refused_by("read", "it is 1.0.0, and was 2.0.0");
}

#[test]
fn what_a_script_has_seen_is_looked_at_again() {
    let look = "  read:
    needs: [same]
    do: script
    with: { code: 'expect_hash(#{ service: \"execution\", expected: expected }); exec(#{ argv: [\"true\"] }); disarm(#{ gate: \"execution\", reason: \"still\" })' }
    no_undo: It leaves the gate closed.
";
    let look = &format!("{SAME}{look}");
    Killed::with_look(look).and_deployed("execution", "1.0.0").is_refused_by("read", "expected");
}

#[test]
fn a_gate_that_may_be_open_is_closed_before_anything_is_looked_at() {
    let killed = Killed::at("remembered", "arm", |folder| {
        fs::write(folder.join(FLAG), "").unwrap();
        written_opening(folder, SAME)
    });
    let killed = killed.and_deployed("execution", "1.0.0");
    killed.is_refused_by("same", "expected");
    let told = finished(killed.stage.about_run(&["show"]).output().unwrap()).exits(0);
    assert!(told.out.contains("arm ended failed") && !told.out.contains("in_doubt"), "{}", told.out);
}

#[test]
fn what_was_seen_before_a_person_was_asked_is_looked_at_again() {
    let stage = Stage::new(&[]);
    let asks = "  sure: { needs: [same], do: confirm, with: { items: { go: 'Open it?' } } }\n";
    let run = started(&stage, |folder| {
        fs::write(folder.join(FLAG), "").unwrap();
        written_opening(folder, &format!("{SAME}{asks}"))
    });
    let (code, ended, events) = run.end();
    assert_eq!(code, 0, "{ended}");
    assert_eq!(looked_again(&events), STANDING.map(|step| (step.to_owned(), None)));
}

#[test]
fn what_was_seen_before_a_person_had_a_step_done_again_is_looked_at_again() {
    let stage = Stage::new(&[]);
    let there = stage.folder.path().join("there");
    let waits = format!(
        "  waits: {{ needs: [same], do: exec, with: {{ argv: [test, -e, {}], observes: true }}, on_failure: pause }}\n",
        there.display()
    );
    let meanwhile = "  meanwhile: { needs: [same], do: exec, with: { argv: [test, -e, FLAG], observes: true }, retry: { on: [exit], attempts: 600, every: 100ms }, timeout: 2m }\n";
    let mut run = started(&stage, |folder| written_opening(folder, &format!("{SAME}{waits}{meanwhile}")));
    run.until("finished", "waits");
    fs::write(there, "").unwrap();
    finished(stage.about_run(&["retry", "waits", "--why", "it is there"]).output().unwrap()).exits(0);
    run.until("finished", "waits");
    fs::write(stage.folder.path().join(FLAG), "").unwrap();
    let (code, ended, events) = run.end();
    assert_eq!(code, 0, "{ended}");
    assert_eq!(looked_again(&events), STANDING.map(|step| (step.to_owned(), None)));
}

/// What a runbook used as an action looks at.
const LOOKS: &str = "titan: 1
runbook: looks
steps:
  read: { do: service_version, with: { service: brain }, expect: 'out.version == \"2.0.0\"' }
";

#[test]
fn what_a_runbook_has_seen_that_changes_nothing_is_looked_at_again() {
    let killed = Killed::at("retrying", "flag", |folder| {
        fs::write(folder.join("looks.yaml"), LOOKS).unwrap();
        written_opening(folder, &format!("{SAME}  looks: {{ do: ./looks.yaml }}\n"))
    });
    let (code, ended, events) = killed.stage.resumed().end();
    assert_eq!(code, 0, "{ended}");
    assert!(looked_again(&events).contains(&("looks/read".to_owned(), None)), "{events:#?}");
}

#[test]
fn what_was_seen_before_a_person_went_on_without_a_step_is_looked_at_again() {
    let stage = Stage::new(&[]);
    let waits = "  waits: { needs: [same], may_skip: true, do: sleep, with: { for: 2m } }
  note: { needs: { waits: done }, do: note, with: { text: somebody has gone on } }
";
    let mut run = started(&stage, |folder| {
        fs::write(folder.join(FLAG), "").unwrap();
        written_opening(folder, &format!("{SAME}{waits}"))
    });
    run.until("started", "waits");
    finished(stage.about_run(&["skip", "waits", "--why", "no need"]).output().unwrap()).exits(0);
    let (code, ended, events) = run.end();
    assert_eq!(code, 0, "{ended}");
    assert_eq!(looked_again(&events), STANDING.map(|step| (step.to_owned(), None)));
}

#[test]
fn what_fails_by_itself_needs_no_guard_to_be_looked_at_again() {
    let program = "  program: { do: exec, with: { argv: [test, '!', -e, FLAG-x], observes: true } }\n";
    let killed = Killed::with_look(&format!("{SAME}{program}"));
    fs::write(killed.stage.folder.path().join(format!("{FLAG}-x")), "").unwrap();
    killed.is_refused_by("program", "ended with code 1");
}

/// A version that is to be so, and a person who is asked before it is read once more.
const READ_ONCE_MORE: &str =
    "  so: { do: service_version, with: { service: brain }, expect: 'out.version == \"2.0.0\"' }
  sure: { do: confirm, with: { items: { go: 'Open it?' } } }
  told: { do: service_version, with: { service: brain } }
";

#[test]
fn what_was_to_be_so_is_not_over_once_it_is_only_read() {
    let stage = Stage::new(&[]);
    let run = started(&stage, |folder| {
        fs::write(folder.join(FLAG), "").unwrap();
        written_opening(folder, &format!("{SAME}{READ_ONCE_MORE}"))
    });
    let (code, ended, events) = run.end();
    assert_eq!(code, 0, "{ended}");
    assert!(looked_again(&events).contains(&("so".to_owned(), None)), "{events:#?}");
}

/// A program that fails at every other call.
const FLAKY: &str = "#!/bin/sh
if [ -e \"$0.went\" ]; then rm \"$0.went\"; exit 0; fi
touch \"$0.went\"
exit 1
";

#[test]
fn what_its_step_tries_again_is_tried_again() {
    let killed = Killed::at("retrying", "flag", |folder| {
        let flaky = folder.join("flaky");
        fs::write(&flaky, FLAKY).unwrap();
        fs::set_permissions(&flaky, fs::Permissions::from_mode(0o755)).unwrap();
        let look = format!(
            "  flaky: {{ do: exec, with: {{ argv: [{}], observes: true }}, retry: {{ on: [exit], attempts: 2, every: 1s }} }}\n",
            flaky.display()
        );
        written_opening(folder, &format!("{SAME}{look}"))
    });
    let (code, ended, events) = killed.stage.resumed().end();
    assert_eq!(code, 0, "{ended}");
    assert!(looked_again(&events).contains(&("flaky".to_owned(), None)), "{events:#?}");
}
