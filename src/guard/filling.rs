//! Filling: a template becomes a value, and what is inserted fits where it stands.

use std::sync::Arc;

use crate::percent::percent_encoded;
use crate::value::Value;

use super::template::{Piece, Template, TextPart};
use super::{EvalError, Guard, Guards, Names};

/// What an inserted value may be, by the argument it stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filling {
    /// Any text.
    Plain,
    /// One token of a subject.
    Token,
    /// One part of a URL, percent-encoded.
    UrlPart,
}

impl Guards {
    /// Fills a template.
    ///
    /// # Errors
    /// [`EvalError`] for the first expression that has no value, or none a text can hold.
    pub fn fill(&self, template: &Template, names: &mut Names, locals: &[(&str, &Value)]) -> Result<Value, EvalError> {
        self.fill_piece(&template.0, names, locals)
    }

    fn fill_piece(&self, piece: &Piece, names: &mut Names, locals: &[(&str, &Value)]) -> Result<Value, EvalError> {
        match piece {
            Piece::Constant(value) => Ok(value.clone()),
            Piece::Expression(guard) => self.value(guard, names, locals),
            Piece::List(items) => {
                let items: Result<Vec<_>, _> = items.iter().map(|item| self.fill_piece(item, names, locals)).collect();
                items.map(Value::list)
            }
            Piece::Map(entries) => {
                let entries: Result<Vec<_>, EvalError> = entries
                    .iter()
                    .map(|(key, piece)| Ok((Arc::clone(key), self.fill_piece(piece, names, locals)?)))
                    .collect();
                entries.map(Value::map)
            }
            Piece::Text(parts, filling) => {
                let mut text = String::new();
                for part in parts {
                    match part {
                        TextPart::Literal(literal) => text.push_str(literal),
                        TextPart::Expression(guard) => {
                            text.push_str(&filling.fitted(guard, self.inserted(guard, names, locals)?)?);
                        }
                    }
                }
                Ok(Value::text(text))
            }
        }
    }

    /// A value as it stands inside a longer text.
    fn inserted(&self, guard: &Guard, names: &mut Names, locals: &[(&str, &Value)]) -> Result<String, EvalError> {
        match self.value(guard, names, locals)? {
            Value::Null | Value::List(_) | Value::Map(_) => {
                Err(guard.error("only a text, number, truth or duration can stand inside a text".to_owned()))
            }
            value => Ok(value.to_string()),
        }
    }
}

impl Filling {
    fn fitted(self, guard: &Guard, text: String) -> Result<String, EvalError> {
        let is_token = |text: &str| {
            let is_special = |c: char| c.is_whitespace() || c.is_control() || ".*>".contains(c);
            !text.is_empty() && !text.contains(is_special)
        };
        match self {
            Self::Token if !is_token(&text) => {
                Err(guard.error(format!("`{text}` is not exactly one token of a subject")))
            }
            Self::UrlPart => Ok(percent_encoded(&text)),
            Self::Plain | Self::Token => Ok(text),
        }
    }
}
