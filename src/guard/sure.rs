//! Which calls of a script are made whenever it ends well: those that stand alone, or alone under a name,
//! before anything that may end it early.

use std::collections::BTreeSet;

use rhai::{AST, ASTFlags, ASTNode, Expr, Position, Stmt};

/// The places of the names of every call that is surely made.
pub(super) fn sure(ast: &AST) -> BTreeSet<Position> {
    let statements = ast.statements().iter().take_while(|statement| !may_return(statement));
    statements.filter_map(call).collect()
}

/// The place of the name of the call that a statement is.
fn call(statement: &Stmt) -> Option<Position> {
    match statement {
        Stmt::FnCall(_, at) => Some(*at),
        Stmt::Expr(expression) => called(expression),
        Stmt::Var(given, ..) => called(&given.1),
        _ => None,
    }
}

fn called(expression: &Expr) -> Option<Position> {
    match expression {
        Expr::FnCall(_, at) => Some(*at),
        _ => None,
    }
}

/// Whether the script may end in a statement without having failed.
fn may_return(statement: &Stmt) -> bool {
    let mut returns = false;
    statement.walk(&mut Vec::new(), &mut |path| {
        let is_return = |node: &ASTNode<'_>| {
            matches!(node, ASTNode::Stmt(Stmt::Return(_, flags, _)) if !flags.contains(ASTFlags::BREAK))
        };
        returns |= path.last().is_some_and(is_return);
        true
    });
    returns
}
