//! The types of expressions, as far as declarations tell them.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::declaration::{GATE_STATES, Kind};
use crate::value::Value;

/// What is known of a value before it is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Type {
    /// Nothing is known.
    #[default]
    Any,
    /// Null.
    Null,
    /// A truth value.
    Bool,
    /// A whole number.
    Int,
    /// An int or a float.
    Number,
    /// A text.
    Text,
    /// One character of a text, which is no text before it leaves the expression.
    Char,
    /// A text that is one of these words.
    Word(&'static [&'static str]),
    /// A length of time.
    Duration,
    /// A list of one type.
    List(Rc<Type>),
    /// A map.
    Map(Rc<Shape>),
    /// Null, or a value of this type.
    Maybe(Rc<Type>),
}

/// What is known of a map.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    /// What its entries are called.
    pub noun: Noun,
    /// The entries that are known.
    pub fields: BTreeMap<String, Property>,
    /// The type of the entries that are not; where `None` there are no others.
    pub others: Option<Type>,
}

/// What the entries of a map are called in messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Noun {
    /// Of `params`.
    Param,
    /// Of `steps`.
    Step,
    /// Of one step.
    PropertyOfStep,
    /// Of a map whose usual names are known, and which may have others.
    Usual,
    /// Of a map of a target somebody chose.
    OfTarget,
    /// Of what a pattern captures.
    Group,
    /// Of an item of a list that is written out, whose items differ.
    Item,
    /// Of anything else.
    #[default]
    Property,
}

/// An entry of a map.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Property {
    /// Its type.
    pub kind: Type,
    /// Whether it may be missing.
    pub is_optional: bool,
}

impl Property {
    /// An entry that is always there.
    pub fn always(kind: Type) -> Self {
        Self { kind, is_optional: false }
    }
}

impl Type {
    /// The type of a list.
    pub fn list(items: Type) -> Self {
        Self::List(Rc::new(items))
    }

    /// The type of null or a value of a type.
    #[must_use]
    pub fn or_null(self) -> Self {
        match self {
            Self::Maybe(_) => self,
            kind => Self::Maybe(Rc::new(kind)),
        }
    }

    /// The type of a value that is not null.
    #[must_use]
    pub fn not_null(self) -> Self {
        match self {
            Self::Maybe(kind) => (*kind).clone(),
            kind => kind,
        }
    }

    /// The type of a map whose every entry has a type.
    pub fn map_of(entries: Type) -> Self {
        Self::Map(Rc::new(Shape { others: Some(entries), ..Shape::default() }))
    }

    /// The type of a map with exactly these entries.
    pub fn record<K: Into<String>>(noun: Noun, fields: impl IntoIterator<Item = (K, Property)>) -> Self {
        let fields = fields.into_iter().map(|(name, property)| (name.into(), property)).collect();
        Self::Map(Rc::new(Shape { noun, fields, others: None }))
    }

    /// The type of a file param.
    pub fn file() -> Self {
        let text = || Property::always(Self::Text);
        Self::record(Noun::Property, [("path", text()), ("text", text())])
    }

    /// The type a primitive declares.
    pub fn declared(kind: Kind) -> Self {
        match kind {
            Kind::Any => Self::Any,
            Kind::Text
            | Kind::Hash
            | Kind::Pattern
            | Kind::Service
            | Kind::Gate
            | Kind::Subject
            | Kind::SubjectPattern
            | Kind::Url => Self::Text,
            Kind::GateState => Self::Word(GATE_STATES),
            Kind::Int | Kind::Count => Self::Int,
            Kind::Number => Self::Number,
            Kind::Bool => Self::Bool,
            Kind::Duration => Self::Duration,
            Kind::Texts | Kind::Argv => Self::list(Self::Text),
            Kind::Map | Kind::Record(_) => Self::map_of(Self::Any),
            Kind::List => Self::list(Self::Any),
        }
    }

