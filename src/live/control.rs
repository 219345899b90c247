//! The control socket of a run: how a person at another terminal speaks to it.
//!
//! One request and one reply, a line of JSON each. The socket stands in the run's folder, mode
//! 0600, and the peer's user must be the runner's own or root. Its path may be longer than a
//! socket's may be, so both sides reach it through the folder's descriptor.

use std::fs::{File, Permissions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::approval::BECAME;
use crate::event::Asked;

use super::person;

/// The most bytes of a request.
const MAX_REQUEST: u64 = 64 * 1024;

/// How long a peer may take to say what it wants.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

/// The most peers that are heard at once: people are few.
const MAX_PEERS: usize = 32;

/// What a run answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Reply {
    /// It was taken; says what follows.
    Taken(String),
    /// It was not; says why.
    Refused(String),
}

/// A run's end of its control socket.
pub(crate) struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl ControlSocket {
    /// Opens the socket; what an earlier runner left in its place is removed.
    pub(crate) fn open(path: PathBuf) -> Result<Self, String> {
        let trouble = |error: std::io::Error| format!("`{}` cannot be opened: {error}", path.display());
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(trouble(error)),
            _ => {}
        }
        let (_folder, short) = reachable(&path).map_err(trouble)?;
        let listener = UnixListener::bind(&short).map_err(trouble)?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(trouble)?;
        Ok(Self { listener, path })
    }

    /// Hands every request to `take`, and lets nobody who is slow keep the others waiting; never
    /// ends.
    pub(crate) async fn serve(&self, take: &dyn Fn(Asked) -> Reply) {
        let mut peers = FuturesUnordered::new();
        loop {
            tokio::select! {
                Ok((stream, _)) = self.listener.accept(), if peers.len() < MAX_PEERS => {
                    peers.push(tokio::time::timeout(PATIENCE, answer(stream, take)));
                }
                Some(_) = peers.next(), if !peers.is_empty() => {}
                // The machine has no descriptor to spare: a moment later it may.
                else => tokio::time::sleep(PATIENCE).await,
            }
        }
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Answers one peer.
async fn answer(stream: UnixStream, take: &dyn Fn(Asked) -> Reply) -> std::io::Result<()> {
    let credentials = stream.peer_cred()?;
    let peer = credentials.uid();
    let own = rustix::process::geteuid().as_raw();
    let (reading, mut writing) = stream.into_split();
    let mut line = String::new();
    BufReader::new(reading.take(MAX_REQUEST)).read_line(&mut line).await?;
    let reply = match serde_json::from_str::<Asked>(&line) {
        _ if peer != own && peer != 0 => Reply::Refused(format!("uid {peer} may not speak to a run of uid {own}")),
        Ok(asked) => take(Asked { who: named(asked.who.clone(), person::peer(peer, credentials.pid())), ..asked }),
        Err(error) => Reply::Refused(format!("this is not a request: {error}")),
    };
    let mut text = serde_json::to_vec(&reply)?;
    text.push(b'\n');
    writing.write_all(&text).await
}

/// The name a peer gives itself, where that says more than the kernel does and nothing else.
fn named(claimed: String, known: String) -> String {
    if claimed.starts_with(&format!("{known}{BECAME}")) { claimed } else { known }
}

/// Asks the run behind a socket; an error means that nobody answers there.
pub(crate) async fn ask(path: &Path, asked: &Asked) -> Result<Reply, String> {
    let asking = async {
        let (_folder, short) = reachable(path)?;
        let mut stream = UnixStream::connect(&short).await?;
        let mut line = serde_json::to_vec(asked)?;
        line.push(b'\n');
        stream.write_all(&line).await?;
        let mut reply = String::new();
        BufReader::new(stream.take(MAX_REQUEST)).read_line(&mut reply).await?;
        Ok(serde_json::from_str(&reply)?)
    };
    let answered = tokio::time::timeout(PATIENCE, asking).await;
    let answered: std::io::Result<Reply> = answered.unwrap_or_else(|late| Err(late.into()));
    answered.map_err(|error| format!("the run does not answer at `{}`: {error}", path.display()))
}

/// A short path to a file, through its folder's descriptor; good while the folder is held.
fn reachable(path: &Path) -> std::io::Result<(File, PathBuf)> {
    let folder = File::open(path.parent().unwrap_or_else(|| Path::new(".")))?;
    let name = path.file_name().unwrap_or_default();
    let short = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name);
    Ok((folder, short))
}
