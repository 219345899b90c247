//! A value from outside decides what is run, asked or believed.
//!
//! Replies, log lines, HTTP bodies, what programs print and what scripts return are written by
//! somebody else. Inside an argv, a NATS subject, the host of a URL, a pattern, a query, a version
//! to deploy or an environment variable they choose what this machine does: `--upload-to=...` is
//! an argument, too. As the `approvers` of an `approve`, as a service or as a gate they choose who
//! may say yes, and what is touched. The value is followed through `let`, `foreach`, `note` and
//! runbooks used as actions. A part of a URL's path is percent-encoded, and decides nothing. A service
//! that must agree with another is held against the hash of the reviewed policy: what a page, a program,
//! a message or a reply says instead is believed only where a person was shown it before, or where a
//! guard found it equal to what the run knows by itself; that it looks like a hash is not enough, and
//! neither is another part of the same answer, such as `out.code` or `out.status`.
//!
//! A value is checked where a guard that surely held before compares it with something trusted,
//! which another part of the same reply is not, or with `matches(value, "^...$")`, where the pattern
//! says what the value may hold: `^.{1,80}$`, `^\S+$` and `^[^;]+$` take whatever comes. Numbers,
//! truths, durations and digests need no check; neither do the hash, state and log mark that a
//! primitive itself held against their form. A version read by
//! `service_version` or `deploy` may be deployed again: it is what ran before, it comes from a
//! command of the target, and `deploy` proves that exactly it runs then; that is how a rollback
//! finds back. Anywhere else it is a text like any other.
//!
//! ```yaml bad
//! titan: 1
//! runbook: tag
//! steps:
//!   latest:
//!     do: nats_req
//!     with: { subject: titan.req.build.latest.v1 }
//!   pull:
//!     do: exec
//!     no_undo: An unused image does no harm.
//!     with: { argv: [docker, pull, "registry.example.com/titan/brain:${steps.latest.out.reply}"] }
//! ```
//!
//! Check it where it comes from:
//!
//! ```yaml good
//! titan: 1
//! runbook: tag
//! steps:
//!   latest:
//!     do: nats_req
//!     with: { subject: titan.req.build.latest.v1 }
//!     expect: matches(out.reply, "^[0-9]+\\.[0-9]+\\.[0-9]+$")
//!   pull:
//!     do: exec
//!     no_undo: An unused image does no harm.
//!     with: { argv: [docker, pull, "registry.example.com/titan/brain:${steps.latest.out.reply}"] }
//! ```

use crate::diagnostic::{Severity, Strength};

use super::{Check, Group, Report, Rule, Subject};
use crate::lint::believed::believed;
use crate::lint::taint::Follower;

pub(super) const RULE: Rule = Rule {
    code: "untrusted-value",
    severity: Severity::Error,
    strength: Strength::Heuristic,
    group: Group::Security,
    source: include_str!("untrusted_value.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    for hit in &Follower::new(&subject.setting.memory.taint).follow(subject.runbook, subject.uses()).hits {
        let inside = if hit.way.is_empty() { String::new() } else { format!(" inside `{}`", hit.way) };
        let message = format!("{} comes from outside and becomes {}{inside}", hit.origin.words, hit.decides);
        let found = report.at(message, hit.span).label("nobody has checked this");
        report.push(found.help("check it first, with `expect:` where it comes from or `require:` here: `matches(value, \"^[a-z0-9.-]+$\")`, or `==` with something trusted"));
    }
    for one in believed(subject) {
        let message = format!(
            "what `{}` gives comes from outside and becomes the hash that `{}` is held against",
            one.giver,
            one.service.shown()
        );
        let found = report.at(message, subject.span_of(one.user)).label("nobody has checked this");
        report.push(found.help(
            "hold it against `policy_hash(...)` of the reviewed policy, or show this one in a `confirm` or `approve` before",
        ));
    }
}
