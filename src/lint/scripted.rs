//! What scripts hand over to primitives, as it would stand under the `with` of a step, so that what is
//! refused there is refused here as well.

use crate::declaration::Declaration;
use crate::guard::syntax::{Binary, Expr, ExprKind, Word};
use crate::guard::{AskedPrimitive, Said};
use crate::runbook::ActionKind;
use crate::source::{Span, Spanned};
use crate::yaml::{MAX_DEPTH, Node, NodeKind, Scalar};

use super::checked::KEEPING;
use super::pieces::standing_for;
use super::places::Use;

/// What is filled in where nothing is known of it.
const OPEN: &str = "${...}";

/// How often a name is followed to what it stands for.
const MAX_NAMES: usize = 16;

/// How much is read of what the names in the scripts of a runbook stand for: more is left open.
const MAX_FOLLOWED: usize = 16 * 1024;

/// The letters of a text that count as much as an expression.
const COUNTED_LETTERS: usize = 16;

/// A call of a primitive in a script.
pub(super) struct Scripted<'a> {
    /// The primitive.
    pub(super) declaration: &'static Declaration,
    /// What it is given.
    pub(super) given: Vec<Handed<'a>>,
    /// The script.
    pub(super) said: &'a Said,
}

/// An argument that a script hands over.
pub(super) struct Handed<'a> {
    /// Its name.
    pub(super) name: &'static str,
    /// What is written.
    pub(super) expression: &'a Expr,
    /// The same as a node: each text with `${name}` for a name, and at the place of the argument.
    pub(super) node: Node,
}

/// Every call of a primitive in the scripts of a runbook, those of functions in other files left out.
pub(super) fn scripted<'a>(uses: &[Use<'a>]) -> Vec<Scripted<'a>> {
    let scripts = uses.iter().filter_map(|one| match &one.action.kind {
        ActionKind::Script(script) => Some(script),
        ActionKind::Primitive(_) | ActionKind::Runbook(_) => None,
    });
    let mut left = MAX_FOLLOWED;
    let mut found = Vec::new();
    for script in scripts {
        let mut filling = Filling { said: script.said(), inside: Vec::new(), left };
        found.extend(script.asked().iter().filter_map(|asked| called(asked, &mut filling)));
        left = filling.left;
    }
    found
}

fn called<'a>(asked: &'a AskedPrimitive, filling: &mut Filling<'a>) -> Option<Scripted<'a>> {
    let said = filling.said;
    let call = said.calls.get(asked.call)?;
    let declaration = asked.declaration;
    let closing = call.arguments.last().map(|last| standing_for(last, said));
    let named = match closing.map(|last| &last.kind) {
        Some(ExprKind::Map(entries)) => entries.as_slice(),
        _ => &[],
    };
    let given = declaration.arguments.iter().enumerate().filter_map(|(place, argument)| {
        let by_name = named.iter().find(|(name, _)| name.text == argument.name).map(|(_, value)| value);
        let by_place = || call.arguments.get(place).filter(|_| place + 1 < call.arguments.len() || named.is_empty());
        let expression = standing_for(by_name.or_else(by_place)?, said);
        let span = asked.argument(argument.name).map_or(asked.span, |one| one.span);
        Some(Handed { name: argument.name, expression, node: filling.node(expression, span, 0) })
    });
    Some(Scripted { declaration, given: given.collect(), said })
}

impl Scripted<'_> {
    /// What it is given for one argument.
    pub(super) fn argument(&self, name: &str) -> Option<&Node> {
        self.given.iter().find(|one| one.name == name).map(|one| &one.node)
    }
}

/// Fills in what the names of a script stand for.
struct Filling<'a> {
    said: &'a Said,
    /// The names whose meaning is being read.
    inside: Vec<&'a str>,
    /// How much more may be read of what names stand for.
    left: usize,
}

impl<'a> Filling<'a> {
    fn node(&mut self, expression: &'a Expr, span: Span, depth: usize) -> Node {
        let around = self.inside.len();
        let kind = match self.meant(expression).filter(|_| depth < MAX_DEPTH).map(|one| (one, &one.kind)) {
            Some((_, ExprKind::List(items))) => {
                NodeKind::List(items.iter().map(|item| self.node(item, span, depth + 1)).collect())
            }
            Some((_, ExprKind::Map(entries))) => {
                let mut entry = |(name, value): &'a (Word, Expr)| {
                    (Spanned::new(name.text.clone(), span), self.node(value, span, depth + 1))
                };
                NodeKind::Map(entries.iter().map(&mut entry).collect())
            }
            meant => {
                let text = meant.map_or_else(|| OPEN.to_owned(), |(one, _)| self.written(one));
                NodeKind::Scalar(Scalar { text, quoted: true, verbatim: false, text_start: span.start })
            }
        };
        self.inside.truncate(around);
        Node { kind, span }
    }

    /// What an expression gives, as a template says it.
    fn text(&mut self, expression: &'a Expr) -> String {
        let around = self.inside.len();
        let text = self.meant(expression).map(|one| self.written(one));
        self.inside.truncate(around);
        text.unwrap_or_else(|| OPEN.to_owned())
    }

    fn written(&mut self, expression: &'a Expr) -> String {
        if let Some(path) = expression.path() {
            return format!("${{{}}}", path.join("."));
        }
        match &expression.kind {
            ExprKind::Literal(value) => {
                let text = value.to_string().replace("${", "$${");
                if self.may_read(text.len() / COUNTED_LETTERS) { text } else { OPEN.to_owned() }
            }
            ExprKind::Binary(Binary::Add, sides) => [self.text(&sides.0), self.text(&sides.1)].concat(),
            ExprKind::Call { of, name, arguments } if KEEPING.contains(&name.text.as_str()) => {
                let given = of.as_deref().into_iter().chain(arguments).next();
                given.map_or_else(|| OPEN.to_owned(), |one| self.text(one))
            }
            _ => OPEN.to_owned(),
        }
    }

    /// An expression, or what a name that it is stands for, which is then inside of that name;
    /// `None` where that is a part of itself, or too much.
    fn meant(&mut self, expression: &'a Expr) -> Option<&'a Expr> {
        let mut at = expression;
        while let ExprKind::Name(name) = &at.kind {
            let Some(next) = self.said.names.get(name) else {
                break;
            };
            if self.inside.contains(&name.as_str()) {
                return None;
            }
            self.inside.push(name);
            at = next;
        }
        (self.inside.len() <= MAX_NAMES && self.may_read(1)).then_some(at)
    }

    /// Whether so much more may be read: what is written where it is handed over always is.
    fn may_read(&mut self, much: usize) -> bool {
        if self.inside.is_empty() {
            return true;
        }
        let left = self.left.checked_sub(much);
        self.left = left.unwrap_or(0);
        left.is_some()
    }
}
