//! Runs that stand still for a person: each pauses once nothing else is under way, nothing goes on
//! that nobody spoke of, and the next runner sees what the one before it saw.

use std::fs;
use std::process::Command;

use crate::desk::Desk;
use crate::stage::{Watched, signal};

/// A desk with a second runbook, `inner.yaml`.
fn with_inner(steps: &str, inner: &str) -> Desk {
    let desk = Desk::new(steps);
    let inner = inner.replace("$FOLDER", desk.path("").to_str().unwrap());
    fs::write(desk.path("inner.yaml"), format!("titan: 1\nrunbook: inner\n{inner}")).unwrap();
    desk
}

impl Desk {
    /// Has the target deploy one service, by a shell's words.
    fn deploys(&self, how: &str) {
        let target = format!(
            "titan: 1
target: here
services:
  execution:
    deploy: [sh, -c, '{how}', sh, '{{version}}']
    version: [cat, FOLDER/version]
    version_pattern: '^(?<version>[a-z]+)'
"
        );
        let folder = self.path("");
        fs::write(self.path("here.yaml"), target.replace("FOLDER", folder.to_str().unwrap())).unwrap();
        fs::write(self.path("version"), "old\n").unwrap();
    }
}

fn told(desk: &Desk) -> String {
    fs::read_to_string(desk.path("log")).unwrap_or_default().replace('\n', " ")
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

/// The first item fails and waits; the others go well.
const EACH: &str = "  each:
    foreach: '[\"0\", \"1\", \"2\", \"3\"]'
    max_parallel: 2
    do: ./inner.yaml
    with: { item: '${item}' }
";

const ITEM: &str = "params: { item: { type: text } }
steps:
  slow: { do: sleep, with: { for: '${if params.item == \"0\" { duration(\"0s\") } else { duration(\"500ms\") }}' } }
  change:
    on_failure: pause
    do: exec
    with: { argv: [sh, -c, 'cd $FOLDER; echo did $1 >> log; test $1 != 0 || test -e ready', sh, '${params.item}'] }
    undo: { do: exec, with: { argv: [sh, -c, 'echo undid $1 >> $FOLDER/log', sh, '${params.item}'] } }
";

#[test]
fn a_run_pauses_when_the_last_item_beside_one_that_waits_has_ended() {
    let desk = with_inner(EACH, ITEM);
    let (code, ended, _) = Watched::start(desk.run()).end();
    assert_eq!((code, ended["cause"]["step"].as_str()), (5, Some("each[0]/change")), "{ended}");
    fs::write(desk.path("ready"), "").unwrap();
    desk.say(&["resume"]).exits(0);
    assert_eq!(told(&desk).matches("did ").count(), 5, "{}", told(&desk));
}

/// Two steps fail and wait, the second while an item of it is at its second try.
const TWO: &str = "  first: { needs: [], on_failure: pause, do: exec, with: { argv: [sh, -c, 'cd $FOLDER; test ! -e ready || exec sleep 30; exit 1'], observes: true } }
  each:
    needs: []
    foreach: '[\"0\", \"1\"]'
    max_parallel: 2
    on_failure: pause
    retry: { on: [exit], attempts: 2, every: 100ms }
    do: exec
    idempotent: true
    with: { argv: [sh, -c, 'cd $FOLDER; echo did $1 >> log; test ! -e ready || exec sleep $1; if test $1 = 0; then sleep 0.5; elif test -e second; then exec sleep 30; else touch second; fi; exit 1', sh, '${item}'] }
    undo: { do: exec, with: { argv: [sh, -c, 'echo undid $1 >> $FOLDER/log', sh, '${item}'] } }
";

#[test]
fn a_fan_out_can_be_retried_in_a_run_that_was_resumed_for_another_step() {
    let desk = Desk::new(TWO);
    assert_eq!(Watched::start(desk.run()).end().0, 5);
    fs::write(desk.path("ready"), "").unwrap();
    let mut run = Watched::start(desk.about(&["resume"]));
    run.until("started", "first");
    desk.say(&["retry", "each", "--why", "a test"]).exits(0);
    run.until("finished", "each[0]");
    run.until("finished", "each[1]");
    desk.say(&["abort"]).exits(0);
    let (code, ended, _) = run.end();
    assert_eq!((code, told(&desk).matches("undid ").count()), (3, 2), "{ended}");
    desk.say(&["verify"]).exits(0);
}

const TWO_WATCHES: &str = "  first: { do: note, with: { text: x } }
  slow: { do: sleep, with: { for: 2s } }
  last: { do: note, with: { text: x } }
watch:
  one: &
  two: &
";

#[test]
fn a_run_with_two_watches_that_pause_it_goes_on_after_a_breach_of_one() {
    let watch = "\n    from: first\n    do: exec\n    with: { argv: [cat, $FOLDER/WHICH], observes: true }\n    every: 200ms\n    breach_when: out.stdout != \"\"\n    on_breach: pause";
    let desk = Desk::new(
        &TWO_WATCHES
            .replace("one: &", &format!("one:{}", watch.replace("WHICH", "one")))
            .replace("two: &", &format!("two:{}", watch.replace("WHICH", "two"))),
    );
    ["one", "two"].iter().for_each(|name| fs::write(desk.path(name), "").unwrap());
    let mut run = Watched::start(desk.run());
    run.until("started", "slow");
    fs::write(desk.path("one"), "bad").unwrap();
    assert_eq!(run.end().0, 5);
    fs::write(desk.path("one"), "").unwrap();
    desk.say(&["resume"]).exits(0).says("watch one is live").says("watch two is live");
}

#[test]
fn a_runbook_in_which_a_watch_paused_the_run_is_not_late() {
    let inner = "steps:
  first: { do: note, with: { text: x } }
  slow: { do: sleep, with: { for: 1s } }
  last: { do: sleep, with: { for: 300ms } }
watch:
  sees:
    from: first
    do: exec
    with: { argv: [cat, $FOLDER/ready], observes: true }
    every: 200ms
    breach_when: out.stdout != \"\"
    on_breach: pause
";
    let desk = with_inner("  outer: { do: ./inner.yaml, timeout: 3s }\n", inner);
    fs::write(desk.path("ready"), "").unwrap();
    let mut run = Watched::start(desk.run());
    run.until("started", "outer/slow");
    fs::write(desk.path("ready"), "bad").unwrap();
    assert_eq!(run.end().0, 5);
    fs::write(desk.path("ready"), "").unwrap();
    Command::new("sleep").arg("2.5").status().unwrap();
    desk.say(&["resume"]).exits(0);
}

/// A script goes on though its deploy failed; the undo deploys only over what is in doubt.
const SCRIPT: &str = "  # titan: allow(effect-failure-ignored) what the undo sees of it is looked at
  change:
    do: script
    with: { code: 'try { deploy(\"execution\", \"new\"); } catch (failure) { } #{}' }
    undo: { when: steps.change.status == \"in_doubt\", do: deploy, with: { service: execution, version: old } }
  slow: { do: sleep, with: { for: 30s } }
";

/// Has a run roll back: itself, or the runner after it.
fn rolled_back_by(how: &str, desk: &Desk, run: Watched) {
    if how == "KILL" {
        run.killed();
        desk.say(&["abort"]).exits(3);
    } else {
        signal(how, run.process());
        assert_eq!(run.end().0, 3);
    }
}

#[test]
fn a_script_that_went_on_after_a_failed_deploy_is_in_doubt_for_the_next_runner_too() {
    for how in ["INT", "KILL"] {
        let desk = Desk::new(SCRIPT);
        desk.deploys("cd FOLDER; echo did $1 >> log; test $1 != new; echo $1 > version; test $1 != new");
        let mut run = Watched::start(desk.run());
        run.until("started", "slow");
        rolled_back_by(how, &desk, run);
        assert_eq!(told(&desk), "did new did old ", "{how}");
    }
}

#[test]
fn a_step_that_was_skipped_while_it_waited_is_skipped_for_the_undos_of_either_runner() {
    let steps = "  change:
    do: exec
    with: { argv: [touch, $FOLDER/acted] }
    undo: { when: steps.check.status == \"skipped\", do: exec, idempotent: true, with: { argv: [sh, -c, 'echo undid >> $FOLDER/log'] } }
  check: { needs: [], may_skip: true, on_failure: pause, do: assert, with: { that: false } }
  slow: { needs: [], do: sleep, with: { for: 30s } }
";
    for how in ["INT", "KILL"] {
        let desk = Desk::new(steps);
        let mut run = Watched::start(desk.run());
        run.until("finished", "check");
        run.until("finished", "change");
        desk.say(&["skip", "check", "--why", "a test"]).exits(0);
        run.until("skipped", "check");
        rolled_back_by(how, &desk, run);
        assert_eq!(told(&desk), "undid ", "{how}");
    }
}

/// A watch that sees nothing wrong while its file is empty.
const SEES: &str = "watch:
  sees:
    from: first
    do: exec
    with: { argv: [cat, $FOLDER/seen], observes: true }
    every: 100ms
    breach_when: out.stdout != \"\"
";

#[test]
fn a_runbook_with_a_watch_can_be_done_again() {
    let inner = format!(
        "steps:
  first: {{ do: note, with: {{ text: x }} }}
  change: {{ idempotent: true, no_undo: A test., do: exec, with: {{ argv: [sh, -c, 'cd $FOLDER; test -e tried || {{ touch tried; exit 1; }}'] }} }}
{SEES}"
    );
    let slow = "  slow: { needs: [], do: sleep, with: { for: 1s } }\n";
    let outer = |more: &str| format!("  outer: {{ idempotent: true, do: ./inner.yaml, {more} }}\n");
    let by_itself = with_inner(&outer("retry: { on: [exit], attempts: 2, every: 10ms }"), &inner);
    let by_a_person = with_inner(&format!("{}{slow}", outer("on_failure: pause")), &inner);
    for desk in [&by_itself, &by_a_person] {
        fs::write(desk.path("seen"), "").unwrap();
    }
    assert_eq!(Watched::start(by_itself.run()).end().0, 0);
    let mut run = Watched::start(by_a_person.run());
    run.until("finished", "outer");
    by_a_person.say(&["retry", "outer", "--why", "a test"]).exits(0);
    assert_eq!(run.end().0, 0);
    fs::remove_file(by_a_person.path("tried")).unwrap();
    let mut run = Watched::start(by_a_person.run());
    run.until("finished", "slow");
    assert_eq!(run.end().0, 5);
    by_a_person.say(&["resume"]).exits(0).says("watch outer/sees is live");
}

#[test]
fn a_runbook_with_a_watch_can_undo_itself() {
    let inner = format!(
        "params: {{ what: {{ type: text }} }}
steps:
  first: {{ no_undo: A test., idempotent: true, do: exec, with: {{ argv: [sh, -c, 'cd $FOLDER; echo $1 >> log', sh, '${{params.what}}'] }} }}
  slow: {{ do: sleep, with: {{ for: 500ms }} }}
{SEES}"
    );
    let steps = "  outer: { idempotent: true, do: ./inner.yaml, with: { what: did }, undo: { idempotent: true, do: ./inner.yaml, with: { what: undid } } }
  fails: { do: assert, with: { that: false } }\n";
    for dies in [false, true] {
        let desk = with_inner(steps, &inner);
        fs::write(desk.path("seen"), "").unwrap();
        let mut run = Watched::start(desk.run());
        run.until("rollback_started", "");
        if dies {
            run.until("started", "outer/slow");
            run.killed();
            desk.say(&["resume"]).exits(3);
        } else {
            assert_eq!(run.end().0, 3);
        }
        assert_eq!(told(&desk), "did undid ");
    }
}

#[test]
fn a_runbook_with_a_watch_can_be_an_ensure_of_each_runner() {
    let inner = format!("steps:\n  first: {{ do: note, with: {{ text: x }} }}\n{SEES}");
    let steps = "  change: { no_undo: A test., idempotent: true, do: exec, with: { argv: [touch, $FOLDER/acted] } }
  look: { do: ./inner.yaml }
  fails: { on_failure: pause, do: exec, with: { argv: [test, -e, $FOLDER/ready], observes: true } }
ensure:
  look: { do: ./inner.yaml }\n";
    let desk = with_inner(steps, &inner);
    fs::write(desk.path("seen"), "").unwrap();
    assert_eq!(Watched::start(desk.run()).end().0, 5);
    fs::write(desk.path("ready"), "").unwrap();
    desk.say(&["resume"]).exits(0);
    desk.say(&["verify"]).exits(0);
}

#[test]
fn a_watch_looks_on_while_the_step_it_ends_with_is_done_again() {
    let steps = format!(
        "  first: {{ do: note, with: {{ text: x }} }}
  last: {{ on_failure: pause, may_skip: true, do: exec, with: {{ observes: true, argv: [sh, -c, 'cd $FOLDER; test -e ready || exit 1; echo bad > seen; exec sleep 30'] }} }}
  slow: {{ needs: [], do: sleep, with: {{ for: 2s }} }}
{SEES}    to: last\n"
    );
    for verb in ["retry", "skip"] {
        let desk = Desk::new(&steps);
        fs::write(desk.path("seen"), "").unwrap();
        let mut run = Watched::start(desk.run());
        run.until("finished", "last");
        fs::write(desk.path("ready"), "").unwrap();
        desk.say(&[verb, "last", "--why", "a test"]).exits(0);
        if verb == "skip" {
            run.until("watch_ended", "");
            fs::write(desk.path("seen"), "bad").unwrap();
        }
        assert_eq!(run.end().0, if verb == "skip" { 0 } else { 1 }, "{verb}");
    }
}

#[test]
fn an_ensure_of_a_run_that_pauses_as_it_is_resumed_sees_what_was_done_before() {
    let desk = Desk::new(
        "  first: { no_undo: A test., idempotent: true, do: exec, with: { argv: [touch, $FOLDER/x] } }
  change: { no_undo: A test., do: exec, with: { argv: [sleep, \"30\"] } }
ensure:
  done: { when: steps.first.status == \"ok\", do: note, with: { text: done } }
  doubt: { when: steps.change.status == \"in_doubt\", do: note, with: { text: doubt } }
",
    );
    let mut run = Watched::start(desk.run());
    run.until("started", "change");
    run.killed();
    desk.say(&["resume"]).exits(5).says("ensure done").says("ensure doubt");
    desk.say(&["abort"]).exits(4).says("find out whether `change` took effect");
}

#[test]
fn a_script_whose_runner_died_between_its_calls_stands_as_in_one_whose_runner_lived() {
    let steps = "  change:
    do: script
    with: { code: 'deploy(\"execution\", \"new\"); sleep(\"1s\"); #{}' }
    undo: { when: steps.change.status == \"in_doubt\", do: deploy, with: { service: execution, version: old } }
  slow: { do: sleep, with: { for: 30s } }
";
    for dies in [false, true] {
        let desk = Desk::new(steps);
        desk.deploys("cd FOLDER; echo did $1 >> log; echo $1 > version");
        let mut run = Watched::start(desk.run());
        run.until("call_finished", "change");
        if dies {
            run.killed();
            run = Watched::start(desk.about(&["resume"]));
        }
        run.until("started", "slow");
        desk.say(&["abort"]).exits(0);
        assert_eq!((run.end().0, &*told(&desk)), (3, "did new "), "{dies}");
    }
}

#[test]
fn an_item_that_ended_well_is_not_done_again_after_another_failed_at_once() {
    let slow = "  slow: { needs: [], do: sleep, with: { for: 30s } }\n";
    let desk = Desk::new(&format!(
        "  each:
    needs: []
    foreach: '[\"0\", \"1\"]'
    max_parallel: 2
    on_failure: pause
    do: exec
    with: {{ observes: true, argv: ['$FOLDER/program${{item}}'] }}
{slow}"
    ));
    let copies = |program: &str, to: &str| {
        Command::new("cp").arg(program).arg(desk.path(to)).status().unwrap();
    };
    fs::write(desk.path("slow"), "#!/bin/sh\nsleep 0.3\nexit 1\n").unwrap();
    Command::new("chmod").arg("+x").arg(desk.path("slow")).status().unwrap();
    let slow = desk.path("slow");
    copies(slow.to_str().unwrap(), "program0");
    copies("/bin/true", "program1");
    let mut run = Watched::start(desk.run());
    run.until("finished", "each[0]");
    fs::remove_file(desk.path("program0")).unwrap();
    desk.say(&["retry", "each", "--why", "a test"]).exits(0);
    run.until("finished", "each[0]");
    copies("/bin/true", "program0");
    desk.say(&["retry", "each", "--why", "a test"]).exits(0);
    run.until("finished", "each[0]");
    desk.say(&["abort"]).exits(0);
    let (_, ended, events) = run.end();
    let begun = events.iter().filter(|event| event["what"]["event"] == "started" && event["what"]["step"] == "each[1]");
    assert_eq!((ended["cause"]["request"].as_str(), begun.count()), (Some("abort"), 1), "{ended}");
}
