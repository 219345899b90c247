//! Texts that are pieced together when a run comes to them: what is written of them, and which
//! texts they can become.

use std::collections::BTreeSet;

use crate::guard::syntax::{Binary, Expr, ExprKind};
use crate::guard::{Call, Guard, Said, TextPart, Written};
use crate::runbook::ActionKind;
use crate::value::Value;

use super::Subject;
use super::checked::KEEPING;
use super::flow::{Flow, Known, Node};

/// How often a name is followed to what it was computed by.
const MAX_NAMES: usize = 16;

/// How much is read of one text: more is left open.
const MAX_FOLLOWED: usize = 4 * 1024;

/// The letters of a text that count as much as an expression.
const COUNTED_LETTERS: usize = 16;

/// A text: what of it is written and what is open, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pieces(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Written(String),
    /// Any text.
    Open,
    /// Any text without a dot: what is inserted into a subject stays inside of one token.
    InToken,
}

impl Piece {
    fn written(&self) -> Option<&str> {
        match self {
            Self::Written(text) => Some(text),
            Self::Open | Self::InToken => None,
        }
    }
}

impl Pieces {
    /// A text of which nothing is written.
    pub(super) fn open() -> Self {
        Self(vec![Piece::Open])
    }

    fn written(text: &str) -> Self {
        Self(vec![Piece::Written(text.to_owned())])
    }

    /// A text in which each `hole` stands for any text.
    pub(super) fn around(text: &str, hole: &str) -> Self {
        let mut pieces = Vec::new();
        for (at, piece) in text.split(hole).enumerate() {
            pieces.extend((at > 0).then_some(Piece::Open));
            pieces.push(Piece::Written(piece.to_owned()));
        }
        Self(pieces)
    }

    /// It with something done to what is written of it.
    pub(super) fn map(&self, change: impl Fn(&str) -> String) -> Self {
        let change = |piece: &Piece| piece.written().map_or_else(|| piece.clone(), |text| Piece::Written(change(text)));
        Self(self.0.iter().map(change).collect())
    }

    /// It where what is open of it stays inside of one token of a subject.
    fn in_tokens(self) -> Self {
        let narrow = |piece| if piece == Piece::Open { Piece::InToken } else { piece };
        Self(self.0.into_iter().map(narrow).collect())
    }

    /// Whether anything of it is written.
    pub(super) fn is_partly_written(&self) -> bool {
        self.0.iter().filter_map(Piece::written).any(|text| !text.is_empty())
    }

    /// Whether it begins with a written token of a subject, and goes on with what is open.
    pub(super) fn begins_with_token(&self) -> bool {
        let begin = self.0.first().and_then(Piece::written).unwrap_or("");
        begin.contains('.') && self.whole().is_none()
    }

    fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// All of it, where nothing is open.
    pub(super) fn whole(&self) -> Option<String> {
        self.0.iter().map(Piece::written).collect()
    }

    /// Whether it can become a text.
    pub(super) fn may_be(&self, text: &str) -> bool {
        // The ends of what the pieces so far can be, as beginnings of the text.
        let mut ends = vec![0];
        for piece in &self.0 {
            ends = match piece {
                Piece::Written(written) => {
                    let is_next = |end: &usize| text.get(*end..).is_some_and(|rest| rest.starts_with(written.as_str()));
                    ends.into_iter().filter(is_next).map(|end| end + written.len()).collect()
                }
                Piece::Open => ends.first().map_or_else(Vec::new, |first| (*first..=text.len()).collect()),
                Piece::InToken => {
                    let dot = |end: usize| text.get(end..).and_then(|rest| rest.find('.')).map(|dot| end + dot);
                    let all: BTreeSet<usize> =
                        ends.iter().flat_map(|end| *end..=dot(*end).unwrap_or(text.len())).collect();
                    all.into_iter().collect()
                }
            };
        }
        ends.last() == Some(&text.len())
    }

    /// It as a message shows it.
    pub(super) fn shown(&self) -> String {
        self.0.iter().map(|piece| piece.written().unwrap_or("${...}")).collect()
    }
}

/// How far what a text is made of is read.
struct Left {
    /// How many more names are followed from here on.
    names: usize,
    /// How much more is read of the whole text.
    followed: usize,
}

impl Left {
    const fn all() -> Self {
        Self { names: MAX_NAMES, followed: MAX_FOLLOWED }
    }
}

