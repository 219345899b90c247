//! What a step costs the engine: a checked runbook in memory, no file, no output, no journal.
//!
//! `cargo bench --bench engine`. Where `DAGRS` names the program that `benches/dagrs` builds, the
//! same graphs are carried out by that crate too, round for round.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a bench is run by hand")]

mod nothing;

use std::env;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time::Instant;

use titan_run::engine::{Job, Signals, run};
use titan_run::event::{Ending, Header};
use titan_run::guard::Guards;
use titan_run::live::{Answers, LiveWorld};
use titan_run::primitive::{CATALOGUE, find};
use titan_run::runbook::target::Target;
use titan_run::runbook::{Runbook, load};
use titan_run::source::SourceFile;
use titan_run::value::Value;

use nothing::Nothing;

/// Steps of a graph.
const STEPS: u32 = 1_000;
/// Graphs in one round of one cell.
const GRAPHS: u32 = 11;
/// Rounds; the cells are interleaved, and the medians shown.
const ROUNDS: usize = 15;

/// One kind of graph.
struct Cell {
    name: &'static str,
    /// The runbook's text.
    text: fn() -> String,
    /// What dagrs calls it, which has no guards.
    peer: &'static str,
}

const CELLS: [Cell; 3] = [
    Cell { name: "chain with guards", text: || steps("", "when: params.on == true, "), peer: "chain" },
    Cell { name: "chain", text: || steps("", ""), peer: "chain" },
    Cell { name: "fan", text: || steps("needs: [], ", ""), peer: "fan" },
];

fn steps(needs: &str, when: &str) -> String {
    let head = "titan: 1\nrunbook: bench\nparams: { on: { type: bool, default: true } }\nsteps:\n";
    let step = |at| format!("  s{at}: {{ {needs}{when}do: note, with: {{ text: x }} }}\n");
    let all: String = (0..STEPS).map(step).collect();
    format!("{head}{all}")
}

/// The median time of a graph.
fn ours(runtime: &Runtime, guards: &Guards, runbook: &Arc<Runbook>) -> Duration {
    let target = Target::default();
    let taken = (0..GRAPHS).map(|_| {
        runtime.block_on(async {
            let world = LiveWorld::new(&target, &Answers::default(), Duration::ZERO).unwrap();
            let (_sender, signals) = watch::channel(Signals::default());
            let job = Job {
                runbook: Arc::clone(runbook),
                header: Header { params: Value::map([("on", Value::Bool(true))]), ..Header::default() },
                target: &target,
                world: &world,
                guards,
                primitives: find,
                journal: &Nothing,
                signals,
                past: None,
                progress: &|_| {},
            };
            let began = Instant::now();
            let ended = run(job).await;
            let taken = began.elapsed();
            assert_eq!(ended.ending, Ending::Succeeded, "{ended:?}");
            taken
        })
    });
    median(taken.collect())
}

/// The same of the peer, in a process of its own.
fn theirs(program: &str, graph: &str) -> Duration {
    let printed = Command::new(program).args([graph, &STEPS.to_string(), &GRAPHS.to_string()]).output().unwrap().stdout;
    Duration::from_nanos(String::from_utf8(printed).unwrap().trim().parse().unwrap())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    *times.get(times.len() / 2).unwrap()
}

fn shown(times: Vec<Duration>) -> String {
    format!("{:.2} us", median(times).as_secs_f64() * 1e6 / f64::from(STEPS))
}

fn main() {
    let peer = env::var("DAGRS").ok();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let guards = Guards::new(CATALOGUE);
    let loaded = CELLS.map(|cell| {
        let file = SourceFile::new("bench.yaml", (cell.text)());
        (cell, load(&file, &guards, CATALOGUE, &Nothing).runbook.unwrap())
    });
    let mut times = CELLS.map(|_| (Vec::new(), Vec::new()));
    for _ in 0..ROUNDS {
        for ((cell, runbook), (own, other)) in loaded.iter().zip(&mut times) {
            own.push(ours(&runtime, &guards, runbook));
            other.extend(peer.as_ref().map(|program| theirs(program, cell.peer)));
        }
    }
    for ((cell, _), (own, other)) in loaded.iter().zip(times) {
        let beside = if other.is_empty() { String::new() } else { format!(", dagrs {}", shown(other)) };
        println!("{} of {STEPS} steps: {} a step{beside}", cell.name, shown(own));
    }
}
