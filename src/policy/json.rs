//! A strict I-JSON parser over borrowed text: one pass, positions exact, every problem that is
//! not a syntax error reported at once.

use std::borrow::Cow;

use crate::diagnostic::Findings;
use crate::source::Span;

/// The deepest nesting: no policy nests beyond a dozen.
pub const MAX_DEPTH: usize = 128;

/// The most bytes: policies are kilobytes.
pub const MAX_SIZE: usize = 16 * 1024 * 1024;

/// The largest integer that a double holds without its neighbours: 2^53 - 1.
pub(super) const MAX_SAFE_INTEGER: i64 = 9_007_199_254_740_991;

/// A JSON value that borrows from its text.
#[derive(Debug, PartialEq)]
pub(super) enum Json<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    Map(Vec<Member<'a>>),
}

/// One member of an object.
#[derive(Debug, PartialEq)]
pub(super) struct Member<'a> {
    pub(super) key: Cow<'a, str>,
    pub(super) value: Json<'a>,
    span: Span,
}

/// Parses a text; `None` after a syntax error, which is reported like everything else.
pub(super) fn parse<'a>(text: &'a str, findings: &mut Findings) -> Option<Json<'a>> {
    if text.starts_with('\u{FEFF}') {
        let finding = findings.error("json-bom", "the file starts with a byte order mark", Span::new(0, 3));
        findings.push(finding.help("save the file as UTF-8 without BOM"));
        return None;
    }
    if text.len() > MAX_SIZE {
        let message = format!("the text is larger than {MAX_SIZE} bytes");
        findings.push(findings.error("json-size", message, Span::new(0, 1)));
        return None;
    }
    let mut parser = Parser { text, bytes: text.as_bytes(), at: 0, findings };
    let value = parser.value(0)?;
    parser.blanks();
    if parser.at < text.len() {
        return parser.syntax("the value is over here, and more follows", "remove what follows");
    }
    Some(value)
}

struct Parser<'a, 'f> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    findings: &'f mut Findings,
}

