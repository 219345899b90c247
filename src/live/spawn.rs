//! Starts a process without copying this one: the only unsafe code of the crate.
//!
//! A child made by `fork` gets a copy of its parent's page tables, which costs more than the
//! program that it executes at once. `posix_spawn` makes no copy, but cannot tell the child to die
//! with its parent. So a child is made here as `posix_spawn` makes it (`clone` with `CLONE_VM` and
//! `CLONE_VFORK`): it borrows this process's memory, on a stack of its own, and the thread that
//! made it stands still until the child has executed its program or has ended.
//!
//! What keeps that sound: until then the child makes system calls only, allocates nothing, takes
//! no lock, and writes nothing but one atomic number; no signal handler of this process can run in
//! it, for all signals are blocked before it is made, and what was handled is set to its default
//! before they are let through again.

use std::ffi::{CString, c_char, c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, getpid, getppid, kill_process_group, set_parent_process_death_signal, setpgid,
    waitid,
};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::kernel;

/// Bytes of the child's stack: what `posix_spawn` gives, doubled.
const STACK: usize = 64 * 1024;
/// The highest signal that anything in this process handles: real-time signals are nobody's.
const SIGNALS: c_int = libc::SIGSYS;
/// The exit code of a child that could not execute its program; the error is told apart.
const NOT_EXECUTED: c_int = 127;

/// What is executed.
pub(super) struct Image {
    /// The files that may be the program, in the order of trying.
    pub(super) files: Vec<CString>,
    /// Its arguments; the first is its name.
    pub(super) arguments: Vec<CString>,
    /// Its environment: `NAME=VALUE`.
    pub(super) environment: Vec<CString>,
}

/// A process that was started, and not waited for.
pub(super) struct Started {
    /// Its id, which is its group's as well.
    pub(super) id: Pid,
    /// Becomes readable when it ends.
    pub(super) pidfd: AsyncFd<OwnedFd>,
}

/// What a child reads, in its parent's memory.
struct Child<'a> {
    files: &'a [CString],
    arguments: &'a [*const c_char],
    environment: &'a [*const c_char],
    streams: [BorrowedFd<'a>; 3],
    parent: Pid,
    /// The signals that were blocked before all were.
    mask: MaybeUninit<libc::sigset_t>,
    /// Why the program could not be executed; 0 where it was.
    failure: AtomicI32,
}

/// Starts a process in a group of its own that dies with the thread that started it; `streams` are
/// its standard input, output and error, and it inherits nothing else.
///
/// # Errors
/// The machine's, also where no file can be executed.
pub(super) fn spawn(image: &Image, streams: [BorrowedFd<'_>; 3]) -> io::Result<Started> {
    if streams.iter().any(|stream| stream.as_raw_fd() <= libc::STDERR_FILENO) {
        return Err(io::Error::other("a standard stream of this process is closed"));
    }
    kernel::suffices().map_err(io::Error::other)?;
    keep_ends();
    let (arguments, environment) = (pointers(&image.arguments), pointers(&image.environment));
    let mut child = Child {
        files: &image.files,
        arguments: &arguments,
        environment: &environment,
        streams,
        parent: getpid(),
        mask: MaybeUninit::uninit(),
        failure: AtomicI32::new(0),
    };
    let (id, pidfd) = clone(&mut child)?;
    let failure = child.failure.into_inner();
    if failure == 0 {
        return attended(id, pidfd);
    }
    waitid(WaitId::Pid(id), WaitIdOptions::EXITED)?;
    Err(io::Error::from_raw_os_error(failure))
}

/// Has the kernel keep how a child ended until it is asked: whoever started this process may have
/// had it ignore that (SIGCHLD), and a child whose end nobody knows would count as failed.
#[expect(unsafe_code, reason = "what a signal does is a setting of the process")]
fn keep_ends() {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: the action is read after it was filled in only, and the default one runs no code.
    unsafe {
        if libc::sigaction(libc::SIGCHLD, ptr::null(), action.as_mut_ptr()) == 0
            && action.assume_init().sa_sigaction == libc::SIG_IGN
        {
            libc::signal(libc::SIGCHLD, libc::SIG_DFL);
        }
    }
}

/// Has the end of a child noticed; one whose end cannot be is ended.
#[expect(unsafe_code, reason = "who registers a descriptor promises to keep it")]
fn attended(id: Pid, pidfd: OwnedFd) -> io::Result<Started> {
    // SAFETY: an `OwnedFd` is open and the same until it is dropped, which the `AsyncFd` sees to.
    match unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE) } {
        Ok(pidfd) => Ok(Started { id, pidfd }),
        Err(error) => {
            kill_process_group(id, Signal::KILL)?;
            waitid(WaitId::Pid(id), WaitIdOptions::EXITED)?;
            Err(error.into())
        }
    }
}

