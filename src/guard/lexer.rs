//! A guard's text to tokens. What guards do not use ends the reading: the parser then says that
//! it does not understand, and the expression engine judges alone.

use crate::source::Span;

/// A token with its bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token<'t> {
    pub(super) kind: TokenKind<'t>,
    pub(super) span: Span,
}

/// The kinds of token.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind<'t> {
    Int(i64),
    Float(f64),
    Text(String),
    /// A name, `true`, `false`, `in`, `if` or `else`.
    Word(&'t str),
    Symbol(&'static str),
    /// The end of the text.
    End,
}

/// Symbols, longer ones before those they begin with.
const SYMBOLS: [&str; 34] = [
    "&&", "||", "==", "!=", "<=", ">=", "<<", ">>", "??", "?.", "?[", "**", "#{", "()", "(", ")", "[", "]", "{", "}",
    ",", ".", ":", "+", "-", "*", "/", "%", "<", ">", "!", "&", "|", "^",
];

/// What the engine reads as one symbol and guards have no use for.
const REFUSED: [&str; 30] = [
    "===", "!==", "**=", "<<=", ">>=", "=>", "->", "--", "++", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<-",
    "<|", "|>", "(*", "*)", "..", "::", ":=", ":;", "!.", "//", "/*", "#!",
];

/// Words that the engine does not take as names, sorted.
pub(super) const RESERVED: [&str; 68] = [
    "Fn",
    "_",
    "as",
    "async",
    "await",
    "break",
    "call",
    "case",
    "catch",
    "const",
    "continue",
    "curry",
    "debug",
    "default",
    "do",
    "eval",
    "exit",
    "export",
    "fn",
    "for",
    "global",
    "go",
    "goto",
    "import",
    "is",
    "is_def_fn",
    "is_def_var",
    "is_shared",
    "let",
    "loop",
    "match",
    "module",
    "new",
    "nil",
    "no_closure",
    "no_float",
    "no_function",
    "no_index",
    "no_module",
    "no_object",
    "null",
    "package",
    "print",
    "private",
    "protected",
    "public",
    "return",
    "shared",
    "sleep",
    "spawn",
    "static",
    "super",
    "switch",
    "sync",
    "this",
    "thread",
    "throw",
    "timestamp",
    "try",
    "type_of",
    "unsafe",
    "until",
    "use",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

/// Reads tokens one after the other.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// The next token; `None` where the text holds something else.
    pub(super) fn next(&mut self) -> Option<Token<'t>> {
        let rest = self.rest();
        let blank = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_whitespace()).len();
        let start = self.at + blank;
        self.at = start;
        let kind = match self.rest().bytes().next() {
            None => TokenKind::End,
            Some(b'0'..=b'9') => self.number()?,
            Some(b'"') => TokenKind::Text(self.quoted()?),
            Some(b'_' | b'a'..=b'z' | b'A'..=b'Z') => TokenKind::Word(self.word()?),
            Some(_) => TokenKind::Symbol(self.symbol()?),
        };
        Some(Token { kind, span: Span::new(start, self.at) })
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// Takes the characters that belong together from here.
    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let length = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or("")
    }

    /// A decimal number; a property or an index of one is left to the engine.
    fn number(&mut self) -> Option<TokenKind<'t>> {
        let start = self.at;
        let is_digit = |c: char| c.is_ascii_digit() || c == '_';
        self.take_while(is_digit);
        let mut is_float = false;
        let behind = self.rest().strip_prefix('.').and_then(|behind| behind.chars().next());
        if behind.is_some_and(|c| c != '.' && !is_name(c)) {
            self.at += 1;
            self.take_while(is_digit);
            is_float = true;
        }
        if self.rest().starts_with(['e', 'E']) {
            self.at += 1;
            self.at += usize::from(self.rest().starts_with(['+', '-']));
            if !self.rest().starts_with(|c: char| c.is_ascii_digit()) {
                return None;
            }
            self.take_while(is_digit);
            is_float = true;
        }
        if self.rest().starts_with(|c: char| is_word(c) || c == '.' || c == '[' || c == '?') {
            return None;
        }
        let digits = self.text.get(start..self.at)?.replace('_', "");
        if is_float {
            return digits.parse().ok().filter(|float: &f64| float.is_finite()).map(TokenKind::Float);
        }
        digits.parse().ok().map(TokenKind::Int)
    }

    fn word(&mut self) -> Option<&'t str> {
        let word = self.take_while(is_word);
        let is_name = word.trim_start_matches('_').starts_with(|c: char| c.is_ascii_alphabetic());
        (is_name && RESERVED.binary_search(&word).is_err()).then_some(word)
    }

    fn symbol(&mut self) -> Option<&'static str> {
        let rest = self.rest();
        let first = rest.as_bytes().first();
        let stands_here = |symbol: &&&str| symbol.as_bytes().first() == first && rest.starts_with(**symbol);
        let is_not_in = rest.starts_with("!in") && !rest.chars().nth(3).is_some_and(is_word);
        let found = if is_not_in {
            "!in"
        } else if REFUSED.iter().find(stands_here).is_some() {
            return None;
        } else {
            SYMBOLS.iter().find(stands_here)?
        };
        self.at += found.len();
        Some(found)
    }

    /// A text in quotes on one line, unescaped.
    fn quoted(&mut self) -> Option<String> {
        let mut unescaped = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((offset, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += offset + 1;
                    let is_doubled = self.rest().starts_with('"');
                    return (!is_doubled).then_some(unescaped);
                }
                '\\' => {
                    let (_, escape) = chars.next()?;
                    let digits = match escape {
                        'n' => Ok('\n'),
                        'r' => Ok('\r'),
                        't' => Ok('\t'),
                        '\\' | '"' => Ok(escape),
                        'x' => Err(2),
                        'u' => Err(4),
                        'U' => Err(8),
                        _ => return None,
                    };
                    unescaped.push(match digits {
                        Ok(c) => c,
                        Err(count) => {
                            let mut code = 0_u32;
                            for _ in 0..count {
                                code = code.checked_mul(16)?.checked_add(chars.next()?.1.to_digit(16)?)?;
                            }
                            char::from_u32(code)?
                        }
                    });
                }
                '\n' | '\r' => return None,
                c => unescaped.push(c),
            }
        }
        None
    }
}

/// Whether a name can begin with it.
fn is_name(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
