//! People at other terminals: requests through the control socket, and what is published of a run.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

use crate::approvals::{APPROVED, asking};
use crate::desk::Desk;
use crate::stage::{Stage, Watched, signal, until};
use crate::tool::{command, finished};

#[test]
fn a_stranger_on_this_machine_is_not_heard() {
    if finished(Command::new("id").arg("-u").output().unwrap()).out.trim() != "0" {
        return; // Only root can become somebody else.
    }
    let desk = Desk::new(APPROVED);
    let run = asking(&desk);
    let folder = desk.path("state/runs").join(desk.id());
    let script = "import os, socket, sys
os.chdir(sys.argv[1]); os.setgid(65534); os.setuid(65534)
peer = socket.socket(socket.AF_UNIX)
try: peer.connect('control')
except PermissionError: print('closed'); sys.exit()
peer.sendall(b'{\"request\":{\"kind\":\"abort\"},\"who\":\"root (uid 0)\",\"why\":\"\"}\\n'); print(peer.recv(4096).decode())";
    let stranger = || finished(Command::new("python3").args(["-c", script]).arg(&folder).output().unwrap()).exits(0);
    stranger().says("closed");
    // Also where somebody has opened the way to the socket, the kernel's word on the peer counts.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o711)).unwrap();
    fs::set_permissions(folder.join("control"), fs::Permissions::from_mode(0o666)).unwrap();
    stranger().says("uid 65534 may not speak to a run of uid 0");
    signal("INT", run.process());
    assert_eq!(run.end().0, 1);
}

const HELD: &str = "  flaky:
    about: Fails until somebody helps.
    on_failure: pause
    may_skip: true
    do: assert
    with: { that: \"${false}\", message: not yet }
  slow: { needs: [], do: sleep, with: { for: 30s } }
  after: { needs: { flaky: skipped }, do: note, with: { text: went on } }
";

#[test]
fn a_failed_step_that_waits_is_retried_or_skipped_by_a_person() {
    let desk = Desk::new(&HELD.replace("  slow: {", "  slow: { may_skip: true,"));
    let mut run = Watched::start(desk.run());
    run.until("finished", "flaky");
    desk.say(&["skip", "slow_er", "--why", "a test"]).exits(2).complains("has no step `slow_er`; did you mean `slow`?");
    desk.say(&["retry", "slow", "--why", "a test"]).exits(1).complains("did not fail and wait");
    desk.say(&["retry", "flaky", "--why", "it may be ready"]).exits(0).says("retry `flaky` was asked for");
    run.until("finished", "flaky");
    desk.say(&["skip", "flaky", "--why", "not needed"]).exits(0);
    run.until("finished", "after");
    desk.say(&["skip", "slow", "--why", "no time"]).exits(0);
    let (code, _, events) = run.end();
    assert_eq!(code, 0);
    let asked: Vec<_> = events.iter().filter(|seen| seen["what"]["event"] == "requested").collect();
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[1]["what"]["why"], "not needed");
}

#[test]
fn what_is_asked_of_a_paused_run_is_done_when_it_goes_on() {
    let desk = Desk::new(&HELD.replace("  slow: { needs: [], do: sleep, with: { for: 30s } }\n", ""));
    finished(desk.run().output().unwrap()).exits(5).says("paused").says("titan-run resume");
    let again = desk.say(&["resume"]).exits(5);
    let again = again.says("before: 0 steps done, 1 failed; it was paused: step `flaky` failed");
    assert_eq!(again.out.matches("✗ flaky").count(), 1, "what was done before is not shown again\n{}", again.out);
    desk.say(&["skip", "after", "--why", "x"]).exits(1).complains("lacks `may_skip: true`");
    desk.say(&["skip", "flaky", "--why", "not needed"]).exits(0).says("titan-run resume");
    let listed = command(&["runs"]).env("TITAN_RUNS", desk.path("state/runs")).output().unwrap();
    let waits = format!("waits with what was asked: skip `flaky`; `titan-run resume {}` does it", desk.id());
    finished(listed).exits(0).says(&waits);
    desk.say(&["resume"]).exits(0).says("skipped:").says("✓ after");
}

#[test]
fn a_runs_beginning_and_end_are_published_as_cloud_events() {
    let stage = Stage::new(&[]);
    let target = stage.changed_target(&[("\nservices:\n", "\naudit: titan.audit.runs\n\nservices:\n")]);
    let heard = Heard::on(&stage, "titan.audit.runs", 2);
    finished(stage.rollout(&target, &[]).output().unwrap()).exits(0);
    let events = heard.wait();
    let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["titan-run.run.started", "titan-run.run.ended"]);
    assert_eq!(events[0]["specversion"], "1.0");
    assert_eq!(events[0]["data"]["runbook"], "policy-rollout");
    assert_eq!(events[1]["data"]["ending"], "succeeded");
    assert_eq!(events[0]["subject"], stage.newest_run());
}

/// A subscriber that hears a number of messages.
struct Heard(std::thread::JoinHandle<Vec<serde_json::Value>>);