/// Reads what is written of the texts of a node.
pub(super) struct Reader<'s, 'a> {
    pub(super) subject: &'s Subject<'a>,
    pub(super) flow: &'s Flow<'a>,
    pub(super) node: &'s Node<'a>,
}

impl Reader<'_, '_> {
    /// An argument of its action.
    pub(super) fn argument(&self, name: &str) -> Option<Pieces> {
        Some(self.written(self.node.work.action.with.text(name)?))
    }

    /// The subject of its action.
    fn subject(&self) -> Option<Pieces> {
        let written = self.node.work.action.with.text("subject")?;
        let pieces = self.written(written);
        Some(if let Written::Parts(_) = written { pieces.in_tokens() } else { pieces })
    }

    /// The items of an argument that is a list.
    pub(super) fn items(&self, name: &str) -> Vec<Pieces> {
        let given = self.node.work.action.with.texts(name);
        given.into_iter().map(|one| self.written(one)).collect()
    }

    fn written(&self, written: Written<'_>) -> Pieces {
        let part = |part: &TextPart| match part {
            TextPart::Literal(text) => Pieces::written(text),
            TextPart::Expression(guard) => self.guard(guard),
        };
        match written {
            Written::Constant(value) => value.as_text().map_or_else(Pieces::open, Pieces::written),
            Written::Expression(guard) => self.guard(guard),
            Written::Parts(parts) => parts.iter().map(part).fold(Pieces::default(), Pieces::and),
            Written::Nested => Pieces::open(),
        }
    }

    fn guard(&self, guard: &Guard) -> Pieces {
        guard.syntax().map_or_else(Pieces::open, |syntax| self.expression(syntax, None, &mut Left::all()))
    }

    /// What an expression of a script gives.
    pub(super) fn said(&self, expression: &Expr, said: &Said) -> Pieces {
        self.expression(expression, Some(said), &mut Left::all())
    }

    fn expression(&self, expression: &Expr, said: Option<&Said>, left: &mut Left) -> Pieces {
        let letters = expression.as_text().map_or(0, str::len);
        let Some(followed) = left.followed.checked_sub(1 + letters / COUNTED_LETTERS) else {
            left.followed = 0;
            return Pieces::open();
        };
        left.followed = followed;
        if let Some(path) = expression.path() {
            return self.named(&path, said, left);
        }
        match &expression.kind {
            ExprKind::Literal(Value::Text(text)) => Pieces::written(text),
            ExprKind::Literal(value @ (Value::Int(_) | Value::Bool(_))) => Pieces::written(&value.to_string()),
            ExprKind::Binary(Binary::Add, sides) => {
                self.expression(&sides.0, said, left).and(self.expression(&sides.1, said, left))
            }
            // What keeps a text but for its case and blanks keeps what is written in small letters.
            ExprKind::Call { of, name, arguments } if KEEPING.contains(&name.text.as_str()) => {
                let mut given = of.as_deref().into_iter().chain(arguments);
                match (given.next(), given.next()) {
                    (Some(one), None) => {
                        let inner = self.expression(one, said, left);
                        let is_kept = |text: &str| text.to_lowercase() == text && text.trim() == text;
                        if inner.0.iter().filter_map(Piece::written).all(is_kept) { inner } else { Pieces::open() }
                    }
                    _ => Pieces::open(),
                }
            }
            _ => Pieces::open(),
        }
    }

    /// What a name stands for: in a script, in this runbook, or in the target.
    fn named(&self, path: &[&str], said: Option<&Said>, left: &mut Left) -> Pieces {
        let Some(names) = left.names.checked_sub(1) else {
            return Pieces::open();
        };
        let around = std::mem::replace(&mut left.names, names);
        let pieces = self.meant(path, said, left);
        left.names = around;
        pieces
    }

