//! What a script deploys: each service with the version, as far as the script tells.

use std::cell::Cell;
use std::collections::BTreeMap;

use crate::declaration::DEPLOY;
use crate::guard::syntax::{Choice, Expr, ExprKind, Word};
use crate::guard::{Call, Said, Script};
use crate::source::Span;
use crate::value::Value;

use super::flow::{Flow, Known, Node};

/// How deep an expression is followed: deeper than a script that names what it deploys.
const MAX_DEPTH: usize = 32;

/// How many expressions are looked into for one script: what comes after that is not known.
const MAX_FOLLOWED: usize = 8 * 1024;

/// The most items of a list that a script goes over, in lists inside of each other together.
const MAX_ITEMS: usize = 16;

/// A deploy that a script asks for.
#[derive(Clone, Debug)]
pub(super) struct Scripted {
    /// The service; `None` where the script does not tell which.
    pub(super) service: Option<Known>,
    /// The version, in the names that the script has from elsewhere.
    pub(super) version: Expr,
}

/// Every deploy that the script of a node asks for, once for each item of a list that it goes over.
pub(super) fn scripted(flow: &Flow<'_>, node: &Node<'_>) -> Vec<Scripted> {
    let Some(script) = node.work.action.script() else {
        return Vec::new();
    };
    let said = script.said();
    let untold = || Scripted { service: None, version: unknown() };
    let left = Cell::new(MAX_FOLLOWED);
    let mut found = Vec::new();
    for call in &said.calls {
        if call.hands_over().is_some_and(|over| over.is_none_or(|over| over == DEPLOY)) {
            found.push(untold());
        }
        if call.name != DEPLOY {
            continue;
        }
        let Some(rounds) = rounds_of(call, said, &left).filter(|_| !call.is_method) else {
            found.push(untold());
            continue;
        };
        found.extend(rounds.iter().map(|round| {
            // What goes over a list that is not known may be anything.
            let is_told = |one: &Expr| !said.each.keys().any(|name| says(one, name));
            let told = |one: Expr| if is_told(&one) { one } else { unknown() };
            let service = told(argument(call, 0, "service", round));
            let service = match service.as_text() {
                Some(name) => Some(Known::Value(Value::text(name))),
                None => outer_path(&service).map(|path| flow.named(node, &path.join("."))),
            };
            Scripted { service, version: told(argument(call, 1, "version", round)) }
        }));
    }
    found
}

/// What a script ends with under a name, in the names that it has from elsewhere.
pub(super) fn given_by(script: &Script, name: &str) -> Option<Expr> {
    let said = script.said();
    let last = Names::of(said, &Cell::new(MAX_FOLLOWED)).resolved(said.last.as_ref()?, 0);
    match part(last, name).kind {
        ExprKind::Property { .. } => None,
        kind => Some(Expr { kind, span: Span::default() }),
    }
}

/// The words of a dotted name that a script has from elsewhere.
pub(super) fn outer_path(expression: &Expr) -> Option<Vec<&str>> {
    expression.path().filter(|path| path.iter().all(|word| !word.is_empty()))
}

/// What the names of a script stand for, in one round of its lists and one call of its functions.
#[derive(Clone)]
struct Names<'s> {
    /// What the script says; `None` in a function of another file.
    said: Option<&'s Said>,
    items: BTreeMap<&'s str, Expr>,
    /// How many more expressions are looked into.
    left: &'s Cell<usize>,
}

/// What the names of a call stand for, each time that it is made; `None` where that is not known.
fn rounds_of<'s>(call: &'s Call, said: &'s Said, left: &'s Cell<usize>) -> Option<Vec<Names<'s>>> {
    let Some(inside) = call.inside.as_ref().filter(|inside| call.is_elsewhere || !inside.is_closure()) else {
        return Some(Names::of(said, left).rounds(&call.arguments));
    };
    let hands_over = |one: &Call| one.hands_over().is_some_and(|over| over.is_none_or(|over| over == inside.name));
    let is_plain = |one: &&Call| {
        !one.is_elsewhere && !one.is_method && one.inside.as_ref().is_none_or(|around| around.is_closure())
    };
    let calls: Vec<_> = said.calls.iter().filter(|one| inside.is_called_by(one)).collect();
    if inside.is_closure() || !calls.iter().all(is_plain) || said.calls.iter().any(hands_over) {
        return None;
    }
    let mut found = Vec::new();
    for one in calls {
        for around in Names::of(said, left).rounds(&one.arguments) {
            let handed = inside.params.iter().map(String::as_str).zip(&one.arguments);
            let items = handed.map(|(param, given)| (param, around.resolved(given, 0))).collect();
            let names = Names { said: around.said.filter(|_| !call.is_elsewhere), items, left };
            found.extend(names.rounds(&call.arguments));
            if found.len() > MAX_ITEMS {
                return None;
            }
        }
    }
    Some(found)
}

impl<'s> Names<'s> {
    fn of(said: &'s Said, left: &'s Cell<usize>) -> Self {
        Self { said: Some(said), items: BTreeMap::new(), left }
    }

