//! Steps that failed and wait for a person, in the runbook itself and in one used as an action:
//! what is asked reaches the one that was meant, and nothing else is begun meanwhile.

use std::fs;
use std::process::{Command, Stdio};

use crate::desk::Desk;
use crate::stage::{Part, Watched, signal, wait_for};

/// A step that fails until its file is there, and its undo.
fn flaky(name: &str) -> String {
    format!(
        "  {name}:
    needs: []
    on_failure: pause
    do: exec
    with: {{ argv: [sh, -c, 'cd $FOLDER; echo did {name} >> log; test -e {name}'] }}
    undo: {{ do: exec, with: {{ argv: [sh, -c, 'echo undid {name} >> $FOLDER/log'] }} }}
"
    )
}

impl Desk {
    /// A desk whose step `outer` is a runbook.
    fn around(steps: &str, inner: &str) -> Self {
        let desk = Self::new(&format!("{steps}  outer: {{ needs: [], do: ./inner.yaml }}\n"));
        let inner = inner.replace("$FOLDER", desk.path("").to_str().unwrap());
        fs::write(desk.path("inner.yaml"), format!("titan: 1\nrunbook: inner\nsteps:\n{inner}")).unwrap();
        desk
    }

    fn told(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default().replace('\n', " ")
    }

    /// Lets steps go well.
    fn lets(&self, names: &[&str]) {
        names.iter().for_each(|name| fs::write(self.path(name), "").unwrap());
    }
}

const SLOW: &str = "  slow: { needs: [], do: sleep, with: { for: 30s } }\n";

#[test]
fn a_retry_reaches_the_step_it_names_where_others_wait_too() {
    let desk = Desk::around(&flaky("mine"), &format!("{}{SLOW}", flaky("theirs")));
    let mut run = Watched::start(desk.run());
    run.until("finished", "outer/theirs");
    desk.lets(&["mine", "theirs"]);
    desk.say(&["retry", "mine", "--why", "a test"]).exits(0);
    run.until("finished", "mine");
    desk.say(&["retry", "outer/theirs", "--why", "a test"]).exits(0);
    run.until("finished", "outer/theirs");
    desk.say(&["abort"]).exits(0);
    assert_eq!(run.end().0, 3);
    assert_eq!(desk.told().matches("did mine").count(), 3, "{}", desk.told());
    assert_eq!(desk.told().matches("undid ").count(), 2, "{}", desk.told());
}

#[test]
fn a_step_that_is_retried_begins_though_another_waits() {
    let desk = Desk::new(&format!("{}{}{SLOW}", flaky("one"), flaky("other")));
    let mut run = Watched::start(desk.run());
    let first = run.until_one("finished", &["one", "other"]);
    run.until("finished", ["other", "one"][first]);
    desk.lets(&["one"]);
    desk.say(&["retry", "one", "--why", "a test"]).exits(0);
    run.until("finished", "one");
    desk.say(&["abort"]).exits(0);
    assert_eq!(run.end().0, 3);
}

#[test]
fn a_failed_step_that_waits_is_told_with_what_lets_it_go_on() {
    let looks = "  looks: { needs: [], on_failure: pause, may_skip: true, do: assert, with: { that: false } }\n";
    let desk = Desk::around(&format!("{looks}{}", flaky("mine")), &format!("{}{SLOW}", flaky("theirs")));
    let run = desk.run().stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut run = Part(run);
    let wanted = [
        "--why WHY` does it again, `titan-run skip ",
        " mine --why WHY` does it again",
        " outer/theirs --why WHY` does it again",
    ];
    let told = wait_for(run.0.stdout.take().unwrap(), &wanted);
    assert!(told[0].contains(&format!(
        "looks                            waits for a person: `titan-run retry {} looks",
        desk.id()
    )));
    assert!(!told[1].contains("skip") && !told[2].contains("skip"), "{told:?}");
}

