//! No function has this name, it is called with another number of arguments, or handed over by its name.
//!
//! The step fails when it gets there. `titan-run list functions` shows the functions; a runbook can name
//! files with more under `functions:`. In a script every primitive is a function, but for `arm`.
//!
//! ```yaml bad
//! titan: 1
//! runbook: example
//! params:
//!   tag: { type: text, default: "1.0" }
//! steps:
//!   say:
//!     when: start_with(params.tag, "1.")
//!     do: note
//!     with: { text: hello }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: example
//! params:
//!   tag: { type: text, default: "1.0" }
//! steps:
//!   say:
//!     when: starts_with(params.tag, "1.") && params.tag.starts_with("1")
//!     do: note
//!     with: { text: hello }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::guard::fault::Wrong;
use crate::runbook::faults::Problem;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "unknown-function",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Meaning,
    source: include_str!("unknown_function.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    for found in &subject.runbook.faults {
        let Problem::Expression(wrong) = &found.problem else {
            continue;
        };
        match wrong {
            Wrong::UnknownFunction { name, on, known } => {
                let message = match on {
                    Some(on) if !on.is_any() => format!("{} has no function `{name}`", on.word()),
                    _ => format!("no function is called `{name}`"),
                };
                let diagnostic = report.at(message, found.span);
                report.push(diagnostic.meant(name, known, || "`titan-run list functions` shows them all".to_owned()));
            }
            Wrong::StepOnly { primitive } => {
                let diagnostic = report.at(format!("`{primitive}` is no function of scripts"), found.span);
                report.push(diagnostic.help("make it a step of its own, which the engine can undo"));
            }
            Wrong::WrongCount { signature, given, is_method } => {
                let plural = if *given == 1 { "" } else { "s" };
                let diagnostic = report.at(format!("`{signature}` does not take {given} argument{plural}"), found.span);
                let before = if *is_method { "; what stands before the dot is its first argument" } else { "" };
                report.push(diagnostic.help(format!("call it as `{signature}` says{before}")));
            }
            Wrong::TooMany { primitive, most } => {
                let plural = if *most == 1 { "" } else { "s" };
                let message = format!("`{primitive}` takes at most {most} argument{plural} in a row");
                report.push(report.at(message, found.span).help("name the others in a map at the end"));
            }
            Wrong::ByName { by, name } => {
                let diagnostic = report.at(format!("`{by}` is handed a function by its name"), found.span);
                report.push(diagnostic.help(format!("write it as `{by}(|value| {name}(value))`")));
            }
            _ => {}
        }
    }
}
