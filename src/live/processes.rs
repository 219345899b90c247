//! Local processes: no shell, a process group of their own, death with the runner, bounded output.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group, set_parent_process_death_signal};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Child;

use crate::declaration::{ErrorClass, Failure};
use crate::value::format_duration;
use crate::world::{Command, Finished, Processes, Touch, Wait};

/// The most bytes kept of each output stream; the rest is read and dropped.
const MAX_OUTPUT: usize = 1024 * 1024;
/// How long output is still read after the process has ended: a daemon it left behind may hold
/// the pipe for ever.
const DRAIN_BOUND: Duration = Duration::from_millis(250);

/// How often orphans are looked for until they are gone: a killed process goes at once, unless the
/// kernel holds it.
const ORPHAN_LOOKS: u32 = 10_000;

/// The name of this program in a target's commands.
const OWN_NAME: &str = "titan-run";

/// The environment variable by which a run's processes are found again.
const RUN_VARIABLE: &str = "TITAN_RUN";

/// The run that this process carries out.
static RUN: OnceLock<String> = OnceLock::new();

/// Marks every process that is started from now on as one of a run's.
pub(crate) fn mark_children(run: &str) {
    let _ = RUN.set(run.to_owned());
}

/// Processes of this machine.
pub(super) struct LiveProcesses;

impl Processes for LiveProcesses {
    fn run<'a>(&'a self, command: &'a Command) -> Wait<'a, Touch<Finished>> {
        Box::pin(run(command))
    }
}

/// Runs a process to its end, or kills its whole group at the bound.
pub(super) async fn run(command: &Command) -> Touch<Finished> {
    let program = command.argv.first().map(String::as_str).unwrap_or_default();
    let mut child = spawn(command)?;
    let _group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).unwrap_or(0))));
    let stdin = child.stdin.take();
    let feeding = async {
        if let Some(mut stdin) = stdin {
            let _ = stdin.write_all(&command.stdin).await;
        }
    };
    let mut stdout = Captured::default();
    let mut stderr = Captured::default();
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let running = async {
        let reading = async { tokio::join!(feeding, stdout.read(out), stderr.read(err)) };
        tokio::pin!(reading);
        let status = tokio::select! {
            status = child.wait() => status,
            _ = &mut reading => return child.wait().await,
        };
        let _ = tokio::time::timeout(DRAIN_BOUND, reading).await;
        status
    };
    let status = match tokio::time::timeout(command.bound, running).await {
        Ok(Ok(status)) => status,
        Ok(Err(error)) => return Err(Failure::new(ErrorClass::Exit, format!("`{program}`: {error}"))),
        Err(_) => {
            let bound = format_duration(command.bound);
            return Err(Failure::new(
                ErrorClass::Timeout,
                format!("`{program}` did not end within {bound}, and was killed"),
            ));
        }
    };
    _group.spare();
    Ok(Finished {
        code: exit_code(status),
        truncated: stdout.truncated || stderr.truncated,
        stdout: stdout.bytes,
        stderr: stderr.bytes,
    })
}

#[expect(
    unsafe_code,
    reason = "only between fork and exec can a child be told to die with its parent; the closure makes one system call"
)]
fn spawn(command: &Command) -> Touch<Child> {
    let Some((program, arguments)) = command.argv.split_first() else {
        return Err(Failure::new(ErrorClass::Refused, "the argv is empty"));
    };
    let mut building = tokio::process::Command::new(resolved(program));
    building
        .args(arguments)
        .envs(RUN.get().map(|run| (RUN_VARIABLE, run)))
        .envs(&command.env)
        .stdin(if command.stdin.is_empty() { Stdio::null() } else { Stdio::piped() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    // SAFETY: prctl is async-signal-safe, and nothing is allocated.
    unsafe {
        building.pre_exec(|| set_parent_process_death_signal(Some(Signal::KILL)).map_err(std::io::Error::from));
    }
    building.spawn().map_err(|error| Failure::new(ErrorClass::Exit, format!("`{program}` cannot be started: {error}")))
}

/// A command named like this program is this very program, wherever it stands.
fn resolved(program: &str) -> PathBuf {
    let own = (program == OWN_NAME).then(std::env::current_exe).and_then(Result::ok);
    own.unwrap_or_else(|| PathBuf::from(program))
}

/// Kills what an earlier runner of a run left behind; says which processes those were.
///
/// # Errors
/// A sentence when one of them does not die.
pub(crate) fn kill_orphans(run: &str) -> Result<Vec<u32>, String> {
    let mark = format!("{RUN_VARIABLE}={run}");
    let mut killed = Vec::new();
    for _ in 0..ORPHAN_LOOKS {
        let orphans = marked(&mark);
        if orphans.is_empty() {
            return Ok(killed);
        }
        for orphan in orphans {
            let process = i32::try_from(orphan).ok().and_then(Pid::from_raw);
            let _ = process.map(|process| kill_process(process, Signal::KILL));
            if !killed.contains(&orphan) {
                killed.push(orphan);
            }
        }
        std::thread::yield_now();
    }
    Err(format!("processes of this run do not die: {killed:?}"))
}

/// The live processes whose environment holds a mark, but not this one.
fn marked(mark: &str) -> Vec<u32> {
    let all =
        std::fs::read_dir("/proc").into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let ids = all.filter_map(|name| name.parse().ok()).filter(|id| *id != std::process::id());
    let is_marked = |id: &u32| {
        let environment = std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
    };
    ids.filter(is_marked).collect()
}

/// Kills a process group when the future that runs it is dropped.
struct Group(Option<Pid>);

impl Group {
    /// Lets what the process left behind live on.
    fn spare(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// What was read of one output stream.
#[derive(Default)]
struct Captured {
    bytes: Vec<u8>,
    truncated: bool,
}

impl Captured {
    async fn read(&mut self, stream: Option<impl AsyncRead + Unpin>) {
        let Some(mut stream) = stream else {
            return;
        };
        let mut chunk = [0; 8 * 1024];
        while let Ok(read @ 1..) = stream.read(&mut chunk).await {
            let room = MAX_OUTPUT - self.bytes.len();
            self.bytes.extend_from_slice(chunk.get(..read.min(room)).unwrap_or_default());
            self.truncated |= read > room;
        }
    }
}

fn exit_code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}
