//! What stands under the cursor, said from its declaration.

use std::fmt::Write;

use crate::declaration::{Declaration, Effect};
use crate::guard::FUNCTIONS;
use crate::runbook::grammar::{Holds, Key, Word};
use crate::runbook::keys::{SCRIPT, edge_outcomes};
use crate::source::{Span, Spanned};
use crate::value::format_duration;
use crate::yaml::Node;

use super::document::Document;
use super::expressions::{Path, expressions};
use super::names::{Setting, Standing};
use super::walk::{Frame, Leaf, Place, Wanted, action_around, get, text, walk};

/// A few lines of Markdown and what they are about.
pub(super) type Hover = (String, Span);

/// A dotted name under the cursor, up to the word it is on.
pub(super) struct Pointed<'d> {
    /// The words.
    pub(super) words: Vec<&'d str>,
    /// The place of the last one.
    pub(super) span: Span,
    /// Whether it is called.
    pub(super) is_call: bool,
    /// Where it stands.
    pub(super) standing: Standing<'d>,
}

/// Calls `see` with the key or value under the cursor.
pub(super) fn point<'d, T>(
    setting: Setting<'d>,
    offset: usize,
    mut see: impl FnMut(&Place<'_, 'd>) -> Option<T>,
) -> Option<T> {
    let document = setting.document;
    let mut found = None;
    walk(&document.root, document.table(), setting.catalogue, &mut |place| {
        let span = place.leaf.span();
        if found.is_none() && span.start <= offset && offset <= span.end && !span.is_empty() {
            found = see(&place);
        }
    });
    found
}

/// The name of an expression under the cursor.
pub(super) fn pointed<'d>(setting: Setting<'d>, place: &Place<'_, 'd>, offset: usize) -> Option<Pointed<'d>> {
    let Leaf::Value(node, key) = place.leaf else {
        return None;
    };
    let around = expressions(setting.document.text(), node, place.wanted.expressions(key)).into_iter();
    let (expression, inside) = around.rev().find_map(|one| one.offset(offset).map(|inside| (one, inside)))?;
    let found = expression.paths().into_iter();
    let on = |path: &Path<'_>| path.words.iter().rposition(|(_, word)| word.start <= inside && inside <= word.end);
    let (path, at) = found.filter_map(|path| on(&path).map(|at| (path, at))).next()?;
    let words: Vec<_> = path.words.iter().take(at + 1).collect();
    let is_last = at + 1 == path.words.len();
    let key = match place.frames.last() {
        Some(Frame { wanted: Wanted::Holds(Holds::Named(..)), key: Some(around), .. }) => Some(around.value.as_str()),
        _ => key.map(|key| key.value.as_str()),
    };
    Some(Pointed {
        span: expression.part(&words.last()?.1)?,
        words: words.into_iter().map(|(word, _)| *word).collect(),
        is_call: path.is_call && is_last,
        standing: Standing::of(place.frames, key),
    })
}

/// What is known of the thing under the cursor.
pub(super) fn hover(setting: Setting<'_>, offset: usize) -> Option<Hover> {
    point(setting, offset, |place| match place.leaf {
        Leaf::Key(key, node) => of_key(setting, place, key, node).map(|said| (said, key.span)),
        Leaf::Value(node, _) => {
            if let Some(name) = pointed(setting, place, offset) {
                return of_name(setting, &name).map(|said| (said, name.span));
            }
            of_value(setting, place, text(node)?).map(|said| (said, node.span))
        }
    })
}

fn of_key(setting: Setting<'_>, place: &Place<'_, '_>, key: &Spanned<String>, node: &Node) -> Option<String> {
    let frame = place.frames.last()?;
    match frame.wanted {
        Wanted::Unknown if place.frames.len() == 1 => setting.document.table().key(&key.value).map(declared),
        Wanted::Holds(Holds::Map(table) | Holds::Either(_, Holds::Map(table))) => table.key(&key.value).map(declared),
        Wanted::Holds(Holds::Needs) => step(setting.document, &key.value),
        Wanted::Holds(Holds::Arguments) => {
            let outer = place.frames.split_last().map_or(&[][..], |(_, outer)| outer);
            argument(setting, action_around(outer).unwrap_or(""), &key.value)
        }
        Wanted::Holds(Holds::Named(..)) => named(&key.value, node),
        _ => None,
    }
}

