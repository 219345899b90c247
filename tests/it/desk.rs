//! A desk: a runbook, two approvers with keys, and a run that people speak to.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::tool::{Ran, command, finished};

/// A folder with a runbook, a target that needs nothing, and two approvers' keys.
pub struct Desk {
    pub folder: TempDir,
    pub keys: [String; 2],
}

impl Desk {
    /// A desk with these steps.
    pub fn new(steps: &str) -> Self {
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

    /// A file's path.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The run, ready to be started.
    pub fn run(&self) -> Command {
        let mut run = command(&["run"]);
        run.arg(self.path("desk.yaml")).arg("--target").arg(self.path("here.yaml"));
        run.env("TITAN_RUNS", self.path("state/runs")).env("USER", "cleo");
        run
    }

    /// The id of the newest run.
    pub fn id(&self) -> String {
        let runs = fs::read_dir(self.path("state/runs")).unwrap();
        runs.map(|run| run.unwrap().file_name().into_string().unwrap()).max().unwrap()
    }

    /// A command about the newest run.
    pub fn about(&self, words: &[&str]) -> Command {
        let mut about = command(&words[..1]);
        about.arg(self.id()).args(&words[1..]).env("TITAN_RUNS", self.path("state/runs"));
        about
    }

    /// Runs a command about the newest run.
    pub fn say(&self, words: &[&str]) -> Ran {
        finished(self.about(words).output().unwrap())
    }

    /// The events of the newest run.
    pub fn events(&self) -> Vec<Value> {
        let replayed = self.say(&["replay", "--output", "json"]).exits(0);
        replayed.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Answers the question of the newest run.
    pub fn sign(&self, verb: &str, key: &str) -> Ran {
        self.say(&[verb, "--yes", "--key", self.path(key).to_str().unwrap()])
    }
}

/// A journal with a word changed everywhere and every checksum made to fit again.
pub fn rechained(text: &str, old: &str, new: &str) -> String {
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
