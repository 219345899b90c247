//! People at other terminals: requests through the control socket, and approvals.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::stage::{Stage, Watched, signal};
use crate::tool::{Ran, command, finished};

/// A folder with a runbook, a target that needs nothing, and two approvers' keys.
struct Desk {
    folder: TempDir,
    keys: [String; 2],
}

impl Desk {
    fn new(steps: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = ["ann", "ben"].map(|name| {
            let made = finished(command(&["key", "new"]).arg(folder.path().join(name)).output().unwrap()).exits(0);
            made.out.trim().to_owned()
        });
        let desk = Self { folder, keys };
        fs::write(desk.path("here.yaml"), "titan: 1\ntarget: here\n").unwrap();
        let [ann, ben] = &desk.keys;
        let steps = steps.replace("$ANN", ann).replace("$BEN", ben).replace("$FOLDER", desk.path("").to_str().unwrap());
        fs::write(desk.path("desk.yaml"), format!("titan: 1\nrunbook: desk\nsteps:\n{steps}")).unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self) -> Command {
        let mut run = command(&["run"]);
        run.arg(self.path("desk.yaml")).arg("--target").arg(self.path("here.yaml"));
        run.env("TITAN_RUNS", self.path("state/runs")).env("USER", "cleo");
        run
    }

    fn id(&self) -> String {
        let runs = fs::read_dir(self.path("state/runs")).unwrap();
        runs.map(|run| run.unwrap().file_name().into_string().unwrap()).max().unwrap()
    }

    fn say(&self, words: &[&str]) -> Ran {
        let mut saying = command(&words[..1]);
        saying.arg(self.id()).args(&words[1..]).env("TITAN_RUNS", self.path("state/runs"));
        finished(saying.output().unwrap())
    }

    fn sign(&self, verb: &str, key: &str) -> Ran {
        self.say(&[verb, "--yes", "--key", self.path(key).to_str().unwrap()])
    }
}

const APPROVED: &str = "  gate:
    about: Two people agree.
    do: approve
    with: { approvers: { ann: $ANN, ben: $BEN }, expires: 20s, shows: { next: '2.0.0', odd: \"\\e]0;x\\a\" } }
  act:
    no_undo: A test.
    do: exec
    with: { argv: [touch, $FOLDER/acted] }
";

fn asking(desk: &Desk) -> Watched {
    let mut run = Watched::start(desk.run());
    run.until("remembered", "gate");
    // The request is durable before anybody is asked to answer it.
    while !desk.say(&["show"]).exits(0).out.contains("gate remembers") {
        std::thread::yield_now();
    }
    run
}

#[test]
fn a_quorum_of_signatures_lets_the_run_go_on_and_can_be_verified_later() {
    let desk = Desk::new(APPROVED);
    let run = asking(&desk);
    let page = desk.sign("approve", "ann").exits(0);
    for shown in
        ["asked by   cleo", "shows      next: 2.0.0", "changes    act: exec", "needs      2 of ann, ben", "digest"]
    {
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
    let desk = Desk::new(&APPROVED.replace("ben: $BEN", "cleo: $BEN"));
    let run = asking(&desk);
    desk.sign("approve", "ben").exits(1).complains("`cleo` asked for this run, and cannot approve it");
    finished(command(&["key", "new"]).arg(desk.path("eve")).output().unwrap()).exits(0);
    desk.sign("approve", "eve").exits(1).complains("none of the approvers'");
    signal("INT", run.process());
    assert_eq!(run.end().0, 1);
    let (first, second) = (Desk::new(APPROVED), Desk::new(APPROVED));
    let (one, two) = (asking(&first), asking(&second));
    first.sign("approve", "ann").exits(0);
    let replayed = said_to(&second, &signed_by_ann(&first));
    assert!(replayed.contains("none of the approvers") || replayed.contains("another question"), "{replayed}");
    for run in [one, two] {
        signal("INT", run.process());
        run.end();
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
    signal("KILL", run.process());
    run.killed();
    let both = [desk.path("ann"), desk.path("ben")];
    let mut resume = command(&["resume"]);
    resume.arg(desk.id()).env("TITAN_RUNS", desk.path("state/runs")).env("USER", "dora");
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

/// A journal with a word changed everywhere and every checksum made to fit again.
fn rechained(text: &str, old: &str, new: &str) -> String {
    let mut head = "0".repeat(64);
    let lines = text.lines().map(|line| {
        let mut record: serde_json::Value = serde_json::from_str(&line[74..].replace(old, new)).unwrap();
        record["prev"] = head.clone().into();
        let json = record.to_string();
        head = titan_run::policy::sha256_hex(json.as_bytes());
        format!("{:08x} {head} {json}\n", json.len())
    });
    lines.collect()
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
    desk.say(&["skip", "slow_er", "--why", "a test"]).exits(1).complains("has no step `slow_er`");
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
    desk.say(&["resume"]).exits(5);
    desk.say(&["skip", "after", "--why", "x"]).exits(1).complains("lacks `may_skip: true`");
    desk.say(&["skip", "flaky", "--why", "not needed"]).exits(0).says("titan-run resume");
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
    let mut run = Watched::start(stage.about_run(&["resume", "--confirm", "all"]));
    run.until("resumed", "");
    run.until("started", "still_the_same");
    finished(stage.about_run(&["abort", "--why", "wrong day"]).output().unwrap()).exits(0).says("abort was asked for");
    let (code, end, events) = run.end();
    assert_eq!((code, end["ending"].as_str()), (3, Some("rolled_back")), "{end}");
    assert!(events.iter().any(|seen| seen["what"]["why"] == "wrong day"));
    stage.is("1.0.0", false);
}
