//! Templates: the values under `with`, with `${ expression }` inside texts.
//!
//! A text that is exactly one `${ }` keeps the value's type; inside a longer text a value is
//! inserted as text. Values are never pasted into code. `$${` stands for `${` itself.

use std::ops::Range;
use std::sync::Arc;

use crate::declaration::{Declaration, Kind};
use crate::diagnostic::Findings;
use crate::source::Span;
use crate::value::Value;
use crate::yaml::{Node, NodeKind, Scalar};

use super::filling::Filling;
use super::plain::plain_value;
use super::written::{Given, Written};
use super::{Guard, Guards, Place, Reference};

/// A value with places to fill.
#[derive(Clone, Debug)]
pub struct Template(pub(super) Piece);

/// A value, or what it is made of.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    Constant(Value),
    Expression(Guard),
    Text(Vec<TextPart>, Filling),
    List(Vec<Piece>),
    Map(Vec<(Arc<str>, Piece)>),
}

/// A part of a text.
#[derive(Clone, Debug)]
pub enum TextPart {
    /// As it is written.
    Literal(String),
    /// What is inserted.
    Expression(Guard),
}

/// An expression in a template, and where it stands there.
#[derive(Clone, Copy, Debug)]
pub struct Insertion<'t> {
    /// The entry of the template's outermost map that it stands in.
    pub argument: Option<&'t str>,
    /// How.
    pub stands: Stands,
    /// The expression.
    pub guard: &'t Guard,
}

/// How an expression stands in a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// It is the whole argument.
    Whole,
    /// Inside a list or map of the argument.
    Inside,
    /// Inside a longer text, which is the whole argument.
    InWholeText,
    /// Inside another longer text.
    InText,
}

/// The most insertions in one text: nobody reads more.
const MAX_INSERTIONS: usize = 100;

impl Template {
    /// How one entry of a map is given; `None` where it is not.
    pub fn given(&self, name: &str) -> Option<Given<'_>> {
        Some(self.text(name)?.given())
    }

    /// How one entry of a map is written, where it is one value.
    pub fn text(&self, name: &str) -> Option<Written<'_>> {
        self.text_at(&[name])
    }

    /// How one entry in maps inside of each other is written, where it is one value.
    pub fn text_at(&self, path: &[&str]) -> Option<Written<'_>> {
        let mut piece = &self.0;
        for (depth, name) in path.iter().enumerate() {
            piece = match piece {
                Piece::Constant(value) => {
                    let rest = path.get(depth..)?;
                    return rest.iter().try_fold(value, |value, name| value.get(name)).map(Written::Constant);
                }
                other => other.entry(name)?,
            };
        }
        Some(piece.written())
    }

    /// How each item of the list that one entry of a map is, is written; none where the list is
    /// known only when it is filled.
    pub fn texts(&self, name: &str) -> Vec<Written<'_>> {
        match (self.0.entry(name), self.constant_field(name)) {
            (Some(Piece::List(items)), _) => items.iter().map(Piece::written).collect(),
            (_, Some(Value::List(items))) => items.iter().map(Written::Constant).collect(),
            _ => Vec::new(),
        }
    }

    /// How all of it is given.
    pub fn given_whole(&self) -> Given<'_> {
        self.0.written().given()
    }

    /// The template as the arguments of a primitive: insertions fit the types of its arguments.
    #[must_use]
    pub fn for_primitive(mut self, declaration: &Declaration) -> Self {
        if let Piece::Map(entries) = &mut self.0 {
            for (name, piece) in entries {
                let kind = declaration.argument(name).map(|argument| argument.kind);
                if let Piece::Text(_, filling) = piece {
                    *filling = match kind {
                        Some(Kind::Subject | Kind::SubjectPattern) => Filling::Token,
                        Some(Kind::Url) => Filling::UrlPart,
                        _ => Filling::Plain,
                    };
                }
            }
        }
        self
    }

    /// Every value that is written out in it, whole or in part.
    pub fn constants(&self) -> Vec<&Value> {
        let mut found = Vec::new();
        self.0.constants(&mut found);
        found
    }

    /// Every text in it that is partly written out, with a blank for what is filled in.
    pub fn partly_written(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.0.partly_written(&mut found);
        found
    }

    /// A map without entries.
    pub fn empty_map() -> Self {
        Self(Piece::Constant(Value::Map(Arc::default())))
    }

    /// The value, when nothing is to be filled.
    pub fn constant(&self) -> Option<&Value> {
        if let Piece::Constant(value) = &self.0 { Some(value) } else { None }
    }

    /// The value of one entry of a map, when nothing is to be filled in it.
    pub fn constant_field(&self, name: &str) -> Option<&Value> {
        match self.given(name)? {
            Given::Constant(value) => Some(value),
            Given::Expression(_) | Given::Mixed => None,
        }
    }

    /// The keys of one entry that is written out as a map.
    pub fn keys(&self, name: &str) -> Option<Vec<&str>> {
        match self.0.entry(name) {
            Some(Piece::Map(inner)) => Some(inner.iter().map(|(key, _)| &**key).collect()),
            _ => Some(self.constant_field(name)?.as_map()?.keys().map(|key| &**key).collect()),
        }
    }

    /// The names it uses.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.insertions().into_iter().flat_map(|one| one.guard.references())
    }

    /// The expressions in it, in reading order.
    pub fn insertions(&self) -> Vec<Insertion<'_>> {
        let mut found = Vec::new();
        match &self.0 {
            Piece::Map(entries) => {
                entries.iter().for_each(|(name, piece)| piece.insertions(Some(name), Stands::Whole, &mut found));
            }
            other => other.insertions(None, Stands::Whole, &mut found),
        }
        found
    }
}