/// An item that fails until its folder is there, and others that go well.
const ITEMS: &str = r#"  each:
    needs: []
    foreach: '["1", "2", "3"]'
    max_parallel: 1
    on_failure: pause
    do: exec
    with: { argv: [sh, -c, 'cd $FOLDER; echo did $1 >> log; test $1 != 2 || test -e ready', sh, '${item}'] }
    undo: { do: exec, with: { argv: [sh, -c, 'echo undid $1 >> $FOLDER/log', sh, '${item}'] } }
"#;

#[test]
fn a_fan_out_that_is_retried_does_again_what_failed_and_once() {
    let desk = Desk::new(&format!("{ITEMS}{SLOW}"));
    let mut run = Watched::start(desk.run());
    run.until("finished", "each[1]");
    desk.say(&["retry", "each[1]", "--why", "x"])
        .exits(1)
        .complains("`each[1]` is one item; `titan-run retry RUN each`");
    desk.lets(&["ready"]);
    desk.say(&["retry", "each", "--why", "x"]).exits(0);
    run.until("finished", "each[2]");
    desk.say(&["retry", "each", "--why", "x"]).exits(1).complains("did not fail and wait");
    desk.say(&["abort"]).exits(0);
    assert_eq!(run.end().0, 3);
    assert_eq!(desk.told(), "did 1 did 2 did 2 did 3 undid 3 undid 2 undid 1 ");
    desk.say(&["verify"]).exits(0);
    let desk = Desk::new(&flaky("mine"));
    assert_eq!(Watched::start(desk.run()).end().0, 5);
    desk.say(&["retry", "mine", "--why", "x"]).exits(0);
    desk.say(&["retry", "mine", "--why", "x"]).exits(1).complains("`mine` is to be done again already");
}

#[test]
fn a_failure_inside_a_runbook_that_says_pause_pauses_the_run() {
    let inner = format!("{}  last: {{ do: note, with: {{ text: x }} }}\n", flaky("theirs"));
    let after = "  after: { needs: [outer], do: note, with: { text: x } }\n";
    for (more, log) in [("true", "did theirs did theirs "), ("false", "did theirs did theirs undid theirs ")] {
        let check = format!("  check: {{ needs: [after], do: assert, with: {{ that: {more} }} }}\n");
        let desk = Desk::around(&format!("{after}{check}"), &inner);
        let (code, ended, _) = Watched::start(desk.run()).end();
        assert_eq!((code, ended["cause"]["step"].as_str()), (5, Some("outer/theirs")), "{ended}");
        desk.lets(&["theirs"]);
        let resumed = desk.say(&["resume"]).exits(if more == "true" { 0 } else { 3 }).says("✓ outer/theirs");
        assert!(!resumed.out.contains("in doubt"), "{}", resumed.out);
        assert_eq!(desk.told(), log);
    }
    for before in [&[][..], &["retry", "outer/theirs", "--why", "a test"]] {
        let desk = Desk::around("", &inner);
        assert_eq!(Watched::start(desk.run()).end().0, 5);
        if !before.is_empty() {
            desk.say(before).exits(0);
        }
        desk.say(&["abort"]).exits(3).says("✓ undo outer/theirs");
        assert_eq!(desk.told(), "did theirs undid theirs ");
    }
}

#[test]
fn a_runbook_that_waits_keeps_the_steps_around_it_from_starting_until_a_person_says_how() {
    let around = "  short: { needs: [], do: sleep, with: { for: 500ms } }
  next: { needs: [short], do: note, with: { text: x } }
  long: { needs: [], do: sleep, with: { for: 6s } }\n";
    let desk = Desk::around(around, &flaky("theirs"));
    let mut run = Watched::start(desk.run());
    run.until("finished", "short");
    Command::new("sleep").arg("0.3").status().unwrap();
    desk.lets(&["theirs"]);
    desk.say(&["retry", "outer/theirs", "--why", "a test"]).exits(0);
    let (code, ended, events) = run.end();
    assert_eq!(code, 0, "{ended}");
    let place = |event: &str, step: &str| {
        events.iter().rposition(|seen| seen["what"]["event"] == event && seen["what"]["step"] == step)
    };
    assert!(place("started", "outer/theirs") < place("started", "next"));
    assert_eq!(desk.told(), "did theirs did theirs ");
}

