//! The run as an operator at a terminal reads it: questions stay, and the next command is said.

use std::sync::Arc;

use titan_run::declaration::{Effect, ErrorClass, Failure};
use titan_run::event::{Asked, EVENT_FORMAT, Ended, Ending, Event, Happened, Header, Phase, Request, Status};
use titan_run::report::{Report, Terminal};
use titan_run::value::Value;

use crate::tool::titan;

const RUN: &str = "0tp1i6m-66cs";

/// What a live terminal is sent for these events, and then a second passes.
fn sent(simulated: bool, events: Vec<Happened>) -> String {
    let header = Header { run: RUN.to_owned(), target_file: "here.yaml".to_owned(), simulated, ..Header::default() };
    let mut out = Vec::new();
    let mut terminal = Terminal::new(&mut out, true);
    for (seq, what) in [Happened::RunStarted(Box::new(header))].into_iter().chain(events).enumerate() {
        terminal.event(&Event { v: EVENT_FORMAT, seq: seq as u64, at_ms: 0, what });
    }
    terminal.tick(1_000);
    String::from_utf8(out).unwrap()
}

fn started(action: &str) -> Happened {
    Happened::Started {
        phase: Phase::Forward,
        step: Arc::from("ask"),
        action: Arc::from(action),
        effect: Effect::Asks,
        attempt: 1,
        with: Value::Null,
    }
}

fn ended(ending: Ending) -> Happened {
    Happened::RunEnded(Box::new(Ended {
        ending,
        cause: None,
        needs_person: Vec::new(),
        outputs: Value::Null,
        took_ms: 0,
        limit: None,
    }))
}

fn requested(request: Request) -> Happened {
    Happened::Requested(Asked { request, who: "ann".to_owned(), why: "no reason given".to_owned() })
}

#[test]
fn an_open_question_is_not_overwritten() {
    assert!(sent(false, vec![started("sleep")]).ends_with("0:01.0  … ask 0:01.0"));
    let asked = sent(false, vec![started("confirm"), Happened::WatchLive { watch: Arc::from("looking") }]);
    let open = "the question above is still open [y/N] ";
    assert!(asked.ends_with(&format!("\r\n  0:00.0  ◉ watch looking is live\n{open}")), "{asked:?}");
    let aborted = sent(false, vec![started("confirm"), requested(Request::Abort)]);
    assert!(aborted.contains("ann asked: abort (no reason given); once more leaves only disarms\n"), "{aborted}");
    assert!(!aborted.contains(open), "{aborted:?}");
    let paused = sent(false, vec![started("confirm"), requested(Request::Pause)]);
    assert!(paused.ends_with(&format!("; what is under way ends first, every watch too\n{open}")), "{paused:?}");
}

#[test]
fn whoever_is_to_sign_is_told_how() {
    let signs = "waits for approval: `titan-run approve 0tp1i6m-66cs --key KEYFILE` signs";
    assert!(sent(false, vec![started("approve")]).contains(signs));
    assert!(!sent(true, vec![started("approve")]).contains("KEYFILE"), "a simulated operator approves at once");
}

#[test]
fn the_last_page_says_the_next_command() {
    for (ending, next) in [
        (Ending::Refused, "next: nothing was changed; mend the cause and run it again"),
        (Ending::RolledBack, "next: nothing was changed; mend the cause and run it again"),
        (Ending::Stuck, "`titan-run disarm GATE --target here.yaml` closes a gate at any time"),
        (
            Ending::Paused,
            "next: `titan-run resume 0tp1i6m-66cs` goes on, `titan-run abort 0tp1i6m-66cs` rolls back; nothing was changed so far",
        ),
    ] {
        let page = sent(false, vec![ended(ending)]);
        assert!(page.contains(next), "{page}");
    }
}

#[test]
fn a_folder_without_runs_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let runs = runs.to_str().unwrap();
    let none = titan(&["runs", "--runs", runs]).exits(0);
    assert_eq!(none.out, "");
    none.complains(&format!("there is no run in `{runs}`"));
    titan(&["runs", "--unfinished", "--runs", runs]).exits(0).complains("there is no unfinished run in");
}

/// A gate's action on the real target, begun and failed with a message, and the run stuck.
fn stuck_after(action: &str, message: Option<&str>) -> String {
    let with = Value::map([("gate", Value::text("execution"))]);
    let mut began = started(action);
    if let Happened::Started { effect, with: given, .. } = &mut began {
        (*effect, *given) = (Effect::Changes, with);
    }
    let failed = message.map(|message| Happened::Finished {
        phase: Phase::Forward,
        step: Arc::from("ask"),
        status: Status::Failed,
        out: Value::Null,
        failure: Some(Failure::new(ErrorClass::Timeout, message)),
        took_ms: 0,
    });
    sent(false, [began].into_iter().chain(failed).chain([ended(Ending::Stuck)]).collect())
}

#[test]
fn the_page_of_a_run_that_did_not_succeed_begins_with_its_gates() {
    let closes = "; `titan-run disarm execution --target here.yaml` closes it\n";
    for (action, message, line) in [
        (
            "disarm",
            Some("gate `execution` is STILL ARMED: DISARM was sent"),
            "GATE execution IS ARMED (seen at 0:00.0)",
        ),
        ("disarm", Some("nobody answers"), "GATE execution IS UNKNOWN (nothing has shown it since 0:00.0)"),
        ("arm", None, "GATE execution IS UNKNOWN (nothing has shown it since 0:00.0)"),
    ] {
        let page = stuck_after(action, message);
        let (gate, ending) = (page.find(&format!("{line}{closes}")), page.find("stuck after"));
        assert!(gate.is_some() && gate < ending, "{page}");
    }
    let closed = stuck_after("arm", Some("no; gate `execution` is verified disarmed again"));
    assert!(closed.contains("gate execution is DISARMED (seen at 0:00.0)\n"), "{closed}");
}

