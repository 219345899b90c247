//! An argument is of a type the action does not take.
//!
//! The action refuses it when the step is reached, before it does anything; a rollback pays for that. The
//! types of params, results and outputs are known, and of the items of a list that is written out or
//! counted, such as `1..=3`, so it can be known before the run.
//!
//! ```yaml bad
//! titan: 1
//! runbook: example
//! params:
//!   replicas: { type: int, default: 2 }
//! steps:
//!   look:
//!     do: service_version
//!     with: { service: "${params.replicas}" }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: example
//! params:
//!   name: { type: text, default: brain }
//! steps:
//!   look:
//!     do: service_version
//!     with: { service: "${params.name}" }
//! ```

use crate::declaration::with_article;
use crate::diagnostic::{Severity, Strength};
use crate::guard::types::Type;
use crate::lint::expressions::say;
use crate::runbook::faults::Problem;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "argument-type",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Meaning,
    source: include_str!("argument_type.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    say(subject, report, |problem| match problem {
        Problem::Argument { name, wants, found } => Some((
            format!("`{name}` must be {}, and this is {}", with_article(wants), found.word()),
            match found {
                Type::Int | Type::Number | Type::Bool | Type::Duration if *wants == "text" => {
                    "`${text(...)}` writes it as a text".to_owned()
                }
                _ if *wants == "file" => {
                    format!("hand over a file param of this runbook, such as `\"${{params.{name}}}\"`")
                }
                _ => format!("write an expression that gives {}", with_article(wants)),
            },
        )),
        Problem::Expression(_) | Problem::Place { .. } => None,
    });
}
