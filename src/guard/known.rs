//! What an expression is, where only some of its names are known.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::value::Value;

use super::syntax::{Binary, Expr, ExprKind, Unary};

/// What is known of a dotted name.
pub type LookUp<'a> = &'a dyn Fn(&[&str]) -> Option<Value>;

/// The value of an expression, whatever the unknown names stand for; `None` where that depends on
/// them, or where there is none. One side of `&&` or `||` can be enough.
pub fn known(expression: &Expr, look_up: LookUp<'_>) -> Option<Value> {
    let value = |expression: &Expr| known(expression, look_up);
    match &expression.kind {
        ExprKind::Literal(value) => Some(value.clone()),
        ExprKind::Name(name) => look_up(&[name]),
        ExprKind::Property { of, name, .. } => match expression.path() {
            Some(path) => part(&path, look_up),
            None => value(of)?.get(&name.text).cloned(),
        },
        ExprKind::Index { of, at, .. } => match expression.path() {
            Some(path) => part(&path, look_up),
            None => indexed(&value(of)?, &value(at)?),
        },
        ExprKind::List(items) => items.iter().map(value).collect::<Option<Vec<_>>>().map(Value::list),
        ExprKind::Map(entries) => {
            let entries = entries.iter().map(|(key, item)| Some((Arc::from(key.text.as_str()), value(item)?)));
            entries.collect::<Option<Vec<(Arc<str>, _)>>>().map(Value::map)
        }
        ExprKind::Unary(Unary::Not, operand) => match value(operand)? {
            Value::Bool(truth) => Some(Value::Bool(!truth)),
            _ => None,
        },
        ExprKind::Unary(Unary::Minus, operand) => match value(operand)? {
            Value::Int(int) => int.checked_neg().map(Value::Int),
            Value::Float(float) => Some(Value::Float(-float)),
            _ => None,
        },
        ExprKind::Unary(Unary::Plus, operand) => value(operand).filter(|value| value.as_number().is_some()),
        ExprKind::Binary(Binary::And, sides) => logic(value(&sides.0), value(&sides.1), false),
        ExprKind::Binary(Binary::Or, sides) => logic(value(&sides.0), value(&sides.1), true),
        ExprKind::Binary(Binary::OrElse, sides) => match value(&sides.0)? {
            Value::Null => value(&sides.1),
            other => Some(other),
        },
        ExprKind::Binary(operator, sides) => binary(*operator, &value(&sides.0)?, &value(&sides.1)?),
        ExprKind::If(choice) => match value(&choice.condition)? {
            Value::Bool(true) => value(&choice.then),
            Value::Bool(false) => choice.otherwise.as_ref().map_or(Some(Value::Null), value),
            _ => None,
        },
        ExprKind::Call { of, name, arguments } => {
            let arguments: Vec<_> = of.as_deref().into_iter().chain(arguments).collect();
            call(&name.text, &arguments, look_up)
        }
    }
}

/// What a dotted name gives: the longest part of it that is known, and in that the rest.
fn part(path: &[&str], look_up: LookUp<'_>) -> Option<Value> {
    let mut halves = (1..=path.len()).rev().map(|words| path.split_at(words));
    let (whole, rest) = halves.find_map(|(known, rest)| Some((look_up(known)?, rest)))?;
    rest.iter().try_fold(whole, |value, name| value.get(name).cloned())
}

/// An item of a list, counted from the end where its index is negative, or an entry of a map.
fn indexed(whole: &Value, at: &Value) -> Option<Value> {
    match (whole, at) {
        (Value::List(items), Value::Int(at)) => {
            let behind = usize::try_from(at.unsigned_abs()).ok()?;
            let at = if *at < 0 { items.len().checked_sub(behind)? } else { behind };
            items.get(at).cloned()
        }
        (Value::Map(entries), Value::Text(key)) => entries.get(key).cloned(),
        _ => None,
    }
}

