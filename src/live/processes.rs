//! Local processes: no shell, a process group of their own, death with the runner, bounded output.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::fs::{Access, access};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use crate::declaration::{ErrorClass, Failure};
use crate::value::format_duration;
use crate::world::{Command, Finished, Keep, Processes, Touch, Wait};

use super::child::{Child, Streams};
use super::spawn::Image;

/// The most bytes kept of the beginning of an output stream; the rest is read and dropped.
const MAX_OUTPUT: usize = 1024 * 1024;
/// The bytes surely kept of its end where that is kept, and at most twice as many.
const MAX_LAST: usize = 8 * 1024 * 1024;
/// How long output is still read after the process has ended: a daemon it left behind may hold
/// the pipe for ever.
const DRAIN_BOUND: Duration = Duration::from_millis(250);

/// How often orphans are looked for until they are gone: a killed process goes at once, unless the
/// kernel holds it.
const ORPHAN_LOOKS: u32 = 10_000;

/// How often a process that executes a program is looked at: it may have to wait for a processor.
const EXECUTING_LOOKS: u32 = 100_000;

/// Fields of `/proc/ID/stat`, by their numbers in proc(5).
const FIRST_AFTER_NAME: usize = 3;
const CODE_END: usize = 27;
const ENVIRONMENT_START: usize = 50;

/// The name of this program in a target's commands.
const OWN_NAME: &str = "titan-run";

/// Where programs are looked for where nothing says where: what the C library says.
const USUAL_PATH: &str = "/bin:/usr/bin";

/// The environment variable by which a run's processes are found again.
const RUN_VARIABLE: &str = "TITAN_RUN";

/// The environment variable that says which of a run's commands a process was started by.
const COMMAND_VARIABLE: &str = "TITAN_COMMAND";

/// The run that this process carries out.
static RUN: OnceLock<Marks> = OnceLock::new();

/// How a run's processes are marked.
struct Marks {
    run: String,
    /// Where it is noted which commands have ended: what those left behind is no orphan.
    ended: Option<File>,
    started: AtomicU64,
}

/// Marks every process that is started from now on as one of a run's; in `ended` it is noted which
/// commands came to their end, so that what they have started, such as a service, may live on.
pub(crate) fn mark_children(run: &str, ended: Option<File>) {
    let _ = RUN.set(Marks { run: run.to_owned(), ended, started: AtomicU64::new(0) });
}

impl Marks {
    /// A mark that no other command of the run has.
    fn next(&self) -> String {
        format!("{}-{}", std::process::id(), self.started.fetch_add(1, Ordering::Relaxed))
    }

    /// Notes that a command has ended. It need not survive a loss of power: no process does.
    fn ended(&self, mark: &str) {
        if let Some(mut file) = self.ended.as_ref() {
            let _ = file.write_all(format!("{mark}\n").as_bytes());
        }
    }
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
    let Some(program) = command.argv.first() else {
        return Err(Failure::new(ErrorClass::Refused, "the argv is empty"));
    };
    let marks = RUN.get().map(|marks| (marks, marks.next()));
    let variables = marks.iter().flat_map(|(marks, mark)| [(RUN_VARIABLE, &*marks.run), (COMMAND_VARIABLE, mark)]);
    let started = image(program, command, variables).and_then(|image| Child::start(&image, !command.stdin.is_empty()));
    let (mut child, Streams { stdin, stdout: out, stderr: err }) =
        started.map_err(|error| Failure::new(ErrorClass::Exit, format!("`{program}` cannot be started: {error}")))?;
    let group = Group(Some(child.group()));
    let feeding = async {
        if let Some(mut stdin) = stdin {
            let _ = stdin.write_all(&command.stdin).await;
        }
    };
    let mut stdout = Captured { keep: command.keep, ..Captured::default() };
    let mut stderr = Captured::default();
    let running = async {
        let reading = async { tokio::join!(feeding, stdout.read(out), stderr.read(err)) };
        tokio::pin!(reading);
        let code = tokio::select! {
            code = child.wait() => code,
            _ = &mut reading => return child.wait().await,
        };
        let _ = tokio::time::timeout(DRAIN_BOUND, reading).await;
        code
    };
    let code = match tokio::time::timeout(command.bound, running).await {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => return Err(Failure::new(ErrorClass::Exit, format!("`{program}`: {error}"))),
        Err(_) => {
            let bound = format_duration(command.bound);
            return Err(Failure::new(
                ErrorClass::Timeout,
                format!("`{program}` did not end within {bound}, and was killed"),
            ));
        }
    };
    group.spare();
    if let Some((marks, mark)) = &marks {
        marks.ended(mark);
    }
    Ok(Finished { code, truncated: stdout.truncated || stderr.truncated, stdout: stdout.bytes, stderr: stderr.bytes })
}

/// What a command executes, as `execvp` would find it: in the folders of the command's own `PATH`
/// where it sets one.
fn image<'a>(program: &str, command: &Command, marks: impl Iterator<Item = (&'a str, &'a str)>) -> io::Result<Image> {
    let program = resolved(program);
    let mut variables: BTreeMap<OsString, OsString> = env::vars_os().collect();
    variables.extend(marks.map(|(name, mark)| (name.into(), mark.into())));
    variables.extend(command.env.iter().map(|(name, value)| (name.into(), value.into())));
    let path = variables.get(OsStr::new("PATH")).map_or(OsStr::new(USUAL_PATH), OsString::as_os_str);
    let files = files(&program, path)?;
    let arguments =
        std::iter::once(program.into_vec()).chain(command.argv.iter().skip(1).map(|one| one.clone().into()));
    let environment =
        variables.into_iter().map(|(name, value)| CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()));
    Ok(Image {
        files,
        arguments: arguments.map(CString::new).collect::<Result<_, _>>()?,
        environment: environment.collect::<Result<_, _>>()?,
    })
}

