//! A walk through a tree that knows at each place what the language wants there.

use crate::declaration::{Argument, Catalogue};
use crate::runbook::grammar::{Holds, Table};
use crate::runbook::keys::SCRIPT;
use crate::source::{Span, Spanned};
use crate::yaml::{Node, NodeKind};

/// What the language wants at a place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted {
    /// What a key holds.
    Holds(&'static Holds),
    /// An argument of a primitive.
    Argument(&'static Argument),
    /// What an edge waits for.
    Outcome,
    /// Any value of `with`.
    Value,
    /// Nothing that is known.
    Unknown,
}

/// A map or list that is around a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'n> {
    /// The map or list.
    pub(super) node: &'n Node,
    /// What the language wants it to be.
    pub(super) wanted: Wanted,
    /// The key it stands under.
    pub(super) key: Option<&'n Spanned<String>>,
}

/// A key or a single value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Leaf<'n> {
    /// A key of the last frame's map, with its value.
    Key(&'n Spanned<String>, &'n Node),
    /// A value, with the key it stands under.
    Value(&'n Node, Option<&'n Spanned<String>>),
}

/// A place in a tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'w, 'n> {
    /// What is around it, from the outside.
    pub(super) frames: &'w [Frame<'n>],
    /// What stands there.
    pub(super) leaf: Leaf<'n>,
    /// What the language wants there; for a key, of its value.
    pub(super) wanted: Wanted,
}

impl Leaf<'_> {
    /// Where it stands.
    pub(super) fn span(&self) -> Span {
        match self {
            Self::Key(key, _) => key.span,
            Self::Value(node, _) => node.span,
        }
    }
}

/// The value of a key.
pub(super) fn get<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    entries(node).iter().find(|(name, _)| name.value == key).map(|(_, node)| node)
}

/// The entries of a map; nothing for any other node.
pub(super) fn entries(node: &Node) -> &[(Spanned<String>, Node)] {
    match &node.kind {
        NodeKind::Map(entries) => entries,
        NodeKind::List(_) | NodeKind::Scalar(_) => &[],
    }
}

/// The text of a single value.
pub(super) fn text(node: &Node) -> Option<&str> {
    match &node.kind {
        NodeKind::Scalar(scalar) => Some(&scalar.text),
        NodeKind::List(_) | NodeKind::Map(_) => None,
    }
}

/// Shows every key and single value of a file to `see`, in reading order.
pub(super) fn walk<'n>(
    root: &'n Node,
    table: &'static Table,
    catalogue: Catalogue,
    see: &mut dyn FnMut(Place<'_, 'n>),
) {
    let mut walk = Walk { catalogue, frames: Vec::new(), see };
    walk.map(root, table, None);
}

struct Walk<'s, 'n> {
    catalogue: Catalogue,
    frames: Vec<Frame<'n>>,
    see: &'s mut dyn FnMut(Place<'_, 'n>),
}

