//! Conditions that say less than they seem to: always one value, never looked at, said twice.

use crate::source::Span;
use crate::value::Value;

use super::fault::{Fault, Wrong};
use super::known::known;
use super::syntax::{Binary, Expr, ExprKind, Unary};

/// Adds what is wrong with a guard's logic.
pub(super) fn check(guard: &Expr, faults: &mut Vec<Fault>) {
    let before = faults.len();
    parts(guard, faults);
    let is_said = faults.len() > before;
    if let (false, Some(value)) = (is_said, constant(guard)) {
        faults.push(Fault { span: guard.span, what: Wrong::Constant { value } });
    }
}

fn constant(expression: &Expr) -> Option<bool> {
    match known(expression, &|_| None) {
        Some(Value::Bool(truth)) => Some(truth),
        _ => None,
    }
}

/// The sides of a row of one operator, in reading order.
fn row<'e>(expression: &'e Expr, operator: Binary, found: &mut Vec<&'e Expr>) {
    match &expression.kind {
        ExprKind::Binary(own, sides) if *own == operator => {
            row(&sides.0, operator, found);
            row(&sides.1, operator, found);
        }
        _ => found.push(expression),
    }
}

fn parts(expression: &Expr, faults: &mut Vec<Fault>) {
    match &expression.kind {
        ExprKind::Binary(operator @ (Binary::And | Binary::Or), _) => {
            let mut sides = Vec::new();
            row(expression, *operator, &mut sides);
            judge_row(*operator, &sides, expression.span, faults);
            sides.into_iter().for_each(|side| parts(side, faults));
        }
        ExprKind::Binary(operator, sides) if operator.compares() && same(&sides.0, &sides.1) => {
            let value = matches!(operator, Binary::Equal | Binary::LessOrEqual | Binary::MoreOrEqual);
            faults.push(Fault { span: expression.span, what: Wrong::Constant { value } });
        }
        ExprKind::If(choice) => {
            if let Some(truth) = constant(&choice.condition) {
                let unreachable = if truth { choice.otherwise.as_ref() } else { Some(&choice.then) };
                let span = unreachable.map_or(choice.condition.span, |part| part.span);
                faults.push(Fault { span, what: Wrong::Unreachable });
            }
            expression.parts().into_iter().for_each(|part| parts(part, faults));
        }
        _ => expression.parts().into_iter().for_each(|part| parts(part, faults)),
    }
}

fn judge_row(operator: Binary, sides: &[&Expr], whole: Span, faults: &mut Vec<Fault>) {
    let decisive = operator == Binary::Or;
    for (at, side) in sides.iter().enumerate() {
        let before = sides.get(..at).unwrap_or(&[]);
        if let Some(value) = constant(side) {
            let rest = sides.get(at + 1).map(|next| Span::new(next.span.start, whole.end));
            match rest {
                Some(span) if value == decisive => {
                    return faults.push(Fault { span, what: Wrong::Unreachable });
                }
                _ if matches!(side.kind, ExprKind::Binary(Binary::And | Binary::Or, _)) => {}
                _ => faults.push(Fault { span: side.span, what: Wrong::Constant { value } }),
            }
        } else if before.iter().any(|one| same(one, side)) {
            faults.push(Fault { span: side.span, what: Wrong::Repeated });
        } else if before.iter().any(|one| excludes(one, side) || both_ways(operator, one, side)) {
            return faults.push(Fault { span: whole, what: Wrong::Constant { value: decisive } });
        }
    }
}

/// Whether one is the other's `!`.
fn excludes(one: &Expr, other: &Expr) -> bool {
    let negates =
        |one: &Expr, other: &Expr| matches!(&one.kind, ExprKind::Unary(Unary::Not, inner) if same(inner, other));
    negates(one, other) || negates(other, one)
}

/// `a == 1 && a == 2` holds never, `a != 1 || a != 2` always.
fn both_ways(operator: Binary, one: &Expr, other: &Expr) -> bool {
    let wanted = if operator == Binary::And { Binary::Equal } else { Binary::NotEqual };
    let (ExprKind::Binary(a, first), ExprKind::Binary(b, second)) = (&one.kind, &other.kind) else {
        return false;
    };
    let constants = match (&first.1.kind, &second.1.kind) {
        (ExprKind::Literal(one), ExprKind::Literal(other)) => Some(one != other),
        _ => None,
    };
    *a == wanted && *b == wanted && constants == Some(true) && first.0.path().is_some() && same(&first.0, &second.0)
}

/// Whether two expressions say the same, wherever they stand.
pub(super) fn same(one: &Expr, other: &Expr) -> bool {
    let parts = || {
        let (one, other) = (one.parts(), other.parts());
        one.len() == other.len() && one.into_iter().zip(other).all(|(one, other)| same(one, other))
    };
    match (&one.kind, &other.kind) {
        (ExprKind::Literal(one), ExprKind::Literal(other)) => one == other,
        (ExprKind::Name(one), ExprKind::Name(other)) => one == other,
        (ExprKind::Property { name: one, .. }, ExprKind::Property { name: other, .. })
        | (ExprKind::Call { name: one, .. }, ExprKind::Call { name: other, .. }) => one.text == other.text && parts(),
        (ExprKind::Unary(one, _), ExprKind::Unary(other, _)) => one == other && parts(),
        (ExprKind::Binary(one, _), ExprKind::Binary(other, _)) => one == other && parts(),
        (ExprKind::Map(one), ExprKind::Map(other)) => {
            one.iter().map(|(key, _)| &key.text).eq(other.iter().map(|(key, _)| &key.text)) && parts()
        }
        (ExprKind::List(_), ExprKind::List(_))
        | (ExprKind::Index { .. }, ExprKind::Index { .. })
        | (ExprKind::If(_), ExprKind::If(_)) => parts(),
        _ => false,
    }
}
