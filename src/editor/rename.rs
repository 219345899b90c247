//! Renaming a step: its id, every edge and watch that names it, and every expression that reads it.

use crate::name::StepId;
use crate::runbook::grammar::{Holds, Names};
use crate::source::Span;

use super::document::Document;
use super::expressions::{expressions, paths};
use super::hover::{point, pointed};
use super::names::Setting;
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
        named(place).or_else(|| {
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
        let spans = places(Setting { document: &test, ..setting }, &id);
        (test, spans)
    });
    Ok(Renamed { here: places(setting, &id), test: tested })
}

/// Whether a test file is for a runbook.
fn is_for(test: &Document, runbook: &Document) -> bool {
    let named = get(&test.root, "test").and_then(text).unwrap_or("");
    let stem = |path: &str| path.rsplit('/').next().unwrap_or("").trim_end_matches(".yaml").to_owned();
    !named.is_empty() && stem(named) == stem(runbook.file.name())
}

/// Every place where a step is named, in the order of the text.
pub(super) fn places(setting: Setting<'_>, id: &str) -> Vec<Span> {
    let document = setting.document;
    let mut found = Vec::new();
    walk(&document.root, document.table(), setting.catalogue, &mut |place| {
        let here = named(&place).or_else(|| first_of_path(document, &place));
        if let Some((_, span)) = here.filter(|(name, _)| name == id) {
            found.push(span);
        }
        let Leaf::Value(node, key) = place.leaf else {
            return;
        };
        for expression in expressions(document.text(), node, place.wanted.expressions(key)) {
            for path in paths(document.text(), expression) {
                if let [("steps", _), (name, span), ..] = path.words.as_slice()
                    && *name == id
                {
                    found.push(*span);
                }
            }
            found.extend(indexed(document.text(), expression, id));
        }
    });
    found.sort();
    found.dedup();
    found
}

/// The step that is named here in so many words.
fn named(place: &Place<'_, '_>) -> Option<(String, Span)> {
    match place.leaf {
        Leaf::Key(key, _) => {
            let frame = place.frames.last()?;
            let is_step = frame.key.is_some_and(|key| key.value == "steps") && place.frames.len() == 2;
            let is_edge = matches!(frame.wanted, Wanted::Holds(Holds::Needs));
            (is_step || is_edge).then(|| (key.value.clone(), key.span))
        }
        Leaf::Value(node, _) => {
            let is_step = matches!(place.wanted, Wanted::Holds(Holds::Step));
            let span = is_step.then(|| word(node))??;
            Some((text(node)?.to_owned(), span))
        }
    }
}

/// The outermost step of a path such as `outer/inner`, as test files have them.
fn first_of_path(document: &Document, place: &Place<'_, '_>) -> Option<(String, Span)> {
    let (path, span) = match place.leaf {
        Leaf::Key(key, _) => {
            let frame = place.frames.last()?;
            let is_path = matches!(frame.wanted, Wanted::Holds(Holds::Named(Names::StepPaths, _)));
            is_path.then_some((key.value.as_str(), key.span))?
        }
        Leaf::Value(node, _) => {
            let is_path = matches!(place.wanted, Wanted::Holds(Holds::StepPath));
            (text(node).filter(|_| is_path)?, node.span)
        }
    };
    let start = span.start + usize::from(document.file.slice(span).starts_with(['"', '\'']));
    let id = path.split(['/', '[']).next()?;
    Some((id.to_owned(), Span::new(start, start + id.len())))
}

/// The place of a single value without its quotes.
fn word(node: &crate::yaml::Node) -> Option<Span> {
    match &node.kind {
        crate::yaml::NodeKind::Scalar(scalar) if scalar.verbatim => {
            Some(Span::new(scalar.text_start, scalar.text_start + scalar.text.len()))
        }
        _ => None,
    }
}

/// Where an expression has the step as `steps["id"]`.
fn indexed(text: &str, expression: Span, id: &str) -> Vec<Span> {
    let said = text.get(expression.start..expression.end).unwrap_or("");
    let mut found = Vec::new();
    for (at, _) in said.match_indices("steps") {
        let rest = said.get(at + "steps".len()..).unwrap_or("").trim_start();
        let Some(rest) = rest.trim_start_matches('?').strip_prefix('[') else {
            continue;
        };
        let rest = rest.trim_start().trim_start_matches('\\');
        let Some(behind) = rest.strip_prefix(['"', '\'', '`']) else {
            continue;
        };
        let ends = behind.strip_prefix(id).is_some_and(|rest| rest.starts_with(['"', '\'', '`', '\\']));
        if ends {
            let start = expression.end - behind.len();
            found.push(Span::new(start, start + id.len()));
        }
    }
    found
}
