//! What failed and is begun anew, by a person's word, by `resume` or by `retry`, stays part of the
//! rollback with everything it may have changed before; and where a run may go on.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::desk::Desk;
use crate::stage::{Watched, until};
use crate::tool::finished;

/// A step that writes a line and then ends as a file says, and its undo.
const FLAKY: &str = "    do: exec
    with: { argv: [sh, -c, 'cd $FOLDER; echo did >> log; test -e ready'] }
    undo: { do: exec, with: { argv: [sh, -c, 'echo undid >> $FOLDER/log'] } }
";

/// Fails after `flaky` went well.
const AFTER: &str = "  after: { needs: [flaky, slow], do: assert, with: { that: false } }\n";

fn flaky(more: &str) -> Desk {
    Desk::new(&format!("  flaky:\n    needs: []\n    on_failure: pause\n{FLAKY}{more}"))
}

impl Desk {
    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default().replace('\n', " ")
    }

    /// Lets the flaky step go well.
    fn mend(&self) {
        fs::write(self.path("ready"), "").unwrap();
    }
}

#[test]
fn a_paused_run_that_is_aborted_undoes_the_step_that_paused_it() {
    for words in [&[][..], &["retry", "flaky", "--why", "a test"]] {
        let desk = flaky("");
        assert_eq!(Watched::start(desk.run()).end().0, 5);
        if !words.is_empty() {
            desk.say(words).exits(0);
        }
        desk.say(&["abort"]).exits(3).says("✓ undo flaky");
        assert_eq!(desk.log(), "did undid ");
    }
}

#[test]
fn a_step_that_is_begun_anew_by_resume_is_undone_once() {
    let desk = flaky("  slow: { needs: [flaky], do: note, with: { text: x } }\n");
    assert_eq!(Watched::start(desk.run()).end().0, 5);
    desk.say(&["resume"]).exits(5);
    desk.mend();
    desk.say(&["resume"]).exits(0);
    assert_eq!(desk.log(), "did did did ");
    let desk = flaky(&format!("  slow: {{ needs: [flaky], do: note, with: {{ text: x }} }}\n{AFTER}"));
    assert_eq!(Watched::start(desk.run()).end().0, 5);
    desk.mend();
    desk.say(&["resume"]).exits(3).says("✓ undo flaky");
    assert_eq!(desk.log(), "did did undid ");
}

#[test]
fn a_step_that_a_person_retried_is_undone_once() {
    let desk = flaky(&format!("  slow: {{ needs: [], do: sleep, with: {{ for: 1s }} }}\n{AFTER}"));
    let mut run = Watched::start(desk.run());
    run.until("finished", "flaky");
    desk.mend();
    desk.say(&["retry", "flaky", "--why", "a test"]).exits(0);
    let (code, ended, _) = run.end();
    assert_eq!((code, desk.log().as_str()), (3, "did did undid "), "{ended}");
}

const EACH: &str = r#"  each:
    foreach: '["1", "2", "3"]'
    max_parallel: 1
    on_failure: pause
    do: exec
    with: { argv: [sh, -c, 'cd $FOLDER; echo did $1 >> log; test $1 != 2 || test -e ready', sh, '${item}'] }
    undo: { do: exec, with: { argv: [sh, -c, 'echo undid $1 >> $FOLDER/log', sh, '${item}'] } }
"#;

#[test]
fn the_items_of_a_fan_out_that_went_well_are_not_done_again_and_undone() {
    let desk = Desk::new(EACH);
    assert_eq!(Watched::start(desk.run()).end().0, 5);
    desk.mend();
    desk.say(&["resume"]).exits(0);
    assert_eq!(desk.log(), "did 1 did 2 did 2 did 3 ");
    let desk = Desk::new(EACH);
    assert_eq!(Watched::start(desk.run()).end().0, 5);
    desk.say(&["abort"]).exits(3);
    assert_eq!(desk.log(), "did 1 did 2 undid 2 undid 1 ");
}

