//! What scripts hand over to primitives, as it would stand under the `with` of a step, so that what is
//! refused there is refused here as well.

use crate::declaration::Declaration;
use crate::guard::syntax::{Binary, Expr, ExprKind};
use crate::guard::{AskedPrimitive, Said};
use crate::runbook::ActionKind;
use crate::source::{Span, Spanned};
use crate::yaml::{Node, NodeKind, Scalar};

use super::checked::KEEPING;
use super::pieces::standing_for;
use super::places::Use;

/// What is filled in where nothing is known of it.
const OPEN: &str = "${...}";

/// How often a name is followed to what it stands for.
const MAX_NAMES: usize = 16;

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
    scripts.flat_map(|script| script.asked().iter().filter_map(|asked| called(asked, script.said()))).collect()
}

fn called<'a>(asked: &'a AskedPrimitive, said: &'a Said) -> Option<Scripted<'a>> {
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
        Some(Handed { name: argument.name, expression, node: node(expression, span, said) })
    });
    Some(Scripted { declaration, given: given.collect(), said })
}

impl Scripted<'_> {
    /// What it is given for one argument.
    pub(super) fn argument(&self, name: &str) -> Option<&Node> {
        self.given.iter().find(|one| one.name == name).map(|one| &one.node)
    }
}

fn node(expression: &Expr, span: Span, said: &Said) -> Node {
    let kind = match &standing_for(expression, said).kind {
        ExprKind::List(items) => NodeKind::List(items.iter().map(|item| node(item, span, said)).collect()),
        ExprKind::Map(entries) => {
            let entry = |(name, value)| (Spanned::new(name, span), node(value, span, said));
            NodeKind::Map(entries.iter().map(|(name, value)| entry((name.text.clone(), value))).collect())
        }
        _ => {
            let text = text(expression, said, MAX_NAMES);
            NodeKind::Scalar(Scalar { text, quoted: true, verbatim: false, text_start: span.start })
        }
    };
    Node { kind, span }
}

/// What an expression gives, as a template says it.
fn text(expression: &Expr, said: &Said, left: usize) -> String {
    if let Some(path) = expression.path() {
        let meant = path.first().filter(|_| path.len() == 1).and_then(|name| said.names.get(*name));
        return match (meant, left.checked_sub(1)) {
            (Some(meant), Some(left)) => text(meant, said, left),
            _ => format!("${{{}}}", path.join(".")),
        };
    }
    match &expression.kind {
        ExprKind::Literal(value) => value.to_string().replace("${", "$${"),
        ExprKind::Binary(Binary::Add, sides) => [text(&sides.0, said, left), text(&sides.1, said, left)].concat(),
        ExprKind::Call { of, name, arguments } if KEEPING.contains(&name.text.as_str()) => {
            let mut given = of.as_deref().into_iter().chain(arguments);
            given.next().map_or_else(|| OPEN.to_owned(), |one| text(one, said, left))
        }
        _ => OPEN.to_owned(),
    }
}