#[test]
fn a_run_pauses_though_a_failed_step_waits_beside_a_question() {
    let approves = "do: approve, with: { approvers: { ann: $ANN } }";
    let looks = "  looks: { needs: [], on_failure: pause, do: exec, with: { argv: [test, -e, $FOLDER/ready], observes: true } }\n";
    let beside = Desk::new(&format!("{looks}  agreed: {{ needs: [], {approves} }}\n"));
    let inside = Desk::around(looks, "");
    let inner = format!(
        "titan: 1\nrunbook: inner\nsteps:\n  agreed: {{ {approves} }}\n  then: {{ do: exec, no_undo: A test., with: {{ argv: [date] }} }}\n"
    );
    fs::write(inside.path("inner.yaml"), inner.replace("$ANN", &inside.keys[0])).unwrap();
    for (desk, question) in [(beside, "agreed"), (inside, "outer/agreed")] {
        let mut run = Watched::start(desk.run());
        run.until("started", question);
        run.until("finished", "looks");
        signal("TERM", run.process());
        let (code, ended, _) = run.end();
        assert_eq!((code, ended["cause"]["step"].as_str()), (5, Some("looks")), "{ended}");
        desk.lets(&["ready"]);
        let mut resumed = Watched::start(desk.about(&["resume"]));
        resumed.until("started", question);
        desk.sign("approve", "ann").exits(0);
        assert_eq!(resumed.end().0, 0);
    }
}

#[test]
fn a_step_is_skipped_in_the_try_that_a_person_spoke_of_and_in_no_later_one() {
    let inner = "  check: { may_skip: true, do: sleep, with: { for: 1500ms } }
  change: { needs: { check: done }, no_undo: A test., idempotent: true, do: exec, with: { argv: [test, -e, $FOLDER/ready] } }\n";
    let outer = "  outer: { idempotent: true, do: ./inner.yaml, retry: { on: [exit], attempts: 3, every: 10ms } }\n";
    let skip = ["skip", "outer/check", "--why", "a test"];
    let desk = || {
        let desk = Desk::new(outer);
        let inner = inner.replace("$FOLDER", desk.path("").to_str().unwrap());
        fs::write(desk.path("inner.yaml"), format!("titan: 1\nrunbook: inner\nsteps:\n{inner}")).unwrap();
        desk
    };
    let live = desk();
    let mut run = Watched::start(live.run());
    run.until("started", "outer/check");
    live.say(&skip).exits(0);
    run.until("retrying", "outer");
    run.until("started", "outer/check");
    live.lets(&["ready"]);
    assert_eq!(run.end().0, 0);
    let dead = desk();
    let mut run = Watched::start(dead.run());
    run.until("started", "outer/check");
    run.killed();
    dead.say(&skip).exits(0);
    let mut run = Watched::start(dead.about(&["resume"]));
    run.until("retrying", "outer");
    run.until("started", "outer/check");
    run.killed();
    dead.lets(&["ready"]);
    dead.say(&["resume"]).exits(0).says("✓ outer/check");
}

#[test]
fn who_goes_on_after_a_watch_paused_the_run_has_it_look_on_anew() {
    let desk = Desk::new(
        "  first: { do: note, with: { text: x } }
  slow: { do: sleep, with: { for: 2s } }
  last: { do: note, with: { text: x } }
watch:
  sees:
    from: first
    do: exec
    with: { argv: [cat, $FOLDER/ready], observes: true }
    every: 200ms
    breach_when: out.stdout != \"\"
    on_breach: pause
",
    );
    desk.lets(&["ready"]);
    let mut run = Watched::start(desk.run());
    run.until("started", "slow");
    fs::write(desk.path("ready"), "bad").unwrap();
    assert_eq!(run.end().0, 5);
    desk.say(&["resume"]).exits(5).says("watch `sees` was breached");
    desk.lets(&["ready"]);
    desk.say(&["resume"]).exits(0).says("watch sees is live");
}