/// The second try of `inner` fails before it comes to the change of the first.
fn nested(second: &str) -> Desk {
    let desk = Desk::new(
        "  outer:
    do: ./inner.yaml
    idempotent: true
    retry: { on: [mismatch, exit], attempts: 2, every: 10ms }
",
    );
    let inner = format!(
        "titan: 1\nrunbook: inner\nsteps:
  once:
    do: exec
    idempotent: true
    no_undo: A test.
    with: {{ argv: [sh, -c, 'cd $FOLDER; if test -e second; then {second}; fi; touch second'] }}
  change:\n    idempotent: true\n{FLAKY}  wrong: {{ do: assert, with: {{ that: false }} }}\n"
    );
    fs::write(desk.path("inner.yaml"), inner.replace("$FOLDER", desk.path("").to_str().unwrap())).unwrap();
    desk.mend();
    desk
}

#[test]
fn what_an_earlier_try_of_a_runbook_changed_is_undone() {
    let desk = nested("exit 1");
    let (code, ended, _) = Watched::start(desk.run()).end();
    assert_eq!((code, desk.log().as_str()), (3, "did undid "), "{ended}");
    let desk = nested("true");
    let (code, ended, _) = Watched::start(desk.run()).end();
    assert_eq!((code, desk.log().as_str()), (3, "did did undid "), "{ended}");
}

#[test]
fn what_an_earlier_try_of_a_runbook_changed_is_undone_by_the_next_runner() {
    let desk = nested("touch here; exec sleep 60");
    let mut run = Watched::start(desk.run());
    run.until("retrying", "outer");
    until(|| desk.path("here").exists());
    run.killed();
    desk.say(&["abort"]).exits(3).says("✓ undo outer/change");
    assert_eq!(desk.log(), "did undid ");
}

#[test]
fn an_undo_that_was_under_way_has_its_whole_time_again() {
    let desk = Desk::new(
        "  change:
    do: exec
    with: { argv: [date] }
    undo: { do: exec, idempotent: true, timeout: 1s, with: { argv: [sh, -c, 'cd $FOLDER; touch here; test -e ready || exec sleep 60'] } }
  wrong: { do: assert, with: { that: false } }
",
    );
    let mut run = Watched::start(desk.run());
    run.until("rollback_started", "");
    until(|| desk.path("here").exists());
    run.killed();
    desk.mend();
    Command::new("sleep").arg("1.2").status().unwrap();
    desk.say(&["resume"]).exits(3).says("✓ undo change");
}

#[test]
fn a_copy_of_a_runs_folder_does_nothing_again_and_kills_nothing() {
    let desk = flaky("");
    assert_eq!(Watched::start(desk.run()).end().0, 5);
    let (id, runs) = (desk.id(), desk.path("state/runs"));
    fs::rename(runs.join(&id), runs.join("zz-copy")).unwrap();
    for words in [&["resume"][..], &["abort"], &["retry", "flaky", "--why", "a test"]] {
        desk.say(words).exits(1).complains(&format!("`zz-copy` holds the record of run `{id}`"));
    }
    assert_eq!(desk.log(), "did ");
    fs::rename(runs.join("zz-copy"), runs.join(&id)).unwrap();
    desk.say(&["abort"]).exits(3);
}

#[test]
fn a_run_goes_on_in_the_folder_it_was_started_in() {
    let desk = Desk::new(
        "  waits: { on_failure: pause, do: exec, with: { argv: [test, -e, ready], observes: true } }
  which: { no_undo: A test., do: exec, with: { argv: [./which] } }
",
    );
    let put = |folder: &str, text: &str| {
        fs::create_dir_all(desk.path(folder)).unwrap();
        let file = desk.path(folder).join("which");
        fs::write(&file, format!("#!/bin/sh\necho {text} >> '{}'\n", desk.path("log").display())).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
    };
    put("", "own");
    put("other", "foreign");
    assert_eq!(finished(desk.run().current_dir(desk.path("")).output().unwrap()).code, 5);
    desk.mend();
    let mut resume = desk.about(&["resume"]);
    resume.env("TITAN_RUNS", "../state/runs").current_dir(desk.path("other"));
    finished(resume.output().unwrap()).exits(0);
    assert_eq!(desk.log(), "own ");
}

