//! One child: its streams, its end, and that it is waited for even where nobody waits.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, kill_process_group, waitid};
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe;

use super::spawn::{Image, Started, spawn};

/// Children that were killed and had not ended when nobody waited for them any more.
static LEFT: Mutex<Vec<OwnedFd>> = Mutex::new(Vec::new());

/// A child under way; its whole group is killed when this is dropped before it has ended.
pub(super) struct Child {
    id: Pid,
    /// Readable when it has ended; nothing once its end is known.
    pidfd: Option<AsyncFd<OwnedFd>>,
}

/// This side of a child's streams.
pub(super) struct Streams {
    /// What it reads; nothing where there is nothing to read.
    pub(super) stdin: Option<pipe::Sender>,
    /// What it writes.
    pub(super) stdout: pipe::Receiver,
    /// What it complains of.
    pub(super) stderr: pipe::Receiver,
}

impl Child {
    /// Starts a child, which reads something only where it `is_fed`.
    ///
    /// # Errors
    /// The machine's.
    pub(super) fn start(image: &Image, is_fed: bool) -> io::Result<(Self, Streams)> {
        LEFT.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|left| ended(left.as_fd()).is_ok_and(|end| end.is_none()));
        let (input, stdin) = match is_fed {
            true => {
                let (reader, writer) = io::pipe()?;
                (OwnedFd::from(reader), Some(pipe::Sender::from_owned_fd(writer.into())?))
            }
            false => (OwnedFd::from(File::open("/dev/null")?), None),
        };
        let (stdout, output) = io::pipe()?;
        let (stderr, error) = io::pipe()?;
        let (stdout, stderr) =
            (pipe::Receiver::from_owned_fd(stdout.into())?, pipe::Receiver::from_owned_fd(stderr.into())?);
        let Started { id, pidfd } = spawn(image, [input.as_fd(), output.as_fd(), error.as_fd()])?;
        Ok((Self { id, pidfd: Some(pidfd) }, Streams { stdin, stdout, stderr }))
    }

    /// The group of its own that it is in.
    pub(super) fn group(&self) -> Pid {
        self.id
    }

    /// Waits for its end; gives its exit code, which is 128 + n where signal n ended it.
    ///
    /// # Errors
    /// The machine's, also where it was waited for before.
    pub(super) async fn wait(&mut self) -> io::Result<i32> {
        loop {
            if let Some(code) = self.ended()? {
                return Ok(code);
            }
            if let Some(pidfd) = &self.pidfd {
                pidfd.readable().await?.clear_ready();
            }
        }
    }

    /// Its exit code, where it has ended.
    fn ended(&mut self) -> io::Result<Option<i32>> {
        let pidfd = self.pidfd.as_ref().ok_or_else(|| io::Error::other("it was waited for before"))?;
        let Some(end) = ended(pidfd.as_fd())? else {
            return Ok(None);
        };
        self.pidfd = None;
        let killed = || end.terminating_signal().map(|signal| 128 + signal);
        Ok(Some(end.exit_status().or_else(killed).unwrap_or(-1)))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let Some(pidfd) = self.pidfd.take().map(AsyncFd::into_inner) else {
            return;
        };
        let _ = kill_process_group(self.id, Signal::KILL);
        if matches!(ended(pidfd.as_fd()), Ok(None)) {
            LEFT.lock().unwrap_or_else(PoisonError::into_inner).push(pidfd);
        }
    }
}

/// How a child ended, where it has; it can be asked for its end once.
fn ended(pidfd: BorrowedFd<'_>) -> rustix::io::Result<Option<WaitIdStatus>> {
    waitid(WaitId::PidFd(pidfd), WaitIdOptions::EXITED | WaitIdOptions::NOHANG)
}
