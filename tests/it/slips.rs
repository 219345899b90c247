//! Slips of a tired operator: noticed before anything is done, with the next keystroke.

use crate::desk::Desk;
use crate::tool::{command, finished, titan};

const ROLLOUT: &str = "runbooks/policy-rollout.yaml";

const CHECKED: &str = "  checked:
    do: confirm
    with: { items: { one: \"First, ${run.id}?\", two: \"Second?\" } }
  after: { no_undo: A test., do: exec, with: { argv: [touch, $FOLDER/acted] } }
";

#[test]
fn a_misspelt_item_of_a_checklist_is_told_before_anything_is_done() {
    for (items, why) in [
        (&["imges"][..], "no checklist has this item; did you mean `images`? the items are `images`, `reviewed`"),
        (&["all", "zzz"][..], "no checklist has this item; the items are"),
    ] {
        let mut rollout = command(&[ROLLOUT]);
        for item in items {
            rollout.args(["--confirm", item]);
        }
        let ran = finished(rollout.output().unwrap()).exits(2).complains(why);
        assert_eq!(ran.out, "", "nothing began");
    }
    titan(&[ROLLOUT, "--confirm", "images", "--confirm", "reviewed"]).exits(0);
    titan(&["runbooks/monitoring-check.yaml", "--confirm", "images"]).exits(2).complains("asks no checklist");
    let desk = Desk::new(CHECKED);
    let run = |words: &[&str]| finished(desk.run().args(words).output().unwrap());
    run(&["--confirm", "twoo"]).exits(2).complains("did you mean `two`?");
    run(&["--confirm", "all", "--approve-with", "nobody.seed"]).exits(2).complains("`titan-run key new FILE`");
    assert!(!desk.path("acted").exists());
    run(&["--confirm", "one", "--confirm", "two"]).exits(0);
    assert!(desk.path("acted").exists());
}

#[test]
fn an_item_of_a_checklist_that_is_computed_is_known_only_when_it_comes_up() {
    let desk = Desk::new(
        "  ask: { do: confirm, with: { items: \"${#{ one: `First?` }}\" } }\n  last: { do: note, with: { text: x } }\n",
    );
    finished(desk.run().args(["--confirm", "one", "--confirm", "two"]).output().unwrap()).exits(0);
}

const PAUSES: &str = "  waits:
    on_failure: pause
    do: assert
    with: { that: \"${false}\", message: not yet }
  checked: { do: confirm, with: { items: { one: \"First?\" } } } # titan: allow(approval-late) a test
";

#[test]
fn what_is_not_there_is_a_slip_and_not_a_failure() {
    let desk = Desk::new(PAUSES);
    finished(desk.run().output().unwrap()).exits(5);
    let runs = desk.path("state/runs");
    let about = |words: &[&str]| finished(command(words).env("TITAN_RUNS", &runs).output().unwrap());
    let none = "there is no run `nope`";
    let named: [&[&str]; 9] = [
        &["resume", "nope"],
        &["abort", "nope"],
        &["pause", "nope"],
        &["show", "nope"],
        &["replay", "nope"],
        &["verify", "nope"],
        &["why", "nope", "waits"],
        &["skip", "nope", "waits", "--why", "x"],
        &["retry", "nope", "waits", "--why", "x"],
    ];
    for words in named {
        about(words).exits(2).complains(none).complains("`titan-run runs` lists them");
    }
    desk.say(&["why", "wats"]).exits(2).complains("did you mean `waits`?");
    for verb in ["approve", "deny"] {
        desk.say(&[verb, "--key", "nope"]).exits(2).complains("`nope` cannot be read").complains("titan-run key new");
    }
    desk.say(&["resume", "--confirm", "onee"]).exits(2).complains("did you mean `one`?");
    titan(&["sim", "--world", "foo=bar"]).exits(2).complains("the world has no option `foo`");
    titan(&["sim", "--world", "wrong_polcy_on=brain"]).exits(2).complains("did you mean `wrong_policy_on`?");
    titan(&["sim", "--world", "foo"]).exits(2).complains("is not of the form NAME=VALUE");
}
