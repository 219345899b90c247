//! What the rules about expressions have in common: the faults that were found while the file was
//! read, each said by the rule it belongs to.

use crate::guard::types::Type;
use crate::runbook::faults::{Found, Problem};

use super::{Report, Subject};

/// What a rule says about a fault: what is wrong, and what to type instead.
pub type Said = (String, String);

/// Says every fault that a rule has words for.
pub fn say(subject: &Subject<'_>, report: &mut Report<'_>, words: impl Fn(&Problem) -> Option<Said>) {
    say_where(subject, report, |_| true, words);
}

/// The same for those faults that another rule has no more to say about.
pub fn say_where(
    subject: &Subject<'_>,
    report: &mut Report<'_>,
    is_meant: impl Fn(&Found) -> bool,
    words: impl Fn(&Problem) -> Option<Said>,
) {
    for found in subject.runbook.faults.iter().filter(|found| is_meant(found)) {
        if let Some((message, help)) = words(&found.problem) {
            let diagnostic = report.at(message, found.span);
            report.push(diagnostic.help(help));
        }
    }
}

/// What makes a truth of a value that is none.
pub fn as_truth(found: &Type) -> &'static str {
    match found {
        Type::Text | Type::Word(_) => "compare it, such as `... == \"text\"`",
        Type::List(_) | Type::Map(_) => "ask how much it holds, such as `len(...) > 0`",
        Type::Null => "`is_null(...)` asks whether a value is null",
        Type::Duration => "compare it, such as `... > duration(\"90s\")`",
        _ => "compare it, such as `... > 0`",
    }
}

/// What makes two values comparable that are not.
pub fn as_comparable(left: &Type, right: &Type) -> String {
    let is_text = |kind: &Type| matches!(kind, Type::Text | Type::Word(_));
    let is_number = |kind: &Type| matches!(kind, Type::Int | Type::Number);
    match (left, right) {
        (Type::Char, other) | (other, Type::Char) if is_text(other) => {
            "`text(...)` makes a text of a character; `starts_with(...)` looks at the beginning".to_owned()
        }
        (Type::Duration, other) | (other, Type::Duration) if is_text(other) => {
            "write the duration as `duration(\"90s\")`".to_owned()
        }
        (Type::Duration, other) | (other, Type::Duration) if is_number(other) => {
            "`seconds(...)` gives a duration as a number".to_owned()
        }
        (one, other) | (other, one) if is_text(one) && is_number(other) => {
            "`number(...)` reads a text as a number, `text(...)` writes a number as a text".to_owned()
        }
        (Type::Bool, Type::Bool) => "bools are equal or not; write `a && !b` for one without the other".to_owned(),
        _ => "compare two values of one type".to_owned(),
    }
}
