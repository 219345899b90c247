//! What names stand for where an action is done in a target that was chosen, as far as that is known
//! before the run: constants, what the target lists, the items of a fan-out, and what a runbook used as
//! an action is handed.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::guard::syntax::{Expr, ExprKind};
use crate::guard::{Given, Guard, known};
use crate::runbook::{Action, Foreach, Runbook, Work};
use crate::source::Span;
use crate::value::Value;

/// The known names of one place.
#[derive(Clone, Debug)]
pub(super) struct Names {
    frame: Rc<Frame>,
    item: Option<Item>,
}

/// What all places of a runbook share.
#[derive(Debug)]
struct Frame {
    target: Value,
    params: Params,
    lets: BTreeMap<Arc<str>, Value>,
}

/// What is known of the params of a runbook.
pub(super) type Params = BTreeMap<Arc<str>, Value>;

/// An item of a fan-out.
#[derive(Clone, Debug)]
pub(super) struct Item {
    value: Value,
    /// Where it is written out.
    span: Option<Span>,
}

impl Names {
    /// The names of a runbook.
    pub(super) fn of(runbook: &Runbook, params: Params, target: &Value) -> Self {
        let mut frame = Frame { target: target.clone(), params, lets: BTreeMap::new() };
        for binding in &runbook.lets {
            let value = binding.guard.syntax().and_then(|syntax| frame.value(syntax, None));
            frame.lets.extend(value.map(|value| (Arc::clone(&binding.name), value)));
        }
        Self { frame: Rc::new(frame), item: None }
    }

    /// The names for each item of a fan-out that is known; none where the list is not.
    pub(super) fn each(&self, foreach: &Foreach) -> Vec<Self> {
        let Some(list) = foreach.list.syntax() else {
            return Vec::new();
        };
        let items: Vec<_> = match &list.kind {
            ExprKind::List(items) => {
                let written = |item: &Expr| Some((self.value(item)?, Some(foreach.list.part(item.span))));
                items.iter().filter_map(written).collect()
            }
            _ => match self.value(list) {
                Some(Value::List(items)) => items.iter().map(|item| (item.clone(), None)).collect(),
                _ => Vec::new(),
            },
        };
        let each = items.into_iter().map(|(value, span)| Item { value, span });
        each.map(|item| Self { frame: Rc::clone(&self.frame), item: Some(item) }).collect()
    }

    /// Whether a piece of work is done where these names are what they are, unless that hangs on
    /// something else.
    pub(super) fn let_do(&self, work: &Work) -> bool {
        let Some(when) = &work.when else {
            return true;
        };
        let of_runs = ["steps", "run"];
        match when.syntax().and_then(|syntax| self.value(syntax)) {
            Some(value) => value == Value::Bool(true),
            None => when.references().iter().all(|reference| of_runs.contains(&reference.root())),
        }
    }

    /// What a runbook used as an action is handed.
    pub(super) fn handed(&self, runbook: &Runbook, action: &Action) -> Params {
        let params = runbook.params.iter().filter_map(|param| {
            let value = match action.with.given(&param.name) {
                Some(Given::Constant(value)) => Some(value.clone()),
                Some(Given::Expression(guard)) => self.of_guard(guard),
                Some(Given::Mixed) => None,
                None => param.default.clone(),
            };
            Some((Arc::clone(&param.name), value?))
        });
        params.collect()
    }

    /// The value of an expression, where it is known.
    pub(super) fn of_guard(&self, guard: &Guard) -> Option<Value> {
        self.value(guard.syntax()?)
    }

    /// Where the item stands that an expression is, if it is one that is written out.
    pub(super) fn written_item(&self, guard: &Guard) -> Option<Span> {
        self.item.as_ref().filter(|_| guard.text().trim() == "item")?.span
    }

    fn value(&self, expression: &Expr) -> Option<Value> {
        self.frame.value(expression, self.item.as_ref())
    }
}

impl Frame {
    fn value(&self, expression: &Expr, item: Option<&Item>) -> Option<Value> {
        known(expression, &|words| match words {
            ["item"] => item.map(|item| item.value.clone()),
            ["target"] => Some(self.target.clone()),
            ["params", name] => self.params.get(*name).cloned(),
            [name] => self.lets.get(*name).cloned(),
            _ => None,
        })
    }
}