    fn meant(&self, path: &[&str], said: Option<&Said>, left: &mut Left) -> Pieces {
        let own = path.first().filter(|_| path.len() == 1).and_then(|name| said?.names.get(*name));
        if let Some(own) = own {
            return self.expression(own, said, left);
        }
        // What a script gives a name to is not what the runbook has under it.
        if path.first().is_some_and(|root| said.is_some_and(|said| said.gives_itself(root))) {
            return Pieces::open();
        }
        if let ["target", "subjects", name] = path {
            let subject = self.subject.setting.target.subjects.get(*name);
            return subject.map_or_else(Pieces::open, |subject| Pieces::written(subject));
        }
        match self.flow.named(self.node, &path.join(".")) {
            Known::Value(value) => value.as_text().map_or_else(Pieces::open, Pieces::written),
            Known::Symbol(_) => match self.bound(path) {
                Some(guard) => guard.syntax().map_or_else(Pieces::open, |syntax| self.expression(syntax, None, left)),
                None => Pieces::open(),
            },
        }
    }

    /// The `let` of the outermost runbook that a name is.
    fn bound(&self, path: &[&str]) -> Option<&Guard> {
        let is_outermost = !self.node.path.contains('/');
        let name = path.first().filter(|_| path.len() == 1 && is_outermost)?;
        let found = self.subject.runbook.lets.iter().find(|binding| *binding.name == **name);
        found.map(|binding| &binding.guard)
    }
}

/// The subjects that a node sends to, and by which primitive.
pub(super) fn sent(reader: &Reader<'_, '_>) -> Vec<(&'static str, Pieces)> {
    let action = &reader.node.work.action;
    match (&action.kind, action.name()) {
        (ActionKind::Script(script), _) => by_script(reader, script.said()),
        (_, "nats_pub") => reader.subject().map(|one| ("nats_pub", one)).into_iter().collect(),
        (_, "nats_req") => reader.subject().map(|one| ("nats_req", one)).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// What a script sends.
fn by_script(reader: &Reader<'_, '_>, said: &Said) -> Vec<(&'static str, Pieces)> {
    let mut found = Vec::new();
    for call in &said.calls {
        for name in ["nats_pub", "nats_req"] {
            if call.hands_over().is_some_and(|over| over.is_none_or(|over| over == name)) {
                found.push((name, Pieces::open()));
            }
            if call.name != name {
                continue;
            }
            let subject = handed_over(call, "subject", said);
            found.push((name, subject.map_or_else(Pieces::open, |subject| reader.said(subject, said))));
        }
    }
    found
}

/// What a call of a primitive gives for its first argument, by its place or by its name; `None`
/// where that is not known.
pub(super) fn handed_over<'s>(call: &'s Call, name: &str, said: &'s Said) -> Option<&'s Expr> {
    let first = call.arguments.first().filter(|_| !call.is_method).map(|first| standing_for(first, said))?;
    match &first.kind {
        ExprKind::Map(entries) => {
            let entry = entries.iter().find(|(key, _)| key.text == name);
            entry.map(|(_, value)| standing_for(value, said))
        }
        _ => Some(first),
    }
}

/// What a call of a primitive gives for the argument at a place, by that or by its name in a closing map.
pub(super) fn argument_at<'s>(arguments: &'s [Expr], place: usize, name: &str, said: &'s Said) -> Option<&'s Expr> {
    let last = standing_for(arguments.last()?, said);
    let named = match &last.kind {
        ExprKind::Map(entries) => entries.iter().find(|(key, _)| key.text == name).map(|(_, value)| value),
        _ => None,
    };
    let given = named.or_else(|| arguments.get(place)).map(|given| standing_for(given, said))?;
    (!matches!(given.kind, ExprKind::Map(_))).then_some(given)
}

/// An expression, or what a name that it is stands for.
pub(super) fn standing_for<'s>(expression: &'s Expr, said: &'s Said) -> &'s Expr {
    let mut at = expression;
    for _ in 0..MAX_NAMES {
        match &at.kind {
            ExprKind::Name(name) => match said.names.get(name) {
                Some(next) => at = next,
                None => break,
            },
            _ => break,
        }
    }
    at
}

/// Every text written in what a script hands over to a function.
pub(super) fn texts_handed_over(said: &Said, name: &str) -> Vec<String> {
    let calls = said.calls.iter().filter(|call| call.name == name);
    let mut open: Vec<&Expr> = calls.flat_map(|call| &call.arguments).collect();
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    while let Some(one) = open.pop() {
        match &one.kind {
            ExprKind::Literal(Value::Text(text)) => found.push(text.to_string()),
            ExprKind::Name(name) if seen.insert(name) => open.extend(said.names.get(name)),
            _ => open.extend(one.parts()),
        }
    }
    found
}