impl Heard {
    fn on(stage: &Stage, subject: &'static str, count: usize) -> Self {
        let url = stage.nats.url();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let hearing = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let client = async_nats::connect(url).await.unwrap();
                let messages = client.subscribe(subject).await.unwrap();
                client.flush().await.unwrap();
                ready.send(()).unwrap();
                let messages = futures_util::StreamExt::take(messages, count);
                let read = |message: async_nats::Message| serde_json::from_slice(&message.payload).unwrap();
                futures_util::StreamExt::collect(futures_util::StreamExt::map(messages, read)).await
            })
        });
        is_ready.recv().unwrap();
        Self(hearing)
    }

    fn wait(self) -> Vec<serde_json::Value> {
        self.0.join().unwrap()
    }
}

#[test]
fn a_run_is_paused_and_aborted_from_another_terminal() {
    let stage = Stage::new(&[]);
    let mut run = Watched::start(stage.rollout(&stage.target(), &[]));
    run.until("started", "deploy_pair/deploy_execution");
    let control = stage.runs().join(stage.newest_run()).join("control");
    let found = fs::symlink_metadata(&control).unwrap();
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    finished(stage.about_run(&["pause", "--why", "lunch"]).output().unwrap()).exits(0);
    let (code, end, _) = run.end();
    assert_eq!((code, end["ending"].as_str()), (5, Some("paused")), "{end}");
    assert!(!Path::new(&control).exists());
    let mut run = stage.resumed();
    run.until("resumed", "");
    run.until("started", "still_the_same");
    finished(stage.about_run(&["abort", "--why", "wrong day"]).output().unwrap()).exits(0).says("abort was asked for");
    let (code, end, events) = run.end();
    assert_eq!((code, end["ending"].as_str()), (3, Some("rolled_back")), "{end}");
    assert!(events.iter().any(|seen| seen["what"]["why"] == "wrong day"));
    stage.is("1.0.0", false);
}

#[test]
fn a_pause_leaves_a_question_open_and_does_not_wait_for_its_answer() {
    let desk = Desk::new(APPROVED);
    let run = asking(&desk);
    signal("TERM", run.process());
    let (code, ended, _) = run.end();
    assert_eq!((code, ended["ending"].as_str()), (5, Some("paused")), "{ended}");
    let mut run = Watched::start(desk.about(&["resume"]));
    run.until("remembered", "gate");
    desk.sign("deny", "ann").exits(0);
    assert_eq!(run.end().0, 1);
}

/// A run whose ensure takes as long as a test wants.
const ENSURED: &str = "  act:
    do: exec
    with: { argv: [touch, $FOLDER/acted] }
    undo: { do: exec, with: { argv: [rm, $FOLDER/acted] } }
  waits: { do: sleep, with: { for: 1s } }
  after: { do: note, with: { text: went on } }
ensure:
  looked: { do: exec, idempotent: true, with: { argv: [sh, -c, 'cd $FOLDER; touch looking; until test -e seen; do sleep 0.05; done'] } }
";

#[test]
fn an_abort_on_the_way_to_a_pause_is_not_lost() {
    for is_killed in [false, true] {
        let desk = Desk::new(ENSURED);
        let mut run = Watched::start(desk.run());
        run.until("started", "waits");
        signal("TERM", run.process());
        until(|| desk.path("looking").exists());
        desk.say(&["abort"]).exits(0).says("abort was asked for");
        run.until("requested", "");
        run.until("requested", "");
        let code = if is_killed {
            run.killed();
            fs::write(desk.path("seen"), "").unwrap();
            desk.say(&["resume"]).code
        } else {
            fs::write(desk.path("seen"), "").unwrap();
            run.end().0
        };
        assert_eq!((code, desk.path("acted").exists()), (3, false));
    }
}

/// Nobody who holds the socket open, or floods it, keeps others from being heard.
#[test]
fn a_silent_and_a_noisy_peer_keep_nobody_waiting() {
    let desk = Desk::new(APPROVED);
    let run = asking(&desk);
    let control = desk.path("state/runs").join(desk.id()).join("control");
    let mut peers: Vec<_> = (0..8).map(|_| UnixStream::connect(&control).unwrap()).collect();
    for (at, peer) in peers.iter_mut().enumerate() {
        let _ = peer.write_all(&vec![b'['; at * 100_000]);
    }
    desk.say(&["abort"]).exits(0).says("abort was asked for");
    assert_eq!(run.end().0, 1);
}

#[test]
fn a_run_that_rolls_back_hears_nothing_but_an_abort() {
    let undo = "undo: { do: sleep, with: { for: 30s } }";
    let changed = format!("  changed: {{ do: exec, with: {{ argv: [touch, $FOLDER/acted] }}, {undo} }}\n");
    let desk =
        Desk::new(&format!("{changed}  fails: {{ do: assert, with: {{ that: \"${{false}}\", message: no }} }}\n"));
    let mut run = Watched::start(desk.run());
    run.until("rollback_started", "");
    for words in [&["pause"][..], &["retry", "fails", "--why", "a test"], &["skip", "fails", "--why", "a test"]] {
        desk.say(words).exits(1).complains("the run rolls back, and hears nothing but `titan-run abort`");
    }
    desk.say(&["abort"])
        .exits(0)
        .says("abort was asked for; the run rolls back, and a second abort leaves only disarms");
    desk.say(&["abort"]).exits(0).says("abort was asked for; only disarms and ensures are left");
    assert_eq!(run.end().0, 4);
}
