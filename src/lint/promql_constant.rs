//! Queries that give the same whatever there is to see.

use promql_parser::parser::token::{T_DIV, T_LOR, T_MOD, T_MUL, T_SUB, TokenId};
use promql_parser::parser::{BinaryExpr, Call, Expr, LabelModifier};

/// Whether a tree gives the same whatever there is to see: it is made of numbers only, asks for
/// something without labels only where they are missing, which they never are, or takes away whatever
/// there is: `x * 0`, `x - x`, and `clamp_max(x, 0)` of what is never below zero.
pub(super) fn is_constant(tree: &Expr) -> bool {
    match tree {
        Expr::NumberLiteral(_) => true,
        Expr::Aggregate(one) => is_constant(&one.expr),
        Expr::Unary(one) => is_constant(&one.expr),
        Expr::Paren(one) => is_constant(&one.expr),
        Expr::Binary(one) if one.op.id() == T_LOR => {
            is_constant(&one.lhs) && (is_constant(&one.rhs) || is_without_labels(&one.rhs))
        }
        Expr::Binary(one) => takes_away(one) || (is_constant(&one.lhs) && is_constant(&one.rhs)),
        Expr::Call(call) => {
            let is_number = ["scalar", "vector"].contains(&call.func.name);
            is_clamped(call) || (is_number && call.args.args.iter().all(|one| is_constant(one)))
        }
        _ => false,
    }
}

/// Whether nothing is left of what one of two sides gives.
fn takes_away(binary: &BinaryExpr) -> bool {
    const BY_ITSELF: [TokenId; 3] = [T_SUB, T_DIV, T_MOD];
    let (left, right) = (&binary.lhs, &binary.rhs);
    match binary.op.id() {
        T_MUL => [left, right].into_iter().any(|side| number(side) == Some(0.0)),
        operator => BY_ITSELF.contains(&operator) && inside(left) == inside(right),
    }
}

/// Whether a function cuts off whatever there is: at the bottom, or between two ends that are one.
fn is_clamped(call: &Call) -> bool {
    let end = |at: usize| call.args.args.get(at).and_then(|end| number(end));
    match call.func.name {
        "clamp_max" => end(1).is_some_and(|most| most <= 0.0),
        "clamp" => end(1).zip(end(2)).is_some_and(|(least, most)| most <= least || most <= 0.0),
        _ => false,
    }
}

/// A number that is written out.
fn number(tree: &Expr) -> Option<f64> {
    match inside(tree) {
        Expr::NumberLiteral(one) => Some(one.val),
        Expr::Unary(one) => number(&one.expr).map(|number| -number),
        _ => None,
    }
}

/// A tree without the brackets around it.
fn inside(tree: &Expr) -> &Expr {
    let mut inner = tree;
    while let Expr::Paren(one) = inner {
        inner = &one.expr;
    }
    inner
}

/// Whether what a tree gives is one series that has no labels.
fn is_without_labels(tree: &Expr) -> bool {
    match tree {
        Expr::Aggregate(one) if one.param.is_none() => match &one.modifier {
            Some(LabelModifier::Include(labels)) => labels.labels.is_empty(),
            Some(LabelModifier::Exclude(_)) => false,
            None => true,
        },
        Expr::Paren(one) => is_without_labels(&one.expr),
        _ => false,
    }
}
