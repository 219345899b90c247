//! Something is filled into code that a shell or an interpreter reads.
//!
//! `sh -c "deploy ${params.version}"` hands the shell one text, and the shell cannot tell the
//! author's words from the value's: `1.0; rm -rf /` is a version as well. No quoting is safe in all
//! shells. It does not matter how the shell is reached: `env sh -c`, `docker exec x sh -c`, `sudo ssh
//! host ...`, `su ops -c`, `watch` and `parallel` are the same; so are `python -c` and `psql -c`, and so is the `stdin` of a shell that is given no file. What a
//! script hands to `exec` is the argv of a step.
//!
//! ```yaml bad
//! titan: 1
//! runbook: announce
//! params:
//!   version: { type: text }
//! steps:
//!   announce:
//!     do: exec
//!     no_undo: A line in a log stays.
//!     with: { argv: [sh, -c, "logger 'deploying ${params.version}' && sync"] }
//! ```
//!
//! Give the value an element of its own, and no shell:
//!
//! ```yaml good
//! titan: 1
//! runbook: announce
//! params:
//!   version: { type: text }
//! steps:
//!   announce:
//!     do: exec
//!     no_undo: A line in a log stays.
//!     with: { argv: [logger, "deploying ${params.version}"] }
//! ```

use crate::diagnostic::{Severity, Strength};

use super::{Check, Group, Report, Rule};
use crate::lint::argv::{self, Argv};

pub(super) const RULE: Rule = Rule {
    code: "shell-injection",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Security,
    source: include_str!("shell_injection.rs"),
    check: Check::Both(
        |subject, report| argv::of_runbook(subject).iter().for_each(|argv| check(argv, report)),
        |subject, report| argv::of_target(subject).iter().for_each(|argv| check(argv, report)),
    ),
};

fn check(argv: &Argv<'_>, report: &mut Report<'_>) {
    let mut push = |reader: &str, span| {
        let message = format!("a value is filled into code that `{reader}` reads");
        let found = report.at(message, span).label("the value is read as code");
        report.push(found.help("run the program itself, with the value as an element of its own; or keep the code in a file and pass the value as its argument"));
    };
    for code in argv.code().iter().filter(|code| argv::is_filled(code.leaf)) {
        push(code.reader, code.leaf.span);
    }
    argv.filled_lines().iter().for_each(|(reader, leaf)| push(reader, leaf.span));
}