/// A step, param or other thing an author has named.
fn named(name: &str, node: &Node) -> Option<String> {
    let kind = get(node, "do").or_else(|| get(node, "type")).and_then(text)?;
    let about = get(node, "about").and_then(text).unwrap_or("");
    Some(format!("**{name}** · {kind}\n\n{about}"))
}

fn declared(key: &'static Key) -> String {
    let need = if key.is_required { ", required" } else { "" };
    let mut said = format!("**{}** ({}{need})\n\n{}", key.name, key.holds.phrase(), key.about);
    if let Holds::Words(words) | Holds::List(&Holds::Words(words)) = key.holds {
        for word in words() {
            let _ = write!(said, "\n- `{}`: {}", word.text, word.about);
        }
    }
    said
}

fn step(document: &Document, id: &str) -> Option<String> {
    let step = document.declaration("steps", id)?;
    Some(format!("**{id}** · {}\n\n{}", step.action(), step.about()))
}

fn argument(setting: Setting<'_>, action: &str, name: &str) -> Option<String> {
    if action == "script" {
        return SCRIPT.key(name).map(declared);
    }
    if let Some(primitive) = setting.catalogue.find(action) {
        let argument = primitive.argument(name)?;
        let need = if argument.required { ", required" } else { "" };
        return Some(format!("**{name}** ({}{need})\n\n{}", argument.kind.word(), argument.about));
    }
    let (_, document) = setting.included(action)?;
    let param = document.declaration("params", name)?;
    Some(format!("**{name}** ({})\n\n{}", param.kind(), param.about()))
}

fn of_name(setting: Setting<'_>, name: &Pointed<'_>) -> Option<String> {
    if name.is_call || name.words.len() == 1 {
        let called = FUNCTIONS.iter().find(|function| Some(&function.name) == name.words.last());
        if let Some(function) = called.filter(|_| name.is_call) {
            return Some(format!("```\n{}\n```\n{}", function.signature(), function.about));
        }
        let own =
            setting.own_functions().into_iter().find(|function| Some(&function.name.as_str()) == name.words.last());
        if let Some(function) = own.filter(|_| name.is_call) {
            return Some(format!("```\n{}\n```\n{}", function.kind, function.about));
        }
    }
    let known = setting.look_up(&name.words, name.standing)?;
    let kind = if known.kind.is_empty() { String::new() } else { format!(" · {}", known.kind) };
    Some(format!("**{}**{kind}\n\n{}", name.words.join("."), known.about))
}

fn of_value(setting: Setting<'_>, place: &Place<'_, '_>, said: &str) -> Option<String> {
    match place.wanted {
        Wanted::Holds(Holds::Action) => action(setting, said),
        Wanted::Holds(Holds::Step) => step(setting.document, said),
        Wanted::Holds(Holds::Words(words)) => of_words(&words(), said),
        Wanted::Outcome => of_words(&edge_outcomes(), said),
        _ => None,
    }
}

fn of_words(words: &[Word], said: &str) -> Option<String> {
    let word = words.iter().find(|word| word.text == said)?;
    Some(format!("**{}**\n\n{}", word.text, word.about))
}

fn action(setting: Setting<'_>, name: &str) -> Option<String> {
    if let Some(declaration) = setting.catalogue.find(name) {
        return Some(primitive(declaration));
    }
    let (_, document) = setting.included(name).filter(|_| name.contains('/'))?;
    let about = get(&document.root, "about").and_then(text).unwrap_or("");
    let mut said = format!("**{name}**\n\n{about}\n");
    for param in document.declared("params") {
        let need = if get(param.node, "default").is_none() { ", required" } else { "" };
        let _ = write!(said, "\n- `{}` ({}{need}): {}", param.name.value, param.kind(), param.about());
    }
    for output in document.declared("outputs") {
        let _ = write!(said, "\n- gives `out.{}`", output.name.value);
    }
    Some(said)
}

fn primitive(one: &Declaration) -> String {
    let effect = match one.effect {
        Effect::Observes => "observes",
        Effect::Changes => "changes",
        Effect::Asks => "asks",
    };
    let timeout = format_duration(one.timeout);
    let mut said = format!("**{}** · {effect}, at most {timeout} by default\n\n{}.\n", one.name, one.about);
    for argument in one.arguments {
        let need = if argument.required { ", required" } else { "" };
        let _ = write!(said, "\n- `{}` ({}{need}): {}", argument.name, argument.kind.word(), argument.about);
    }
    for field in one.result {
        let _ = write!(said, "\n- gives `out.{}` ({}): {}", field.name, field.kind.word(), field.about);
    }
    said
}
