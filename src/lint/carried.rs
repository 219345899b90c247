//! Which names an expression passes on: those whose value can become its own value or a part of
//! it, and not those it only looks at.
//!
//! `len(x)`, `x == y` and the condition of an `if` look; `x`, `x + "-1"` and `lower(x)` pass on.
//! An expression whose syntax is not known passes everything on.

use std::collections::BTreeSet;

use crate::guard::syntax::{Binary, Expr, ExprKind};
use crate::guard::{Guard, Reference};

/// The functions that give a truth, a number or a digest, whatever text they are given.
const LOOKING: [&str; 11] = [
    "all_equal",
    "contains_text",
    "duration",
    "ends_with",
    "has",
    "is_null",
    "len",
    "matches",
    "policy_hash",
    "seconds",
    "starts_with",
];

/// Something that an expression passes on.
pub(super) enum Passed<'e> {
    /// A dotted name, by its words.
    Name(Vec<&'e str>),
    /// What a function gives for its arguments.
    Call(&'e str, &'e [Expr]),
}

/// The names in an expression whose values it passes on.
pub(super) fn carried(guard: &Guard) -> impl Iterator<Item = &Reference> {
    let names = guard.syntax().map(|syntax| {
        let mut names = BTreeSet::new();
        passed(syntax, &mut |one| {
            if let Passed::Name(words) = one {
                names.insert(words);
            }
        });
        names
    });
    guard.references().iter().filter(move |reference| {
        let path: Vec<&str> = reference.path().iter().map(String::as_str).collect();
        names.as_ref().is_none_or(|names| names.contains(&path))
    })
}

/// Hands over everything that an expression passes on.
pub(super) fn passed<'e>(expression: &'e Expr, see: &mut dyn FnMut(Passed<'e>)) {
    if let Some(path) = expression.path() {
        see(Passed::Name(path));
        return;
    }
    match &expression.kind {
        ExprKind::Literal(_) | ExprKind::Name(_) | ExprKind::Unary(..) => {}
        ExprKind::Property { of, .. } | ExprKind::Index { of, .. } => passed(of, see),
        ExprKind::Call { name, .. } if LOOKING.contains(&name.text.as_str()) => {}
        ExprKind::Binary(operator, _) if !matches!(operator, Binary::Add | Binary::OrElse) => {}
        ExprKind::If(choice) => {
            passed(&choice.then, see);
            choice.otherwise.iter().for_each(|otherwise| passed(otherwise, see));
        }
        ExprKind::Call { name, arguments, .. } => {
            see(Passed::Call(&name.text, arguments));
            expression.parts().into_iter().for_each(|part| passed(part, see));
        }
        ExprKind::List(_) | ExprKind::Map(_) | ExprKind::Binary(..) => {
            expression.parts().into_iter().for_each(|part| passed(part, see));
        }
    }
}