#[test]
fn a_runbook_that_stood_still_while_its_run_was_paused_is_not_late() {
    let desk = Desk::new("  outer: { do: ./inner.yaml, timeout: 2s }\n");
    let inner = format!("{}  last: {{ do: note, with: {{ text: x }} }}\n", flaky("theirs"));
    let inner = inner.replace("$FOLDER", desk.path("").to_str().unwrap());
    fs::write(desk.path("inner.yaml"), format!("titan: 1\nrunbook: inner\nsteps:\n{inner}")).unwrap();
    assert_eq!(Watched::start(desk.run()).end().0, 5);
    desk.lets(&["theirs"]);
    Command::new("sleep").arg("2.5").status().unwrap();
    desk.say(&["resume"]).exits(0).says("✓ outer/theirs");
}

#[test]
fn a_runbook_that_was_given_up_while_it_waited_holds_nothing_any_more() {
    let each = "  each:
    needs: []
    foreach: '[\"waits\", \"fails\"]'
    max_parallel: 2
    on_failure: continue
    do: ./inner.yaml
    with: { which: '${item}' }
  after: { needs: { each: failed }, do: note, with: { text: x } }
";
    let desk = Desk::new(each);
    let inner = "titan: 1\nrunbook: inner\nparams: { which: { type: text } }\nsteps:
  first: { do: sleep, with: { for: 200ms } }
  waits: { on_failure: pause, do: assert, with: { that: '${params.which == \"fails\"}' } }
  slow: { do: sleep, with: { for: 500ms } }
  fails: { do: assert, with: { that: '${params.which == \"waits\"}' } }\n";
    fs::write(desk.path("inner.yaml"), inner).unwrap();
    let (code, ended, _) = Watched::start(desk.run()).end();
    assert_eq!(code, 0, "{ended}");
}

#[test]
fn a_pause_whose_ensure_failed_goes_on_with_the_step_that_paused_it() {
    let desk = Desk::new(&format!(
        "{}ensure:
  known: {{ do: exec, with: {{ argv: [test, -e, $FOLDER/ready], observes: true }} }}
",
        flaky("mine")
    ));
    let (code, ended, _) = Watched::start(desk.run()).end();
    assert_eq!(code, 4, "{ended}");
    desk.lets(&["mine", "ready"]);
    desk.say(&["resume"]).exits(0).says("✓ mine");
    assert_eq!(desk.told(), "did mine did mine ");
}

#[test]
fn no_item_of_a_fan_out_begins_while_one_waits_inside_its_runbook() {
    let each = "  each:
    foreach: '[\"a\", \"b\", \"c\"]'
    max_parallel: 2
    do: ./inner.yaml
    with: { which: '${item}' }
";
    let desk = Desk::new(each);
    let inner = "titan: 1\nrunbook: inner\nparams: { which: { type: text } }\nsteps:
  first: { do: sleep, with: { for: 200ms } }
  waits: { on_failure: pause, do: assert, with: { that: '${params.which != \"a\"}' } }
  slow: { do: sleep, with: { for: 300ms } }\n";
    fs::write(desk.path("inner.yaml"), inner).unwrap();
    let (code, ended, events) = Watched::start(desk.run()).end();
    assert_eq!(code, 5, "{ended}");
    let began =
        |step: &str| events.iter().any(|seen| seen["what"]["event"] == "started" && seen["what"]["step"] == step);
    assert!(began("each[1]/slow") && !began("each[2]/first"), "{events:#?}");
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