impl<'n> Walk<'_, 'n> {
    fn map(&mut self, node: &'n Node, table: &'static Table, key: Option<&'n Spanned<String>>) {
        self.frames.push(Frame { node, wanted: Wanted::Unknown, key });
        for (name, value) in entries(node) {
            let wanted = table.key(&name.value).map_or(Wanted::Unknown, |key| Wanted::Holds(&key.holds));
            self.entry(name, value, wanted);
        }
        self.frames.pop();
    }

    fn entry(&mut self, name: &'n Spanned<String>, value: &'n Node, wanted: Wanted) {
        (self.see)(Place { frames: &self.frames, leaf: Leaf::Key(name, value), wanted });
        self.node(value, wanted, Some(name));
    }

    fn node(&mut self, node: &'n Node, wanted: Wanted, key: Option<&'n Spanned<String>>) {
        match &node.kind {
            NodeKind::Scalar(_) => {
                (self.see)(Place { frames: &self.frames, leaf: Leaf::Value(node, key), wanted });
            }
            NodeKind::List(items) => {
                self.frames.push(Frame { node, wanted, key });
                items.iter().for_each(|item| self.node(item, of_item(wanted, item), key));
                self.frames.pop();
            }
            NodeKind::Map(entries) => {
                let of_entry = self.of_entries(wanted);
                self.frames.push(Frame { node, wanted, key });
                entries.iter().for_each(|(name, value)| self.entry(name, value, of_entry(&name.value)));
                self.frames.pop();
            }
        }
    }

    /// What the values of a map are wanted to be, by their keys.
    fn of_entries(&self, wanted: Wanted) -> Box<dyn Fn(&str) -> Wanted> {
        match wanted {
            Wanted::Holds(Holds::Map(table) | Holds::Either(_, Holds::Map(table))) => {
                Box::new(move |key: &str| table.key(key).map_or(Wanted::Unknown, |key| Wanted::Holds(&key.holds)))
            }
            Wanted::Holds(Holds::Named(_, each)) => Box::new(move |_: &str| Wanted::Holds(each)),
            Wanted::Holds(Holds::Needs) => Box::new(|_: &str| Wanted::Outcome),
            Wanted::Holds(Holds::Arguments) => {
                let action = action_beside(&self.frames).unwrap_or_default().to_owned();
                let catalogue = self.catalogue;
                Box::new(move |key: &str| argument(catalogue, &action, key))
            }
            Wanted::Argument(_) | Wanted::Value => Box::new(|_: &str| Wanted::Value),
            _ => Box::new(|_: &str| Wanted::Unknown),
        }
    }
}

fn of_item(wanted: Wanted, item: &Node) -> Wanted {
    static STEP: Holds = Holds::Step;
    match wanted {
        Wanted::Holds(Holds::List(each)) => Wanted::Holds(each),
        Wanted::Holds(Holds::Needs) => Wanted::Holds(&STEP),
        Wanted::Holds(Holds::Either(one, other)) => {
            let nested = matches!(item.kind, NodeKind::List(_));
            of_item(Wanted::Holds(if nested { other } else { one }), item)
        }
        Wanted::Argument(_) | Wanted::Value => Wanted::Value,
        _ => Wanted::Unknown,
    }
}

fn argument(catalogue: Catalogue, action: &str, key: &str) -> Wanted {
    if action == "script" {
        return SCRIPT.key(key).map_or(Wanted::Unknown, |key| Wanted::Holds(&key.holds));
    }
    match catalogue.find(action) {
        Some(declaration) => declaration.argument(key).map_or(Wanted::Unknown, Wanted::Argument),
        None => Wanted::Value,
    }
}

/// The action of the map around a `with`.
fn action_beside<'n>(frames: &[Frame<'n>]) -> Option<&'n str> {
    get(frames.last()?.node, "do").and_then(text)
}

/// The action of the nearest map around a place that has one.
pub(super) fn action_around<'n>(frames: &[Frame<'n>]) -> Option<&'n str> {
    frames.iter().rev().find_map(|frame| get(frame.node, "do").and_then(text))
}

/// The map nearest around a place that does something: a step, an undo, a watch or an ensure.
pub(super) fn work_around<'n>(frames: &[Frame<'n>]) -> Option<&'n Node> {
    frames.iter().rev().find(|frame| get(frame.node, "do").is_some()).map(|frame| frame.node)
}

/// How expressions stand in a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expressions {
    /// All of it is one.
    Whole,
    /// Inside `${ }`.
    Inserted,
    /// All of it is a script.
    Script,
    /// Not at all.
    None,
}

impl Wanted {
    /// How expressions stand in a value that is wanted to be this.
    pub(super) fn expressions(self, key: Option<&Spanned<String>>) -> Expressions {
        match self {
            Self::Holds(Holds::Guard) => Expressions::Whole,
            Self::Holds(Holds::Text) if key.is_some_and(|key| key.value == "code") => Expressions::Script,
            Self::Argument(_) | Self::Value | Self::Holds(Holds::Stay) => Expressions::Inserted,
            _ => Expressions::None,
        }
    }
}
