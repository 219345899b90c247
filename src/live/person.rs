//! Who somebody is, as far as the machine knows: the kernel's user, and whoever became that user.
//!
//! What a person says of himself, such as `USER`, is not believed: who asks for a run must not be
//! able to approve it under another name. A person can still leave out that he came through `sudo`
//! where the kernel keeps no login; that makes him the user he became, and nobody else.

use std::collections::BTreeMap;
use std::fs::read_to_string;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::approval::BECAME;

/// What the kernel says where nobody logged in.
const NO_LOGIN: u32 = u32::MAX;

/// The variables in which programs that make somebody another user say who that was.
const BECOMING: [&str; 2] = ["SUDO_UID", "PKEXEC_UID"];

/// Where this machine's own users stand.
const USERS: &str = "/etc/passwd";

/// What knows users of a directory as well, and how long it is waited for: a directory may hang.
const DIRECTORY: [&str; 4] = ["/usr/bin/timeout", "2", "/usr/bin/getent", "passwd"];

/// The names that were asked for: a directory is asked once for each.
static NAMES: Mutex<BTreeMap<u32, Option<String>>> = Mutex::new(BTreeMap::new());

/// Who runs this process, such as `root (uid 0) for ann (uid 1000)`.
pub(crate) fn user() -> String {
    let before = BECOMING.iter().filter_map(|name| std::env::var(name).ok()?.parse().ok());
    let uids = [rustix::process::getuid().as_raw()].into_iter().chain(login("self")).chain(before);
    written(uids)
}

/// Who the process at the other end of a socket is.
pub(super) fn peer(uid: u32, process: Option<i32>) -> String {
    let login = process.and_then(|process| login(&process.to_string()));
    written([uid].into_iter().chain(login))
}

/// The user as whom a process's session was logged in, which stays through `su` and `sudo`.
fn login(process: &str) -> Option<u32> {
    let uid = read_to_string(format!("/proc/{process}/loginuid")).ok()?.trim().parse().ok()?;
    (uid != NO_LOGIN).then_some(uid)
}

fn written(uids: impl Iterator<Item = u32>) -> String {
    let mut all: Vec<u32> = Vec::new();
    for uid in uids {
        if !all.contains(&uid) {
            all.push(uid);
        }
    }
    let written =
        all.into_iter().map(|uid| name(uid).map_or_else(|| format!("uid {uid}"), |name| format!("{name} (uid {uid})")));
    written.collect::<Vec<_>>().join(BECAME)
}

/// The name of a user.
fn name(uid: u32) -> Option<String> {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    names
        .entry(uid)
        .or_insert_with(|| named(&read_to_string(USERS).unwrap_or_default(), uid).or_else(|| asked(uid)))
        .clone()
}

/// The name of a user in a directory.
fn asked(uid: u32) -> Option<String> {
    let [program, words @ ..] = DIRECTORY;
    let mut asking = Command::new(program);
    let answer = asking.args(words).arg(uid.to_string()).stdin(Stdio::null()).stderr(Stdio::null()).output();
    named(&String::from_utf8_lossy(&answer.ok()?.stdout), uid)
}

/// The name of a user in lines such as `ann:x:1000:...`.
fn named(users: &str, uid: u32) -> Option<String> {
    let mut lines = users.lines().map(|line| line.split(':'));
    lines.find_map(|mut fields| {
        let name = fields.next().filter(|name| !name.is_empty())?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_the_name_of_the_first_line_with_its_number() {
        let users = "root:x:0:0::/root:/bin/sh\nbroken\nann:x:1000:1000::/:/bin/sh\nsame:x:1000:1::/:/bin/sh\n";
        assert_eq!(named(users, 1000).as_deref(), Some("ann"));
        assert_eq!(named(users, 7), None);
        assert!(written([0, 0].into_iter()).ends_with("(uid 0)") && !written([0, 0].into_iter()).contains(BECAME));
    }
}