/// The pointers to texts, with the null that ends them.
fn pointers(texts: &[CString]) -> Vec<*const c_char> {
    texts.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect()
}

/// Makes the child, and comes back when it has executed its program or has ended; only on a kernel
/// that [`kernel::suffices`].
#[expect(unsafe_code, reason = "`clone` is not to be had without")]
fn clone(child: &mut Child<'_>) -> io::Result<(Pid, OwnedFd)> {
    let mut stack = Box::<[u128]>::new_uninit_slice(STACK / size_of::<u128>());
    let top = stack.as_mut_ptr_range().end.cast::<c_void>();
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    let (mut all, mut pidfd) = (MaybeUninit::uninit(), -1);
    // SAFETY: the stack is as aligned as its items, grows down from `top`, and lives longer than
    // the child needs it, for this thread stands still until then; so do `child` and what it
    // borrows. `run` does not unwind. Where there is a child, `pidfd` is its and nobody else's,
    // for the kernel was asked whether it gives one.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), child.mask.as_mut_ptr());
        let mask = child.mask.as_ptr();
        let nothing = ptr::null_mut::<c_void>();
        let id = libc::clone(run, top, flags, ptr::from_mut(child).cast(), &raw mut pidfd, nothing, nothing);
        let error = io::Error::last_os_error();
        libc::pthread_sigmask(libc::SIG_SETMASK, mask, ptr::null_mut());
        match Pid::from_raw(id) {
            Some(id) if id.as_raw_nonzero().get() > 0 => Ok((id, OwnedFd::from_raw_fd(pidfd))),
            _ => Err(error),
        }
    }
}

/// What the child does: it becomes its program, or says why not.
#[expect(unsafe_code, reason = "what `clone` hands on is a pointer")]
extern "C" fn run(child: *mut c_void) -> c_int {
    // SAFETY: it points to the `Child` of a parent that stands still, and both only read it; the
    // failure is atomic.
    let child = unsafe { &*child.cast::<Child<'_>>() };
    let failure = child.prepare().map_or_else(Errno::raw_os_error, |()| child.execute());
    child.failure.store(failure, Ordering::Relaxed);
    NOT_EXECUTED
}

impl Child<'_> {
    /// Everything between `clone` and `execve`.
    #[expect(unsafe_code, reason = "signals are let through again here")]
    fn prepare(&self) -> Result<(), Errno> {
        set_defaults();
        setpgid(None, None)?;
        set_parent_process_death_signal(Some(Signal::KILL))?;
        if getppid() != Some(self.parent) {
            // It died before it could be died with.
            return Err(Errno::SRCH);
        }
        let [input, output, error] = self.streams;
        dup2_stdin(input)?;
        dup2_stdout(output)?;
        dup2_stderr(error)?;
        // SAFETY: the parent has set the mask before it made this child.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, self.mask.as_ptr(), ptr::null_mut()) };
        Ok(())
    }

    /// Executes the first file that can be, and comes back where none can: as `execvp` goes on
    /// after a file that is not there or not for us, but never to a shell.
    #[expect(unsafe_code, reason = "the program takes this child's place")]
    fn execute(&self) -> c_int {
        let mut failure = libc::ENOENT;
        for file in self.files {
            // SAFETY: every pointer is to a text that the parent keeps, and the last is null.
            unsafe { libc::execve(file.as_ptr(), self.arguments.as_ptr(), self.environment.as_ptr()) };
            match io::Error::last_os_error().raw_os_error().unwrap_or(libc::ENOENT) {
                libc::EACCES => failure = libc::EACCES,
                libc::ENOENT | libc::ENOTDIR | libc::ESTALE | libc::ENODEV | libc::ETIMEDOUT => {}
                other => return other,
            }
        }
        failure
    }
}

/// Sets the signals that this process handles to their defaults, and SIGPIPE, which every Rust
/// program ignores; what else is ignored stays so. The parent's own are another table.
#[expect(unsafe_code, reason = "the handlers are this process's, which the child is not")]
fn set_defaults() {
    for signal in 1..=SIGNALS {
        let mut action = MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: the action is read after it was filled in only, and without `CLONE_SIGHAND` no
        // other process has this table.
        unsafe {
            if libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) != 0 {
                continue;
            }
            let mut action = action.assume_init();
            let is_default = action.sa_sigaction == libc::SIG_DFL;
            if is_default || (action.sa_sigaction == libc::SIG_IGN && signal != libc::SIGPIPE) {
                continue;
            }
            action.sa_sigaction = libc::SIG_DFL;
            action.sa_flags = 0;
            libc::sigaction(signal, &raw const action, ptr::null_mut());
        }
    }
}
