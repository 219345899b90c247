//! What a runbook that is done once for each item of a list is handed over of the item, followed into its
//! params.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::guard::syntax::{Expr, ExprKind};
use crate::guard::{Given, Guard, LookUp, known};
use crate::value::Value;

use super::meaning::Known;

/// A param that is another one for each item of a fan-out.
#[derive(Clone, Debug)]
pub struct PerItem {
    /// What it is.
    pub(super) each: Each,
    /// Whether one item comes after the other.
    pub(super) is_in_turn: bool,
}

/// What something is for each item of a fan-out.
#[derive(Clone, Debug)]
pub(super) enum Each {
    /// The services of the target, in their order.
    Services,
    /// The gates of the target, in their order.
    Gates,
    /// These, in this order.
    These(Vec<Known>),
}

/// Every such param of a graph, by the symbol that it is.
pub(super) type PerItems = Arc<BTreeMap<Arc<str>, PerItem>>;

impl Each {
    /// What an expression is, where that is the item of a list, or a part of it, and known before the run.
    pub(super) fn of(guard: &Guard, list: &Guard, look_up: LookUp<'_>) -> Option<Self> {
        let words = guard.syntax().and_then(Expr::path)?;
        let (_, part) = words.split_first().filter(|(item, _)| **item == "item")?;
        match list.text().trim() {
            "target.services" => return part.is_empty().then_some(Self::Services),
            "target.gates" => return part.is_empty().then_some(Self::Gates),
            _ => {}
        }
        let items: Option<Vec<_>> = match &list.syntax()?.kind {
            ExprKind::List(items) => items.iter().map(|item| part_of(item, part, look_up)).collect(),
            _ => match known(list.syntax()?, look_up)? {
                Value::List(items) => items.iter().map(|item| inside(item, part)).collect(),
                _ => None,
            },
        };
        items.map(|items| Self::These(items.into_iter().map(Known::Value).collect()))
    }
}

/// A part of an item that is written out; what stands beside that part need not be known.
fn part_of(item: &Expr, part: &[&str], look_up: LookUp<'_>) -> Option<Value> {
    match (&item.kind, part.split_first()) {
        (ExprKind::Map(entries), Some((name, part))) => {
            let (_, entry) = entries.iter().rfind(|(key, _)| key.text == *name)?;
            part_of(entry, part, look_up)
        }
        _ => inside(&known(item, look_up)?, part),
    }
}

fn inside(value: &Value, part: &[&str]) -> Option<Value> {
    part.iter().try_fold(value, |value, name| value.get(name)).cloned()
}

/// Whether what is given names the item of a fan-out.
pub(super) fn given_item(given: Given<'_>) -> Option<&Guard> {
    match given {
        Given::Expression(guard) if names_item(guard) => Some(guard),
        Given::Expression(_) | Given::Constant(_) | Given::Mixed => None,
    }
}

/// Whether an expression names the item of a fan-out.
pub(super) fn names_item(guard: &Guard) -> bool {
    names(guard, "item")
}

/// Whether an expression reads a name, or a part of it.
pub(super) fn names(guard: &Guard, name: &str) -> bool {
    guard.references().iter().any(|reference| reference.root() == name)
}
