//! A stage for end-to-end tests: a real nats-server, the served Titan, a real Prometheus. Every
//! part picks its own port, says when it is ready, and is gone when the stage is dropped.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::tool::{Ran, command, finished};

/// How long a part may take for its next line before a test has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long something is left alone before it is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// A process that ends with the test.
pub struct Part(pub Child);

impl Drop for Part {
    fn drop(&mut self) {
        signal("CONT", self.0.id());
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends a signal to a process.
pub fn signal(name: &str, process: u32) {
    Command::new("kill").args([&format!("-{name}"), &process.to_string()]).stderr(Stdio::null()).status().unwrap();
}

/// Looks until something holds that nobody tells of; where it never does, a test has failed.
pub fn until(mut holds: impl FnMut() -> bool) {
    let (_held, over) = mpsc::channel::<()>();
    let mut waited = Duration::ZERO;
    while !holds() {
        assert!(waited < PATIENCE, "what was waited for never came");
        let _ = over.recv_timeout(LOOK_AGAIN);
        waited += LOOK_AGAIN;
    }
}

/// Reads lines until each of `wanted` was said, in whatever order; what comes after is read and
/// dropped, so that the process never blocks.
pub fn wait_for(stream: impl Read + Send + 'static, wanted: &[&str]) -> Vec<String> {
    let (sender, lines) = mpsc::channel();
    // What nobody waits for any more is read all the same: a full pipe would stop the process.
    thread::spawn(move || {
        BufReader::new(stream).lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)))
    });
    let mut found = Vec::new();
    let mut seen = Vec::new();
    for text in wanted {
        if let Some(line) = seen.iter().find(|line: &&String| line.contains(text)) {
            found.push(line.clone());
            continue;
        }
        loop {
            let next = lines.recv_timeout(PATIENCE);
            let line = next.unwrap_or_else(|end| panic!("`{text}` was never said: {end} after\n{}", seen.join("\n")));
            seen.push(line.clone());
            if line.contains(text) {
                found.push(line);
                break;
            }
        }
    }
    found
}

/// A real nats-server.
pub struct Nats {
    pub part: Part,
    pub port: u16,
}

impl Nats {
    /// Starts one with extra lines of configuration.
    pub fn start(folder: &Path, config: &str) -> Self {
        let file = folder.join("nats.conf");
        let config = config.replace("$FOLDER", &folder.display().to_string());
        std::fs::write(&file, format!("host: 127.0.0.1\nport: -1\n{config}")).unwrap();
        let mut child = Command::new("nats-server")
            .arg("-c")
            .arg(&file)
            .stderr(Stdio::piped())
            .spawn()
            .expect("nats-server is on PATH; scripts/test installs it");
        let said = wait_for(child.stderr.take().unwrap(), &["Listening for client connections on", "Server is ready"]);
        let port = said[0].rsplit(':').next().unwrap().trim().parse().unwrap();
        Self { part: Part(child), port }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }
}

/// Everything a rollout needs.
pub struct Stage {
    pub folder: TempDir,
    pub nats: Nats,
    _sim: Part,
}

/// World options that make the served Titan quick.
const QUICK: [&str; 2] = ["deploy_ms=100", "promote_after_ms=100"];

impl Stage {
    /// Nats and the Titan, with world options.
    pub fn new(options: &[&str]) -> Self {
        Self::with_nats(options, "", "")
    }

    /// The same with extra NATS configuration, and `user:password@` for the Titan's services.
    pub fn with_nats(options: &[&str], config: &str, login: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let nats = Nats::start(folder.path(), config);
        let sim = Self::sim(folder.path(), &nats, options, login);
        Self { folder, nats, _sim: sim }
    }

    fn sim(folder: &Path, nats: &Nats, options: &[&str], login: &str) -> Part {
        let url = format!("nats://{login}127.0.0.1:{}", nats.port);
        let mut serving = command(&["sim", "--free-ports", "--nats", &url]);
        serving.arg("--dir").arg(folder.join("sim"));
        let name = |option: &str| option.split('=').next().unwrap().to_owned();
        let quick = QUICK.iter().filter(|quick| options.iter().all(|option| name(option) != name(quick)));
        for option in quick.chain(options) {
            serving.args(["--world", option]);
        }
        let mut child = serving.stdout(Stdio::piped()).spawn().unwrap();
        wait_for(child.stdout.take().unwrap(), &["serves on"]);
        Part(child)
    }

    /// The target file the Titan wrote.
    pub fn target(&self) -> PathBuf {
        self.folder.path().join("sim/target.yaml")
    }

    /// Where its runs are kept.
    pub fn runs(&self) -> PathBuf {
        self.folder.path().join("state/runs")
    }

