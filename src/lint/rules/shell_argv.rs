//! A shell is started, with a fixed command.
//!
//! Nothing can be injected into a constant, but a shell hides what fails: `a | b` ends with the
//! code of `b`, `a; b` goes on after `a` failed, an unset variable is an empty text. The run then
//! takes a failure for success.
//!
//! ```yaml bad
//! titan: 1
//! runbook: snapshot
//! steps:
//!   save:
//!     do: exec
//!     no_undo: A snapshot more does no harm.
//!     with: { argv: [sh, -c, "tar c /var/lib/titan | gzip > /backup/titan.tgz"] }
//! ```
//!
//! Run the program itself, or a script file that begins with `set -eu`:
//!
//! ```yaml good
//! titan: 1
//! runbook: snapshot
//! steps:
//!   save:
//!     do: exec
//!     no_undo: A snapshot more does no harm.
//!     with: { argv: [tar, --create, --gzip, --file, /backup/titan.tgz, /var/lib/titan] }
//! ```

use crate::diagnostic::{Severity, Strength};

use super::{Check, Group, Report, Rule};
use crate::lint::argv::{self, Argv};

pub(super) const RULE: Rule = Rule {
    code: "shell-argv",
    severity: Severity::Warning,
    strength: Strength::Heuristic,
    group: Group::Security,
    source: include_str!("shell_argv.rs"),
    check: Check::Both(
        |subject, report| argv::of_runbook(subject).iter().for_each(|argv| check(argv, report)),
        |subject, report| argv::of_target(subject).iter().for_each(|argv| check(argv, report)),
    ),
};

fn check(argv: &Argv<'_>, report: &mut Report<'_>) {
    for code in argv.code().iter().filter(|code| code.is_shell && !argv::is_filled(code.leaf)) {
        let found = report.at(format!("`{}` runs a command line", code.reader), code.leaf.span);
        report.push(
            found.help("run the program itself, one argument an element; or a script file that begins with `set -eu`"),
        );
    }
}
