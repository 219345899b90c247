//! Which calls of a script are made where it goes on when they fail: in a `try`, or in a function or
//! closure of its own that a `try` calls.

use std::collections::BTreeSet;

use rhai::{AST, ASTFlags, ASTNode, Expr, FnCallExpr, FnPtr, Position, Stmt};

use super::sandbox::CALLING;
use super::tried_again::fails_in_the_end;

/// What a `try` may call of what stands elsewhere.
#[derive(Default)]
struct Tried {
    functions: BTreeSet<String>,
    /// Whether it calls a closure that is known by a name only.
    any_closure: bool,
}

/// The places of the names of every call that is caught.
pub(super) fn caught(ast: &AST) -> BTreeSet<Position> {
    let mut tried = Tried::default();
    let mut places = BTreeSet::new();
    walk(ast, &mut |path, is_caught| {
        if is_caught {
            tried.see(path);
            places.extend(call(path).map(|(_, at)| at));
        }
    });
    // What stands in a function that is tried is tried as well.
    tried.follow(ast, |path| places.extend(call(path).map(|(_, at)| at)));
    places
}

/// The names of all that is called where a function is, its own included.
pub(super) fn called_in(ast: &AST, function: &str) -> BTreeSet<String> {
    let mut tried = Tried::default();
    tried.functions.insert(function.to_owned());
    tried.follow(ast, |_| {});
    tried.functions
}

/// Hands over every node, and whether it stands in a `try` that goes on when it fails.
fn walk(ast: &AST, see: &mut impl FnMut(&[ASTNode<'_>], bool)) {
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        let mut pairs = path.windows(2).enumerate();
        let is_caught = pairs.any(|(at, pair)| match pair {
            [outer, inner] => catches(outer, inner) && !fails_in_the_end(path, at, ast.statements()),
            _ => false,
        });
        see(path, is_caught);
        true
    });
}

/// Whether a node is a `try` that goes on when what stands in it fails; what stands in its `catch`
/// is not tried.
fn catches(outer: &ASTNode<'_>, inner: &ASTNode<'_>) -> bool {
    let (ASTNode::Stmt(Stmt::TryCatch(tried, _)), ASTNode::Stmt(inner)) = (outer, inner) else {
        return false;
    };
    tried.body.statements().iter().any(|statement| std::ptr::eq(statement, *inner))
        && !always_throws(tried.branch.statements())
}

/// Whether a statement throws.
pub(super) fn is_throw(statement: &Stmt) -> bool {
    matches!(statement, Stmt::Return(_, flags, _) if flags.contains(ASTFlags::BREAK))
}

/// Whether a statement goes on elsewhere without a failure.
pub(super) fn leaves(statement: &Stmt) -> bool {
    matches!(statement, Stmt::Return(..) | Stmt::BreakLoop(..)) && !is_throw(statement)
}

/// Whether a statement, or one inside it, is of a kind.
pub(super) fn has(statement: &Stmt, is: &dyn Fn(&Stmt) -> bool) -> bool {
    let mut found = false;
    statement.walk(&mut Vec::new(), &mut |path| {
        found |= path.last().is_some_and(|node| matches!(node, ASTNode::Stmt(statement) if is(statement)));
        true
    });
    found
}

/// Whether a `catch` fails whatever happens in it.
pub(super) fn always_throws(branch: &[Stmt]) -> bool {
    !branch.iter().any(|statement| has(statement, &leaves)) && branch.last().is_some_and(is_sure_throw)
}

/// Whether a statement throws, whichever way it is taken.
pub(super) fn is_sure_throw(statement: &Stmt) -> bool {
    match statement {
        Stmt::If(choice, _) => {
            let is_sure = |branch: &[Stmt]| branch.last().is_some_and(is_sure_throw);
            is_sure(choice.body.statements()) && is_sure(choice.branch.statements())
        }
        Stmt::Block(block) => block.statements().last().is_some_and(is_sure_throw),
        _ => is_throw(statement),
    }
}

/// The function that a node calls, with the place of its name.
fn call<'a>(path: &[ASTNode<'a>]) -> Option<(&'a FnCallExpr, Position)> {
    match path.last()? {
        ASTNode::Stmt(Stmt::FnCall(call, at)) => Some((call, *at)),
        ASTNode::Expr(Expr::FnCall(call, at) | Expr::MethodCall(call, at)) => Some((call, *at)),
        _ => None,
    }
}

impl Tried {
    /// Looks into every function that is tried, and into those that are tried there.
    fn follow(&mut self, ast: &AST, mut see: impl FnMut(&[ASTNode<'_>])) {
        let mut seen = BTreeSet::new();
        while let Some(name) = self.next(ast, &seen) {
            let mut function = ast.clone_functions_only();
            function.retain_functions(|_, _, known, _| known == name);
            walk(&function, &mut |path, _| {
                self.see(path);
                see(path);
            });
            seen.insert(name);
        }
    }

    fn see(&mut self, path: &[ASTNode<'_>]) {
        if let Some((call, _)) = call(path) {
            let named = call.args.first().filter(|_| call.name == "Fn").and_then(|name| name.get_literal_value(None));
            self.functions.extend(named.map(|name| name.to_string()));
            self.functions.insert(call.name.to_string());
            let hands_over = CALLING.contains(&call.name.as_str()) && call.args.iter().any(is_by_name);
            self.any_closure |= hands_over || call.name == "call";
        }
        if let Some(ASTNode::Expr(constant)) = path.last() {
            let closure = constant.get_literal_value(None).and_then(|value| value.try_cast::<FnPtr>());
            self.functions.extend(closure.map(|closure| closure.fn_name().to_owned()));
        }
    }

    /// A function that is tried and was not looked at yet.
    fn next(&self, ast: &AST, seen: &BTreeSet<String>) -> Option<String> {
        let is_tried = |name: &str| self.functions.contains(name) || (self.any_closure && is_closure(name));
        let mut functions = ast.iter_functions().map(|function| function.name);
        functions.find(|name| is_tried(name) && !seen.contains(*name)).map(str::to_owned)
    }
}

/// Whether what is handed over stands elsewhere: a closure is a constant, one that takes along what it
/// reads is curried.
fn is_by_name(argument: &Expr) -> bool {
    let is_curried = matches!(argument, Expr::FnCall(call, _) if call.name == "curry");
    !is_curried && !argument.is_constant()
}

/// Whether a function has its name from the expression engine.
pub(super) fn is_closure(name: &str) -> bool {
    name.starts_with("anon$")
}
