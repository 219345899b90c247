//! Approvals: who may sign, what a signature is bound to, and that it counts once.

use std::fs;
use std::process::Command;

use crate::desk::{Desk, rechained};
use crate::stage::{Watched, signal, until};
use crate::tool::{command, finished};

/// Two people must sign before anything happens.
pub const APPROVED: &str = "  gate:
    about: Two people agree.
    do: approve
    with: { approvers: { ann: $ANN, ben: $BEN }, expires: 20s, shows: { next: '2.0.0', odd: \"\\e]0;x\\a\" } }
  act:
    no_undo: A test.
    do: exec
    with: { argv: [touch, $FOLDER/acted] }
";

/// The name of the user who runs the tests.
fn own_name() -> String {
    finished(Command::new("id").arg("-un").output().unwrap()).exits(0).out.trim().to_owned()
}

/// Two users that every machine has, and their numbers.
const OTHERS: [(&str, &str); 2] = [("daemon", "1"), ("bin", "2")];

/// A run that waits for its approvers.
pub fn asking(desk: &Desk) -> Watched {
    let mut run = Watched::start(desk.run());
    run.until("remembered", "gate");
    // The request is durable before anybody is asked to answer it.
    until(|| desk.say(&["show"]).exits(0).out.contains("gate remembers"));
    run
}

#[test]
fn a_quorum_of_signatures_lets_the_run_go_on_and_can_be_verified_later() {
    let desk = Desk::new(APPROVED);
    let run = asking(&desk);
    let listed = command(&["runs"]).env("TITAN_RUNS", desk.path("state/runs")).output().unwrap();
    let signs = format!("waits for approval: gate; `titan-run approve {} --key KEYFILE` signs", desk.id());
    finished(listed).exits(0).says(&signs);
    let page = desk.sign("approve", "ann").exits(0);
    let asked_by = format!("asked by   {} (uid", own_name());
    for shown in [&*asked_by, "shows      next: 2.0.0", "changes    act: exec", "needs      2 of ann, ben", "digest"] {
        assert!(page.out.contains(shown), "`{shown}` is not in\n{}", page.out);
    }
    assert!(!page.out.contains('\u{1b}') && !page.out.contains('\u{7}'), "{:?}", page.out);
    desk.sign("approve", "ann").exits(0);
    assert!(!desk.path("acted").exists(), "the same person twice is one person");
    desk.sign("approve", "ben").exits(0);
    assert_eq!(run.end().0, 0);
    assert!(desk.path("acted").exists());
    desk.say(&["verify"]).exits(0).says("`gate` was approved by ann, ben");
    desk.sign("approve", "ben").exits(1).complains("does not wait for an approval");
}

#[test]
fn one_no_denies_and_silence_means_no() {
    let desk = Desk::new(APPROVED);
    let run = asking(&desk);
    desk.sign("deny", "ben").exits(0);
    let (code, end, _) = run.end();
    assert_eq!(code, 1);
    assert!(end["cause"]["failure"]["message"].as_str().unwrap().contains("`ben` said no"), "{end}");
    let desk = Desk::new(&APPROVED.replace("20s", "1s"));
    let ran = finished(desk.run().output().unwrap()).exits(1);
    ran.says("denied: not approved within 1s, which means no");
    assert!(!desk.path("acted").exists());
}

#[test]
fn the_requester_a_stranger_and_a_signature_from_elsewhere_are_refused() {
    let own = own_name();
    let desk = Desk::new(&APPROVED.replace("ben: $BEN }", &format!("{own}: $BEN }}, quorum: 1")));
    // A name that somebody gives himself changes nothing.
    let run = asking(&desk);
    desk.sign("approve", "ben").exits(1).complains(&format!("`{own}` asked for this run, and cannot approve it"));
    finished(command(&["key", "new"]).arg(desk.path("eve")).output().unwrap()).exits(0);
    desk.sign("approve", "eve").exits(1).complains("none of the approvers'");
    signal("INT", run.process());
    assert_eq!(run.end().0, 1);
}

#[test]
fn a_quorum_that_the_requester_is_needed_for_is_refused_at_once() {
    let own = own_name();
    let desk = Desk::new(&APPROVED.replace("ben: $BEN", &format!("{own}: $BEN")).replace("20s", "1h"));
    let why = format!("`{own}` asked for this run and cannot approve it, which leaves 1 for a quorum of 2");
    finished(desk.run().output().unwrap()).exits(1).says(&why).says("have somebody else start it");
    assert!(!desk.path("acted").exists());
}

#[test]
fn who_became_another_user_cannot_approve_what_that_user_asks_for() {
    let desk = Desk::new(&APPROVED.replace("ben: $BEN }", "daemon: $BEN }, quorum: 1"));
    let mut command = desk.run();
    command.env("SUDO_UID", "1");
    let mut run = Watched::start(command);
    run.until("remembered", "gate");
    let shows = format!("{} (uid", own_name());
    until(|| desk.say(&["show"]).exits(0).out.contains("gate remembers"));
    desk.say(&["show"]).exits(0).says(&shows).says(" for daemon (uid 1)");
    desk.sign("approve", "ben").exits(1).complains("`daemon` asked for this run, and cannot approve it");
    signal("INT", run.process());
    assert_eq!(run.end().0, 1);
}

/// The same words once more, with the same approvers, in another folder.
fn again(desk: &Desk) -> Desk {
    let folder = tempfile::tempdir().unwrap();
    for name in ["here.yaml", "desk.yaml", "ann", "ben"] {
        fs::copy(desk.path(name), folder.path().join(name)).unwrap();
    }
    Desk { folder, keys: desk.keys.clone() }
}

#[test]
fn a_signature_counts_once_and_in_no_other_run_plan_or_question() {
    let first = Desk::new(&APPROVED.replace("  act:", "  gate_again:\n    needs: [gate]\n    do: approve\n    with: { approvers: { ann: $ANN, ben: $BEN } }\n  act:\n    needs: [gate_again]"));
    let mut one = asking(&first);
    first.sign("approve", "ann").exits(0);
    let signed = signed_by_ann(&first);
    // Another run of the same words, and one whose plan was edited.
    let (second, third) = (again(&first), again(&first));
    let text = fs::read_to_string(third.path("desk.yaml")).unwrap();
    fs::write(third.path("desk.yaml"), text.replace("touch", "unlink")).unwrap();
    for desk in [&second, &third] {
        let run = asking(desk);
        let replayed = said_to(desk, &signed);
        assert!(replayed.contains("another question was signed"), "{replayed}");
        signal("INT", run.process());
        assert_eq!(run.end().0, 1);
    }
    // The same signature again is still one person, and fits no later question of the same run.
    assert!(said_to(&first, &signed).contains("taken"));
    first.sign("approve", "ben").exits(0);
    one.until("remembered", "gate_again");
    until(|| first.say(&["show"]).exits(0).out.contains("gate_again remembers"));
    assert!(said_to(&first, &signed).contains("`gate` does not wait for an approval"));
    let mut later = signed.clone();
    later["request"]["step"] = "gate_again".into();
    assert!(said_to(&first, &later).contains("another question was signed"));
    later["request"]["signed"]["yes"] = false.into();
    assert!(said_to(&first, &later).contains("another question was signed"));
    signal("INT", one.process());
    one.end();
    assert!(!first.path("acted").exists());
    desk_is_shut(&first, &signed);
}

/// A run that has ended hears nobody.
fn desk_is_shut(desk: &Desk, signed: &serde_json::Value) {
    let socket = desk.path("state/runs").join(desk.id()).join("control");
    assert!(std::os::unix::net::UnixStream::connect(socket).is_err(), "{signed} was heard");
    desk.sign("approve", "ben").exits(1).complains("the run has ended: refused");
}

#[test]
fn two_answers_at_once_are_both_heard_and_decide_once() {
    for verbs in [["approve", "approve"], ["approve", "deny"], ["deny", "deny"]] {
        let desk = Desk::new(APPROVED);
        let run = asking(&desk);
        std::thread::scope(|scope| {
            for (verb, key) in verbs.into_iter().zip(["ann", "ben"]) {
                scope.spawn(|| desk.sign(verb, key));
            }
        });
        let (code, _, events) = run.end();
        let is_yes = verbs == ["approve", "approve"];
        assert_eq!(code, i32::from(!is_yes), "{verbs:?}");
        assert_eq!(desk.path("acted").exists(), is_yes, "{verbs:?}");
        let ends = events.iter().filter(|seen| seen["what"]["event"] == "finished" && seen["what"]["step"] == "gate");
        assert_eq!(ends.count(), 1, "{verbs:?}");
    }
}

#[test]
fn whoever_resumed_the_run_once_cannot_approve_it_later() {
    let desk = Desk::new(&APPROVED.replace("ben: $BEN }", "daemon: $BEN }, quorum: 1"));
    let run = asking(&desk);
    run.killed();
    for (user, number) in OTHERS {
        let mut resume = command(&["resume"]);
        resume.arg(desk.id()).env("TITAN_RUNS", desk.path("state/runs")).env("SUDO_UID", number);
        let mut run = Watched::start(resume);
        run.until("resumed", "");
        run.until("remembered", "gate");
        until(|| desk.say(&["show"]).exits(0).out.contains(&format!("{user} (uid")));
        if user == "daemon" {
            run.killed();
            continue;
        }
        desk.sign("approve", "ben").exits(1).complains("`daemon` asked for this run, and cannot approve it");
        signal("INT", run.process());
        assert_eq!(run.end().0, 1);
    }
}

/// The request with ann's signature, as it went over the socket.
fn signed_by_ann(desk: &Desk) -> serde_json::Value {
    let replayed = desk.say(&["replay", "--output", "json"]).exits(0);
    let events = replayed.out.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let mut asked = events.map(|event| event["what"].clone()).find(|what| what["event"] == "requested").unwrap();
    asked.as_object_mut().unwrap().remove("event");
    asked
}

/// What a run's socket answers to a line.
fn said_to(desk: &Desk, line: &serde_json::Value) -> String {
    use std::io::{Read, Write};
    let socket = desk.path("state/runs").join(desk.id()).join("control");
    let mut stream = std::os::unix::net::UnixStream::connect(socket).unwrap();
    stream.write_all(format!("{line}\n").as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}

#[test]
fn an_approval_is_not_carried_over_into_a_resumed_run() {
    let desk = Desk::new(APPROVED);
    let run = asking(&desk);
    desk.sign("approve", "ann").exits(0);
    run.killed();
    let both = [desk.path("ann"), desk.path("ben")];
    let mut resume = command(&["resume"]);
    resume.arg(desk.id()).env("TITAN_RUNS", desk.path("state/runs")).env("SUDO_UID", "1");
    let resumed = finished(resume.arg("--approve-with").arg(&both[1]).args(["--output", "json"]).output().unwrap());
    resumed.exits(1).says("not approved within");
    let desk = Desk::new(APPROVED);
    let mut run = desk.run();
    finished(
        run.arg("--approve-with").arg(desk.path("ann")).arg("--approve-with").arg(desk.path("ben")).output().unwrap(),
    )
    .exits(0);
    desk.say(&["verify"]).exits(0).says("`gate` was approved by ann, ben");
}

#[test]
fn two_runs_of_edited_words_do_not_share_an_approval() {
    let desk = Desk::new(APPROVED);
    let run = asking(&desk);
    desk.sign("approve", "ann").exits(0);
    desk.sign("approve", "ben").exits(0);
    assert_eq!(run.end().0, 0);
    let journal = desk.path("state/runs").join(desk.id()).join("journal");
    let text = fs::read_to_string(&journal).unwrap();
    let forged = rechained(&text, "2.0.0", "6.6.6");
    fs::write(&journal, forged).unwrap();
    desk.say(&["verify"]).exits(1).complains("the approval of `gate` does not hold");
}

#[test]
fn a_question_that_names_other_approvers_than_its_step_is_not_believed() {
    let desk = Desk::new(APPROVED);
    let run = asking(&desk);
    let journal = desk.path("state/runs").join(desk.id()).join("journal");
    let genuine = fs::read(&journal).unwrap();
    let text = String::from_utf8(genuine.clone()).unwrap();
    let text = text.trim_end_matches('\0');
    let (before, question) = text.trim_end().rsplit_once('\n').unwrap();
    assert!(question.contains("remembered"), "{question}");
    // Somebody's own key under ann's name, in the question alone.
    let eve = finished(command(&["key", "new"]).arg(desk.path("eve")).output().unwrap()).exits(0).out;
    let forged = rechained(&format!("{before}\n{}\n", question.replace(&desk.keys[0], eve.trim())), "none", "none");
    fs::write(&journal, &forged).unwrap();
    for key in ["eve", "ben"] {
        desk.sign("approve", key).exits(1).complains("its approvers are not those of the step");
    }
    fs::write(&journal, genuine).unwrap();
    desk.sign("approve", "ann").exits(0);
    desk.sign("approve", "ben").exits(0);
    assert_eq!(run.end().0, 0);
    desk.say(&["verify"]).exits(0).says(&format!("ann signed with {}", desk.keys[0]));
}

#[test]
fn an_approval_that_a_script_asked_for_is_verified_as_well() {
    let script = "  gate:
    no_undo: A test.
    do: script
    with:
      code: |
        approve(#{ ann: \"$ANN\" }, #{ shows: #{ next: \"2.0.0\" } });
";
    let desk = Desk::new(script);
    let run = asking(&desk);
    desk.sign("approve", "ann").exits(0).says("shows      next: 2.0.0");
    assert_eq!(run.end().0, 0);
    desk.say(&["verify"]).exits(0).says("`gate` was approved by ann");
}
