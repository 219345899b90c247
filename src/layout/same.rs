//! Whether two trees say the same: values and quoting, but not the order of known keys.

use crate::yaml::{Node, NodeKind};

use super::order::Shape;

/// Holds two trees against each other.
pub(super) fn same(one: &Node, other: &Node, shape: Shape) -> bool {
    match (&one.kind, &other.kind) {
        (NodeKind::Scalar(one), NodeKind::Scalar(other)) => one.text == other.text && one.quoted == other.quoted,
        (NodeKind::List(one), NodeKind::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other, shape))
        }
        (NodeKind::Map(one), NodeKind::Map(other)) => {
            let (one, other) = (shape.sorted(one), shape.sorted(other));
            one.len() == other.len()
                && one.iter().zip(&other).all(|((key, value), (other_key, other_value))| {
                    key.value == other_key.value && same(value, other_value, shape.under(&key.value))
                })
        }
        _ => false,
    }
}
