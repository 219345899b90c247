//! What a step's guards say for certain: of its result, and of whether it runs at all.
//!
//! Read off the syntax of a guard, never off its text; a guard whose syntax is not understood says
//! nothing.

use crate::guard::syntax::{Binary, Expr, ExprKind, Unary};
use crate::guard::{Guard, OwnFunctions, known};
use crate::runbook::{Poll, Work};
use crate::value::Value;

use super::checked::{kept_name, kept_text, names_of};
use super::flow::{Flow, Known, Node};

/// The parts of a result that are the hash of a service.
pub(super) const HASHES: [&str; 2] = ["hash", "captures.hash"];

/// One thing that must be true of a step's result.
#[derive(Clone, Copy)]
pub(super) struct Said<'w> {
    guard: &'w Guard,
    syntax: &'w Expr,
}

/// Everything that must be true of a result: the guards on it, taken apart at `&&`.
pub(super) fn judgement(work: &Work) -> Vec<Said<'_>> {
    let poll = match &work.poll {
        Poll::Until { guard, .. } | Poll::Hold { guard, .. } => Some(guard),
        Poll::Once => None,
    };
    let guards = [poll, work.expect.as_ref()].into_iter().flatten();
    let syntaxes = guards.filter_map(|guard| Some((guard, guard.syntax()?)));
    syntaxes
        .flat_map(|(guard, syntax)| pieces(syntax, Binary::And).into_iter().map(move |syntax| Said { guard, syntax }))
        .collect()
}

/// A name that must say that a gate is open.
#[derive(Clone, Copy)]
pub(super) struct NeededOpen<'w> {
    /// The name, as it is written.
    pub(super) name: &'w str,
    /// Whether it need only not say that the gate is closed.
    pub(super) is_not_closed: bool,
}

/// The names that must say that a gate is open, for a piece of work to be done at all.
pub(super) fn needed_open<'w>(node: &Node<'w>) -> Vec<NeededOpen<'w>> {
    let Some((guard, syntax)) = node.work.when.as_ref().and_then(|when| Some((when, when.syntax()?))) else {
        return Vec::new();
    };
    let is_open = |side: &Expr| side.as_text() == Some("armed") || number(side) == Some(1.0);
    let is_closed = |side: &Expr| side.as_text() == Some("disarmed");
    let named = pieces(syntax, Binary::And).into_iter().filter_map(|piece| match &piece.kind {
        ExprKind::Binary(Binary::Equal, sides) => beside(sides, &is_open).map(|name| (name, false)),
        ExprKind::Binary(Binary::NotEqual, sides) => beside(sides, &is_closed).map(|name| (name, true)),
        _ => None,
    });
    named
        .filter_map(|(side, is_not_closed)| {
            let name = guard.text().get(side.span.start..side.span.end)?;
            Some(NeededOpen { name, is_not_closed })
        })
        .collect()
}

/// The side of a comparison whose other side is something.
fn beside<'e>(sides: &'e (Expr, Expr), is: &dyn Fn(&Expr) -> bool) -> Option<&'e Expr> {
    match (is(&sides.0), is(&sides.1)) {
        (_, true) => Some(&sides.0),
        (true, false) => Some(&sides.1),
        (false, false) => None,
    }
}

impl<'w> Said<'w> {
    /// Whether it says that a name is a text.
    pub(super) fn is_text(self, name: &[&str], text: &str) -> bool {
        let is = |name_side: &Expr, text_side: &Expr| is_name(name_side, name) && text_side.as_text() == Some(text);
        self.sides(Binary::Equal).is_some_and(|(left, right)| is(left, right) || is(right, left))
    }

    /// Whether it says that a name is at least one.
    pub(super) fn is_at_least_one(self, name: &[&str]) -> bool {
        let holds_from = |operator, least: f64| {
            let sides = self.sides(operator);
            sides.is_some_and(|(left, right)| is_name(left, name) && number(right).is_some_and(|n| n >= least))
        };
        holds_from(Binary::MoreOrEqual, 1.0) || holds_from(Binary::More, 0.0) || holds_from(Binary::Equal, 1.0)
    }

