//! A NATS request step beside a raw request of the client, on one server in one run.
//!
//! `cargo bench --bench nats`, with nats-server on PATH (`. scripts/tools` puts it there).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench is run by hand"
)]

mod nothing;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::watch;
use tokio::time::Instant;

use titan_run::engine::{Job, Signals, run};
use titan_run::event::{Ending, Header};
use titan_run::guard::Guards;
use titan_run::live::LiveWorld;
use titan_run::primitive::{CATALOGUE, find};
use titan_run::runbook::load;
use titan_run::runbook::target::{Nats, Target};
use titan_run::source::SourceFile;

use nothing::Nothing;

/// Requests in one round.
const REQUESTS: u32 = 2_000;
/// Rounds; the two are interleaved, and the medians shown.
const ROUNDS: usize = 9;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Answers every request, on a thread of its own.
fn responder(url: String) {
    let (sender, ready) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        runtime().block_on(async {
            let client = async_nats::connect(url).await.unwrap();
            let mut asked = client.subscribe("bench").await.unwrap();
            client.flush().await.unwrap();
            sender.send(()).unwrap();
            while let Some(request) = asked.next().await {
                client.publish(request.reply.unwrap(), "{\"ok\":true}".into()).await.unwrap();
            }
        });
    });
    ready.recv().unwrap();
}

async fn raw(client: &async_nats::Client) -> Duration {
    let began = Instant::now();
    for _ in 0..REQUESTS {
        client.request("bench", "{}".into()).await.unwrap();
    }
    began.elapsed()
}

async fn steps(world: &LiveWorld, target: &Target, guards: &Guards) -> Duration {
    let step = |at| format!("  s{at}: {{ do: nats_req, with: {{ subject: bench, payload: '{{}}' }} }}\n");
    let text: String = (0..REQUESTS).map(step).collect();
    let file = SourceFile::new("bench.yaml", format!("titan: 1\nrunbook: bench\nsteps:\n{text}"));
    let runbook = load(&file, guards, CATALOGUE, &Nothing).runbook.unwrap();
    let (_sender, signals) = watch::channel(Signals::default());
    let job = Job {
        runbook,
        header: Header::default(),
        target,
        world,
        guards,
        primitives: find,
        journal: &Nothing,
        signals,
        past: None,
        progress: &|_| {},
    };
    let began = Instant::now();
    let ended = run(job).await;
    assert_eq!(ended.ending, Ending::Succeeded, "{ended:?}");
    began.elapsed()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    let median = times.get(times.len() / 2).unwrap();
    median.as_secs_f64() * 1e6 / f64::from(REQUESTS)
}

fn main() {
    let mut server =
        Command::new("nats-server").args(["-a", "127.0.0.1", "-p", "-1"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
    let port = lines.find_map(|line| {
        line.unwrap().rsplit_once("client connections on 127.0.0.1:").map(|(_, port)| port.to_owned())
    });
    let url = format!("nats://127.0.0.1:{}", port.unwrap());
    std::thread::spawn(move || lines.for_each(drop));
    responder(url.clone());
    let nats = Nats { urls: vec![url.clone()], ..Nats::default() };
    let target = Target { nats: Some(nats), ..Target::default() };
    let (mut raws, mut ours) = (Vec::new(), Vec::new());
    runtime().block_on(async {
        let client = async_nats::connect(url).await.unwrap();
        let world = LiveWorld::new(&target, &titan_run::live::Answers::default(), std::time::Duration::ZERO).unwrap();
        let guards = Guards::new(CATALOGUE);
        for _ in 0..ROUNDS {
            raws.push(raw(&client).await);
            ours.push(steps(&world, &target, &guards).await);
        }
    });
    server.kill().unwrap();
    server.wait().unwrap();
    let (raw, ours) = (median(raws), median(ours));
    println!("raw request {raw:.1} us, request step {ours:.1} us, ratio {:.2}", ours / raw);
}
