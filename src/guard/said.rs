//! What a script says, read off the syntax the expression engine made of it: which functions it
//! calls with what, and what it ends with. Comments and texts in quotes are no calls.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use rhai::{AST, ASTFlags, ASTNode, Expr as Written, FnCallExpr, Position, Stmt};

use super::caught::{caught, is_closure};
use super::engine_syntax::{called, expr, whole};
use super::functions::Function;
use super::methods;
use super::sure::sure;
use super::syntax::Expr;
use super::types::Type;

/// What a script says.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// Every call, those inside its functions included.
    pub calls: Vec<Call>,
    /// What it ends with, where that is one expression.
    pub last: Option<Expr>,
    /// What each name stands for that always stands for the same.
    pub names: BTreeMap<String, Expr>,
    /// What each name goes over that stands for one item after the other, and for nothing else.
    pub each: BTreeMap<String, Expr>,
    /// Everything that each name may stand for, or go over, somewhere in it.
    pub may_be: BTreeMap<String, Vec<Expr>>,
    /// Every name it gives to something, its functions included.
    given: BTreeSet<String>,
    /// Every dotted name it reads that it gives to nothing itself, each word with its place.
    pub(super) reads: Vec<Vec<(String, Position)>>,
    /// Those of them that a function of it reads, which sees only what it is handed.
    pub(super) read_inside: Vec<(String, Position)>,
    /// Every dotted name it reads something of that it has given to something.
    pub(super) read_of_own: Vec<Vec<(String, Position)>>,
    /// Every call of which it reads something, with the words that it reads.
    pub(super) read_of_calls: Vec<(Expr, Vec<(String, Position)>)>,
}

/// A call in a script.
#[derive(Clone, Debug)]
pub struct Call {
    /// The function.
    pub name: String,
    /// What it is given, in order.
    pub arguments: Vec<Expr>,
    /// Whether what comes before a dot, which stands nowhere here, is its first argument.
    pub is_method: bool,
    /// Whether the script goes on when it fails.
    pub is_caught: bool,
    /// Whether it is made whenever the script ends well.
    pub is_sure: bool,
    /// Whether it stands in a function of another file, which sees nothing but what it is handed.
    pub is_elsewhere: bool,
    /// The function that it stands in.
    pub inside: Option<Rc<Inside>>,
    /// Where its name stands.
    pub(super) at: Position,
    /// Where the keys of a map stand that is its last argument.
    pub(super) keys: Vec<Position>,
}

/// A function of a script, or of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inside {
    /// Its name.
    pub name: String,
    /// The names of what it is handed.
    pub params: Vec<String>,
}

impl Inside {
    /// Whether it is a closure, which has no name of its own.
    pub fn is_closure(&self) -> bool {
        is_closure(&self.name)
    }

    /// Whether a call is one of it.
    pub fn is_called_by(&self, call: &Call) -> bool {
        call.name == self.name && call.arguments.len() == self.params.len()
    }
}

impl Call {
    /// The function that `Fn(name)` hands over to be called; `None` inside where that is known only
    /// when the script runs.
    pub fn hands_over(&self) -> Option<Option<&str>> {
        (self.name == "Fn").then(|| self.arguments.first().and_then(Expr::as_text))
    }
}

/// What is looked for in one walk.
#[derive(Default)]
struct Found {
    calls: Vec<Call>,
    /// The function that is looked at.
    inside: Option<Rc<Inside>>,
    bound: BTreeMap<String, Vec<Expr>>,
    /// The lists that names go over.
    each: BTreeMap<String, Vec<Expr>>,
    /// What names, or parts of them, are changed to.
    assigned: BTreeMap<String, Vec<Expr>>,
    /// Names that may stand for several things.
    loose: BTreeSet<String>,
    returns: bool,
    tries: bool,
}