#[test]
fn what_failed_is_told_once_on_the_last_page_and_its_outputs_only_where_it_succeeded() {
    let stuck = titan(&["runbooks/policy-rollout.yaml", "--world", "stuck_armed=true"]).exits(4);
    let (log, page) = stuck.out.split_once("GATE execution IS ARMED").expect("the page begins with the gate");
    assert_eq!(page.matches("DISARM was sent, and it is armed").count(), 1, "{page}");
    assert!(page.contains("needs a person: undo of `disarm`: timeout: the same\n"), "{page}");
    assert!(log.contains("rolling back: step `disarm` failed; gate execution was last seen ARMED\n"), "{log}");
    assert!(!page.contains("outputs:"), "{page}");
    let back = titan(&["runbooks/policy-rollout.yaml", "--world", "wrong_policy_on=brain"]).exits(3);
    assert!(!back.out.contains("outputs:"), "{}", back.out);
    titan(&["runbooks/policy-rollout.yaml"]).exits(0).says("outputs:");
}

/// A step's part of a run that began, and ended well where it is said so.
fn begun(phase: Phase, step: &str, action: &str, is_done: bool) -> Vec<Happened> {
    let (step, action): (Arc<str>, Arc<str>) = (Arc::from(step), Arc::from(action));
    let with = Value::map([("gate", Value::text("execution"))]);
    let started =
        Happened::Started { phase, step: Arc::clone(&step), action, effect: Effect::Changes, attempt: 1, with };
    let out = Value::map([("state", Value::text("disarmed"))]);
    let finished = Happened::Finished { phase, step, status: Status::Ok, failure: None, out, took_ms: 0 };
    [started].into_iter().chain(is_done.then_some(finished)).collect()
}

fn kept(step: &str) -> Happened {
    Happened::Skipped { phase: Phase::Undo, step: Arc::from(step), reason: "no_undo: it stays".to_owned() }
}

#[test]
fn the_last_page_says_undone_only_of_what_was() {
    let deploy = || begun(Phase::Forward, "deploy", "deploy", true);
    let undo = || begun(Phase::Undo, "deploy", "deploy", true);
    let told = || begun(Phase::Forward, "told", "nats_pub", true);
    let disarm = || begun(Phase::Forward, "disarm", "disarm", true);
    let again = || begun(Phase::Undo, "disarm", "disarm", true);
    let stays = "not undone: `told` (no_undo: it stays)\n";
    let cases: [(Vec<Vec<Happened>>, &[&str]); 6] = [
        (vec![deploy(), undo()], &["next: what was changed is undone; mend the cause"]),
        (
            vec![deploy(), told(), vec![kept("told")], undo()],
            &[stays, "next: the rest of what was changed is undone; mend"],
        ),
        (vec![told(), vec![kept("told")]], &[stays, "next: nothing was undone; mend"]),
        (vec![disarm()], &["next: nothing was changed but gate `execution`, which stays closed; mend"]),
        (vec![disarm(), again()], &["next: nothing was changed but gate `execution`, which stays closed; mend"]),
        (
            vec![disarm(), deploy(), undo()],
            &["next: what was changed is undone, and gate `execution` stays closed; mend"],
        ),
    ];
    let pair = |phase, is_done| begun(phase, "pair", "std/deploy_pair", is_done);
    let inner = || begun(Phase::Forward, "pair/deploy", "deploy", true);
    let undone = [pair(Phase::Undo, false), vec![kept("pair/deploy")], pair(Phase::Undo, true).split_off(1)].concat();
    let page = sent(false, [pair(Phase::Forward, false), inner(), undone, vec![ended(Ending::RolledBack)]].concat());
    assert!(!page.contains("not undone") && page.contains("next: what was changed is undone;"), "{page}");
    for (events, says) in cases {
        let page = sent(false, events.into_iter().flatten().chain([ended(Ending::RolledBack)]).collect());
        assert!(says.iter().all(|text| page.contains(text)), "{says:?}\n{page}");
    }
    let paused = sent(false, deploy().into_iter().chain([ended(Ending::Paused)]).collect());
    assert!(paused.contains("rolls back; effects so far stand"), "{paused}");
    let items = || (0..45).map(|at| format!("told[{at:02}]"));
    let begun_items = items().flat_map(|item| begun(Phase::Forward, &item, "nats_pub", true));
    let kept_items = items().map(|item| kept(&item));
    let page = sent(false, begun_items.chain(kept_items).chain([ended(Ending::RolledBack)]).collect());
    assert_eq!(page.matches("not undone: ").count(), 9, "{page}");
    assert!(page.contains("  not undone: 37 more\n"), "{page}");
}

#[test]
fn what_goes_on_is_told_on_one_line_that_ends() {
    let open = (0..45).flat_map(|at| begun(Phase::Forward, &format!("step_{at:02}"), "deploy", false));
    let numbered = open.enumerate().map(|(seq, what)| Event { v: EVENT_FORMAT, seq: seq as u64, at_ms: 0, what });
    let mut out = Vec::new();
    Terminal::new(&mut out, false).earlier(&numbered.collect::<Vec<_>>());
    let text = String::from_utf8(out).unwrap();
    let few = "`step_00`, `step_01`, `step_02`, `step_03`, `step_04`, `step_05`, `step_06`, `step_07` and 37 more";
    assert!(text.contains(&format!("in doubt: {few}; goes on at {few}; ")), "{text}");
}
