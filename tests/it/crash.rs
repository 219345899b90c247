//! The bundled rollout on a real NATS server, its runner killed at write, fsync and send system
//! calls, and its journal made to fail: the world's invariants never break, no effect is doubled,
//! and every run ends in a documented ending.
//!
//! The kernel does the killing: strace injects the signal or the error at the n-th call. A sample
//! of places is taken; `TITAN_CRASHES=all scripts/test --release crash` takes every one in the
//! release binary, and a number takes that many.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::stage::{Stage, Watched, signal};
use crate::tool::{Ran, command, finished};

/// What a runner does that the outside, or the disk, can see.
const CALLS: &str = "write,writev,pwrite64,sendto,sendmsg,fsync,fdatasync,ftruncate";

/// Places taken where nothing else is asked for.
const SAMPLE: usize = 8;

/// Runs under way at once.
const WORKERS: usize = 4;

/// A command under strace, which is told `how`.
fn traced(inner: &Command, how: &[&str]) -> Command {
    let mut traced = Command::new("strace");
    traced.args(["-qq", "-e", "signal=none"]).args(how).arg(inner.get_program()).args(inner.get_args());
    traced.stdin(Stdio::null()).current_dir(inner.get_current_dir().unwrap());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => traced.env(name, value),
            None => traced.env_remove(name),
        };
    }
    traced
}

/// A command in which something is injected at some of its calls.
fn injected(inner: &Command, calls: &str, what: &str) -> Command {
    let (trace, inject) = (format!("trace={calls}"), format!("inject={calls}:{what}"));
    traced(inner, &["-o", "/dev/null", "-e", &trace, "-e", &inject])
}

/// Kills a command at one of its calls; says whether it came that far.
fn is_killed(inner: &Command, place: usize) -> bool {
    !injected(inner, CALLS, &format!("signal=SIGKILL:when={place}")).output().unwrap().status.success()
}

/// How many of the calls a whole rollout makes.
fn calls_of_a_rollout(calls: &str) -> usize {
    let stage = Stage::new(&[]);
    let log = stage.folder.path().join("calls").display().to_string();
    let rollout = stage.rollout(&stage.target(), &[]);
    let mut counted = traced(&rollout, &["-o", &log, "-e", &format!("trace={calls}")]);
    finished(counted.output().unwrap()).exits(0);
    fs::read_to_string(log).unwrap().lines().count()
}

/// Evenly spread places from the first to the last.
fn places(all: usize, sample: usize) -> Vec<usize> {
    let wanted = match std::env::var("TITAN_CRASHES").as_deref() {
        Ok("all") => all,
        Ok(number) => number.parse().unwrap(),
        Err(_) => sample,
    };
    (0..wanted).map(|at| 1 + at * (all - 1) / (wanted - 1).max(1)).collect()
}

/// Does something at each place, a few at once.
fn at_each<T: Copy + Sync>(places: &[T], check: impl Fn(T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(place) = places.get(next.fetch_add(1, Ordering::SeqCst)) {
                    check(*place);
                }
            });
        }
    });
}

/// Resumes a run until it has ended; the first resume is killed again. Gives the last one's end,
/// and whether the kill came.
fn resumed(stage: &Stage, place: usize) -> Option<(Ran, bool)> {
    if !stage.runs().exists() || fs::read_dir(stage.runs()).unwrap().next().is_none() {
        return None;
    }
    let again = is_killed(&stage.about_run(&["resume", "--confirm", "all"]), place * 7 % 60 + 1);
    let last = finished(stage.about_run(&["resume", "--confirm", "all"]).output().unwrap());
    if last.err.contains("the run never began") { None } else { Some((last, again)) }
}