    /// The id of the newest run.
    pub fn newest_run(&self) -> String {
        let runs = std::fs::read_dir(self.runs()).unwrap().map(|run| run.unwrap().file_name().into_string().unwrap());
        runs.max().expect("a run was kept")
    }

    /// A command about the newest run.
    pub fn about_run(&self, words: &[&str]) -> Command {
        let mut about = command(&words[..1]);
        about.arg(self.newest_run()).args(&words[1..]).env("TITAN_RUNS", self.runs());
        about
    }

    /// The newest run, gone on with.
    pub fn resumed(&self) -> Watched {
        Watched::start(self.about_run(&["resume", "--confirm", "all"]))
    }

    /// Another target file: the Titan's own, with texts replaced.
    pub fn changed_target(&self, changes: &[(&str, &str)]) -> PathBuf {
        let mut text = std::fs::read_to_string(self.target()).unwrap();
        for (old, new) in changes {
            assert!(text.contains(old), "`{old}` is not in\n{text}");
            text = text.replace(old, new);
        }
        let path = self.folder.path().join("sim/changed.yaml");
        std::fs::write(&path, text.replace("target: target", "target: changed")).unwrap();
        path
    }

    /// The rollout, ready to be started.
    pub fn rollout(&self, target: &Path, arguments: &[&str]) -> Command {
        let mut rollout = command(&["runbooks/policy-rollout.yaml", "--confirm", "all"]);
        rollout.arg("--target").arg(target).args(arguments).env("TITAN_RUNS", self.runs());
        // A short look where the case does not say how long.
        if !arguments.iter().any(|argument| argument.starts_with("observe=")) {
            rollout.args(["--set", "observe=2s"]);
        }
        rollout
    }

    /// Runs the rollout to its end.
    pub fn run(&self) -> Ran {
        finished(self.rollout(&self.target(), &[]).output().unwrap())
    }

    /// What the world itself says of its state.
    pub fn state(&self) -> Value {
        let mut asking = command(&["sim", "state", "--dir"]);
        let ran = finished(asking.arg(self.folder.path().join("sim")).output().unwrap()).exits(0);
        serde_json::from_str(&ran.out).unwrap()
    }

    /// Asserts the pair of versions, whether Execution is armed, and that no invariant broke.
    #[track_caller]
    pub fn is(&self, version: &str, is_armed: bool) {
        let state = self.state();
        assert_eq!(state["services"]["execution"]["version"], version, "{state}");
        assert_eq!(state["services"]["brain"]["version"], version, "{state}");
        assert_eq!(state["services"]["execution"]["state"]["armed"], is_armed, "{state}");
        assert_eq!(state["broken"], Value::Array(Vec::new()), "{state}");
    }
}

/// A run whose events are read while it goes on.
pub struct Watched {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
    pub events: Vec<Value>,
}

impl Watched {
    /// Starts a run with `--output json`.
    pub fn start(mut command: Command) -> Self {
        let mut child =
            command.args(["--output", "json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, events: Vec::new() }
    }

    /// The run's process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Closes the run's standard input, where it was piped.
    pub fn close_stdin(&mut self) {
        drop(self.child.stdin.take().expect("its standard input was piped"));
    }

    /// Reads events until one is of a kind and about a step.
    pub fn until(&mut self, event: &str, step: &str) {
        self.until_one(event, &[step]);
    }

    /// Reads events until one is of a kind and about one of a few steps; gives the place of that.
    pub fn until_one(&mut self, event: &str, steps: &[&str]) -> usize {
        for line in self.lines.by_ref() {
            let seen: Value = serde_json::from_str(&line.unwrap()).unwrap();
            let step = seen["what"]["step"].as_str().unwrap_or("").to_owned();
            let is_it = seen["what"]["event"] == event;
            self.events.push(seen);
            if let Some(at) = steps.iter().position(|wanted| is_it && *wanted == step) {
                return at;
            }
        }
        panic!("`{event}` of {steps:?} never came in {:#?}", self.events);
    }

    /// Kills the run; gives everything it said.
    pub fn killed(mut self) -> Vec<Value> {
        signal("KILL", self.process());
        for line in self.lines.by_ref().map_while(Result::ok) {
            self.events.extend(serde_json::from_str::<Value>(&line));
        }
        self.child.wait().unwrap();
        self.events
    }

    /// Reads the rest; gives the exit code and the end.
    pub fn end(mut self) -> (i32, Value, Vec<Value>) {
        for line in self.lines.by_ref() {
            self.events.push(serde_json::from_str(&line.unwrap()).unwrap());
        }
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        let last = self.events.last().unwrap()["what"].clone();
        assert_eq!(last["event"], "run_ended", "{last}");
        (code, last, self.events)
    }
}
