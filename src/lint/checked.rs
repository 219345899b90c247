//! Which values are checked before they are used: by a comparison with something trusted or by an
//! anchored pattern, in a guard that certainly held by then.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::guard::syntax::{Binary, Expr, ExprKind};
use crate::guard::{Guard, Reference};
use crate::runbook::{EdgeOutcome, OnFailure, Poll, Runbook, Step};

use crate::source::Span;

use super::confined::holds_all;
use super::places::Role;

/// The functions that keep what a text says.
pub(super) const KEEPING: [&str; 3] = ["lower", "trim", "text"];

/// The checks of a runbook.
pub(super) struct Checks<'a> {
    runbook: &'a Runbook,
    /// Where each dotted name is checked.
    found: BTreeMap<String, Vec<Reach>>,
    unskippable: OnceCell<Vec<bool>>,
}

/// Where a check is known to have held.
#[derive(Clone, Copy)]
enum Reach {
    /// Wherever the value can be read.
    Everywhere,
    /// In a step itself, and after it ended ok.
    From(usize),
    /// After a step ended ok.
    After(usize),
    /// In the undo of a step.
    Undo(usize),
    /// In the ensure whose action stands here.
    Ensure(Span),
}

impl<'a> Checks<'a> {
    /// Every check of a runbook; a comparison with what `is_foreign` is none.
    pub(super) fn of(runbook: &'a Runbook, is_foreign: &dyn Fn(&[&str]) -> bool) -> Self {
        let mut found: BTreeMap<String, Vec<Reach>> = BTreeMap::new();
        let mut add = |guard: &Guard, own: &str, reach: Reach| {
            let is_foreign = |name: &str| is_foreign(&outside(name, own).split('.').collect::<Vec<_>>());
            for name in checked_names(guard, &is_foreign) {
                found.entry(outside(&name, own)).or_default().push(reach);
            }
        };
        for (at, step) in runbook.steps.iter().enumerate() {
            let id = step.id.as_str();
            let work = &step.work;
            if let Poll::Until { guard, .. } | Poll::Hold { guard, .. } = &work.poll {
                add(guard, id, Reach::Everywhere);
            }
            work.expect.iter().for_each(|guard| add(guard, id, Reach::Everywhere));
            [&work.when, &work.require].into_iter().flatten().for_each(|guard| add(guard, "", Reach::From(at)));
            if work.action.name() == "assert" {
                work.action.with.insertions().iter().for_each(|one| add(one.guard, "", Reach::After(at)));
            }
            for guard in step.undo.iter().flat_map(|undo| undo.when.iter().chain(&undo.require)) {
                add(guard, "", Reach::Undo(at));
            }
        }
        for work in runbook.ensures.iter().map(|ensure| &ensure.work) {
            let guards = work.when.iter().chain(&work.require);
            guards.for_each(|guard| add(guard, "", Reach::Ensure(work.action.span)));
        }
        Self { runbook, found, unskippable: OnceCell::new() }
    }

    /// Whether the value of a dotted name was checked before an action uses it.
    pub(super) fn cover(&self, reference: &Reference, role: Role<'_>) -> bool {
        let path = reference.path();
        let wholes = (1..=path.len()).filter_map(|words| path.get(..words)).map(|words| words.join("."));
        let reaches = wholes.filter_map(|whole| self.found.get(&whole)).flatten();
        reaches.into_iter().any(|reach| self.holds(*reach, role))
    }

    fn holds(&self, reach: Reach, role: Role<'_>) -> bool {
        let user = match role {
            Role::Step(at, _) | Role::Undo(at, _) => Some(at),
            Role::Watch(watch) => Some(watch.from),
            Role::Ensure(_) => None,
        };
        match (reach, user) {
            (Reach::Everywhere, _) => true,
            (Reach::Undo(at), _) => matches!(role, Role::Undo(own, _) if own == at),
            (Reach::Ensure(span), _) => matches!(role, Role::Ensure(work) if work.action.span == span),
            (_, None) => false,
            (Reach::From(at), Some(user)) if at == user => !matches!(role, Role::Watch(_)),
            (Reach::From(at) | Reach::After(at), Some(user)) => self.is_surely_ok(at, user),
        }
    }

    /// Whether a step certainly ended ok when another one starts.
    fn is_surely_ok(&self, wanted: usize, user: usize) -> bool {
        let mut seen = vec![false; self.runbook.steps.len()];
        let mut open = vec![user];
        while let Some(step) = open.pop().and_then(|at| self.runbook.steps.get(at)) {
            for edge in &step.needs {
                let is_ok = match edge.on {
                    EdgeOutcome::Ok => true,
                    EdgeOutcome::OkOrSkipped => self.unskippable().get(edge.from).copied().unwrap_or(false),
                    EdgeOutcome::Failed | EdgeOutcome::Skipped | EdgeOutcome::Done => false,
                };
                if is_ok && edge.from == wanted {
                    return true;
                }
                if let Some(seen) = seen.get_mut(edge.from).filter(|seen| is_ok && !**seen) {
                    *seen = true;
                    open.push(edge.from);
                }
            }
        }
        false
    }

