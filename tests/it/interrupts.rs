//! What ends or disturbs a runner at each part of a rollout, and what the world then looks like.
//!
//! A sample of the places is taken; `TITAN_CRASHES=all scripts/test interrupts` takes every one.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::stage::{Stage, Watched, signal};
use crate::tool::{command, finished};

/// Where a runner is disturbed.
const PLACES: [(&str, &str); 6] = [
    ("started", "disarm"),
    ("started", "deploy_pair/deploy_execution"),
    ("finished", "deploy_pair/deploy_execution"),
    ("started", "deploy_pair/deploy_brain"),
    ("started", "arm"),
    ("started", "no_rejections"),
];

/// How a runner is disturbed.
#[derive(Clone, Copy, Debug)]
enum By {
    Int,
    IntTwice,
    Term,
    HangUp,
    ClosedStdout,
    ClosedStdin,
}

const ALL: [By; 6] = [By::Int, By::IntTwice, By::Term, By::HangUp, By::ClosedStdout, By::ClosedStdin];

/// Every place with every disturbance, or each of both at least once.
fn cases() -> Vec<((&'static str, &'static str), By)> {
    let takes_all = std::env::var("TITAN_CRASHES").is_ok_and(|wanted| wanted == "all");
    let every = PLACES
        .iter()
        .enumerate()
        .flat_map(|(place, at)| ALL.iter().enumerate().map(move |(by, how)| (place, by, *at, *how)));
    let taken = every.filter(|(place, by, ..)| takes_all || place % ALL.len() == *by);
    taken.map(|(_, _, at, how)| (at, how)).collect()
}

#[test]
fn every_disturbance_at_every_step_has_its_documented_end() {
    let cases = cases();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(((event, step), by)) = cases.get(next.fetch_add(1, Ordering::SeqCst)).copied() {
                    disturbed(event, step, by);
                }
            });
        }
    });
}

fn disturbed(event: &str, step: &str, by: By) {
    let what = format!("{by:?} at {event} {step}");
    let stage = Stage::new(&[]);
    if let By::ClosedStdout = by {
        let code = with_closed_stdout(stage.rollout(&stage.target(), &[]), event, step);
        assert_eq!(code, 0, "{what}");
        return stage.is("2.0.0", true);
    }
    let mut rollout = stage.rollout(&stage.target(), &[]);
    if let By::ClosedStdin = by {
        rollout.stdin(Stdio::piped());
    }
    let mut run = Watched::start(rollout);
    run.until(event, step);
    match by {
        By::ClosedStdin => run.close_stdin(),
        By::Int => signal("INT", run.process()),
        By::IntTwice => {
            signal("INT", run.process());
            signal("INT", run.process());
        }
        By::Term => signal("TERM", run.process()),
        By::HangUp | By::ClosedStdout => signal("HUP", run.process()),
    }
    let (code, end, _) = run.end();
    let state = stage.state();
    assert_eq!(state["broken"], Value::Array(Vec::new()), "{what}: {state}");
    let is_armed = state["services"]["execution"]["state"]["armed"] == true;
    match by {
        By::Int => {
            assert_eq!(code, 3, "{what}: {end}");
            stage.is("1.0.0", false);
        }
        // Only disarms follow: a service may be left on the new version, and a person is told.
        By::IntTwice => {
            assert!([3, 4].contains(&code), "{what}: {end}");
            assert!(!is_armed, "{what}: {state}");
        }
        // The next safe point is where no watch looks on, or the end.
        By::Term if code == 0 => stage.is("2.0.0", true),
        By::Term => {
            assert_eq!(code, 5, "{what}: {end}");
            let resumed = finished(stage.about_run(&["resume", "--confirm", "all"]).output().unwrap()).exits(0);
            drop(resumed);
            stage.is("2.0.0", true);
        }
        By::HangUp | By::ClosedStdout | By::ClosedStdin => {
            assert_eq!(code, 0, "{what}: {end}");
            stage.is("2.0.0", true);
        }
    }
}

/// Runs to the end with a reader that goes away at an event.
fn with_closed_stdout(mut rollout: Command, event: &str, step: &str) -> i32 {
    rollout.args(["--output", "json"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child: Child = rollout.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for line in lines {
        let seen: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if seen["what"]["event"] == event && seen["what"]["step"] == step {
            break;
        }
    }
    child.wait().unwrap().code().unwrap_or(-1)
}

/// No standard stream at all, and nobody who could answer a checklist.
#[test]
fn closed_streams_answer_no_and_end_nothing() {
    let stage = Stage::new(&[]);
    let rollout = |confirmed: &str| {
        let script = format!("exec \"$0\" \"$@\" {confirmed} <&- >&- 2>&-");
        let rollout = stage.rollout(&stage.target(), &[]);
        let mut closed = Command::new("sh");
        closed.args(["-c", &script]).arg(rollout.get_program());
        closed.args(rollout.get_args().filter(|word| *word != "--confirm" && *word != "all"));
        closed.current_dir(rollout.get_current_dir().unwrap()).env("TITAN_RUNS", stage.runs());
        closed.status().unwrap().code()
    };
    assert_eq!(rollout(""), Some(1), "nobody to answer means no");
    stage.is("1.0.0", true);
    assert_eq!(rollout("--confirm all"), Some(0));
    stage.is("2.0.0", true);
}

/// Rounds of the race where nothing else is asked for.
const ROUNDS: usize = 20;

#[test]
fn eight_processes_race_for_one_target_and_one_owns_it() {
    let rounds = if std::env::var("TITAN_CRASHES").is_ok_and(|wanted| wanted == "all") { 500 } else { ROUNDS };
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let step =
        "  act:\n    no_undo: A test.\n    do: exec\n    with: { argv: [sh, -c, 'echo + >> LOG; echo - >> LOG'] }\n";
    let text = format!("titan: 1\nrunbook: race\nsteps:\n{}", step.replace("LOG", log.to_str().unwrap()));
    std::fs::write(folder.path().join("race.yaml"), text).unwrap();
    std::fs::write(folder.path().join("here.yaml"), "titan: 1\ntarget: here\n").unwrap();
    let mut owned = 0;
    for _ in 0..rounds {
        let racers: Vec<_> = (0..8)
            .map(|_| {
                let mut racer = command(&["run", "--target"]);
                racer.arg(folder.path().join("here.yaml")).arg(folder.path().join("race.yaml"));
                racer.env("TITAN_RUNS", folder.path().join("state/runs")).stdout(Stdio::null()).stderr(Stdio::piped());
                racer.spawn().unwrap()
            })
            .collect();
        let ended: Vec<_> = racers.into_iter().map(|racer| finished(racer.wait_with_output().unwrap())).collect();
        let winners = ended.iter().filter(|ran| ran.code == 0).count();
        let refused = |ran: &&crate::tool::Ran| ran.code == 1 && ran.err.contains("is acted on by another run");
        assert_eq!(winners + ended.iter().filter(refused).count(), 8);
        assert!(winners >= 1);
        owned += winners;
    }
    let marks: Vec<_> = std::fs::read_to_string(log).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(marks.len(), owned * 2);
    assert!(marks.chunks(2).all(|pair| pair == ["+", "-"]), "two acted at once: {marks:?}");
}