impl Said {
    /// What a script says, before the author's own functions are added to it.
    pub(super) fn by(ast: &AST) -> Self {
        let mut found = Found::default();
        found.look(&ast.clone_statements_only());
        for function in ast.iter_functions() {
            let params: Vec<String> = function.params.iter().map(|&param| param.to_owned()).collect();
            let mut only = ast.clone_functions_only();
            only.retain_functions(|_, _, name, count| name == function.name && count == params.len());
            found.inside = Some(Rc::new(Inside { name: function.name.to_owned(), params }));
            found.look(&only);
        }
        let handed_over = ast.iter_functions().flat_map(|function| function.params);
        found.loose.extend(handed_over.map(str::to_owned));
        let Found { mut calls, inside: _, bound, each, assigned, loose, returns, tries } = found;
        let caught = if tries { caught(ast) } else { BTreeSet::new() };
        let sure = sure(ast);
        for call in &mut calls {
            call.is_caught = caught.contains(&call.at);
            call.is_sure = sure.contains(&call.at);
        }
        let functions = ast.iter_functions().map(|function| function.name.to_owned());
        let given: BTreeSet<_> = bound.keys().chain(each.keys()).chain(&loose).cloned().chain(functions).collect();
        // A closure takes along what it reads: of that, the engine knows only the name.
        let functions_that = |fits: fn(&str) -> bool| {
            let mut functions = ast.clone_functions_only();
            functions.retain_functions(|_, _, name, _| fits(name));
            functions
        };
        let closures = reads(&functions_that(is_closure));
        let closures = closures.filter(|read| read.path.first().is_some_and(|(root, _)| !given.contains(root)));
        let outside = reads(&ast.clone_statements_only()).filter(|read| !read.is_own);
        let named = reads(&functions_that(|name| !is_closure(name)));
        let read_inside = named.filter(|read| !read.is_own).filter_map(|read| read.path.into_iter().next()).collect();
        let mut reads: Vec<_> = outside.chain(closures).map(|read| read.path).collect();
        let of_both = |name: &String| loose.contains(name) || (bound.contains_key(name) && each.contains_key(name));
        let only = |given: &BTreeMap<String, Vec<Expr>>| -> BTreeMap<String, Expr> {
            let one = given.iter().filter(|(name, given)| given.len() == 1 && !of_both(name));
            one.filter_map(|(name, given)| Some((name.clone(), given.first()?.clone()))).collect()
        };
        let (names, one_each) = (only(&bound), only(&each));
        let mut may_be = bound;
        for (name, given) in each.into_iter().chain(assigned) {
            may_be.entry(name).or_default().extend(given);
        }
        let of_own = self::reads(ast).filter(|read| read.is_own && read.path.len() > 1).map(|read| read.path);
        let read_of_own: Vec<_> = of_own.collect();
        let meant: Vec<_> = read_of_own.iter().filter_map(|path| spelt_out(path, &names, &reads)).collect();
        reads.extend(meant);
        let last = ast.statements().last().and_then(whole);
        let (last, read_of_calls) = (last.filter(|_| !returns), reads_of_calls(ast));
        Self { calls, last, names, each: one_each, may_be, given, reads, read_inside, read_of_own, read_of_calls }
    }

    /// Whether it calls a function, or may by handing one over that is named only when it runs.
    pub fn calls(&self, name: &str) -> bool {
        self.calls
            .iter()
            .any(|call| call.name == name || call.hands_over().is_some_and(|over| over.is_none_or(|over| over == name)))
    }

    /// Whether it gives a name to something of its own.
    pub fn gives_itself(&self, name: &str) -> bool {
        self.given.contains(name)
    }

    /// Adds what functions in another file say: a name that they give stands for theirs there.
    pub(super) fn add(&mut self, other: Self) {
        let is_tried = self.calls.iter().any(|call| call.is_caught && other.given.contains(&call.name));
        self.calls.extend(other.calls.into_iter().map(|call| Call {
            is_caught: call.is_caught || is_tried,
            is_sure: false,
            is_elsewhere: true,
            ..call
        }));
        self.names.retain(|name, _| !other.given.contains(name));
        self.each.retain(|name, _| !other.given.contains(name));
    }
}

impl Found {
    fn look(&mut self, part: &AST) {
        part.walk(&mut |path: &[ASTNode<'_>]| {
            match path.last() {
                Some(ASTNode::Stmt(statement)) => self.statement(statement),
                Some(ASTNode::Expr(expression)) => self.expression(expression),
                _ => {}
            }
            true
        });
    }

    fn statement(&mut self, statement: &Stmt) {
        match statement {
            Stmt::Var(bound, ..) => {
                self.bound.entry(bound.0.name.to_string()).or_default().push(expr(&bound.1));
            }
            Stmt::Assignment(sides) => {
                let name = root(&sides.1.lhs);
                self.loose.extend(name.clone());
                let changed = name.map(|name| self.assigned.entry(name).or_default());
                changed.into_iter().for_each(|all| all.push(expr(&sides.1.rhs)));
            }
            Stmt::For(bound, _) => {
                self.each.entry(bound.0.name.to_string()).or_default().push(expr(&bound.2.expr));
                self.loose.extend(bound.1.iter().map(|name| name.name.to_string()));
            }
            // What is caught has a name.
            Stmt::TryCatch(tried, _) => {
                self.tries = true;
                self.loose.extend(root(&tried.expr));
            }
            Stmt::FnCall(call, at) => self.call(call, false, *at),
            Stmt::Return(..) => self.returns = true,
            _ => {}
        }
    }