/// The endings of a run as its journal tells them.
fn story(stage: &Stage) -> Vec<Value> {
    let replayed = finished(stage.about_run(&["replay", "--output", "json"]).output().unwrap()).exits(0);
    replayed.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn begun(story: &[Value], action: &str) -> usize {
    story.iter().filter(|seen| seen["what"]["event"] == "started" && seen["what"]["action"] == action).count()
}

/// The world's own word on what happened to it.
#[track_caller]
fn the_world_is_whole(stage: &Stage, place: usize) {
    let state = stage.state();
    assert_eq!(state["broken"], Value::Array(Vec::new()), "place {place}: {state}");
    let version = |service: &str| state["services"][service]["version"].as_str().unwrap().to_owned();
    let is_armed = state["services"]["execution"]["state"]["armed"] == true;
    let pair = (version("execution"), version("brain"));
    let log = fs::read_to_string(stage.folder.path().join("sim/execution.log")).unwrap();
    let lines = |text: &str| log.lines().filter(|line| line.contains(text)).count();
    if stage.runs().exists() && fs::read_dir(stage.runs()).unwrap().next().is_some() {
        let story = story(stage);
        let ending = story.iter().rev().find(|seen| seen["what"]["event"] == "run_ended");
        let ending = ending.and_then(|seen| seen["what"]["ending"].as_str()).unwrap_or("never began").to_owned();
        let wanted = match ending.as_str() {
            "succeeded" => ("2.0.0", true),
            "rolled_back" => ("1.0.0", false),
            "refused" | "never began" => ("1.0.0", true),
            other => panic!("place {place} ended {other}: {:#?}", story.last()),
        };
        assert_eq!((pair.0.as_str(), is_armed), wanted, "place {place}, {ending}: {state}");
        assert_eq!(pair.0, pair.1, "place {place}, {ending}: {state}");
        assert!(lines("Execution ARMED") <= begun(&story, "arm"), "place {place}: an ARM was doubled\n{log}");
        let moved = usize::from(ending != "refused" && ending != "never began");
        assert!(lines("Loaded RiskPolicy v2.0.0") <= moved, "place {place}: a deploy was doubled\n{log}");
    } else {
        assert_eq!((pair.0.as_str(), pair.1.as_str(), is_armed), ("1.0.0", "1.0.0", true), "place {place}");
    }
}

#[test]
fn a_runner_killed_at_any_call_and_again_in_its_resume_leaves_a_whole_world() {
    let places = places(calls_of_a_rollout(CALLS), SAMPLE);
    let killed_again = AtomicUsize::new(0);
    at_each(&places, |place| {
        let stage = Stage::new(&[]);
        // Under load fewer records are written at once, or more: the last places may not come.
        let is_killed = is_killed(&stage.rollout(&stage.target(), &[]), place);
        let last = resumed(&stage, place);
        the_world_is_whole(&stage, place);
        let code = last.as_ref().map_or(1, |(ran, _)| ran.code);
        assert!([0, 1, 3].contains(&code), "place {place} ended with {code}: {}", last.unwrap().0.err);
        killed_again.fetch_add(usize::from(is_killed && last.is_some_and(|(_, again)| again)), Ordering::SeqCst);
    });
    assert!(killed_again.into_inner() > 0, "no resume was killed");
}

/// The calls that keep a journal, and how each fails.
const FAULTS: [(&str, &str, &str); 2] = [
    ("pwrite64", "ENOSPC", "the journal cannot be written: No space left on device"),
    ("fdatasync", "EIO", "the journal cannot be synced: Input/output error"),
];

#[test]
fn a_journal_that_fails_at_any_write_or_sync_stops_the_run_disarmed() {
    let every =
        FAULTS.map(|fault| places(calls_of_a_rollout(fault.0), SAMPLE / 2).into_iter().map(move |at| (fault, at)));
    let every: Vec<_> = every.into_iter().flatten().collect();
    at_each(&every, |((call, error, said), place)| {
        let stage = Stage::new(&[]);
        let rollout = stage.rollout(&stage.target(), &[]);
        let ran = injected(&rollout, call, &format!("error={error}:when={place}+")).output().unwrap();
        let (ran, state) = (finished(ran), stage.state());
        let what = format!("{call} {place}");
        assert_eq!(state["broken"], Value::Array(Vec::new()), "{what}: {state}");
        let is_armed = state["services"]["execution"]["state"]["armed"] == true;
        match ran.code {
            // Fewer calls were needed this time.
            0 => assert!(is_armed && place > 1, "{what}: {}", ran.out),
            // Nothing had an effect yet.
            1 => assert_eq!(state["services"]["execution"]["version"], "1.0.0", "{what}: {}", ran.out),
            // Everything had its effect, and only the last word is not on record.
            4 if is_armed => assert!(ran.out.contains("✓ observed"), "{what}: {}", ran.out),
            4 => assert!(ran.out.contains(said), "{what}: {}", ran.out),
            other => panic!("{what} ended with {other}: {}", ran.out),
        }
    });
}

/// The ways in which an undo may close a gate: a runbook that does nothing else, one that changes
/// something after it or before it, one that has another do it, and a script.
const CLOSING: [&str; 5] = [
    "{ do: ./close.yaml }",
    "{ do: ./more.yaml }",
    "{ do: ./last.yaml }",
    "{ do: ./deep.yaml }",
    "{ do: script, with: { code: 'disarm(\"execution\", \"undone\");' } }",
];

/// A runbook that opens the gate, and does `steps` then.
fn opening(stage: &Stage, undo: &str, steps: &str) -> Command {
    let put = |name: &str, steps: &str| {
        let file = stage.folder.path().join(format!("{name}.yaml"));
        fs::write(&file, format!("titan: 1\nrunbook: {name}\nsteps:\n{steps}")).unwrap();
        file
    };
    let shut = "  shut: { do: disarm, with: { gate: execution, reason: undone } }\n";
    let change = "  change: { no_undo: A test., do: exec, with: { argv: [sleep, \"60\"] } }\n";
    put("close", shut);
    put("more", &format!("{shut}{change}"));
    put("last", &format!("{change}{shut}"));
    put("deep", &format!("{change}  more: {{ do: ./last.yaml }}\n"));
    // Nothing is proved about a script.
    let script = if undo.contains("script") { ", undo-incomplete" } else { "" };
    let open = format!(
        "  # titan: allow(arm-unobserved, arm-unverified, gate-unknown-at-end{script}) a test
  arm: {{ do: arm, with: {{ gate: execution, reason: x }}, undo: {undo} }}
{steps}"
    );
    let mut run = command(&["run"]);
    run.arg(put("open", &open)).arg("--target").arg(stage.target()).env("TITAN_RUNS", stage.runs());
    run
}

fn is_armed(stage: &Stage) -> bool {
    stage.state()["services"]["execution"]["state"]["armed"] == true
}

#[test]
fn an_undo_that_disarms_does_so_without_a_journal() {
    let stage = Stage::new(&["initially_armed=false"]);
    for undo in CLOSING {
        let change = "  change: { no_undo: A test., idempotent: true, do: exec, with: { argv: [date] } }\n";
        let run = opening(&stage, undo, change);
        // The last write but one is the intent of `change`.
        let mut traced = injected(&run, "pwrite64", "error=ENOSPC:when=4+");
        finished(traced.output().unwrap()).exits(4).says("✓ arm").says("gate execution is DISARMED");
        assert!(!is_armed(&stage), "{undo}");
    }
}

#[test]
fn an_undo_that_disarms_does_so_after_a_second_abort() {
    let stage = Stage::new(&["initially_armed=false"]);
    let slow = "  slow:
    do: exec
    with: { argv: [date] }
    undo: { do: exec, with: { argv: [sleep, \"60\"] } }
  wait: { do: sleep, with: { for: 60s } }
";
    for undo in CLOSING {
        let mut run = Watched::start(opening(&stage, undo, slow));
        run.until("started", "wait");
        signal("INT", run.process());
        // What opened the gate is undone first, with whatever its undo does besides.
        run.until_one("started", &["slow", "arm/change"]);
        signal("INT", run.process());
        assert_eq!(run.end().0, 4, "{undo}");
        assert!(!is_armed(&stage), "{undo}");
    }
    let mut run = Watched::start(opening(&stage, CLOSING[1], "  wait: { do: sleep, with: { for: 60s } }\n"));
    run.until("started", "wait");
    signal("INT", run.process());
    run.until("started", "arm/change");
    signal("INT", run.process());
    let (code, ended, _) = run.end();
    assert!(code == 4 && ended.to_string().contains("a second abort was asked for"), "{ended}");
    assert!(!is_armed(&stage));
}

#[test]
fn a_kernel_that_is_too_old_is_told_before_anything_begins_and_a_gate_is_closed_all_the_same() {
    let stage = Stage::new(&[]);
    let old = |inner: &Command| finished(injected(inner, "waitid", "error=EINVAL").output().unwrap());
    let refused = old(&stage.rollout(&stage.target(), &[])).exits(1);
    let refused = refused.complains("can be started and watched from Linux 5.4 on; nothing was begun");
    assert_eq!((refused.out.as_str(), refused.err.lines().count()), ("", 1), "{}", refused.err);
    assert!(!stage.runs().exists());
    let mut disarm = crate::tool::command(&["disarm", "execution", "--target"]);
    disarm.arg(stage.target());
    old(&disarm).exits(0).says("is verified disarmed");
}
