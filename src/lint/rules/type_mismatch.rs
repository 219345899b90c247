//! An operator, a function or a place gets a value of a type it does not take.
//!
//! Values of different types are neither equal nor different here: comparing them fails the step when it
//! is reached, and so does a function that gets the wrong argument. The types are known from params, results
//! and outputs, so this is known before the run. `steps` and a step are no values: only the `out` and the
//! `status` of a step are.
//!
//! ```yaml bad
//! titan: 1
//! runbook: example
//! params:
//!   wait: { type: duration, default: 90s }
//! steps:
//!   say:
//!     when: params.wait > 60
//!     do: note
//!     with: { text: hello }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: example
//! params:
//!   wait: { type: duration, default: 90s }
//! steps:
//!   say:
//!     when: params.wait > duration("60s") && seconds(params.wait) > 60
//!     do: note
//!     with: { text: hello }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::guard::fault::Wrong;
use crate::guard::types::Type;
use crate::lint::expressions::{Said, as_comparable, say};
use crate::runbook::faults::Problem;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "type-mismatch",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Meaning,
    source: include_str!("type_mismatch.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    say(subject, report, |problem| match problem {
        Problem::Expression(wrong) => of_expression(wrong),
        Problem::Place { what: "a text", found, .. } => Some((
            format!("only a text, number, truth or duration can stand inside a text, and this is {}", found.word()),
            "`canonical_json(...)` writes any value as a text".to_owned(),
        )),
        Problem::Place { what, wants, found } => Some((
            format!("`{what}` needs a {wants}, and this is {}", found.word()),
            format!("write an expression that gives a {wants}"),
        )),
        Problem::Argument { .. } => None,
    });
}

fn of_expression(wrong: &Wrong) -> Option<Said> {
    match wrong {
        Wrong::Operands { operator: operator @ ("in" | "!in"), left, right: Some(right) } => Some((
            format!("`{operator}` does not look for {} in {}", left.word(), right.word()),
            "look for an item in a list of such items, for a key in a map, for a part in a text".to_owned(),
        )),
        Wrong::Operands { operator, left, right: Some(right) } if COMPARING.contains(operator) => {
            let message = if left.word() == right.word() {
                format!("`{operator}` does not compare {}", kinds(left))
            } else {
                format!("{} does not compare with {}", left.word(), right.word())
            };
            Some((message, as_comparable(left, right)))
        }
        Wrong::Operands { operator, left, right } => {
            let right = right.as_ref().map_or(String::new(), |right| format!(" and {}", right.word()));
            let message = format!("`{operator}` does not take {}{right}", left.word());
            Some((message, "`number(...)` reads a text as a number, `seconds(...)` a duration".to_owned()))
        }
        Wrong::NoProperty { found, name } => {
            Some((format!("{} has no property `{name}`", found.word()), "remove it, or read it from a map".to_owned()))
        }
        Wrong::WrongArgument { signature, found } => Some((
            format!("`{signature}` does not take {} here", found.word()),
            "hand over a value of the type it takes".to_owned(),
        )),
        Wrong::BadText { why, help } => Some((why.clone(), help.clone())),
        Wrong::BadPattern { why } => Some((
            format!("this is not a pattern: {why}"),
            "write a regular expression; `\\\\` before a character takes it as it is".to_owned(),
        )),
        Wrong::NoValue { is_one } => Some((
            format!("{} no value", if *is_one { "a step is" } else { "`steps` is" }),
            "read `steps.ID.out` or `steps.ID.status`".to_owned(),
        )),
        Wrong::Index { of, at } => Some((
            format!("{} has no item at {}", of.word(), at.word()),
            "a list has items at ints, a map has them at texts".to_owned(),
        )),
        _ => None,
    }
}

/// The operators that compare.
const COMPARING: [&str; 6] = ["==", "!=", "<", "<=", ">", ">="];

/// Values of a type, as two of them are compared.
fn kinds(one: &Type) -> &'static str {
    match one {
        Type::Bool => "bools",
        Type::List(_) => "lists with different items",
        Type::Map(_) => "maps",
        _ => "these",
    }
}
