//! The control socket of a served world: one JSON request a line, one JSON reply a line.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// What can be asked of the supervisor.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// A service says what state it is in.
    Report {
        /// The service.
        service: String,
        /// Its state.
        state: serde_json::Value,
    },
    /// Changes a service to a version, as the world file says deploys go.
    Deploy {
        /// The service.
        service: String,
        /// The version.
        version: String,
    },
    /// Which version of a service runs.
    Version {
        /// The service.
        service: String,
    },
    /// Every service's state, and the invariants that were broken.
    Show,
}

/// What the supervisor answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// It is done, or was heard.
    Done,
    /// A text that was asked for.
    Text(String),
    /// It ended as a command with this exit code does.
    Exit(i64),
    /// It cannot be done.
    Wrong(String),
}

/// One connection to the supervisor.
pub(super) struct Line {
    reading: BufReader<OwnedReadHalf>,
    writing: OwnedWriteHalf,
}

/// The socket of a served world's folder.
pub(super) fn socket(folder: &Path) -> PathBuf {
    folder.join("control.sock")
}

impl Line {
    /// Talks over a connected socket.
    pub(super) fn new(stream: UnixStream) -> Self {
        let (reading, writing) = stream.into_split();
        Self { reading: BufReader::new(reading), writing }
    }

    /// Connects to the supervisor of a folder.
    pub(super) async fn open(folder: &Path) -> Result<Self, String> {
        let path = socket(folder);
        let stream = UnixStream::connect(&path).await;
        let stream = stream.map_err(|error| format!("no simulated world serves in `{}`: {error}", folder.display()))?;
        Ok(Self::new(stream))
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask(&mut self, request: &Request) -> Result<Reply, String> {
        self.write(request).await?;
        self.read().await?.ok_or_else(|| "the simulated world went away".to_owned())
    }

    /// Writes one line.
    pub(super) async fn write(&mut self, line: &impl Serialize) -> Result<(), String> {
        let mut bytes = serde_json::to_vec(line).map_err(|error| error.to_string())?;
        bytes.push(b'\n');
        self.writing.write_all(&bytes).await.map_err(|error| error.to_string())
    }

    /// Reads one line; `None` at the end.
    pub(super) async fn read<T: for<'de> Deserialize<'de>>(&mut self) -> Result<Option<T>, String> {
        let mut line = String::new();
        let read = self.reading.read_line(&mut line).await.map_err(|error| error.to_string())?;
        if read == 0 {
            return Ok(None);
        }
        serde_json::from_str(&line).map(Some).map_err(|error| error.to_string())
    }
}

/// Asks the supervisor of a folder one thing.
///
/// # Errors
/// A sentence saying why there is no answer.
pub async fn ask(folder: &Path, request: &Request) -> Result<Reply, String> {
    Line::open(folder).await?.ask(request).await
}
