//! Expressions without regard to their blanks, so that two can be held against each other.

use super::Guard;
use super::lexer::{Lexer, TokenKind};
use super::template::insertion_places;

impl Guard {
    /// Its text with one blank between what belongs apart: the same for all that differ in blanks only.
    pub fn without_blanks(&self) -> String {
        expression(self.text())
    }
}

/// A text with every `${ }` in it as [`Guard::without_blanks`] has it; the rest as it is.
pub fn without_blanks(text: &str) -> String {
    let mut found = String::with_capacity(text.len());
    let mut at = 0;
    for place in insertion_places(text) {
        let inner = text.get(place.start + 2..place.end - 1).unwrap_or("");
        found.push_str(text.get(at..place.start).unwrap_or(""));
        found.push_str(&format!("${{{}}}", expression(inner)));
        at = place.end;
    }
    found.push_str(text.get(at..).unwrap_or(""));
    found
}

/// What the lexer does not read stays as it is.
fn expression(text: &str) -> String {
    let mut tokens = Vec::new();
    let mut lexer = Lexer::new(text);
    while let Some(token) = lexer.next() {
        if token.kind == TokenKind::End {
            return tokens.join(" ");
        }
        tokens.push(text.get(token.span.start..token.span.end).unwrap_or(""));
    }
    text.to_owned()
}
