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

/// The names in an expression whose values it passes on.
pub(super) fn carried(guard: &Guard) -> impl Iterator<Item = &Reference> {
    let passed = guard.syntax().map(|syntax| {
        let mut passed = BTreeSet::new();
        collect(syntax, &mut passed);
        passed
    });
    guard.references().iter().filter(move |reference| {
        let path: Vec<&str> = reference.path().iter().map(String::as_str).collect();
        passed.as_ref().is_none_or(|passed| passed.contains(&path))
    })
}

fn collect<'g>(expression: &'g Expr, passed: &mut BTreeSet<Vec<&'g str>>) {
    if let Some(path) = expression.path() {
        passed.insert(path);
        return;
    }
    match &expression.kind {
        ExprKind::Literal(_) | ExprKind::Name(_) | ExprKind::Unary(..) => {}
        ExprKind::Property { of, .. } | ExprKind::Index { of, .. } => collect(of, passed),
        ExprKind::Call { name, .. } if LOOKING.contains(&name.text.as_str()) => {}
        ExprKind::Binary(operator, _) if !matches!(operator, Binary::Add | Binary::OrElse) => {}
        ExprKind::If(choice) => {
            collect(&choice.then, passed);
            choice.otherwise.iter().for_each(|otherwise| collect(otherwise, passed));
        }
        ExprKind::List(_) | ExprKind::Map(_) | ExprKind::Call { .. } | ExprKind::Binary(..) => {
            expression.parts().into_iter().for_each(|part| collect(part, passed));
        }
    }
}
