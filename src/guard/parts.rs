//! A guard taken apart at its `||`, `&&` and `!`: what each part came to, down to the values of the
//! names. For people who ask why; no verdict depends on it.

use std::rc::Rc;

use crate::source::Span;
use crate::value::Value;

use super::syntax::{Binary, Expr, ExprKind, Unary};
use super::{Guard, Guards, Names, Place, Reference, convert, references};

/// The deepest tree that is shown: the sandbox refuses deeper expressions.
const MAX_DEPTH: usize = 32;

/// What a part is said to be that was not needed for the verdict.
const NOT_LOOKED_AT: &str = "not looked at";

/// A part of a guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The expression.
    pub text: String,
    /// What it came to, or why it came to nothing.
    pub value: String,
    /// What it is made of; nothing where it is a name.
    pub parts: Vec<Part>,
}

impl Guards {
    /// A guard with everything it is made of; `locals` are names for this time only.
    pub fn parts(&self, guard: &Guard, names: &mut Names, locals: &[(&str, &Value)]) -> Part {
        let calling = Self { core: Rc::clone(&self.core), own: guard.own_functions().clone() };
        match guard.syntax() {
            Some(syntax) => calling.part(guard.text(), syntax, names, locals, MAX_DEPTH),
            None => calling.leaf(guard.text().trim(), guard.references(), names, locals),
        }
    }

    fn part(&self, whole: &str, syntax: &Expr, names: &mut Names, locals: &[(&str, &Value)], depth: usize) -> Part {
        let text = whole.get(syntax.span.start..syntax.span.end).unwrap_or_default();
        let (decisive, pieces) = joined(syntax);
        if pieces.is_empty() || depth == 0 {
            let place = Place { span: Span::default(), text_start: None };
            return self.leaf(text, &references::of_syntax(syntax, place), names, locals);
        }
        let mut parts: Vec<Part> = Vec::new();
        for piece in pieces {
            let mut part = self.part(whole, piece, names, locals, depth - 1);
            let last = parts.last().map(|part| part.value.as_str());
            if last.is_some_and(|last| decisive == Some(last) || last == NOT_LOOKED_AT) {
                NOT_LOOKED_AT.clone_into(&mut part.value);
            }
            parts.push(part);
        }
        Part { text: text.to_owned(), value: self.shown(text, names, locals), parts }
    }

    /// An expression that is not taken apart, with the names it uses.
    fn leaf(&self, text: &str, references: &[Reference], names: &mut Names, locals: &[(&str, &Value)]) -> Part {
        let parts = self.operands(text, references, names, locals);
        Part { text: text.to_owned(), value: self.shown(text, names, locals), parts }
    }

    /// The names an expression uses, each once, with their values; nothing where it is a name itself.
    fn operands(
        &self,
        text: &str,
        references: &[Reference],
        names: &mut Names,
        locals: &[(&str, &Value)],
    ) -> Vec<Part> {
        let mut paths: Vec<String> = Vec::new();
        for path in references.iter().map(|found| found.path().join(".")) {
            if path != text && !paths.contains(&path) {
                paths.push(path);
            }
        }
        let shown = paths.into_iter().map(|path| {
            let value = self.shown(&path, names, locals);
            Part { text: path, value, parts: Vec::new() }
        });
        shown.collect()
    }

    /// What an expression comes to, as a text; says why where it comes to nothing.
    fn shown(&self, text: &str, names: &mut Names, locals: &[(&str, &Value)]) -> String {
        let compiled = self.engine().compile_expression(text).map_err(|error| error.to_string());
        let value = compiled.and_then(|ast| {
            let scope = names.with(locals);
            let value = self.result(scope, &self.own.merged(ast), &self.own);
            names.without();
            value.map_err(|error| self.own.told(&error).0)
        });
        value.and_then(|value| convert::to_value(&value)).map_or_else(|why| why, |value| value.to_string())
    }
}

/// The parts an expression is joined from, none where it is not joined, and the value of a part
/// after which the others are not looked at.
fn joined(syntax: &Expr) -> (Option<&'static str>, Vec<&Expr>) {
    match &syntax.kind {
        ExprKind::Binary(operator @ (Binary::Or | Binary::And), _) => {
            let mut pieces = Vec::new();
            flatten(syntax, *operator, &mut pieces);
            (Some(if *operator == Binary::Or { "true" } else { "false" }), pieces)
        }
        ExprKind::Unary(Unary::Not, inner) => (None, vec![inner.as_ref()]),
        _ => (None, Vec::new()),
    }
}

/// What one operator joins, from left to right.
fn flatten<'a>(syntax: &'a Expr, operator: Binary, pieces: &mut Vec<&'a Expr>) {
    let mut right = Vec::new();
    let mut at = syntax;
    while let ExprKind::Binary(other, sides) = &at.kind
        && *other == operator
    {
        right.push(&sides.1);
        at = &sides.0;
    }
    pieces.push(at);
    pieces.extend(right.into_iter().rev());
}
