//! The syntax of an expression, as the checkers see it: every node with its bytes in the text.
//!
//! Only the part of the language that guards use; what `parser` does not understand has no syntax
//! here, and the expression engine alone judges it.

use crate::source::Span;
use crate::value::Value;

/// How many words most dotted names have at most, such as `steps.verify.out.hash`.
const USUAL_WORDS: usize = 4;

/// An expression with its place in the guard's text.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its bytes in the text; parentheses around it do not count.
    pub span: Span,
}

/// A word with its place in the guard's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word.
    pub text: String,
    /// Its bytes in the text.
    pub span: Span,
}

/// The kinds of expression.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// Null, a truth, a number or a text as written.
    Literal(Value),
    /// `[a, b]`.
    List(Vec<Expr>),
    /// `#{ key: value }`, in reading order.
    Map(Vec<(Word, Expr)>),
    /// A name on its own.
    Name(String),
    /// `of.name`, or `of?.name`.
    Property {
        /// What has it.
        of: Box<Expr>,
        /// Its name.
        name: Word,
        /// Whether null gives null.
        is_lenient: bool,
    },
    /// `of[at]`, or `of?[at]`.
    Index {
        /// What is looked into.
        of: Box<Expr>,
        /// Where.
        at: Box<Expr>,
        /// Whether null gives null.
        is_lenient: bool,
    },
    /// `name(arguments)`, or `of.name(arguments)`.
    Call {
        /// What comes before the dot.
        of: Option<Box<Expr>>,
        /// The function.
        name: Word,
        /// What stands between the parentheses.
        arguments: Vec<Expr>,
    },
    /// `!a`, `-a` or `+a`.
    Unary(Unary, Box<Expr>),
    /// Two expressions with an operator between them.
    Binary(Binary, Box<(Expr, Expr)>),
    /// `if condition { then } else { otherwise }`; null where no `else` is written.
    If(Box<Choice>),
}

/// The parts of an `if`.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// What decides.
    pub condition: Expr,
    /// The value where it holds.
    pub then: Expr,
    /// The value where it does not.
    pub otherwise: Option<Expr>,
}

/// Operators before an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unary {
    /// `!`
    Not,
    /// `-`
    Minus,
    /// `+`
    Plus,
}

/// Operators between two expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is its symbol; see `Binary::TABLE`")]
pub enum Binary {
    Or,
    BitXor,
    BitOr,
    And,
    BitAnd,
    Equal,
    NotEqual,
    In,
    NotIn,
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
    OrElse,
    Add,
    Subtract,
    Divide,
    Multiply,
    Remainder,
    Power,
    ShiftLeft,
    ShiftRight,
}

impl Binary {
    /// Every operator with its symbol and how strongly it binds, as the expression engine has it.
    pub(super) const TABLE: [(Self, &'static str, u8); 22] = [
        (Self::Or, "||", 30),
        (Self::BitXor, "^", 30),
        (Self::BitOr, "|", 30),
        (Self::And, "&&", 60),
        (Self::BitAnd, "&", 60),
        (Self::Equal, "==", 90),
        (Self::NotEqual, "!=", 90),
        (Self::In, "in", 110),
        (Self::NotIn, "!in", 110),
        (Self::Less, "<", 130),
        (Self::LessOrEqual, "<=", 130),
        (Self::More, ">", 130),
        (Self::MoreOrEqual, ">=", 130),
        (Self::OrElse, "??", 135),
        (Self::Add, "+", 150),
        (Self::Subtract, "-", 150),
        (Self::Divide, "/", 180),
        (Self::Multiply, "*", 180),
        (Self::Remainder, "%", 180),
        (Self::Power, "**", 190),
        (Self::ShiftLeft, "<<", 210),
        (Self::ShiftRight, ">>", 210),
    ];

    /// The operator as it is written.
    pub fn symbol(self) -> &'static str {
        Self::TABLE.iter().find(|(one, ..)| *one == self).map_or("", |(_, symbol, _)| symbol)
    }

    /// Whether it compares two values.
    pub fn compares(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual | Self::Less | Self::LessOrEqual | Self::More | Self::MoreOrEqual)
    }
}

impl Expr {
    /// The words of a dotted name such as `steps.verify.out`, which may be written `steps["verify"].out`;
    /// `None` where this is none.
    pub fn path(&self) -> Option<Vec<&str>> {
        let (ExprKind::Name(_) | ExprKind::Property { .. } | ExprKind::Index { .. }) = self.kind else {
            return None;
        };
        let mut words = Vec::with_capacity(USUAL_WORDS);
        let mut at = self;
        loop {
            match &at.kind {
                ExprKind::Name(name) => {
                    words.push(name.as_str());
                    words.reverse();
                    return Some(words);
                }
                ExprKind::Property { of, name, .. } => {
                    words.push(name.text.as_str());
                    at = of;
                }
                ExprKind::Index { of, at: key, .. } => {
                    words.push(key.as_text().filter(|key| is_word(key))?);
                    at = of;
                }
                _ => return None,
            }
        }
    }

    /// The constant text, where this is one.
    pub fn as_text(&self) -> Option<&str> {
        match &self.kind {
            ExprKind::Literal(value) => value.as_text(),
            _ => None,
        }
    }

    /// The expressions it is made of, in reading order.
    pub fn parts(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Literal(_) | ExprKind::Name(_) => Vec::new(),
            ExprKind::List(items) => items.iter().collect(),
            ExprKind::Map(entries) => entries.iter().map(|(_, value)| value).collect(),
            ExprKind::Property { of, .. } => vec![of],
            ExprKind::Index { of, at, .. } => vec![of, at],
            ExprKind::Call { of, arguments, .. } => of.as_deref().into_iter().chain(arguments).collect(),
            ExprKind::Unary(_, operand) => vec![operand],
            ExprKind::Binary(_, sides) => vec![&sides.0, &sides.1],
            ExprKind::If(choice) => {
                [&choice.condition, &choice.then].into_iter().chain(choice.otherwise.as_ref()).collect()
            }
        }
    }
}

/// Whether a key is one word of a dotted name.
fn is_word(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}