    fn unskippable(&self) -> &[bool] {
        self.unskippable.get_or_init(|| unskippable(&self.runbook.steps))
    }
}

/// Which steps are certainly never skipped, as far as reading order shows it.
fn unskippable(steps: &[Step]) -> Vec<bool> {
    let mut known: Vec<bool> = Vec::with_capacity(steps.len());
    for step in steps {
        known.push(is_unskippable(steps, step, &known));
    }
    known
}

/// Which steps certainly end ok in a run that goes on.
pub(super) fn surely_done(steps: &[Step]) -> Vec<bool> {
    let unskippable = unskippable(steps).into_iter().zip(steps);
    unskippable.map(|(never, step)| never && step.on_failure != OnFailure::Continue).collect()
}

fn is_unskippable(steps: &[Step], step: &Step, known: &[bool]) -> bool {
    let goes_on = |at: usize| steps.get(at).is_none_or(|step| step.on_failure == OnFailure::Continue);
    step.work.when.is_none()
        && !step.may_skip
        && step.needs.iter().all(|edge| match edge.on {
            EdgeOutcome::Ok => known.get(edge.from) == Some(&true) && !goes_on(edge.from),
            EdgeOutcome::OkOrSkipped => !goes_on(edge.from),
            EdgeOutcome::Done => true,
            EdgeOutcome::Failed | EdgeOutcome::Skipped => false,
        })
}

/// A dotted name in a guard of the step `own`, as other steps write it; of no step where that is empty.
fn outside(name: &str, own: &str) -> String {
    match name.strip_prefix("out") {
        Some(rest) if !own.is_empty() && (rest.is_empty() || rest.starts_with('.')) => {
            format!("steps.{own}.out{rest}")
        }
        _ => name.to_owned(),
    }
}

/// The dotted names whose values a guard, when true, has compared with something trusted or held
/// against an anchored pattern.
fn checked_names(guard: &Guard, is_foreign: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    let trusts = |expression: &Expr| !names_of(expression).iter().any(|name| is_foreign(name));
    if let Some(syntax) = guard.syntax() {
        collect(syntax, &trusts, &mut found);
    }
    found
}

fn collect(expression: &Expr, trusts: &dyn Fn(&Expr) -> bool, found: &mut Vec<String>) {
    match &expression.kind {
        ExprKind::Binary(Binary::And, sides) => {
            collect(&sides.0, trusts, found);
            collect(&sides.1, trusts, found);
        }
        ExprKind::Binary(Binary::Equal, sides) => match (kept_name(&sides.0), kept_name(&sides.1)) {
            (Some(name), _) if trusts(&sides.1) => found.push(name),
            (_, Some(name)) if trusts(&sides.0) => found.push(name),
            _ => {}
        },
        ExprKind::Binary(Binary::In, sides) if trusts(&sides.1) => found.extend(kept_name(&sides.0)),
        ExprKind::Call { of, name, arguments } if name.text == "matches" => {
            let given: Vec<_> = of.as_deref().into_iter().chain(arguments).collect();
            if let [value, pattern] = given.as_slice() {
                found.extend(kept_name(value).filter(|_| pattern.as_text().is_some_and(holds_all)));
            }
        }
        _ => {}
    }
}

/// Every dotted name in an expression.
pub(super) fn names_of(expression: &Expr) -> BTreeSet<String> {
    match expression.path() {
        Some(path) => BTreeSet::from([path.join(".")]),
        None => expression.parts().into_iter().flat_map(names_of).collect(),
    }
}

/// A dotted name that stands alone, or in a function that keeps what it says.
pub(super) fn kept_name(expression: &Expr) -> Option<String> {
    read_name(kept(expression))
}

/// A dotted name, also where `get(...)` reads it, with a constant where it is missing.
pub(super) fn read_name(expression: &Expr) -> Option<String> {
    let ExprKind::Call { of, name, arguments } = &expression.kind else {
        return expression.path().map(|path| path.join("."));
    };
    let given: Vec<_> = of.as_deref().into_iter().chain(arguments).collect();
    match given.as_slice() {
        [map, key, Expr { kind: ExprKind::Literal(_), .. }] if name.text == "get" => {
            Some([map.path()?.join(".").as_str(), key.as_text()?].join("."))
        }
        _ => None,
    }
}

/// What an expression says, as it is written: without the functions around it that keep that, and a
/// dotted name as one, however it is written.
pub(super) fn kept_text(guard: &Guard, expression: &Expr) -> String {
    kept_name(expression).unwrap_or_else(|| {
        let span = kept(expression).span;
        guard.text().get(span.start..span.end).unwrap_or_default().to_owned()
    })
}

/// An expression without the functions around it that keep what it says.
fn kept(expression: &Expr) -> &Expr {
    let mut kept = expression;
    while let ExprKind::Call { of, name, arguments } = &kept.kind {
        let mut given = of.as_deref().into_iter().chain(arguments);
        match (given.next(), given.next()) {
            (Some(only), None) if KEEPING.contains(&name.text.as_str()) => kept = only,
            _ => break,
        }
    }
    kept
}
