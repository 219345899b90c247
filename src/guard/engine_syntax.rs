//! The engine's syntax of a script as that of guards, without places. What guards do not have becomes a
//! name that nothing stands for, so whoever reads it knows nothing of it.

use rhai::{AST, ASTFlags, ASTNode, Expr as Written, FnCallExpr, Stmt};

use crate::source::Span;
use crate::value::Value;

use super::convert::to_value;
use super::syntax::{Binary, Choice, Expr, ExprKind, Word};

/// How deep an expression of a script is followed: deeper than the engine reads one, so that only
/// a name that stands for itself is ever cut off.
const MAX_DEPTH: usize = 64;

/// What stands for whatever is not known before a script runs.
const UNKNOWN: &str = "";

/// An expression as guards have it.
pub(super) fn expr(written: &Written) -> Expr {
    expr_at(written, 0)
}

/// A call as guards have it; an operator between two expressions is one of its names.
pub(super) fn called(call: &FnCallExpr) -> Expr {
    called_on(call, None, 0)
}

/// What a function gives, where it is one expression.
pub(super) fn given_by(ast: &AST, function: &str) -> Option<Expr> {
    let mut only = ast.clone_functions_only();
    only.retain_functions(|_, _, name, _| name == function);
    let mut found = Vec::new();
    only.walk(&mut |path: &[ASTNode<'_>]| {
        if let [ASTNode::Stmt(statement)] = path {
            found.push(whole(statement));
        }
        true
    });
    let given = found.pop().flatten();
    given.filter(|_| found.is_empty())
}

/// What a statement gives, where it is one expression.
pub(super) fn whole(statement: &Stmt) -> Option<Expr> {
    match statement {
        Stmt::Expr(expression) => Some(expr(expression)),
        Stmt::FnCall(call, _) => Some(called(call)),
        _ => None,
    }
}

/// A property of what an expression gives.
pub(super) fn property(of: Expr, name: &str) -> Expr {
    node(ExprKind::Property { of: Box::new(of), name: word(name), is_lenient: false })
}

fn node(kind: ExprKind) -> Expr {
    Expr { kind, span: Span::default() }
}

fn unknown() -> Expr {
    node(ExprKind::Name(UNKNOWN.to_owned()))
}

fn word(text: &str) -> Word {
    Word { text: text.to_owned(), span: Span::default() }
}

fn expr_at(written: &Written, depth: usize) -> Expr {
    if depth > MAX_DEPTH {
        return unknown();
    }
    let inner = |one: &Written| expr_at(one, depth + 1);
    match written {
        Written::Variable(name, ..) => node(ExprKind::Name(name.1.to_string())),
        Written::InterpolatedString(parts, _) => {
            let empty = node(ExprKind::Literal(Value::text("")));
            parts.iter().map(inner).fold(empty, |left, right| joined(Binary::Add, left, right))
        }
        Written::Array(items, _) => node(ExprKind::List(items.iter().map(inner).collect())),
        Written::Map(entries, _) => {
            node(ExprKind::Map(entries.0.iter().map(|(key, value)| (word(&key.name), inner(value))).collect()))
        }
        Written::FnCall(call, _) => called_on(call, None, depth),
        Written::Stmt(block) => block_at(block.statements(), depth),
        Written::Coalesce(sides, _) => {
            let sides = sides.iter().map(inner);
            sides.reduce(|left, right| joined(Binary::OrElse, left, right)).unwrap_or_else(unknown)
        }
        Written::Dot(sides, ..) => behind(inner(&sides.lhs), &sides.rhs, depth + 1),
        Written::Index(sides, flags, _) => indexed(inner(&sides.lhs), &sides.rhs, *flags, depth + 1),
        constant => match constant.get_literal_value(None).map(|value| to_value(&value)) {
            // A single character is no text, though it becomes one.
            Some(Ok(value)) if !matches!(constant, Written::CharConstant(..)) => node(ExprKind::Literal(value)),
            _ => unknown(),
        },
    }
}

/// A block of which one expression is all; or a choice between such blocks.
fn block_at(statements: &[Stmt], depth: usize) -> Expr {
    match statements {
        [Stmt::Expr(only)] => expr_at(only, depth + 1),
        [Stmt::FnCall(call, _)] => called_on(call, None, depth),
        [Stmt::If(choice, _)] if depth <= MAX_DEPTH => {
            let otherwise = choice.branch.statements();
            node(ExprKind::If(Box::new(Choice {
                condition: expr_at(&choice.expr, depth + 1),
                then: block_at(choice.body.statements(), depth + 1),
                otherwise: (!otherwise.is_empty()).then(|| block_at(otherwise, depth + 1)),
            })))
        }
        _ => unknown(),
    }
}

/// What stands behind the dots of an expression.
fn behind(of: Expr, rest: &Written, depth: usize) -> Expr {
    match rest {
        Written::Property(names, _) => property(of, &names.2),
        Written::MethodCall(call, _) => called_on(call, Some(of), depth),
        Written::Dot(sides, ..) if depth <= MAX_DEPTH => {
            behind(behind(of, &sides.lhs, depth + 1), &sides.rhs, depth + 1)
        }
        Written::Index(sides, flags, _) if depth <= MAX_DEPTH => {
            indexed(behind(of, &sides.lhs, depth + 1), &sides.rhs, *flags, depth + 1)
        }
        _ => unknown(),
    }
}

/// What stands at an index of an expression, and behind that where the chain goes on.
fn indexed(of: Expr, rest: &Written, flags: ASTFlags, depth: usize) -> Expr {
    let at = |of: Expr, at: &Written| {
        let at = Box::new(expr_at(at, depth + 1));
        node(ExprKind::Index { of: Box::new(of), at, is_lenient: false })
    };
    match rest {
        _ if flags.contains(ASTFlags::BREAK) => at(of, rest),
        Written::Dot(sides, ..) if depth <= MAX_DEPTH => behind(at(of, &sides.lhs), &sides.rhs, depth + 1),
        Written::Index(sides, flags, _) if depth <= MAX_DEPTH => {
            indexed(at(of, &sides.lhs), &sides.rhs, *flags, depth + 1)
        }
        _ => unknown(),
    }
}

fn joined(operator: Binary, left: Expr, right: Expr) -> Expr {
    node(ExprKind::Binary(operator, Box::new((left, right))))
}

fn called_on(call: &FnCallExpr, of: Option<Expr>, depth: usize) -> Expr {
    let mut arguments: Vec<Expr> = call.args.iter().map(|argument| expr_at(argument, depth + 1)).collect();
    if call.op_token.is_none() {
        return node(ExprKind::Call { of: of.map(Box::new), name: word(&call.name), arguments });
    }
    let operator = Binary::TABLE.iter().find(|(_, symbol, _)| *symbol == call.name.as_str());
    match (operator, arguments.pop(), arguments.pop(), arguments.is_empty()) {
        (Some((operator, ..)), Some(right), Some(left), true) => joined(*operator, left, right),
        _ => unknown(),
    }
}
