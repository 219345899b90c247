//! Loops of a script in which something is tried until it goes well, and which fail where it never does.

use rhai::{ASTFlags, ASTNode, Expr, Stmt};

use super::caught::{always_throws, has, is_sure_throw, is_throw, leaves};

/// Whether the failure of what stands in a `try` ends the script, whatever the `catch` does: the `try`
/// stands in the node at `at` of a path, in a loop that is left behind everything that is tried, or fails.
pub(super) fn fails_in_the_end(path: &[ASTNode<'_>], at: usize, top: &[Stmt]) -> bool {
    let (Some(ASTNode::Stmt(Stmt::TryCatch(attempt, _))), Some(around)) =
        (path.get(at), at.checked_sub(1).and_then(|before| path.get(before)))
    else {
        return false;
    };
    let (tried, caught) = (attempt.body.statements(), attempt.branch.statements());
    match around {
        ASTNode::Stmt(Stmt::While(inner, _)) if is_endless(&inner.expr) => {
            inner.body.statements().len() == 1 && is_left_when_done(tried, caught)
        }
        ASTNode::Stmt(looping @ Stmt::While(inner, _)) => {
            let is_done = negated(&inner.expr).is_some_and(|done| is_left_by(looping, done, tried));
            (is_done && !has(looping, &leaves)) || fails_behind(path, at, top, looping, tried)
        }
        ASTNode::Stmt(looping @ Stmt::For(inner, _)) => {
            let round = inner.0.name.as_str();
            let is_renamed = named(&attempt.expr) == Some(round);
            let is_last = |condition: &Expr| !is_renamed && is_last_round(condition, round, &inner.2.expr);
            fails_at_last(looping, tried, caught, round, &is_last) || fails_behind(path, at, top, looping, tried)
        }
        _ => false,
    }
}

fn is_endless(condition: &Expr) -> bool {
    matches!(condition, Expr::Unit(_) | Expr::BoolConstant(true, _))
}

/// Whether an endless loop is left in two ways only: behind everything that is tried, or with a failure
/// that its `catch` throws on.
fn is_left_when_done(tried: &[Stmt], caught: &[Stmt]) -> bool {
    let Some((last, before)) = tried.split_last() else {
        return false;
    };
    is_break(last)
        && !before.iter().chain(caught).any(|statement| has(statement, &leaves))
        && caught.iter().any(|statement| has(statement, &is_throw))
}

/// Whether a `catch` throws in the last round of a loop, which is left in no other way than behind
/// everything that is tried.
fn fails_at_last(
    looping: &Stmt,
    tried: &[Stmt],
    caught: &[Stmt],
    round: &str,
    is_last: &dyn Fn(&Expr) -> bool,
) -> bool {
    let throws = |one: &Stmt| match one {
        Stmt::If(choice, _) => is_last(&choice.expr) && always_throws(choice.body.statements()),
        _ => false,
    };
    let ends = tried.last().map_or(0, |last| usize::from(is_break(last)));
    caught.iter().any(throws)
        && count(looping, &leaves) == ends
        && count(looping, &|one| sets(one, round).is_some()) == 0
}

/// Whether a condition holds in the last round over a range that is written out.
fn is_last_round(condition: &Expr, round: &str, range: &Expr) -> bool {
    let (
        Some((held, name, Expr::IntegerConstant(value, _))),
        Some((kind, Expr::IntegerConstant(start, _), Expr::IntegerConstant(end, _))),
    ) = (operation(condition), operation(range))
    else {
        return false;
    };
    let last = if kind == "..=" { Some(*end) } else { end.checked_sub(1).filter(|_| kind == "..") };
    named(name) == Some(round)
        && last.filter(|last| start <= last).is_some_and(|last| match held {
            "==" => *value == last,
            ">=" => *value <= last,
            ">" => *value < last,
            _ => false,
        })
}

/// An operator between two expressions.
fn operation(expression: &Expr) -> Option<(&str, &Expr, &Expr)> {
    match expression {
        Expr::FnCall(call, _) if call.op_token.is_some() => match call.args.as_slice() {
            [left, right] => Some((call.name.as_str(), left, right)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether what stands behind a loop throws where nothing of what was tried in it went well to its end.
fn fails_behind(path: &[ASTNode<'_>], at: usize, top: &[Stmt], looping: &Stmt, tried: &[Stmt]) -> bool {
    let Some((before, behind)) = around(path, at, top, looping) else {
        return false;
    };
    match (behind, tried.last()) {
        // It is left by what ends the script well.
        ([next, ..], Some(last)) if is_return(last) => is_sure_throw(next) && count(looping, &is_return) == 1,
        ([Stmt::If(choice, _), ..], Some(last)) if is_break(last) => negated(&choice.expr).is_some_and(|done| {
            // It is given a name once before the loop, where it is not so yet.
            let given: usize = before.iter().map(|one| count(one, &|one| sets(one, done).is_some())).sum();
            let begins = given == 1 && before.iter().any(|one| is_let(one, done));
            let is_left = is_left_by(looping, done, tried) && !has(looping, &is_return);
            begins && is_left && always_throws(choice.body.statements())
        }),
        _ => false,
    }
}

/// The statements before and behind a loop, where it stands in the script itself or in a block of it.
fn around<'a>(path: &[ASTNode<'a>], at: usize, top: &'a [Stmt], looping: &Stmt) -> Option<(&'a [Stmt], &'a [Stmt])> {
    let lists: Vec<&[Stmt]> = match at.checked_sub(2).and_then(|outer| path.get(outer)) {
        None => vec![top],
        Some(ASTNode::Stmt(Stmt::If(inner, _) | Stmt::While(inner, _) | Stmt::TryCatch(inner, _))) => {
            vec![inner.body.statements(), inner.branch.statements()]
        }
        Some(ASTNode::Stmt(Stmt::For(inner, _))) => vec![inner.2.body.statements()],
        Some(ASTNode::Stmt(Stmt::Block(block))) => vec![block.statements()],
        Some(_) => Vec::new(),
    };
    lists.into_iter().find_map(|list| {
        let at = list.iter().position(|one| std::ptr::eq(one, looping))?;
        Some((list.get(..at)?, list.get(at + 1..)?))
    })
}

/// Whether a name becomes true in a loop only behind everything that is tried there.
fn is_left_by(looping: &Stmt, done: &str, tried: &[Stmt]) -> bool {
    let mut last = tried.iter().rev().filter(|one| !matches!(one, Stmt::BreakLoop(None, ..)));
    let ends = last.next().is_some_and(|last| sets(last, done) == Some(true));
    ends && count(looping, &|one| sets(one, done).is_some()) == 1
}

/// What a statement sets a name to; false where that is not known.
fn sets(statement: &Stmt, name: &str) -> Option<bool> {
    match statement {
        Stmt::Assignment(sides) if named(&sides.1.lhs) == Some(name) => {
            Some(!sides.0.is_op_assignment() && matches!(sides.1.rhs, Expr::BoolConstant(true, _)))
        }
        Stmt::Var(bound, ..) if bound.0.name == name => Some(false),
        _ => None,
    }
}

/// Whether a statement gives a name to what is not so yet.
fn is_let(statement: &Stmt, name: &str) -> bool {
    matches!(statement, Stmt::Var(bound, ..) if bound.0.name == name && matches!(bound.1, Expr::BoolConstant(false, _)))
}

/// The name that must be false.
fn negated(condition: &Expr) -> Option<&str> {
    match condition {
        Expr::FnCall(call, _) if call.name == "!" && call.op_token.is_some() => match call.args.as_slice() {
            [only] => named(only),
            _ => None,
        },
        _ => None,
    }
}

fn named(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Variable(name, ..) => Some(name.1.as_str()),
        _ => None,
    }
}

/// Whether a statement ends the script, or the function it stands in, well.
fn is_return(statement: &Stmt) -> bool {
    matches!(statement, Stmt::Return(..)) && !is_throw(statement)
}

fn is_break(statement: &Stmt) -> bool {
    matches!(statement, Stmt::BreakLoop(None, flags, _) if flags.contains(ASTFlags::BREAK))
}

/// How many statements inside of one are of a kind.
fn count(statement: &Stmt, is: &dyn Fn(&Stmt) -> bool) -> usize {
    let mut found = 0;
    statement.walk(&mut Vec::new(), &mut |path| {
        found += usize::from(path.last().is_some_and(|node| matches!(node, ASTNode::Stmt(one) if is(one))));
        true
    });
    found
}