    fn expression(&mut self, expression: &Written) {
        match expression {
            Written::FnCall(call, at) => self.call(call, false, *at),
            Written::MethodCall(call, at) => self.call(call, true, *at),
            // A method may change what it is called on.
            Written::Dot(sides, ..) | Written::Index(sides, ..) if calls_a_method(&sides.rhs) => {
                self.loose.extend(root(&sides.lhs));
            }
            _ => {}
        }
    }

    fn call(&mut self, call: &FnCallExpr, is_method: bool, at: Position) {
        // What the engine has for a value may change it; the language's own functions never do.
        if methods::methods(&Type::Any).contains(&call.name.as_str()) && Function::named(&call.name).is_none() {
            self.loose.extend(call.args.first().and_then(root));
        }
        if call.op_token.is_none() {
            let arguments = call.args.iter().map(expr).collect();
            let keys = match call.args.last() {
                Some(Written::Map(entries, _)) => entries.0.iter().map(|(key, _)| key.pos).collect(),
                _ => Vec::new(),
            };
            self.calls.push(Call {
                name: call.name.to_string(),
                arguments,
                is_method,
                is_caught: false,
                is_sure: false,
                is_elsewhere: false,
                inside: self.inside.clone(),
                at,
                keys,
            });
        }
    }
}

/// A dotted name that is read.
struct Read {
    path: Vec<(String, Position)>,
    /// Whether the script has given the name to something by then.
    is_own: bool,
}

/// Every dotted name that is read in a part of a script.
fn reads(part: &AST) -> impl Iterator<Item = Read> + use<> {
    let mut found = Vec::new();
    part.walk(&mut |path: &[ASTNode<'_>]| {
        if let Some(ASTNode::Expr(expression)) = path.last() {
            found.extend(read(expression));
        }
        true
    });
    found.into_iter()
}

/// The dotted name that an expression reads, as far as nothing in it stands for a missing one.
fn read(expression: &Written) -> Option<Read> {
    let (first, rest) = match expression {
        Written::Variable(..) => (expression, None),
        Written::Dot(sides, flags, _) if !flags.intersects(ASTFlags::NEGATED) => (&sides.lhs, Some(&sides.rhs)),
        _ => return None,
    };
    let Written::Variable(root, place, at) = first else {
        return None;
    };
    let is_own = place.is_some() || root.0.is_some();
    let path = [vec![(root.1.to_string(), *at)], properties(rest)].concat();
    Some(Read { path, is_own })
}

/// The properties behind a dot, as far as nothing in them stands for a missing one.
fn properties(behind: Option<&Written>) -> Vec<(String, Position)> {
    let (mut rest, mut words) = (behind, Vec::new());
    while let Some(next) = rest {
        let (property, after) = match next {
            Written::Dot(sides, flags, _) if !flags.intersects(ASTFlags::NEGATED) => (&sides.lhs, Some(&sides.rhs)),
            Written::Dot(sides, ..) => (&sides.lhs, None),
            only => (only, None),
        };
        let Written::Property(names, at) = property else {
            break;
        };
        words.push((names.2.to_string(), *at));
        rest = after;
    }
    words
}

/// Every call of which something is read, with the words that are.
fn reads_of_calls(part: &AST) -> Vec<(Expr, Vec<(String, Position)>)> {
    let mut found = Vec::new();
    part.walk(&mut |path: &[ASTNode<'_>]| {
        if let Some(ASTNode::Expr(Written::Dot(sides, flags, _))) = path.last()
            && let (Written::FnCall(call, _), false) = (&sides.lhs, flags.intersects(ASTFlags::NEGATED))
        {
            found.push((called(call), properties(Some(&sides.rhs))));
        }
        true
    });
    found
}

/// What is read of a name that always stands for one dotted name, from that one's beginning.
fn spelt_out(
    path: &[(String, Position)],
    names: &BTreeMap<String, Expr>,
    reads: &[Vec<(String, Position)>],
) -> Option<Vec<(String, Position)>> {
    let ((root, _), rest) = path.split_first()?;
    let meant = names.get(root)?.path()?;
    let is_meant =
        |read: &&Vec<(String, Position)>| read.iter().map(|(word, _)| word.as_str()).eq(meant.iter().copied());
    Some([reads.iter().find(is_meant)?, rest].concat())
}

/// The name at the beginning of a chain of properties and indexes.
fn root(expression: &Written) -> Option<String> {
    match expression {
        Written::Variable(name, ..) => Some(name.1.to_string()),
        Written::Dot(sides, ..) | Written::Index(sides, ..) => root(&sides.lhs),
        _ => None,
    }
}

fn calls_a_method(expression: &Written) -> bool {
    match expression {
        Written::MethodCall(..) => true,
        Written::Dot(sides, ..) | Written::Index(sides, ..) => calls_a_method(&sides.lhs) || calls_a_method(&sides.rhs),
        _ => false,
    }
}
