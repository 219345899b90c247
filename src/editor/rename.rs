//! Renaming a step: its id, every edge and watch that names it, and every expression that reads it.

use std::ops::Range;

use crate::name::StepId;
use crate::runbook::grammar::{Holds, Names};
use crate::source::Span;
use crate::yaml::{Node, NodeKind, Places};

use super::document::Document;
use super::expressions::expressions;
use super::hover::{point, pointed};
use super::names::Setting;
use super::uses::{Use, uses};
use super::walk::{Leaf, Place, Wanted, get, text, walk};

/// What a rename touches.
pub(super) struct Renamed {
    /// In the document itself.
    pub(super) here: Vec<Span>,
    /// In its test file.
    pub(super) test: Option<(Document, Vec<Span>)>,
}

/// The step whose name is under the cursor, and where.
pub(super) fn step_at(setting: Setting<'_>, offset: usize) -> Option<(String, Span)> {
    let found = point(setting, offset, |place| {
        named(setting.document, place).and_then(|(id, span)| Some((id, span?))).or_else(|| {
            let name = pointed(setting, place, offset)?;
            match name.words.as_slice() {
                ["steps", id] => Some(((*id).to_owned(), name.span)),
                _ => None,
            }
        })
    });
    found.filter(|(id, _)| setting.document.declaration("steps", id).is_some())
}

/// Every place that has to be written anew, in this document and in its test file.
///
/// # Errors
/// Why the step cannot have the new name.
pub(super) fn rename(setting: Setting<'_>, offset: usize, new: &str) -> Result<Renamed, String> {
    let document = setting.document;
    if !document.is_whole {
        return Err("the document is no YAML as it stands; mend it first".to_owned());
    }
    let (id, _) = step_at(setting, offset).ok_or("there is no step here")?;
    StepId::parse(new).map_err(|error| error.to_string())?;
    if new != id && document.declaration("steps", new).is_some() {
        return Err(format!("there is a step `{new}` already"));
    }
    let test = setting.checker.test_file(&document.file, setting.open).map(|file| Document::new(file, 0));
    let tested = test.filter(|test| test.is_whole && is_for(test, document)).map(|test| {
        let spans = places(Setting { document: &test, ..setting }, &id).clear(&test, &id);
        spans.map(|spans| (test, spans))
    });
    Ok(Renamed { here: places(setting, &id).clear(document, &id)?, test: tested.transpose()? })
}

/// The places where a step is named.
#[derive(Default)]
pub(super) struct Named {
    /// Where, in the order of the text.
    pub(super) spans: Vec<Span>,
    /// The values that name it where the document's quotes and escapes hide its letters.
    hidden: Vec<Span>,
    /// Where `steps` is read in a way that may name it.
    open: Vec<Span>,
}

impl Named {
    fn add(&mut self, span: Option<Span>, whole: Span) {
        match span {
            Some(span) => self.spans.push(span),
            None => self.hidden.push(whole),
        }
    }

    /// All places, where each of them can be written anew.
    fn clear(self, document: &Document, id: &str) -> Result<Vec<Span>, String> {
        let line = |span: &Span| {
            let file = document.file.name().rsplit('/').next().unwrap_or("");
            format!("line {} of `{file}`", document.position(span.start).line + 1)
        };
        if let Some(span) = self.hidden.first() {
            return Err(format!("{} names `{id}` in a text that cannot be followed; write it plainly", line(span)));
        }
        if let Some(span) = self.open.first() {
            let instead = format!("write `steps.{id}` where that is meant");
            return Err(format!("{} reads `steps` by a name that only a run knows; {instead}", line(span)));
        }
        Ok(self.spans)
    }
}

/// Whether a test file is for a runbook.
fn is_for(test: &Document, runbook: &Document) -> bool {
    let named = get(&test.root, "test").and_then(text).unwrap_or("");
    let stem = |path: &str| path.rsplit('/').next().unwrap_or("").trim_end_matches(".yaml").to_owned();
    !named.is_empty() && stem(named) == stem(runbook.file.name())
}

/// Every place where a step is named.
pub(super) fn places(setting: Setting<'_>, id: &str) -> Named {
    let document = setting.document;
    let mut found = Named::default();
    walk(&document.root, document.table(), setting.catalogue, &mut |place| {
        let here = named(document, &place).or_else(|| first_of_path(document, &place));
        if let Some((_, span)) = here.filter(|(name, _)| name == id) {
            found.add(span, place.leaf.span());
        }
        let Leaf::Value(node, key) = place.leaf else {
            return;
        };
        for expression in expressions(document.text(), node, place.wanted.expressions(key)) {
            for one in uses(expression.text, "steps") {
                match one {
                    Use::Of(name, part) if name == id => found.add(expression.part(&part), expression.whole()),
                    Use::Of(..) => {}
                    Use::Whole(part) => found.open.push(expression.part(&part).unwrap_or(expression.whole())),
                }
            }
        }
    });
    found.spans.sort();
    found.spans.dedup();
    found
}

/// A name and where it stands, where that can be told.
type Word = (String, Option<Span>);

/// The step that is named here in so many words.
fn named(document: &Document, place: &Place<'_, '_>) -> Option<Word> {
    match place.leaf {
        Leaf::Key(key, _) => {
            let frame = place.frames.last()?;
            let is_step = frame.key.is_some_and(|key| key.value == "steps") && place.frames.len() == 2;
            let is_edge = matches!(frame.wanted, Wanted::Holds(Holds::Needs));
            (is_step || is_edge).then(|| (key.value.clone(), Some(key.span)))
        }
        Leaf::Value(node, _) => {
            let is_step = matches!(place.wanted, Wanted::Holds(Holds::Step));
            let said = text(node).filter(|_| is_step)?;
            Some((said.to_owned(), within(document, node, 0..said.len())))
        }
    }
}

/// The outermost step of a path such as `outer/inner`, as test files have them.
fn first_of_path(document: &Document, place: &Place<'_, '_>) -> Option<Word> {
    let first = |path: &str| path.split(['/', '[']).next().unwrap_or("").to_owned();
    match place.leaf {
        Leaf::Key(key, _) => {
            let frame = place.frames.last()?;
            let is_path = matches!(frame.wanted, Wanted::Holds(Holds::Named(Names::StepPaths, _)));
            let id = is_path.then(|| first(&key.value))?;
            let span = Places::of_key(key, document.text()).map(|places| places.part(0..id.len()));
            Some((id, span))
        }
        Leaf::Value(node, _) => {
            let is_path = matches!(place.wanted, Wanted::Holds(Holds::StepPath));
            let id = text(node).filter(|_| is_path).map(first)?;
            let span = within(document, node, 0..id.len());
            Some((id, span))
        }
    }
}

/// Where a part of a single value stands.
fn within(document: &Document, node: &Node, part: Range<usize>) -> Option<Span> {
    let NodeKind::Scalar(scalar) = &node.kind else {
        return None;
    };
    Places::of(scalar, node.span, document.text()).map(|places| places.part(part))
}