    /// Whether it says that a name is more than what a step before has read.
    pub(super) fn is_more_than_read(self, name: &[&str]) -> bool {
        let is_read = |side: &Expr| {
            let names = names_of(side);
            names.iter().any(|one| one.starts_with("steps.") && one.ends_with(".out.value"))
        };
        let more = [Binary::More, Binary::MoreOrEqual].into_iter().filter_map(|operator| self.sides(operator));
        let less = [Binary::Less, Binary::LessOrEqual].into_iter().filter_map(|operator| self.sides(operator));
        // What is at least as much as before need not be more; `before + 1` is.
        let is_plain = |side: &Expr| side.path().is_some() && self.is_inclusive();
        more.chain(less.map(|(left, right)| (right, left)))
            .any(|(left, right)| is_name(left, name) && is_read(right) && !is_plain(right))
    }

    fn is_inclusive(self) -> bool {
        matches!(&self.syntax.kind, ExprKind::Binary(Binary::MoreOrEqual | Binary::LessOrEqual, _))
    }

    /// What the hash in the result is compared with, as it is written.
    pub(super) fn compared_hash(self) -> Option<String> {
        self.hash_beside(Binary::Equal).map(|other| kept_text(self.guard, other))
    }

    /// What the hash in the result stands beside.
    fn hash_beside(self, operator: Binary) -> Option<&'w Expr> {
        let (left, right) = self.sides(operator)?;
        let other = match (is_hash(left), is_hash(right)) {
            (true, false) => right,
            (false, true) => left,
            _ => return None,
        };
        // A result that is held against itself says nothing.
        let is_own = names_of(other).iter().any(|name| name == "out" || name.starts_with("out."));
        (!is_own).then_some(other)
    }

    fn sides(self, wanted: Binary) -> Option<(&'w Expr, &'w Expr)> {
        sides(self.syntax, wanted).or_else(|| match &self.syntax.kind {
            ExprKind::Call { of: None, name, arguments } if wanted == Binary::Equal => match arguments.as_slice() {
                [left, right] if compares(self.guard.own_functions(), &name.text) => Some((left, right)),
                _ => None,
            },
            _ => None,
        })
    }
}