    /// The names in each round of the lists that what a call is given goes over.
    fn rounds(self, given: &[Expr]) -> Vec<Self> {
        let each = self.said.into_iter().flat_map(|said| &said.each);
        let mut rounds = vec![self];
        for (name, list) in each {
            let hangs = |names: &Self| given.iter().any(|one| says(&names.resolved(one, 0), name));
            let Some(ExprKind::List(items)) =
                rounds.iter().find(|names| hangs(names)).map(|names| names.resolved(list, 0).kind)
            else {
                continue;
            };
            let next = rounds.iter().flat_map(|round| {
                items.iter().map(|item| {
                    let mut round = round.clone();
                    round.items.insert(name.as_str(), item.clone());
                    round
                })
            });
            let next: Vec<_> = next.take(MAX_ITEMS + 1).collect();
            if next.len() <= MAX_ITEMS {
                rounds = next;
            }
        }
        rounds
    }

    /// An expression in the names that a script has from elsewhere: those of its own are what they stand for.
    fn resolved(&self, expression: &Expr, depth: usize) -> Expr {
        if depth > MAX_DEPTH || !self.may_follow(1) {
            return unknown();
        }
        let inner = |one: &Expr| self.resolved(one, depth + 1);
        let kind = match &expression.kind {
            ExprKind::Name(name) => return self.meant(name, depth),
            ExprKind::Property { of, name, .. } => return part(inner(of), &name.text),
            ExprKind::Index { of, at, is_lenient } => return at_index(inner(of), inner(at), *is_lenient),
            ExprKind::List(list) => ExprKind::List(list.iter().map(inner).collect()),
            ExprKind::Map(entries) => {
                ExprKind::Map(entries.iter().map(|(key, one)| (key.clone(), inner(one))).collect())
            }
            ExprKind::Call { of, name, arguments } => ExprKind::Call {
                of: of.as_deref().map(|of| Box::new(inner(of))),
                name: name.clone(),
                arguments: arguments.iter().map(inner).collect(),
            },
            ExprKind::Unary(operator, one) => ExprKind::Unary(*operator, Box::new(inner(one))),
            ExprKind::Binary(operator, sides) => {
                ExprKind::Binary(*operator, Box::new((inner(&sides.0), inner(&sides.1))))
            }
            ExprKind::If(choice) => ExprKind::If(Box::new(Choice {
                condition: inner(&choice.condition),
                then: inner(&choice.then),
                otherwise: choice.otherwise.as_ref().map(inner),
            })),
            ExprKind::Literal(value) => ExprKind::Literal(value.clone()),
        };
        Expr { kind, span: Span::default() }
    }

    /// Whether so many more expressions may be looked into.
    fn may_follow(&self, many: usize) -> bool {
        let left = self.left.get().checked_sub(many);
        self.left.set(left.unwrap_or(0));
        left.is_some()
    }

    /// What a name stands for.
    fn meant(&self, name: &str, depth: usize) -> Expr {
        let itself = || Expr { kind: ExprKind::Name(name.to_owned()), span: Span::default() };
        if let Some(item) = self.items.get(name) {
            return if self.may_follow(size(item)) { item.clone() } else { unknown() };
        }
        match self.said.map(|said| (said, said.names.get(name))) {
            Some((_, Some(one))) => self.resolved(one, depth + 1),
            // Which item it is says each round.
            Some((said, None)) if said.each.contains_key(name) || !said.gives_itself(name) => itself(),
            _ => unknown(),
        }
    }
}

/// What a call of a primitive gives for the argument at a place, by that or by its name in a closing map.
fn argument(call: &Call, place: usize, name: &str, names: &Names<'_>) -> Expr {
    let given: Vec<_> = call.arguments.iter().map(|one| names.resolved(one, 0)).collect();
    let named = given.last().and_then(|last| match &last.kind {
        ExprKind::Map(entries) => entries.iter().find(|(key, _)| key.text == name),
        _ => None,
    });
    // What is one name for all of them may hold anything.
    let by_place = given.get(place).filter(|one| given.len() > 1 && !matches!(one.kind, ExprKind::Map(_)));
    named.map(|(_, value)| value).or(by_place).cloned().unwrap_or_else(unknown)
}

/// Whether an expression hangs on a name that goes over a list.
fn says(expression: &Expr, name: &str) -> bool {
    matches!(&expression.kind, ExprKind::Name(one) if one == name)
        || expression.parts().iter().any(|part| says(part, name))
}

/// How many expressions one is made of.
fn size(expression: &Expr) -> usize {
    1 + expression.parts().into_iter().map(size).sum::<usize>()
}

/// A property of what an expression gives.
fn part(of: Expr, name: &str) -> Expr {
    let is_it = |(key, _): &&(Word, Expr)| key.text == name;
    if let ExprKind::Map(entries) = &of.kind {
        return entries.iter().find(is_it).map_or_else(unknown, |(_, value)| value.clone());
    }
    let name = Word { text: name.to_owned(), span: Span::default() };
    Expr { kind: ExprKind::Property { of: Box::new(of), name, is_lenient: false }, span: Span::default() }
}

/// What stands at a place of what an expression gives.
fn at_index(of: Expr, at: Expr, is_lenient: bool) -> Expr {
    match (&of.kind, &at.kind) {
        (ExprKind::Map(_), ExprKind::Literal(Value::Text(key))) => part(of, key),
        (ExprKind::List(items), ExprKind::Literal(Value::Int(place))) => {
            let item = usize::try_from(*place).ok().and_then(|place| items.get(place));
            item.cloned().unwrap_or_else(unknown)
        }
        _ => Expr { kind: ExprKind::Index { of: Box::new(of), at: Box::new(at), is_lenient }, span: Span::default() },
    }
}

/// What nobody knows before the script runs.
fn unknown() -> Expr {
    Expr { kind: ExprKind::Name(String::new()), span: Span::default() }
}
