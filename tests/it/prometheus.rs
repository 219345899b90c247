//! The rollout with a real Prometheus between it and the services, and with a Prometheus that fails.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use crate::stage::{Part, Stage, Watched, signal, wait_for};
use crate::tool::{command, finished};

/// What the proxy in front of Prometheus does.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Mode {
    Pass,
    Fails,
    Empty,
    NotANumber,
}

/// A stage with a Prometheus that scrapes every second, behind a proxy that can fail.
struct Watching {
    stage: Stage,
    target: PathBuf,
    mode: Arc<AtomicU8>,
    _prometheus: Part,
}

impl Watching {
    fn new(options: &[&str]) -> Self {
        let stage = Stage::new(options);
        let text = std::fs::read_to_string(stage.target()).unwrap();
        let scrapes = text.split("scrape: ").skip(1).map(|rest| rest.split_whitespace().next().unwrap());
        let scrapes: Vec<_> = scrapes.collect();
        let jobs = ["execution", "brain"].iter().zip(&scrapes).map(|(job, url)| {
            let address = url.trim_start_matches("http://").trim_end_matches("/metrics");
            format!("  - job_name: {job}\n    static_configs: [{{ targets: [\"{address}\"] }}]\n")
        });
        let config = format!("global: {{ scrape_interval: 1s }}\nscrape_configs:\n{}", jobs.collect::<String>());
        let file = stage.folder.path().join("prometheus.yml");
        std::fs::write(&file, config).unwrap();
        let mut child = Command::new("prometheus")
            .arg("--config.file")
            .arg(&file)
            .arg("--storage.tsdb.path")
            .arg(stage.folder.path().join("tsdb"))
            .args(["--web.listen-address", "127.0.0.1:0"])
            .stderr(Stdio::piped())
            .spawn()
            .expect("prometheus is on PATH; scripts/test installs it");
        let said = wait_for(child.stderr.take().unwrap(), &["msg=\"Listening on\"", "Server is ready"]);
        let address = said[0].split("address=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
        let mode = Arc::new(AtomicU8::new(Mode::Pass as u8));
        let proxy = proxy(address, Arc::clone(&mode));
        let prometheus = format!("\nprometheus: {{ url: \"http://{proxy}\", scrape_interval: 1s }}\n\nservices:\n");
        let target = stage.changed_target(&[
            (&format!("scrape: {}", scrapes[0]), "prometheus: 'job=\"execution\"'"),
            (&format!("scrape: {}", scrapes[1]), "prometheus: 'job=\"brain\"'"),
            ("\nservices:\n", &prometheus),
        ]);
        let mut waiting = command(&["tests/cases/runbook/metrics-are-there.yaml", "--target"]);
        finished(waiting.arg(&target).env("TITAN_RUNS", stage.runs()).output().unwrap()).exits(0);
        Self { stage, target, mode, _prometheus: Part(child) }
    }

    fn set(&self, mode: Mode) {
        self.mode.store(mode as u8, Ordering::SeqCst);
    }

    /// A rollout that has begun to look for rejections.
    fn observing(&self) -> Watched {
        let mut run = Watched::start(self.stage.rollout(&self.target, &[]));
        run.until("started", "no_rejections");
        run
    }
}

/// Passes requests on to Prometheus, or answers them badly.
fn proxy(prometheus: String, mode: Arc<AtomicU8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (prometheus, mode) = (prometheus.clone(), Arc::clone(&mode));
            thread::spawn(move || answer(client, &prometheus, mode.load(Ordering::SeqCst)));
        }
    });
    address
}

fn answer(mut client: TcpStream, prometheus: &str, mode: u8) -> Option<()> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte).ok()?;
        request.push(byte[0]);
    }
    let answered = |status: &str, body: &str| {
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
    };
    let series =
        |result: &str| format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{result}]}}}}"#);
    let text = match mode {
        mode if mode == Mode::Fails as u8 => answered("500 Internal Server Error", "no"),
        mode if mode == Mode::Empty as u8 => answered("200 OK", &series("")),
        mode if mode == Mode::NotANumber as u8 => answered("200 OK", &series(r#"{"metric":{},"value":[1,"NaN"]}"#)),
        _ => {
            let text = String::from_utf8(request).ok()?;
            let text = text.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
            let mut server = TcpStream::connect(prometheus).ok()?;
            server.write_all(text.as_bytes()).ok()?;
            let mut answer = Vec::new();
            server.read_to_end(&mut answer).ok()?;
            return client.write_all(&answer).ok();
        }
    };
    client.write_all(text.as_bytes()).ok()
}

#[test]
fn the_rollout_succeeds_through_prometheus() {
    let watching = Watching::new(&[]);
    finished(watching.stage.rollout(&watching.target, &[]).output().unwrap()).exits(0);
    watching.stage.is("2.0.0", true);
}

/// Nothing shows the gate's state any more, and the run says so; the world was disarmed.
fn ends_stuck_and_disarmed(mode: Mode) {
    let watching = Watching::new(&[]);
    let run = watching.observing();
    watching.set(mode);
    let (code, end, _) = run.end();
    assert_eq!(code, 4, "{end}");
    assert!(end["needs_person"].to_string().contains("UNKNOWN"), "{end}");
    watching.stage.is("2.0.0", false);
}

#[test]
fn a_prometheus_that_answers_500_is_never_taken_for_good() {
    ends_stuck_and_disarmed(Mode::Fails);
}

#[test]
fn a_prometheus_that_answers_nothing_is_never_taken_for_good() {
    ends_stuck_and_disarmed(Mode::Empty);
}

#[test]
fn a_prometheus_that_answers_nan_is_never_taken_for_good() {
    ends_stuck_and_disarmed(Mode::NotANumber);
}

#[test]
fn a_counter_that_is_reset_by_a_crash_is_rolled_back() {
    let watching = Watching::new(&[]);
    let run = watching.observing();
    let process = watching.stage.state()["services"]["execution"]["process"].as_u64().unwrap();
    signal("KILL", u32::try_from(process).unwrap());
    let (code, end, _) = run.end();
    assert_eq!(code, 3, "{end}");
    watching.stage.is("1.0.0", false);
}