/// The files that may be a program; those that are not there need not be tried.
fn files(program: &OsStr, path: &OsStr) -> io::Result<Vec<CString>> {
    if program.as_bytes().contains(&b'/') {
        return Ok(vec![CString::new(program.as_bytes())?]);
    }
    let mut found = Vec::new();
    for folder in path.as_bytes().split(|byte| *byte == b':').filter(|_| !program.is_empty()) {
        let folder = if folder.is_empty() { b"." } else { folder };
        let file = CString::new([folder, b"/", program.as_bytes()].concat())?;
        if !matches!(access(&file, Access::EXISTS), Err(Errno::NOENT | Errno::NOTDIR)) {
            found.push(file);
        }
    }
    Ok(found)
}

/// A command named like this program is this very program, wherever it stands.
fn resolved(program: &str) -> OsString {
    let own = (program == OWN_NAME).then(env::current_exe).and_then(Result::ok);
    own.map_or_else(|| program.into(), OsString::from)
}

/// Kills what an earlier runner of a run was at; says which processes those were. `ended` holds the
/// marks of commands that came to their end: what those have started lives on.
///
/// # Errors
/// A sentence when one of them does not die.
pub(crate) fn kill_orphans(run: &str, ended: &str) -> Result<Vec<u32>, String> {
    let mark = format!("{RUN_VARIABLE}={run}");
    let ended: BTreeSet<_> = ended.lines().map(|mark| format!("{COMMAND_VARIABLE}={mark}")).collect();
    let mut killed = Vec::new();
    for _ in 0..ORPHAN_LOOKS {
        let orphans = marked(&mark, &ended);
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

/// The live processes whose environment holds a mark and none of others, but not this one.
fn marked(mark: &str, others: &BTreeSet<String>) -> Vec<u32> {
    let all =
        std::fs::read_dir("/proc").into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let ids = all.filter_map(|name| name.parse().ok()).filter(|id| *id != std::process::id());
    let is_marked = |id: &u32| {
        let environment = environment(*id);
        let mut variables = environment.split(|byte| *byte == 0).filter_map(|one| std::str::from_utf8(one).ok());
        variables.clone().any(|one| one == mark) && !variables.any(|one| others.contains(one))
    };
    ids.filter(is_marked).collect()
}

/// The environment of a live process. It has none, or half of one, for the moment in which it executes
/// a program, and is looked at again then.
fn environment(id: u32) -> Vec<u8> {
    for _ in 0..EXECUTING_LOOKS {
        let before = image_of(id);
        let environment = std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        let is_settled = before.is_some() && before == image_of(id);
        if is_settled || !has_program(id) {
            return environment;
        }
        std::thread::yield_now();
    }
    Vec::new()
}

/// Where the code and the environment of what a process executes stand in its memory, which differs
/// with each execution; nothing until they do.
fn image_of(id: u32) -> Option<[String; 2]> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let after_name: Vec<_> = stat.rsplit(')').next()?.split_whitespace().collect();
    let field = |number: usize| after_name.get(number - FIRST_AFTER_NAME).map(|field| (*field).to_owned());
    let (code_end, environment) = (field(CODE_END)?, field(ENVIRONMENT_START)?);
    (code_end != "0").then_some([code_end, environment])
}

/// Whether a process may be looked into, and executes a program: the kernel's own do not.
fn has_program(id: u32) -> bool {
    std::fs::read_link(format!("/proc/{id}/exe")).is_ok()
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
    keep: Keep,
}

impl Captured {
    async fn read(&mut self, mut stream: impl AsyncRead + Unpin) {
        let mut chunk = [0; 8 * 1024];
        while let Ok(read @ 1..) = stream.read(&mut chunk).await {
            self.take(chunk.get(..read).unwrap_or_default());
        }
    }

    fn take(&mut self, chunk: &[u8]) {
        match self.keep {
            Keep::First => {
                let room = MAX_OUTPUT - self.bytes.len();
                self.bytes.extend_from_slice(chunk.get(..room).unwrap_or(chunk));
                self.truncated |= chunk.len() > room;
            }
            Keep::Last => {
                self.bytes.extend_from_slice(chunk);
                // Half is dropped at once: each byte is moved at most once.
                if self.bytes.len() > 2 * MAX_LAST {
                    self.bytes.drain(..self.bytes.len() - MAX_LAST);
                    self.truncated = true;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;

    use super::*;

    #[test]
    fn a_process_that_executes_a_program_is_found_at_any_moment() {
        let mut always = std::process::Command::new("/bin/sh");
        always.args(["-c", r#"exec /bin/sh -c "$0" "$0""#, r#"exec /bin/sh -c "$0" "$0""#]);
        let mut child = always.env(RUN_VARIABLE, "executes").process_group(0).spawn().unwrap();
        let is_marked =
            |environment: Vec<u8>| environment.split(|byte| *byte == 0).any(|one| one == b"TITAN_RUN=executes");
        let missed = (0..2_000).filter(|_| !is_marked(environment(child.id()))).count();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(missed, 0);
    }
}