/// Where the `${ }` of a text stand, braces included, by their bytes; a `$${` is none.
pub fn insertion_places(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text.get(at..).and_then(|rest| rest.find("${")).map(|offset| at + offset) {
        let is_escaped = text.get(at..start).is_some_and(|before| before.ends_with('$'));
        at = start + 2;
        if !is_escaped && let Some(end) = expression_end(text, at) {
            at = end + 1;
            found.push(start..at);
        }
    }
    found
}

impl Guards {
    /// Compiles a template, and reports every expression that is not one.
    pub fn template(&self, node: &Node, findings: &mut Findings) -> Option<Template> {
        self.piece(node, findings).map(Template)
    }

    fn piece(&self, node: &Node, findings: &mut Findings) -> Option<Piece> {
        match &node.kind {
            NodeKind::Scalar(scalar) if scalar.text.contains("${") => self.text(scalar, node.span, findings),
            NodeKind::Scalar(scalar) => Some(Piece::Constant(plain_value(scalar))),
            NodeKind::List(items) => {
                let pieces: Vec<_> = items.iter().map(|item| self.piece(item, findings)).collect();
                pieces.into_iter().collect::<Option<Vec<_>>>().map(list)
            }
            NodeKind::Map(entries) => {
                let pieces: Vec<_> = entries
                    .iter()
                    .map(|(key, value)| Some((Arc::from(key.value.as_str()), self.piece(value, findings)?)))
                    .collect();
                pieces.into_iter().collect::<Option<Vec<_>>>().map(map)
            }
        }
    }

    fn text(&self, scalar: &Scalar, span: Span, findings: &mut Findings) -> Option<Piece> {
        let text = scalar.text.as_str();
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut at = 0;
        while let Some(found) = text.get(at..).and_then(|rest| rest.find("${")).map(|offset| at + offset) {
            let before = text.get(at..found).unwrap_or("");
            if let Some(before) = before.strip_suffix('$') {
                literal.push_str(before);
                literal.push_str("${");
                at = found + 2;
                continue;
            }
            literal.push_str(before);
            let place = Place { span, text_start: scalar.verbatim.then_some(scalar.text_start) };
            let Some(end) = expression_end(text, found + 2) else {
                let finding =
                    findings.error("open-template", "this `${` is never closed", place.part(found, found + 2));
                findings.push(finding.help("add `}`, or write `$${` for the two characters themselves"));
                return None;
            };
            if parts.len() > 2 * MAX_INSERTIONS {
                let message = format!("this text has more than {MAX_INSERTIONS} insertions");
                let finding = findings.error("guard-size", message, place.part(found, end + 1));
                findings.push(finding.help("build the text in a `let` or a `script` step"));
                return None;
            }
            let inner = Place { span, text_start: place.text_start.map(|start| start + found + 2) };
            let guard = self.compile(text.get(found + 2..end)?, inner, findings)?;
            if found == 0 && end + 1 == text.len() {
                return Some(Piece::Expression(guard));
            }
            if !literal.is_empty() {
                parts.push(TextPart::Literal(std::mem::take(&mut literal)));
            }
            parts.push(TextPart::Expression(guard));
            at = end + 1;
        }
        literal.push_str(text.get(at..).unwrap_or(""));
        if parts.is_empty() {
            return Some(Piece::Constant(Value::text(literal)));
        }
        if !literal.is_empty() {
            parts.push(TextPart::Literal(literal));
        }
        Some(Piece::Text(parts, Filling::Plain))
    }
}

