//! What a script deploys: each service with the version, as far as the script tells.

use std::collections::BTreeMap;

use crate::declaration::DEPLOY;
use crate::guard::syntax::{Choice, Expr, ExprKind, Word};
use crate::guard::{Call, Said, Script};
use crate::source::Span;
use crate::value::Value;

use super::flow::{Flow, Known, Node};

/// How deep an expression is followed: deeper than a script that names what it deploys.
const MAX_DEPTH: usize = 32;

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
    let unknown = || Scripted { service: None, version: unknown() };
    let mut found = Vec::new();
    for call in &said.calls {
        if call.hands_over().is_some_and(|over| over.is_none_or(|over| over == DEPLOY)) {
            found.push(unknown());
        }
        if call.name != DEPLOY {
            continue;
        }
        if call.is_elsewhere || call.is_method {
            found.push(unknown());
            continue;
        }
        found.extend(deploys(call, said).into_iter().map(|(service, version)| {
            let named = |path: &[&str]| flow.named(node, &path.join("."));
            let service = match service.as_text() {
                Some(name) => Some(Known::Value(Value::text(name))),
                None => outer_path(&service).map(|path| named(&path)),
            };
            Scripted { service, version }
        }));
    }
    found
}

/// What a script ends with under a name, in the names that it has from elsewhere.
pub(super) fn given_by(script: &Script, name: &str) -> Option<Expr> {
    let said = script.said();
    let last = resolved(said.last.as_ref()?, said, &Items::new(), 0);
    match part(last, name).kind {
        ExprKind::Property { .. } => None,
        kind => Some(Expr { kind, span: Span::default() }),
    }
}

/// The words of a dotted name that a script has from elsewhere.
pub(super) fn outer_path(expression: &Expr) -> Option<Vec<&str>> {
    expression.path().filter(|path| path.iter().all(|word| !word.is_empty()))
}

/// What the names stand for that go over a list, in one round.
type Items<'s> = BTreeMap<&'s str, Expr>;

/// The service and the version of a call, once for each round.
fn deploys(call: &Call, said: &Said) -> Vec<(Expr, Expr)> {
    let mut rounds = vec![Items::new()];
    for (name, list) in &said.each {
        let in_each = |items: &Items<'_>| call.arguments.iter().any(|one| says(&resolved(one, said, items, 0), name));
        if !rounds.iter().any(in_each) {
            continue;
        }
        let ExprKind::List(items) = resolved(list, said, &Items::new(), 0).kind else {
            continue;
        };
        let next = rounds.iter().flat_map(|round| {
            items.iter().map(|item| {
                let mut round = round.clone();
                round.insert(name.as_str(), item.clone());
                round
            })
        });
        let next: Vec<_> = next.take(MAX_ITEMS + 1).collect();
        if next.len() <= MAX_ITEMS {
            rounds = next;
        }
    }
    rounds
        .iter()
        .map(|items| (argument(call, 0, "service", said, items), argument(call, 1, "version", said, items)))
        .collect()
}

/// What a call of a primitive gives for the argument at a place, by that or by its name in a closing map.
fn argument(call: &Call, place: usize, name: &str, said: &Said, items: &Items<'_>) -> Expr {
    let given: Vec<_> = call.arguments.iter().map(|one| resolved(one, said, items, 0)).collect();
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

/// An expression in the names that a script has from elsewhere: those of its own are what they stand for.
fn resolved(expression: &Expr, said: &Said, items: &Items<'_>, depth: usize) -> Expr {
    if depth > MAX_DEPTH {
        return unknown();
    }
    let inner = |one: &Expr| resolved(one, said, items, depth + 1);
    let kind = match &expression.kind {
        ExprKind::Name(name) => return own(name, said, items, depth),
        ExprKind::Property { of, name, .. } => return part(inner(of), &name.text),
        ExprKind::Index { of, at, is_lenient } => return at_index(inner(of), inner(at), *is_lenient),
        ExprKind::List(list) => ExprKind::List(list.iter().map(inner).collect()),
        ExprKind::Map(entries) => ExprKind::Map(entries.iter().map(|(key, one)| (key.clone(), inner(one))).collect()),
        ExprKind::Call { of, name, arguments } => ExprKind::Call {
            of: of.as_deref().map(|of| Box::new(inner(of))),
            name: name.clone(),
            arguments: arguments.iter().map(inner).collect(),
        },
        ExprKind::Unary(operator, one) => ExprKind::Unary(*operator, Box::new(inner(one))),
        ExprKind::Binary(operator, sides) => ExprKind::Binary(*operator, Box::new((inner(&sides.0), inner(&sides.1)))),
        ExprKind::If(choice) => ExprKind::If(Box::new(Choice {
            condition: inner(&choice.condition),
            then: inner(&choice.then),
            otherwise: choice.otherwise.as_ref().map(inner),
        })),
        ExprKind::Literal(value) => ExprKind::Literal(value.clone()),
    };
    Expr { kind, span: Span::default() }
}

/// What a name stands for.
fn own(name: &str, said: &Said, items: &Items<'_>, depth: usize) -> Expr {
    let itself = || Expr { kind: ExprKind::Name(name.to_owned()), span: Span::default() };
    match (items.get(name), said.names.get(name)) {
        (Some(item), _) => item.clone(),
        (None, Some(one)) => resolved(one, said, items, depth + 1),
        // Which item it is says each round.
        (None, None) if said.each.contains_key(name) || !said.gives_itself(name) => itself(),
        (None, None) => unknown(),
    }
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
