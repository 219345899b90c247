//! A guard's text to its syntax: one pass, bounded in depth.
//!
//! It follows the expression engine's own grammar and its count of nesting, so that whatever it
//! accepts the engine accepts; the tests hold that. It never says that a text is wrong: where it
//! does not understand, the engine judges.

use crate::source::Span;
use crate::value::Value;

use super::lexer::{Lexer, Token, TokenKind};
use super::sandbox::MAX_EXPRESSION_DEPTH;
use super::syntax::{Binary, Choice, Expr, ExprKind, Unary, Word};

/// The syntax of an expression; `None` where it is not understood.
pub(super) fn parse(text: &str) -> Option<Expr> {
    let mut lexer = Lexer::new(text);
    let next = lexer.next()?;
    let mut parser = Parser { lexer, next, end: 0 };
    let expression = parser.expression(0)?;
    (parser.next.kind == TokenKind::End).then_some(expression)
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    next: Token<'t>,
    /// Where the token before `next` ended.
    end: usize,
}

/// One level deeper, where there is one.
fn deeper(level: usize) -> Option<usize> {
    (level < MAX_EXPRESSION_DEPTH).then_some(level + 1)
}

impl<'t> Parser<'t> {
    fn advance(&mut self) -> Option<Token<'t>> {
        let next = self.lexer.next()?;
        let token = std::mem::replace(&mut self.next, next);
        self.end = token.span.end;
        let closes_a_brace = token.kind == TokenKind::Symbol("}");
        let could_be_unary = matches!(self.next.kind, TokenKind::Symbol("-" | "+"));
        (!(closes_a_brace && could_be_unary)).then_some(token)
    }

    fn is_at(&self, symbol: &str) -> bool {
        matches!(self.next.kind, TokenKind::Symbol(found) if found == symbol)
    }

    fn is_at_word(&self, word: &str) -> bool {
        matches!(self.next.kind, TokenKind::Word(found) if found == word)
    }

    /// Takes a symbol where it comes next.
    fn takes(&mut self, symbol: &str) -> Option<bool> {
        if !self.is_at(symbol) {
            return Some(false);
        }
        self.advance().map(|_| true)
    }

    fn expect(&mut self, symbol: &str) -> Option<()> {
        self.takes(symbol)?.then_some(())
    }

    fn expression(&mut self, level: usize) -> Option<Expr> {
        let level = deeper(level)?;
        let start = self.next.span.start;
        let left = self.unary(level)?;
        self.operators(level, 1, left, start)
    }

    /// The operators that bind at least as strongly as `parent`, from a left side that began at
    /// `start`.
    fn operators(&mut self, mut level: usize, parent: u8, left: Expr, start: usize) -> Option<Expr> {
        let mut left = left;
        loop {
            let Some((operator, strength)) = self.operator() else {
                return Some(left);
            };
            let binds_right = operator == Binary::Power;
            if strength < parent || (strength == parent && !binds_right) {
                return Some(left);
            }
            self.advance()?;
            let right_start = self.next.span.start;
            let mut right = self.unary(level)?;
            if let Some((_, next)) = self.operator()
                && (strength < next || (strength == next && binds_right))
            {
                right = self.operators(deeper(level)?, strength, right, right_start)?;
            }
            level = deeper(level)?;
            if matches!(operator, Binary::And | Binary::Or) && !(may_be_truth(&left) && may_be_truth(&right)) {
                return None;
            }
            left = self.node(start, ExprKind::Binary(operator, Box::new((left, right))));
        }
    }

    /// The operator that comes next, and how strongly it binds.
    fn operator(&self) -> Option<(Binary, u8)> {
        let written = match self.next.kind {
            TokenKind::Symbol(symbol) => symbol,
            TokenKind::Word("in") => "in",
            _ => return None,
        };
        Binary::TABLE
            .iter()
            .find(|(_, symbol, _)| *symbol == written)
            .map(|(operator, _, strength)| (*operator, *strength))
    }

    fn unary(&mut self, level: usize) -> Option<Expr> {
        let start = self.next.span.start;
        let operator = match self.next.kind {
            TokenKind::Symbol("!") => Unary::Not,
            TokenKind::Symbol("-") => Unary::Minus,
            TokenKind::Symbol("+") => Unary::Plus,
            _ => return self.primary(level),
        };
        self.advance()?;
        let operand = self.unary(deeper(level)?)?;
        let kind = match (operator, operand.kind) {
            (Unary::Minus, ExprKind::Literal(Value::Int(int))) => ExprKind::Literal(Value::Int(int.checked_neg()?)),
            (Unary::Minus, ExprKind::Literal(Value::Float(float))) => ExprKind::Literal(Value::Float(-float)),
            (Unary::Plus, kind @ ExprKind::Literal(Value::Int(_) | Value::Float(_))) => kind,
            (_, kind) => ExprKind::Unary(operator, Box::new(Expr { kind, span: operand.span })),
        };
        Some(self.node(start, kind))
    }

    fn primary(&mut self, level: usize) -> Option<Expr> {
        let start = self.next.span.start;
        if self.is_at_word("if") {
            return self.choice(deeper(level)?);
        }
        let token = self.advance()?;
        let kind = match token.kind {
            TokenKind::Int(int) => return Some(self.node(start, ExprKind::Literal(Value::Int(int)))),
            TokenKind::Float(float) => return Some(self.node(start, ExprKind::Literal(Value::Float(float)))),
            TokenKind::Text(text) => ExprKind::Literal(Value::text(text)),
            TokenKind::Word("true") => ExprKind::Literal(Value::Bool(true)),
            TokenKind::Word("false") => ExprKind::Literal(Value::Bool(false)),
            TokenKind::Word("in" | "else") => return None,
            TokenKind::Word(name) if self.is_at("(") || self.is_at("()") => {
                let name = Word { text: name.to_owned(), span: token.span };
                ExprKind::Call { of: None, name, arguments: self.arguments(level)? }
            }
            TokenKind::Word(name) => ExprKind::Name(name.to_owned()),
            TokenKind::Symbol("()") => ExprKind::Literal(Value::Null),
            TokenKind::Symbol("(") => {
                let inner = self.expression(deeper(level)?)?;
                self.expect(")")?;
                return self.chain(level, inner, start);
            }
            TokenKind::Symbol("[") => self.list(deeper(level)?)?,
            TokenKind::Symbol("#{") => self.map(deeper(level)?)?,
            TokenKind::Symbol(_) | TokenKind::End => return None,
        };
        let root = self.node(start, kind);
        self.chain(level, root, start)
    }

    /// Properties, calls and indexes behind an expression; each dot is a level, as in the engine.
    fn chain(&mut self, mut level: usize, root: Expr, start: usize) -> Option<Expr> {
        let mut of = root;
        loop {
            let kind = match self.next.kind {
                TokenKind::Symbol(dot @ ("." | "?.")) => {
                    self.advance()?;
                    level = deeper(level)?;
                    self.property(level, of, dot == "?.")?
                }
                TokenKind::Symbol(open @ ("[" | "?[")) => {
                    self.advance()?;
                    level = deeper(level)?;
                    let at = self.expression(deeper(level)?)?;
                    self.expect("]")?;
                    if !may_index(&of, &at) {
                        return None;
                    }
                    ExprKind::Index { of: Box::new(of), at: Box::new(at), is_lenient: open == "?[" }
                }
                _ => return Some(of),
            };
            of = self.node(start, kind);
        }
    }

    fn property(&mut self, level: usize, of: Expr, is_lenient: bool) -> Option<ExprKind> {
        let token = self.advance()?;
        let TokenKind::Word(name) = token.kind else {
            return None;
        };
        if matches!(name, "true" | "false" | "in" | "if" | "else") {
            return None;
        }
        let name = Word { text: name.to_owned(), span: token.span };
        let is_call = self.is_at("(") || self.is_at("()");
        match (is_call, is_lenient) {
            (false, _) => Some(ExprKind::Property { of: Box::new(of), name, is_lenient }),
            (true, false) => Some(ExprKind::Call { of: Some(Box::new(of)), name, arguments: self.arguments(level)? }),
            (true, true) => None,
        }
    }

    fn arguments(&mut self, level: usize) -> Option<Vec<Expr>> {
        let mut arguments = Vec::new();
        if self.takes("()")? {
            return Some(arguments);
        }
        self.expect("(")?;
        while !self.is_at(")") {
            arguments.push(self.expression(deeper(level)?)?);
            if !self.takes(",")? {
                break;
            }
        }
        self.expect(")")?;
        Some(arguments)
    }

    fn list(&mut self, level: usize) -> Option<ExprKind> {
        let mut items = Vec::new();
        while !self.is_at("]") {
            items.push(self.expression(deeper(level)?)?);
            if !self.takes(",")? {
                break;
            }
        }
        self.expect("]")?;
        Some(ExprKind::List(items))
    }

    fn map(&mut self, level: usize) -> Option<ExprKind> {
        let mut entries: Vec<(Word, Expr)> = Vec::new();
        while !self.is_at("}") {
            let token = self.advance()?;
            let text = match token.kind {
                TokenKind::Word("true" | "false" | "in" | "if" | "else") => return None,
                TokenKind::Word(word) => word.to_owned(),
                TokenKind::Text(text) => text,
                _ => return None,
            };
            if entries.iter().any(|(key, _)| key.text == text) {
                return None;
            }
            self.expect(":")?;
            entries.push((Word { text, span: token.span }, self.expression(deeper(level)?)?));
            if !self.takes(",")? {
                break;
            }
        }
        self.expect("}")?;
        Some(ExprKind::Map(entries))
    }

    fn choice(&mut self, level: usize) -> Option<Expr> {
        let start = self.next.span.start;
        self.advance()?;
        let level = deeper(level)?;
        let condition = self.expression(level)?;
        if !may_be_truth(&condition) {
            return None;
        }
        let then = self.block(level)?;
        let otherwise = if !self.is_at_word("else") {
            None
        } else {
            self.advance()?;
            Some(if self.is_at_word("if") { self.choice(level)? } else { self.block(level)? })
        };
        Some(self.node(start, ExprKind::If(Box::new(Choice { condition, then, otherwise }))))
    }

    fn block(&mut self, level: usize) -> Option<Expr> {
        self.expect("{")?;
        let value = self.expression(deeper(level)?)?;
        self.expect("}")?;
        Some(value)
    }

    fn node(&self, start: usize, kind: ExprKind) -> Expr {
        Expr { kind, span: Span::new(start, self.end) }
    }
}

/// Whether the engine's own parser takes it for a truth: it refuses what plainly is none.
fn may_be_truth(expression: &Expr) -> bool {
    match &expression.kind {
        ExprKind::Literal(value) => matches!(value, Value::Bool(_)),
        ExprKind::List(_) | ExprKind::Map(_) => false,
        _ => true,
    }
}

/// Whether the engine's own parser takes the index: it refuses what plainly is none.
fn may_index(of: &Expr, at: &Expr) -> bool {
    let is_truth = matches!(at.kind, ExprKind::Binary(Binary::And | Binary::Or, _));
    match (&of.kind, &at.kind) {
        (ExprKind::Map(_), ExprKind::Literal(value)) => value.as_text().is_some(),
        (ExprKind::List(_) | ExprKind::Literal(_), ExprKind::Literal(value)) => matches!(value, Value::Int(_)),
        (ExprKind::Map(_) | ExprKind::List(_) | ExprKind::Literal(_), _) => !is_truth,
        _ => true,
    }
}
