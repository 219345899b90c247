//! Whether the kernel has what programs are started and watched with.
//!
//! The youngest of it is `waitid` with `P_PIDFD`, of Linux 5.4; a kernel that has that also has
//! `CLONE_PIDFD` (5.2) and descriptors of processes that can be polled (5.3). An older one may
//! ignore `CLONE_PIDFD` in silence, so it is asked before a program is started.

use std::fs::File;
use std::os::fd::AsFd;
use std::sync::OnceLock;

use rustix::io::Errno;
use rustix::process::{WaitId, WaitIdOptions, waitid};
use rustix::system::uname;

/// The oldest kernel that will do; the README names it as well.
const OLDEST: &str = "Linux 5.4";

/// Whether programs can be started and watched here; the kernel is asked once.
///
/// # Errors
/// A sentence that says what is lacking.
pub(crate) fn suffices() -> Result<(), String> {
    static ASKED: OnceLock<Result<(), String>> = OnceLock::new();
    ASKED.get_or_init(|| judged(asked(), &uname().release().to_string_lossy())).clone()
}

/// What the kernel says of a descriptor that is no process: `EBADF` where it can wait for one.
fn asked() -> Errno {
    let Ok(nothing) = File::open("/dev/null") else {
        return Errno::NOENT;
    };
    waitid(WaitId::PidFd(nothing.as_fd()), WaitIdOptions::EXITED | WaitIdOptions::NOHANG).err().unwrap_or(Errno::BADF)
}

/// What follows from the kernel's answer.
fn judged(answer: Errno, release: &str) -> Result<(), String> {
    match answer {
        Errno::BADF => Ok(()),
        Errno::NOENT => Err("`/dev/null` cannot be opened, and programs are started with it".to_owned()),
        Errno::INVAL => {
            Err(format!("this kernel is Linux {release}, and programs can be started and watched from {OLDEST} on"))
        }
        other => Err(format!(
            "programs cannot be watched here: `waitid` with `P_PIDFD` ({OLDEST}) is refused, as a sandbox does ({other})"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_that_cannot_wait_for_a_descriptor_is_named() {
        assert_eq!(suffices(), Ok(()));
        assert_eq!(judged(Errno::BADF, "5.4.0"), Ok(()));
        for (answer, says) in [
            (
                Errno::INVAL,
                "this kernel is Linux 4.19.0-amd64, and programs can be started and watched from Linux 5.4 on",
            ),
            (Errno::PERM, "is refused, as a sandbox does (Operation not permitted"),
            (Errno::NOSYS, "is refused, as a sandbox does (Function not implemented"),
        ] {
            let why = judged(answer, "4.19.0-amd64").unwrap_err();
            assert!(why.contains(says), "{why}");
        }
    }
}
