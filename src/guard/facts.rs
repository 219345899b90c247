//! What a condition tells about the names in it, where it holds and where it does not.

use super::syntax::{Binary, Expr, ExprKind, Unary};
use crate::value::Value;

/// How a step may stand where it is asked about: any of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Standing(u8);

impl Standing {
    /// In no way at all.
    pub const NEVER: Self = Self(0);
    /// Ended ok.
    pub const OK: Self = Self(1);
    /// Failed.
    pub const FAILED: Self = Self(2);
    /// Skipped.
    pub const SKIPPED: Self = Self(4);
    /// Not ended, because nothing makes this place wait for it.
    pub const UNRELATED: Self = Self(8);
    /// Not ended, though this place waits for steps behind it.
    pub const PENDING: Self = Self(16);
    /// Not ended, because this place belongs to it.
    pub const OWN: Self = Self(32);
    /// Stopped or failed, and nobody knows whether it took effect; seen on the way out only.
    pub const IN_DOUBT: Self = Self(64);
    /// Ended in some way.
    pub const ENDED: Self = Self(71);

    /// Either way.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Both at once.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// One, and not the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether it may stand in one of these ways.
    pub const fn may_be(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether it may stand in no other way.
    pub const fn is_only(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// The standing a status says.
    pub(super) fn of_word(word: &str) -> Self {
        match word {
            "ok" => Self::OK,
            "failed" => Self::FAILED,
            "skipped" => Self::SKIPPED,
            "in_doubt" => Self::IN_DOUBT,
            _ => Self::NEVER,
        }
    }
}

/// Something a condition tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// How a step stands.
    Step(String, Standing),
    /// A map has a key: its path and the key.
    Has(Vec<String>),
    /// A number is not zero.
    NotZero(Vec<String>),
    /// A value is not null.
    NotNull(Expr),
}

/// What is known where an expression is `truth`.
pub fn facts(expression: &Expr, truth: bool) -> Vec<Fact> {
    match &expression.kind {
        ExprKind::Unary(Unary::Not, operand) => facts(operand, !truth),
        ExprKind::Binary(Binary::And, sides) if truth => both(sides, true),
        ExprKind::Binary(Binary::Or, sides) if !truth => both(sides, false),
        ExprKind::Binary(operator, sides) => compared(*operator, &sides.0, &sides.1, truth)
            .or_else(|| compared(mirrored(*operator), &sides.1, &sides.0, truth))
            .into_iter()
            .collect(),
        ExprKind::Call { of, name, arguments } if name.text == "has" && truth => {
            let mut all = of.as_deref().into_iter().chain(arguments);
            all.next().and_then(|map| has(map, all.next()?)).into_iter().collect()
        }
        ExprKind::Call { of, name, arguments } if name.text == "is_null" && !truth => {
            of.as_deref().into_iter().chain(arguments).cloned().map(Fact::NotNull).collect()
        }
        _ => Vec::new(),
    }
}

fn both(sides: &(Expr, Expr), truth: bool) -> Vec<Fact> {
    let mut found = facts(&sides.0, truth);
    found.extend(facts(&sides.1, truth));
    found
}

fn owned(path: &[&str]) -> Vec<String> {
    path.iter().map(|word| (*word).to_owned()).collect()
}

fn has(map: &Expr, key: &Expr) -> Option<Fact> {
    let mut path = map.path()?;
    path.push(key.as_text()?);
    Some(Fact::Has(owned(&path)))
}

fn mirrored(operator: Binary) -> Binary {
    match operator {
        Binary::Less => Binary::More,
        Binary::More => Binary::Less,
        Binary::LessOrEqual => Binary::MoreOrEqual,
        Binary::MoreOrEqual => Binary::LessOrEqual,
        Binary::In | Binary::NotIn => Binary::OrElse,
        other => other,
    }
}

/// What a comparison of a path with something constant tells.
fn compared(operator: Binary, left: &Expr, right: &Expr, truth: bool) -> Option<Fact> {
    let path = left.path()?;
    let says_yes = match operator {
        Binary::Equal | Binary::In => truth,
        Binary::NotEqual | Binary::NotIn => !truth,
        _ => {
            let ExprKind::Literal(value @ (Value::Int(_) | Value::Float(_))) = &right.kind else {
                return None;
            };
            let excludes_zero = match operator {
                Binary::More => value.as_number()? >= 0.0,
                Binary::Less => value.as_number()? <= 0.0,
                Binary::MoreOrEqual => value.as_number()? > 0.0,
                Binary::LessOrEqual => value.as_number()? < 0.0,
                _ => false,
            };
            return (excludes_zero && truth).then(|| Fact::NotZero(owned(&path)));
        }
    };
    if let ["steps", id, "status"] = path.as_slice() {
        let said = words(right)?.into_iter().map(Standing::of_word).fold(Standing::NEVER, Standing::or);
        let standing = if says_yes { said } else { Standing::ENDED.without(said) };
        return Some(Fact::Step((*id).to_owned(), standing));
    }
    match &right.kind {
        ExprKind::Literal(value) if value.as_number().is_some_and(|number| (number == 0.0) != says_yes) => {
            Some(Fact::NotZero(owned(&path)))
        }
        _ => None,
    }
}

/// A constant text, or the constant texts of a list.
fn words(expression: &Expr) -> Option<Vec<&str>> {
    match &expression.kind {
        ExprKind::List(items) => items.iter().map(Expr::as_text).collect(),
        _ => expression.as_text().map(|text| vec![text]),
    }
}