/// Nobody knows what became of a command that did not answer in time.
const SILENT: &str = "  mark:
    no_undo: A test.
    on_failure: pause
    timeout: 1s
    do: exec
    with: { argv: [sh, -c, 'cd $FOLDER; echo did >> log; test -e ready || exec sleep 60'] }
  after: { do: note, with: { text: done } }
";

#[test]
fn a_step_in_doubt_that_paused_its_run_is_not_done_again_without_a_word() {
    for (word, log) in [("--took-effect", "did "), ("--took-none", "did did ")] {
        let desk = Desk::new(SILENT);
        assert_eq!(Watched::start(desk.run()).end().0, 5);
        desk.say(&["resume"]).exits(5).says("`mark` is in doubt");
        assert_eq!(desk.log(), "did ");
        desk.mend();
        desk.say(&["resume", word, "mark"]).exits(0).says("✓ after");
        assert_eq!(desk.log(), log);
    }
    let desk = Desk::new(SILENT);
    assert_eq!(Watched::start(desk.run()).end().0, 5);
    desk.mend();
    desk.say(&["resume", "--took-none", "mark"]).exits(0);
    let desk = Desk::new(SILENT);
    assert_eq!(Watched::start(desk.run()).end().0, 5);
    desk.mend();
    desk.say(&["retry", "mark", "--why", "a test"]).exits(0);
    desk.say(&["resume"]).exits(0);
    assert_eq!(desk.log(), "did did ");
}

/// Steps that stand above those whose results they go through.
const ABOVE: &str = r#"  again:
    needs: [each]
    foreach: steps.each.out
    when: item.code == 0
    do: exec
    with: { argv: [touch, '$FOLDER/again'] }
    undo: { do: exec, with: { argv: [rm, -f, '$FOLDER/again'] } }
  slow: { needs: [again], do: sleep, with: { for: 60s } }
  each:
    needs: [list]
    foreach: steps.list.out.all
    do: exec
    with: { argv: [touch, '$FOLDER/each ${item}'] }
    undo: { do: exec, with: { argv: [rm, '$FOLDER/each ${item}'] } }
  list: { needs: [], do: ./list.yaml }
"#;

/// A fan-out whose guard wants none of its items, and an undo that says how it came out.
const UNWANTED: &str = r#"
  first:
    do: exec
    with: { argv: [touch, $FOLDER/first] }
    undo: { do: exec, with: { argv: [touch, "$FOLDER/items ${steps.items.status}"] } }
  items: { foreach: "[1, 2]", when: item > 2, do: note, with: { text: x } }
  slow: { do: sleep, with: { for: 1h } }
"#;

#[test]
fn a_fan_out_of_which_nothing_was_done_is_skipped_to_the_next_runner() {
    let desk = Desk::new(UNWANTED);
    let mut run = Watched::start(desk.run());
    run.until("started", "slow");
    run.killed();
    desk.say(&["abort"]).exits(3);
    assert!(desk.path("items skipped").exists());
}

#[test]
fn the_items_of_a_list_that_stands_further_down_are_undone_by_the_next_runner() {
    let desk = Desk::new(ABOVE);
    let list = "titan: 1\nrunbook: list\nsteps: { nothing: { do: note, with: { text: x } } }\n";
    fs::write(desk.path("list.yaml"), format!("{list}outputs: {{ all: '[\"one\", \"two\"]' }}\n")).unwrap();
    let mut run = Watched::start(desk.run());
    run.until("started", "slow");
    run.killed();
    assert!(desk.path("each two").exists() && desk.path("again").exists());
    desk.say(&["abort"]).exits(3).says("✓ undo again[0]").says("✓ undo each[0]").says("✓ undo each[1]");
    for left in ["each one", "each two", "again"] {
        assert!(!desk.path(left).exists(), "{left}");
    }
}