impl<'a> Parser<'a, '_> {
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Option<Json<'a>> {
        self.blanks();
        if depth > MAX_DEPTH {
            let message = format!("this is nested more than {MAX_DEPTH} deep");
            self.findings.push(self.findings.error("json-depth", message, Span::new(self.at, self.at + 1)));
            return None;
        }
        match self.peek() {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => self.string().map(Json::Text),
            b't' => self.word("true", Json::Bool(true)),
            b'f' => self.word("false", Json::Bool(false)),
            b'n' => self.word("null", Json::Null),
            b'-' | b'0'..=b'9' => self.number(),
            _ => self.syntax(
                "a value is expected here",
                "write an object, a list, a text, a number, `true`, `false` or `null`",
            ),
        }
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Option<Json<'a>> {
        let written = self.text.get(self.at..).unwrap_or("");
        if !written.starts_with(word) {
            return self.syntax("this is no JSON word", &format!("did you mean `{word}`?"));
        }
        self.at += word.len();
        Some(value)
    }

    fn object(&mut self, depth: usize) -> Option<Json<'a>> {
        self.at += 1;
        let mut members: Vec<Member<'a>> = Vec::new();
        self.blanks();
        if self.peek() == b'}' {
            self.at += 1;
            return Some(Json::Map(members));
        }
        loop {
            self.blanks();
            if self.peek() != b'"' {
                return self.syntax(
                    "a key in quotes is expected here",
                    "write `\"key\": value`, without a comma after the last one",
                );
            }
            let start = self.at;
            let key = self.string()?;
            let span = Span::new(start, self.at);
            self.blanks();
            if self.peek() != b':' {
                return self.syntax("a `:` is expected here", "write `:` between key and value");
            }
            self.at += 1;
            let value = self.value(depth + 1)?;
            members.push(Member { key, value, span });
            self.blanks();
            match self.peek() {
                b',' => self.at += 1,
                b'}' => break,
                _ => return self.syntax("a `,` or `}` is expected here", "write `,` between members"),
            }
        }
        self.at += 1;
        self.sort(&mut members);
        Some(Json::Map(members))
    }

    /// Sorts members by their keys' UTF-16 code units, as RFC 8785 asks, and reports duplicates.
    fn sort(&mut self, members: &mut [Member<'a>]) {
        if members.iter().all(|member| member.key.is_ascii()) {
            members.sort_by(|a, b| a.key.cmp(&b.key));
        } else {
            members.sort_by(|a, b| a.key.encode_utf16().cmp(b.key.encode_utf16()));
        }
        for pair in members.windows(2) {
            let [first, second] = pair else {
                continue;
            };
            if first.key == second.key {
                let message = format!("the key `{}` stands in this object twice", second.key);
                let finding = self.findings.error("json-duplicate-key", message, second.span);
                let finding = finding.also(self.findings.loc(first.span), "first here");
                self.findings.push(finding.help("remove one of them: two readers would take different ones"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<Json<'a>> {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.peek() == b']' {
            self.at += 1;
            return Some(Json::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.blanks();
            match self.peek() {
                b',' => self.at += 1,
                b']' => break,
                _ => return self.syntax("a `,` or `]` is expected here", "write `,` between items"),
            }
        }
        self.at += 1;
        Some(Json::List(items))
    }

    /// A text without escapes is borrowed.
    fn string(&mut self) -> Option<Cow<'a, str>> {
        self.at += 1;
        let start = self.at;
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    let text = self.text.get(start..self.at)?;
                    self.at += 1;
                    return Some(Cow::Borrowed(text));
                }
                Some(b'\\') => return self.escaped(start).map(Cow::Owned),
                Some(0..=0x1f) | None => return self.unfinished(),
                Some(_) => self.at += 1,
            }
        }
    }

    fn unfinished<T>(&mut self) -> Option<T> {
        self.syntax(
            "this text is not closed, or holds a bare control character",
            "close it with `\"`, and write `\\n` for a line end",
        )
    }

    fn escaped(&mut self, start: usize) -> Option<String> {
        let mut text = self.text.get(start..self.at)?.to_owned();
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Some(text);
                }
                Some(b'\\') => text.push(self.escape()?),
                Some(0..=0x1f) | None => return self.unfinished(),
                Some(_) => {
                    let c = self.text.get(self.at..)?.chars().next()?;
                    text.push(c);
                    self.at += c.len_utf8();
                }
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        let start = self.at;
        self.at += 2;
        let plain = match self.bytes.get(start + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(start),
            _ => {
                self.at = start;
                return self.syntax("this is no escape", "write `\\\\` for a backslash");
            }
        };
        Some(plain)
    }

    fn unicode(&mut self, start: usize) -> Option<char> {
        let first = self.four_hex()?;
        if !(0xD800..0xE000).contains(&first) {
            return char::from_u32(first);
        }
        let has_second = self.text.get(self.at..).is_some_and(|rest| rest.starts_with("\\u"));
        if first < 0xDC00 && has_second {
            self.at += 2;
            let second = self.four_hex()?;
            if (0xDC00..0xE000).contains(&second) {
                return char::from_u32(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00));
            }
        }
        let span = Span::new(start, self.at);
        let finding = self.findings.error("json-lone-surrogate", "this is half of a surrogate pair", span);
        self.findings.push(finding.help("write both halves, or the character itself"));
        Some(char::REPLACEMENT_CHARACTER)
    }

    fn four_hex(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4).unwrap_or("");
        let hex = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        match u32::from_str_radix(digits, 16) {
            Ok(unit) if hex => {
                self.at += 4;
                Some(unit)
            }
            _ => self.syntax("four hex digits are expected here", "write `\\u00e9`"),
        }
    }

    fn number(&mut self) -> Option<Json<'a>> {
        let start = self.at;
        self.at += usize::from(self.peek() == b'-');
        let digits = self.digits();
        let zero_first = self.bytes.get(self.at - digits) == Some(&b'0');
        if digits == 0 || (digits > 1 && zero_first) {
            return self.syntax("this is no JSON number", "write digits, without zeros in front");
        }
        let mut whole = true;
        if self.peek() == b'.' {
            whole = false;
            self.at += 1;
            if self.digits() == 0 {
                return self.syntax("digits are expected behind the point", "write `1.0` or `1`");
            }
        }
        if matches!(self.peek(), b'e' | b'E') {
            whole = false;
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), b'+' | b'-'));
            if self.digits() == 0 {
                return self.syntax("digits are expected in the exponent", "write `1e3`");
            }
        }
        let span = Span::new(start, self.at);
        let written = self.text.get(start..self.at)?;
        Some(self.checked_number(written, whole, span))
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        self.at - start
    }

    /// The number, where every reader would read the same one.
    fn checked_number(&mut self, written: &str, whole: bool, span: Span) -> Json<'a> {
        let safe = |int: &i64| (-MAX_SAFE_INTEGER..=MAX_SAFE_INTEGER).contains(int);
        if let Some(int) = whole.then(|| written.parse().ok()).flatten().filter(safe) {
            return Json::Int(int);
        }
        let float: f64 = written.parse().unwrap_or(f64::INFINITY);
        #[expect(clippy::cast_precision_loss, reason = "2^53 - 1 is exact in a double")]
        let too_large =
            float.abs() > MAX_SAFE_INTEGER as f64 && (whole || float.fract() == 0.0) && !written.contains(['e', 'E']);
        if too_large || !float.is_finite() {
            let message = format!("`{written}` is a number that not every reader holds exactly");
            let finding = self.findings.error("json-number-range", message, span);
            self.findings.push(finding.help(format!("stay within ±{MAX_SAFE_INTEGER}, or write it as a text")));
        }
        Json::Float(float)
    }

    fn syntax<T>(&mut self, message: &str, help: &str) -> Option<T> {
        let rest = self.text.get(self.at..).unwrap_or("");
        let length = rest.chars().next().map_or(0, char::len_utf8);
        let finding = self.findings.error("json-syntax", message, Span::new(self.at, self.at + length));
        self.findings.push(finding.help(help));
        None
    }
}
