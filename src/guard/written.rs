//! How the values of a template are written: out, as an expression, or with expressions inside.

use crate::value::Value;

use super::Guard;
use super::template::TextPart;

/// How an argument is given.
#[derive(Clone, Copy, Debug)]
pub enum Given<'a> {
    /// As this value.
    Constant(&'a Value),
    /// As what one expression gives.
    Expression(&'a Guard),
    /// As a text, list or map with expressions inside.
    Mixed,
}

/// How one value of a template is written.
#[derive(Clone, Copy, Debug)]
pub enum Written<'t> {
    /// Out.
    Constant(&'t Value),
    /// As what one expression gives.
    Expression(&'t Guard),
    /// As a text with expressions inside.
    Parts(&'t [TextPart]),
    /// As a list or a map.
    Nested,
}

impl<'t> Written<'t> {
    /// The same, told no further apart than an argument is.
    pub(super) fn given(self) -> Given<'t> {
        match self {
            Self::Constant(value) => Given::Constant(value),
            Self::Expression(guard) => Given::Expression(guard),
            Self::Parts(_) | Self::Nested => Given::Mixed,
        }
    }
}
