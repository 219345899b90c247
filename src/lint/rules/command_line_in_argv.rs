//! An argv is written like a command line.
//!
//! There is no shell: the first element is the program's name, blanks included, and `|`, `&&`,
//! `>` or `$(...)` are handed to the program as plain texts. `["kubectl get pods"]` looks for a
//! program of that name; `[ls, "|", wc]` lists the file `|`.
//!
//! ```yaml bad
//! titan: 1
//! runbook: pods
//! steps:
//!   look:
//!     do: exec
//!     no_undo: It only looks.
//!     with: { argv: ["kubectl get pods -n titan"] }
//! ```
//!
//! One argument, one element:
//!
//! ```yaml good
//! titan: 1
//! runbook: pods
//! steps:
//!   look:
//!     do: exec
//!     no_undo: It only looks.
//!     with: { argv: [kubectl, get, pods, -n, titan] }
//! ```

use crate::diagnostic::{Severity, Strength};

use super::{Check, Group, Report, Rule};
use crate::lint::argv::{self, Argv};
use crate::lint::places::Leaf;

pub(super) const RULE: Rule = Rule {
    code: "command-line-in-argv",
    severity: Severity::Error,
    strength: Strength::Heuristic,
    group: Group::Meaning,
    source: include_str!("command_line_in_argv.rs"),
    check: Check::Both(
        |subject, report| argv::of_runbook(subject).iter().for_each(|argv| check(argv, report)),
        |subject, report| argv::of_target(subject).iter().for_each(|argv| check(argv, report)),
    ),
};

/// What only a shell understands, as an element of its own.
const SIGNS: [&str; 12] = ["|", "||", "&&", "&", ";", ">", ">>", "<", "2>", "2>&1", "&>", "<<<"];

fn check(argv: &Argv<'_>, report: &mut Report<'_>) {
    let code = argv.code();
    for (at, leaf) in argv.elements.iter().enumerate().filter(|(_, leaf)| !code.iter().any(|code| code.leaf.is(leaf))) {
        let Some((message, help)) = wrong(at == 0, leaf) else { continue };
        report.push(report.at(message, leaf.span).help(help));
    }
}

fn wrong(is_program: bool, leaf: &Leaf<'_>) -> Option<(String, String)> {
    let text = leaf.text();
    let words: Vec<_> = text.split_whitespace().collect();
    // A folder of a program may have blanks in its name, a program without a folder has none.
    let is_line = is_program && words.len() > 1 && words.first().is_some_and(|word| !word.starts_with(['/', '.', '$']));
    if is_line {
        let split = words.join(", ");
        return Some((format!("`{text}` is taken for the name of a program"), format!("write `[{split}]`")));
    }
    let help = "run the programs in steps of their own, or a script file that does it".to_owned();
    if SIGNS.contains(&text) {
        return Some((format!("`{text}` is handed to the program: there is no shell"), help));
    }
    let substitution = text.contains("$(") || (text.len() > 2 && text.starts_with('`') && text.ends_with('`'));
    let joined = words.len() > 2 && words.iter().any(|word| ["||", "&&"].contains(word));
    let is_shell_text = substitution || (joined && !argv::is_filled(*leaf));
    is_shell_text.then(|| ("this is written for a shell, and there is none".to_owned(), help))
}