/// `&&` and `||`: `decisive` on one side is enough.
fn logic(left: Option<Value>, right: Option<Value>, decisive: bool) -> Option<Value> {
    match (left, right) {
        (Some(Value::Bool(one)), _) | (_, Some(Value::Bool(one))) if one == decisive => Some(Value::Bool(decisive)),
        (Some(Value::Bool(left)), Some(Value::Bool(right))) => {
            Some(Value::Bool(if decisive { left || right } else { left && right }))
        }
        _ => None,
    }
}

fn binary(operator: Binary, left: &Value, right: &Value) -> Option<Value> {
    let truth = match operator {
        Binary::Equal => equal(left, right)?,
        Binary::NotEqual => !equal(left, right)?,
        Binary::Less => order(left, right)?.is_lt(),
        Binary::LessOrEqual => order(left, right)?.is_le(),
        Binary::More => order(left, right)?.is_gt(),
        Binary::MoreOrEqual => order(left, right)?.is_ge(),
        Binary::In => is_in(left, right)?,
        Binary::NotIn => !is_in(left, right)?,
        Binary::Add => return add(left, right),
        Binary::Subtract | Binary::Multiply => return arithmetic(operator, left, right),
        _ => return None,
    };
    Some(Value::Bool(truth))
}

fn add(left: &Value, right: &Value) -> Option<Value> {
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => Some(Value::text(format!("{left}{right}"))),
        _ => arithmetic(Binary::Add, left, right),
    }
}

fn arithmetic(operator: Binary, left: &Value, right: &Value) -> Option<Value> {
    if let (Value::Int(left), Value::Int(right)) = (left, right) {
        let result = match operator {
            Binary::Add => left.checked_add(*right),
            Binary::Subtract => left.checked_sub(*right),
            _ => left.checked_mul(*right),
        };
        return result.map(Value::Int);
    }
    let (left, right) = (left.as_number()?, right.as_number()?);
    Some(Value::Float(match operator {
        Binary::Add => left + right,
        Binary::Subtract => left - right,
        _ => left * right,
    }))
}

/// Whether two values of one type are the same; as the engine compares.
fn equal(left: &Value, right: &Value) -> Option<bool> {
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => Some(left == right),
        (Value::List(left), Value::List(right)) if left.len() != right.len() => Some(false),
        (Value::List(left), Value::List(right)) => {
            let mut pairs = left.iter().zip(right.iter());
            pairs.try_fold(true, |same, (left, right)| Some(same && equal(left, right)?))
        }
        (Value::Map(_), Value::Map(_)) => (left == right).then_some(true),
        _ => order(left, right).map(Ordering::is_eq),
    }
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        (Value::Duration(left), Value::Duration(right)) => Some(left.cmp(right)),
        _ => left.as_number()?.partial_cmp(&right.as_number()?),
    }
}

fn is_in(item: &Value, whole: &Value) -> Option<bool> {
    match (item, whole) {
        (_, Value::List(items)) => {
            let told: Option<Vec<_>> = items.iter().map(|one| equal(one, item)).collect();
            told.map(|told| told.contains(&true))
        }
        (Value::Text(key), Value::Map(map)) => Some(map.contains_key(key)),
        (Value::Text(part), Value::Text(whole)) => Some(whole.contains(&**part)),
        _ => None,
    }
}

fn call(name: &str, arguments: &[&Expr], look_up: LookUp<'_>) -> Option<Value> {
    let values: Option<Vec<_>> = arguments.iter().map(|argument| known(argument, look_up)).collect();
    match (name, values?.as_slice()) {
        ("has", [Value::Map(map), Value::Text(key)]) => Some(Value::Bool(map.contains_key(key))),
        ("get", [Value::Map(map), Value::Text(key), default]) => Some(map.get(key).unwrap_or(default).clone()),
        ("is_null", [value]) => Some(Value::Bool(*value == Value::Null)),
        ("len", [Value::List(items)]) => i64::try_from(items.len()).ok().map(Value::Int),
        ("len", [Value::Text(text)]) => i64::try_from(text.chars().count()).ok().map(Value::Int),
        ("duration", [Value::Text(text)]) => crate::value::parse_duration(text).map(Value::Duration),
        _ => None,
    }
}
