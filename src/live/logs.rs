//! Service logs: a file that grows, or a command that prints.
//!
//! A file's mark is its inode and a byte offset; a file that was replaced or truncated is read
//! anew. A command's mark is a time, put into its argv as `{since}`, and the last line it printed
//! then: commands know times by the second only, and some ignore them.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

use crate::declaration::{ErrorClass, Failure};
use crate::runbook::target::{Log, LogSource, Target};
use crate::world::{Command, Keep, LogLines, LogMark, Logs, Touch, Wait};

use super::clock::now_unix_ms;
use super::processes;

/// The most bytes read of a log at once; of more, the last ones.
const MAX_READ: u64 = 8 * 1024 * 1024;
/// How long a command that prints a log may run.
const BOUND: Duration = Duration::from_secs(30);
/// The place in a command's argv that is filled with the mark's time.
const PLACE: &str = "{since}";
/// The same in whole seconds since the Unix epoch.
const UNIX_PLACE: &str = "{since_unix}";

/// The logs of a target's services.
pub(super) struct LiveLogs {
    target: Rc<Target>,
}

impl LiveLogs {
    /// The logs of a target; opens nothing yet.
    pub(super) fn new(target: Rc<Target>) -> Self {
        Self { target }
    }

    fn log(&self, service: &str) -> Result<&Log, Failure> {
        let log = self.target.services.get(service).and_then(|service| service.log.as_ref());
        log.ok_or_else(|| {
            Failure::new(ErrorClass::Refused, format!("the target says nothing about the log of `{service}`"))
        })
    }
}

impl Logs for LiveLogs {
    fn mark<'a>(&'a self, service: &'a str) -> Wait<'a, Touch<LogMark>> {
        Box::pin(async move {
            match &self.log(service)?.source {
                LogSource::Command(argv) => Ok(read_command(argv, &rfc3339(now_unix_ms())).await?.next),
                LogSource::File(path) => match std::fs::metadata(path) {
                    Ok(found) => Ok(format!("{}:{}", found.ino(), found.len())),
                    Err(error) if error.kind() == ErrorKind::NotFound => Ok("0:0".to_owned()),
                    Err(error) => Err(unreadable(path, &error)),
                },
            }
        })
    }

    fn read<'a>(&'a self, service: &'a str, since: &'a str) -> Wait<'a, Touch<LogLines>> {
        Box::pin(async move {
            let log = self.log(service)?;
            let mut read = match &log.source {
                LogSource::File(path) => read_file(path, since)?,
                LogSource::Command(argv) => read_command(argv, since).await?,
            };
            if let Some(field) = &log.field {
                read.lines = read.lines.iter().map(|line| text_of(line, field)).collect();
            }
            Ok(read)
        })
    }
}

fn read_file(path: &str, since: &str) -> Touch<LogLines> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(LogLines { lines: Vec::new(), next: "0:0".to_owned() });
        }
        Err(error) => return Err(unreadable(path, &error)),
    };
    let found = file.metadata().map_err(|error| unreadable(path, &error))?;
    let (inode, offset) = place(since);
    let is_same = inode == found.ino() && offset <= found.len();
    let from = if is_same { offset } else { 0 }.max(found.len().saturating_sub(MAX_READ));
    file.seek(SeekFrom::Start(from)).map_err(|error| unreadable(path, &error))?;
    let mut bytes = Vec::new();
    file.take(MAX_READ).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    bytes.truncate(whole);
    Ok(LogLines { lines: lines(&bytes), next: format!("{}:{}", found.ino(), from + whole as u64) })
}

async fn read_command(argv: &[String], since: &str) -> Touch<LogLines> {
    let seen = Seen::from_mark(since);
    let time = humantime::parse_rfc3339(&seen.time).unwrap_or(UNIX_EPOCH);
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().to_string();
    let filled = |element: &String| element.replace(PLACE, &seen.time).replace(UNIX_PLACE, &seconds);
    let command =
        Command { argv: argv.iter().map(filled).collect(), bound: BOUND, keep: Keep::Last, ..Command::default() };
    let finished = processes::run(&command).await?;
    if finished.code != 0 {
        let program = command.argv.first().map(String::as_str).unwrap_or_default();
        let said = String::from_utf8_lossy(&finished.stderr).trim().to_owned();
        return Err(Failure::new(
            ErrorClass::NoData,
            format!("the log command `{program}` ended with code {}: {said}", finished.code),
        ));
    }
    // The first line of an end is half of one.
    let half = usize::from(finished.truncated);
    let printed: Vec<_> = lines(&finished.stdout).into_iter().skip(half).collect();
    let next = Seen::of(&seen.time, &printed).to_mark();
    let new = seen.among(&printed);
    if new.is_none() && finished.truncated {
        let program = command.argv.first().map(String::as_str).unwrap_or_default();
        let why =
            format!("the log command `{program}` printed more than can be kept, and where it was read to is not in it");
        return Err(Failure::new(ErrorClass::NoData, why));
    }
    Ok(LogLines { lines: printed.iter().skip(new.unwrap_or(0)).cloned().collect(), next })
}

/// What a command had printed since a time when its mark was made.
struct Seen {
    time: String,
    /// The last line, and how often it stood there.
    last: Option<(usize, String)>,
}

impl Seen {
    fn of(time: &str, printed: &[String]) -> Self {
        let last = printed.last().map(|last| (printed.iter().filter(|line| *line == last).count(), last.clone()));
        Self { time: time.to_owned(), last }
    }

    fn from_mark(mark: &str) -> Self {
        let mut parts = mark.splitn(3, '|');
        let time = parts.next().filter(|time| !time.is_empty()).map_or_else(|| rfc3339(0), str::to_owned);
        let last = parts.next().and_then(|count| count.parse().ok()).zip(parts.next().map(str::to_owned));
        Self { time, last }
    }

    fn to_mark(&self) -> String {
        match &self.last {
            Some((count, line)) => format!("{}|{count}|{line}", self.time),
            None => self.time.clone(),
        }
    }

    /// How many of the lines were there before; `None` where the last one is not among them, as in a log
    /// that began anew.
    fn among(&self, printed: &[String]) -> Option<usize> {
        let Some((count, last)) = &self.last else {
            return Some(0);
        };
        let mut places = printed.iter().enumerate().filter(|(_, line)| *line == last);
        places.nth(count.saturating_sub(1)).map(|(at, _)| at + 1)
    }
}

/// The mark's inode and offset; what is no mark means the beginning.
fn place(mark: &str) -> (u64, u64) {
    let parts = mark.split_once(':').and_then(|(inode, offset)| Some((inode.parse().ok()?, offset.parse().ok()?)));
    parts.unwrap_or((0, 0))
}

fn lines(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes).lines().map(|line| line.trim_end_matches('\r').to_owned()).collect()
}

/// The text of a JSON line; a line that is not JSON, or has no such field, as it is.
fn text_of(line: &str, field: &str) -> String {
    let json = serde_json::from_str::<serde_json::Value>(line).ok();
    let text = json.as_ref().and_then(|json| json.get(field)).and_then(serde_json::Value::as_str);
    text.map_or_else(|| line.to_owned(), str::to_owned)
}

fn rfc3339(unix_ms: u64) -> String {
    humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(unix_ms)).to_string()
}

fn unreadable(path: &str, error: &std::io::Error) -> Failure {
    Failure::new(ErrorClass::NoData, format!("the log `{path}` cannot be read: {error}"))
}