impl Piece {
    /// One entry of a map that is not written out.
    fn entry(&self, name: &str) -> Option<&Self> {
        let Self::Map(entries) = self else {
            return None;
        };
        entries.iter().find(|(key, _)| &**key == name).map(|(_, piece)| piece)
    }

    fn written(&self) -> Written<'_> {
        match self {
            Self::Constant(value) => Written::Constant(value),
            Self::Expression(guard) => Written::Expression(guard),
            Self::Text(parts, _) => Written::Parts(parts),
            Self::List(_) | Self::Map(_) => Written::Nested,
        }
    }

    fn constants<'a>(&'a self, found: &mut Vec<&'a Value>) {
        match self {
            Self::Constant(value) => found.push(value),
            Self::Expression(_) | Self::Text(..) => {}
            Self::List(items) => items.iter().for_each(|item| item.constants(found)),
            Self::Map(entries) => entries.iter().for_each(|(_, item)| item.constants(found)),
        }
    }

    fn partly_written(&self, found: &mut Vec<String>) {
        match self {
            Self::Constant(_) | Self::Expression(_) => {}
            Self::Text(parts, _) => found
                .push(parts.iter().map(|part| if let TextPart::Literal(text) = part { text } else { " " }).collect()),
            Self::List(items) => items.iter().for_each(|item| item.partly_written(found)),
            Self::Map(entries) => entries.iter().for_each(|(_, item)| item.partly_written(found)),
        }
    }

    fn insertions<'t>(&'t self, argument: Option<&'t str>, stands: Stands, found: &mut Vec<Insertion<'t>>) {
        match self {
            Self::Constant(_) => {}
            Self::Expression(guard) => found.push(Insertion { argument, stands, guard }),
            Self::Text(parts, _) => {
                let stands = if stands == Stands::Whole { Stands::InWholeText } else { Stands::InText };
                found.extend(parts.iter().filter_map(|part| match part {
                    TextPart::Expression(guard) => Some(Insertion { argument, stands, guard }),
                    TextPart::Literal(_) => None,
                }));
            }
            Self::List(items) => items.iter().for_each(|item| item.insertions(argument, Stands::Inside, found)),
            Self::Map(entries) => {
                entries.iter().for_each(|(_, item)| item.insertions(argument, Stands::Inside, found));
            }
        }
    }
}

/// A list, constant where all its items are.
fn list(items: Vec<Piece>) -> Piece {
    let constant: Option<Vec<_>> = items
        .iter()
        .map(|item| match item {
            Piece::Constant(value) => Some(value.clone()),
            Piece::Expression(_) | Piece::Text(..) | Piece::List(_) | Piece::Map(_) => None,
        })
        .collect();
    constant.map_or(Piece::List(items), |values| Piece::Constant(Value::list(values)))
}

/// A map, constant where all its entries are.
fn map(entries: Vec<(Arc<str>, Piece)>) -> Piece {
    let constant: Option<Vec<_>> = entries
        .iter()
        .map(|(key, item)| match item {
            Piece::Constant(value) => Some((Arc::clone(key), value.clone())),
            Piece::Expression(_) | Piece::Text(..) | Piece::List(_) | Piece::Map(_) => None,
        })
        .collect();
    constant.map_or(Piece::Map(entries), |values| Piece::Constant(Value::map(values)))
}

/// Where the `}` stands that closes an expression: braces and texts inside it do not count.
fn expression_end(text: &str, start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    for (offset, c) in text.get(start..)?.char_indices() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '{') => depth += 1,
            (None, '}') if depth == 0 => return Some(start + offset),
            (None, '}') => depth -= 1,
            (None, _) => {}
        }
    }
    None
}