    /// The type of a value.
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Bool,
            Value::Int(_) => Self::Int,
            Value::Float(_) => Self::Number,
            Value::Text(_) => Self::Text,
            Value::Duration(_) => Self::Duration,
            Value::List(items) => Self::list(Self::of_all(items.iter().map(Self::of))),
            Value::Map(map) => {
                let entries = map.iter().map(|(name, value)| (&**name, Property::always(Self::of(value))));
                Self::record(Noun::Property, entries)
            }
        }
    }

    /// The type that holds all of these; anything where there are none.
    pub fn of_all(types: impl IntoIterator<Item = Type>) -> Self {
        types.into_iter().reduce(Self::join).unwrap_or_default()
    }

    /// The type of an item of a list that is written out: an entry that not every item has may be
    /// missing.
    pub fn of_items(types: Vec<Type>) -> Self {
        let entries = |kind: &Type| match kind {
            Self::Map(shape) if shape.others.is_none() => Some(shape.fields.clone()),
            _ => None,
        };
        let all: Option<Vec<_>> = types.iter().map(entries).collect();
        let Some(all) = all.filter(|all| all.windows(2).any(|pair| pair.first() != pair.last())) else {
            return Self::of_all(types);
        };
        let mut fields: BTreeMap<String, Property> = BTreeMap::new();
        for (name, property) in all.iter().flatten() {
            let is_optional = all.iter().any(|one| !one.contains_key(name));
            let kind = match fields.remove(name) {
                Some(known) => known.kind.join(property.kind.clone()),
                None => property.kind.clone(),
            };
            fields.insert(name.clone(), Property { kind, is_optional });
        }
        Self::Map(Rc::new(Shape { noun: Noun::Item, fields, others: None }))
    }

    /// The type that holds both.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        match (self, other) {
            (one, other) if one == other => one,
            (Self::Int | Self::Number, Self::Int | Self::Number) => Self::Number,
            (Self::Text | Self::Word(_), Self::Text | Self::Word(_)) => Self::Text,
            (Self::List(one), Self::List(other)) => Self::list((*one).clone().join((*other).clone())),
            (Self::Map(_), Self::Map(_)) => Self::map_of(Self::Any),
            (one @ Self::Maybe(_), other) | (one, other @ Self::Maybe(_)) => {
                one.not_null().join(other.not_null()).or_null()
            }
            _ => Self::Any,
        }
    }

    /// Whether nothing is known.
    pub fn is_any(&self) -> bool {
        *self == Self::Any
    }

    /// The word for this type with its article, as messages say it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Any => "any value",
            Self::Null => "null",
            Self::Bool => "a bool",
            Self::Int => "an int",
            Self::Number => "a number",
            Self::Text | Self::Word(_) => "a text",
            Self::Char => "a character",
            Self::Duration => "a duration",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Maybe(kind) => kind.word(),
        }
    }

    /// Whether values of both can be the same value.
    pub fn compares_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _)
            | (_, Self::Any)
            | (Self::Int | Self::Number, Self::Int | Self::Number)
            | (Self::Text | Self::Word(_), Self::Text | Self::Word(_))
            | (Self::Bool, Self::Bool)
            | (Self::Char, Self::Char)
            | (Self::Duration, Self::Duration)
            | (Self::Map(_), Self::Map(_)) => true,
            (Self::List(one), Self::List(other)) => one.compares_with(other),
            (Self::Maybe(one), other) | (other, Self::Maybe(one)) => one.compares_with(other),
            _ => false,
        }
    }

    /// Whether values of this type come before or after each other.
    pub fn is_ordered(&self) -> bool {
        !matches!(self, Self::Bool | Self::List(_) | Self::Map(_) | Self::Null)
    }

    /// Whether a value of this type can stand where a declaration asks for `kind`; only what
    /// certainly cannot is refused.
    pub fn fits(&self, kind: Kind) -> bool {
        match (self, kind) {
            (Self::Any, _) | (_, Kind::Any) => true,
            (Self::Text | Self::Word(_), Kind::Duration) | (Self::Number, Kind::Int | Kind::Count) => true,
            (Self::List(items), Kind::Texts | Kind::Argv) => items.compares_with(&Self::Text),
            (one, kind) => one.compares_with(&Self::declared(kind)) && *one != Self::Null,
        }
    }
}