/// The sides of a comparison, also where it is written as that the opposite is not so.
pub(super) fn sides(syntax: &Expr, wanted: Binary) -> Option<(&Expr, &Expr)> {
    let opposite = match wanted {
        Binary::Equal => Some(Binary::NotEqual),
        Binary::NotEqual => Some(Binary::Equal),
        // What is no number is neither less nor more.
        _ => None,
    };
    match &syntax.kind {
        ExprKind::Binary(operator, sides) if *operator == wanted => Some((&sides.0, &sides.1)),
        ExprKind::Unary(Unary::Not, inner) => match &inner.kind {
            ExprKind::Binary(operator, sides) if Some(*operator) == opposite => Some((&sides.0, &sides.1)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a function of the author's own says that its two arguments are the same.
fn compares(own: &OwnFunctions, name: &str) -> bool {
    let Some((params, given)) = own.given_by(name) else {
        return false;
    };
    let ExprKind::Binary(Binary::Equal, sides) = &given.kind else {
        return false;
    };
    let names = [kept_name(&sides.0), kept_name(&sides.1)];
    let [one, other] = params.as_slice() else {
        return false;
    };
    one != other && [one, other].iter().all(|param| names.iter().flatten().any(|name| name == **param))
}

/// What the hash in a result is compared with.
pub(super) fn compared_sides(work: &Work) -> Vec<&Expr> {
    judgement(work).into_iter().filter_map(|said| said.hash_beside(Binary::Equal)).collect()
}

/// Whether a hold fails wherever the hash in its result is another than what it is held against.
pub(super) fn holds_hash(work: &Work) -> bool {
    let Poll::Hold { guard, .. } = &work.poll else {
        return false;
    };
    let said = guard.syntax().map_or_else(Vec::new, |syntax| pieces(syntax, Binary::And));
    said.into_iter().any(|syntax| Said { guard, syntax }.compared_hash().is_some())
}

/// Whether a watch is breached wherever the hash in its result is another than what it is held against.
pub(super) fn is_breached_by_other_hash(guard: &Guard) -> bool {
    let said = guard.syntax().map_or_else(Vec::new, |syntax| pieces(syntax, Binary::Or));
    said.into_iter().any(|syntax| Said { guard, syntax }.hash_beside(Binary::NotEqual).is_some())
}

/// Whether a guard is true or false before anything has run: where it hangs on params that were
/// handed over as constants.
pub(super) fn truth(flow: &Flow<'_>, node: &Node<'_>, guard: &Guard) -> Option<bool> {
    let look_up = |path: &[&str]| flow.constant(node, path);
    match known(guard.syntax()?, &look_up)? {
        Value::Bool(truth) => Some(truth),
        _ => None,
    }
}

/// The same, where a deploy that is skipped only while its version runs already counts as done.
pub(super) fn truth_or_needless(flow: &Flow<'_>, node: &Node<'_>, guard: &Guard) -> Option<bool> {
    truth(flow, node, guard).or_else(|| is_needless(flow, node, guard).then_some(true))
}

/// Whether a deploy's `when` is false only where the version that is deployed runs: one side of a
/// `||` says that another one does.
pub(super) fn is_needless(flow: &Flow<'_>, node: &Node<'_>, guard: &Guard) -> bool {
    let (Some(syntax), "deploy") = (guard.syntax(), node.work.action.name()) else {
        return false;
    };
    let written = |side: &Expr| flow.named(node, guard.text().get(side.span.start..side.span.end).unwrap_or_default());
    let version = flow.argument(node, "version");
    let service = flow.argument(node, "service");
    let is_running = |side: &Expr| {
        let reader = flow.giver_of(&written(side), "version").and_then(|id| flow.node(id));
        reader
            .is_some_and(|one| one.work.action.name() == "service_version" && flow.argument(one, "service") == service)
    };
    pieces(syntax, Binary::Or).into_iter().any(|piece| match &piece.kind {
        ExprKind::Binary(Binary::NotEqual, sides) => {
            let is = |running: &Expr, wanted: &Expr| is_running(running) && Some(written(wanted)) == version;
            is(&sides.0, &sides.1) || is(&sides.1, &sides.0)
        }
        _ => false,
    })
}

/// The steps that were not done wherever a guard is false: one side of its `||` says that they were.
pub(super) fn unless_done(guard: &Guard) -> Vec<String> {
    let sides = guard.syntax().map_or_else(Vec::new, |syntax| pieces(syntax, Binary::Or));
    let done = sides.into_iter().filter_map(|side| match &side.kind {
        ExprKind::Binary(Binary::Equal, sides) => step_that_is(&sides.0, &sides.1, "ok"),
        ExprKind::Binary(Binary::NotEqual, sides) => step_that_is(&sides.0, &sides.1, "skipped"),
        _ => None,
    });
    done.collect()
}

/// The steps that must have ended ok for a piece of work to be done at all, as its guards say.
pub(super) fn needed_ok(work: &Work) -> Vec<String> {
    let syntaxes = [&work.when, &work.require].into_iter().flatten().filter_map(Guard::syntax);
    let pieces = syntaxes.flat_map(|syntax| pieces(syntax, Binary::And));
    let ok = pieces.filter_map(|piece| match &piece.kind {
        ExprKind::Binary(Binary::Equal, sides) => step_that_is(&sides.0, &sides.1, "ok"),
        _ => None,
    });
    ok.collect()
}

/// The step whose status is held against a word.
fn step_that_is(status: &Expr, word: &Expr, wanted: &str) -> Option<String> {
    match status.path()?.as_slice() {
        ["steps", id, "status"] if word.as_text() == Some(wanted) => Some((*id).to_owned()),
        _ => None,
    }
}

/// What the sides of a guard's `||` stand for.
pub(super) fn either(flow: &Flow<'_>, node: &Node<'_>, guard: &Guard) -> Vec<Known> {
    let sides = guard.syntax().map_or_else(Vec::new, |syntax| pieces(syntax, Binary::Or));
    let written = sides.into_iter().filter_map(|side| guard.text().get(side.span.start..side.span.end));
    written.map(|text| flow.named(node, text)).collect()
}

/// What one operator joins, from left to right; the expression itself where it is not joined by it.
pub(super) fn pieces(syntax: &Expr, operator: Binary) -> Vec<&Expr> {
    let mut found = Vec::new();
    let mut open = vec![syntax];
    while let Some(at) = open.pop() {
        match &at.kind {
            ExprKind::Binary(other, sides) if *other == operator => open.extend([&sides.1, &sides.0]),
            _ => found.push(at),
        }
    }
    found
}

fn is_name(syntax: &Expr, name: &[&str]) -> bool {
    syntax.path().is_some_and(|path| path == name)
}

fn number(syntax: &Expr) -> Option<f64> {
    match &syntax.kind {
        ExprKind::Literal(value) => value.as_number(),
        _ => None,
    }
}

/// Whether an expression is the hash in the step's own result.
fn is_hash(syntax: &Expr) -> bool {
    kept_name(syntax).is_some_and(|name| name.strip_prefix("out.").is_some_and(|part| HASHES.contains(&part)))
}
