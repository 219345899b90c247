//! Renaming a step: its id, every edge and watch that names it, every expression that reads it, and
//! the test files that name it by a path.

use std::collections::BTreeMap;

use crate::guard::unreadable;
use crate::name::StepId;
use crate::source::Span;

use super::document::Document;
use super::expressions::expressions;
use super::mentions::{Kind, Mention, Subject, mentions, plain, subject_at};
use super::names::Setting;
use super::uses::{Use, uses};
use super::walk::{Leaf, walk};

/// What is to be written anew in one document.
pub(super) type Places = (Document, Vec<Span>);

/// The step under the cursor that can have another name, and where.
pub(super) fn step_at(setting: Setting<'_>, offset: usize) -> Option<(String, Span)> {
    let (step, span) = subject_at(setting, offset)?;
    (setting.document.is_whole && step.kind == Kind::Step && !is_built_in(&step)).then_some((step.name, span))
}

fn is_built_in(step: &Subject) -> bool {
    step.file.name().starts_with("std/")
}

/// Every place that has to be written anew, in all documents.
///
/// # Errors
/// Why the step cannot have the new name.
pub(super) fn rename(setting: Setting<'_>, offset: usize, new: &str) -> Result<Vec<Places>, String> {
    whole(setting.document)?;
    let step = subject_at(setting, offset).map(|(step, _)| step).filter(|step| step.kind == Kind::Step);
    let step = step.ok_or("there is no step here")?;
    if is_built_in(&step) {
        return Err(format!("`{}` is a step of `{}`, which is built in", step.name, step.file.name()));
    }
    StepId::parse(new).map_err(|error| error.to_string())?;
    if let Some(why) = unreadable(&format!("steps.{new}")) {
        return Err(format!("{why}; take another name, such as `{new}_step`"));
    }
    let mut all = Vec::new();
    for document in family(setting, &step)? {
        let here = Setting { document: &document, ..setting };
        let named: Vec<_> = mentions(here).into_iter().filter(|one| one.subject.is(&step)).collect();
        if plain(document.file.name()) == plain(step.file.name()) {
            can_have(here, &step.name, new)?;
        }
        if !named.is_empty() {
            whole(&document)?;
            let spans = spans(&document, named, &step.name)?;
            all.push((document, spans));
        }
    }
    Ok(all)
}

/// Every place that names a subject, in all documents that can be read.
pub(super) fn references(setting: Setting<'_>, subject: &Subject) -> Vec<Places> {
    let named = family(setting, subject).unwrap_or_default().into_iter().map(|document| {
        let found = mentions(Setting { document: &document, ..setting }).into_iter();
        let spans = found.filter(|one| one.subject.is(subject)).map(|one| one.span.unwrap_or(one.whole)).collect();
        (document, spans)
    });
    named.filter(|(_, spans): &Places| !spans.is_empty()).collect()
}

/// The documents that may name a subject: its file, what is open, and the files beside and above.
fn family(setting: Setting<'_>, subject: &Subject) -> Result<Vec<Document>, String> {
    let open = setting.open.values().cloned();
    let beside = setting.checker.neighbours(&subject.file, setting.open)?;
    let files = beside.into_iter().chain([subject.file.clone()]).chain(open);
    let by_name: BTreeMap<_, _> = files.map(|file| (plain(file.name()), file)).collect();
    Ok(by_name.into_values().map(|file| Document::new(file, 0)).filter(Document::is_ours).collect())
}

fn whole(document: &Document) -> Result<(), String> {
    match document.is_whole {
        true => Ok(()),
        false => Err(format!("`{}` is no YAML as it stands; mend it first", short(document))),
    }
}

fn short(document: &Document) -> &str {
    document.file.name().rsplit('/').next().unwrap_or("")
}

/// Whether the steps of a runbook allow the new name, and every reader of it shows.
fn can_have(setting: Setting<'_>, old: &str, new: &str) -> Result<(), String> {
    let document = setting.document;
    if new != old && document.declaration("steps", new).is_some() {
        return Err(format!("there is a step `{new}` already"));
    }
    let mut open = None;
    walk(&document.root, document.table(), setting.catalogue, &mut |place| {
        let Leaf::Value(node, key) = place.leaf else {
            return;
        };
        for expression in expressions(document.text(), node, place.wanted.expressions(key)) {
            let found = uses(expression.text, "steps").into_iter().find_map(|one| match one {
                Use::Whole(part) => Some(expression.part(&part).unwrap_or(expression.whole())),
                Use::Of(..) => None,
            });
            open = open.or(found);
        }
    });
    match open {
        None => Ok(()),
        Some(span) => Err(format!(
            "{} reads `steps` by a name that only a run knows; write `steps.{old}` where that is meant",
            line(document, span)
        )),
    }
}

fn line(document: &Document, span: Span) -> String {
    format!("line {} of `{}`", document.position(span.start).line + 1, short(document))
}

/// Where the step is named, where each place can be written anew.
fn spans(document: &Document, named: Vec<Mention>, id: &str) -> Result<Vec<Span>, String> {
    let spans = named.into_iter().map(|one| {
        let hidden = || {
            format!("{} names `{id}` in a text that cannot be followed; write it plainly", line(document, one.whole))
        };
        one.span.ok_or_else(hidden)
    });
    let mut spans = spans.collect::<Result<Vec<_>, _>>()?;
    spans.sort();
    spans.dedup();
    Ok(spans)
}
