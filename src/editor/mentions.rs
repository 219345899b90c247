//! Every place of a document that names something declared: a step, a param, a `let` name, a file.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use crate::runbook::grammar::{Holds, Names};
use crate::schema::FileKind;
use crate::source::{SourceFile, Span, Spanned};
use crate::yaml::{Node, NodeKind, Places};

use super::document::Document;
use super::expressions::{Expression, Path, expressions};
use super::names::Setting;
use super::walk::{Expressions, Leaf, Place, Wanted, action_around, text, walk};

/// Something that is declared in one place and named in others.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) kind: Kind,
    /// The file that declares it; for a file, itself.
    pub(super) file: SourceFile,
    /// Its name there; empty for a file.
    pub(super) name: String,
}

/// What is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Step,
    Param,
    Let,
    File,
}

/// A place that names something.
#[derive(Clone, Debug)]
pub(super) struct Mention {
    pub(super) subject: Subject,
    /// Where exactly; `None` where the document's quotes and escapes hide it.
    pub(super) span: Option<Span>,
    /// The key or value it stands in.
    pub(super) whole: Span,
}

impl Subject {
    /// Whether both are the same thing.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.kind == other.kind && self.name == other.name && plain(self.file.name()) == plain(other.file.name())
    }

    /// Where its file declares it.
    pub(super) fn declared(&self, document: &Document) -> Option<Span> {
        let key = match self.kind {
            Kind::Step => "steps",
            Kind::Param => "params",
            Kind::Let => "let",
            Kind::File => return Some(Span::new(0, 0)),
        };
        document.declaration(key, &self.name).map(|one| one.name.span)
    }
}

/// A path without `.` and `..`, so that one file has one name.
pub(super) fn plain(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Every place of a document that names something, in reading order.
pub(super) fn mentions(setting: Setting<'_>) -> Vec<Mention> {
    let mut reader = Reader::new(setting);
    let document = setting.document;
    walk(&document.root, document.table(), setting.catalogue, &mut |place| match place.leaf {
        Leaf::Key(key, _) => reader.key(&place, key),
        Leaf::Value(node, key) => reader.value(&place, node, key),
    });
    reader.found
}

/// Every place of a document that names a file.
pub(super) fn files(setting: Setting<'_>) -> Vec<Mention> {
    let mut reader = Reader::new(setting);
    let document = setting.document;
    walk(&document.root, document.table(), setting.catalogue, &mut |place| {
        if let Leaf::Value(node, key) = place.leaf {
            reader.file(&place, node, key);
        }
    });
    reader.found
}

/// What is named under the cursor, and where.
pub(super) fn subject_at(setting: Setting<'_>, offset: usize) -> Option<(Subject, Span)> {
    let found = mentions(setting).into_iter().filter_map(|one| Some((one.subject, one.span?)));
    let mut under = found.filter(|(_, span)| span.start <= offset && offset <= span.end);
    under.next().filter(|(subject, _)| subject.kind == Kind::File || is_declared(setting, subject))
}

fn is_declared(setting: Setting<'_>, subject: &Subject) -> bool {
    if subject.file.name() == setting.document.file.name() {
        return subject.declared(setting.document).is_some();
    }
    subject.declared(&Document::new(subject.file.clone(), 0)).is_some()
}

struct Reader<'a> {
    setting: Setting<'a>,
    /// What was included, by who named it and how.
    read: BTreeMap<(String, String), Option<Rc<Document>>>,
    /// The runbook that a test file is for, once it was looked for.
    tested: Option<Option<Rc<Document>>>,
    found: Vec<Mention>,
}

impl<'a> Reader<'a> {
    fn new(setting: Setting<'a>) -> Self {
        Self { setting, read: BTreeMap::new(), tested: None, found: Vec::new() }
    }

    fn add(&mut self, kind: Kind, file: &SourceFile, name: &str, span: Option<Span>, whole: Span) {
        let subject = Subject { kind, file: file.clone(), name: name.to_owned() };
        self.found.push(Mention { subject, span, whole });
    }

    fn key(&mut self, place: &Place<'_, 'a>, key: &'a Spanned<String>) {
        let Some((frame, outer)) = place.frames.split_last() else {
            return;
        };
        let own = &self.setting.document.file;
        let around = frame.key.map_or("", |key| key.value.as_str());
        let (name, span) = (key.value.as_str(), key.span);
        match (self.setting.document.kind, frame.wanted, around) {
            (FileKind::Test, Wanted::Holds(Holds::Named(Names::StepPaths, _)), _) => {
                let places = Places::of_key(key, self.setting.document.text());
                self.path(name, places.as_ref(), span);
            }
            (FileKind::Test, _, "params") if matches!(outer.len(), 1 | 3) => {
                if let Some(tested) = self.tested() {
                    self.add(Kind::Param, &tested.file, name, Some(span), span);
                }
            }
            (FileKind::Runbook, Wanted::Holds(Holds::Needs), _) => self.add(Kind::Step, own, name, Some(span), span),
            (FileKind::Runbook, Wanted::Holds(Holds::Arguments), _) => {
                if let Some(included) = action_around(outer).and_then(|action| self.included(own, action)) {
                    self.add(Kind::Param, &included.file, name, Some(span), span);
                }
            }
            (FileKind::Runbook, _, "steps") if outer.len() == 1 => self.add(Kind::Step, own, name, Some(span), span),
            (FileKind::Runbook, _, "params") if outer.len() == 1 => self.add(Kind::Param, own, name, Some(span), span),
            (FileKind::Runbook, _, "let") if outer.len() == 1 => self.add(Kind::Let, own, name, Some(span), span),
            _ => {}
        }
    }

    fn value(&mut self, place: &Place<'_, 'a>, node: &'a Node, key: Option<&'a Spanned<String>>) {
        let document = self.setting.document;
        let (own, said) = (&document.file, text(node).unwrap_or(""));
        let (NodeKind::Scalar(scalar), whole) = (&node.kind, node.span) else {
            return;
        };
        let places = || Places::of(scalar, whole, document.text());
        let all = || places().map(|places| places.part(0..said.len()));
        match place.wanted {
            Wanted::Holds(Holds::Step) => self.add(Kind::Step, own, said, all(), whole),
            Wanted::Holds(Holds::StepPath) => self.path(said, places().as_ref(), whole),
            _ => {}
        }
        self.file(place, node, key);
        let how = place.wanted.expressions(key);
        for expression in expressions(document.text(), node, how) {
            self.expression(&expression, how);
        }
    }

    /// A file that is named here.
    fn file(&mut self, place: &Place<'_, 'a>, node: &'a Node, key: Option<&'a Spanned<String>>) {
        let document = self.setting.document;
        let own = &document.file;
        let Some(said) = text(node) else {
            return;
        };
        let is_tested = document.kind == FileKind::Test && place.frames.len() == 1;
        let file = match place.wanted {
            Wanted::Holds(Holds::Action | Holds::Include) if said.contains('/') => {
                self.setting.checker.included(own, own, said, self.setting.open)
            }
            Wanted::Holds(Holds::Text) if is_tested && key.is_some_and(|key| key.value == "test") => {
                self.tested().map(|tested| tested.file.clone())
            }
            _ => None,
        };
        if let (Some(file), NodeKind::Scalar(scalar)) = (file, &node.kind) {
            let places = Places::of(scalar, node.span, document.text());
            self.add(Kind::File, &file, "", places.map(|places| places.part(0..said.len())), node.span);
        }
    }

    fn expression(&mut self, expression: &Expression<'a>, how: Expressions) {
        let own = &self.setting.document.file;
        let locals = if how == Expressions::Script { expression.locals() } else { Vec::new() };
        for Path { words, is_call } in expression.paths() {
            let (kind, (name, part), length) = match words.as_slice() {
                [("steps", _), word, ..] => (Kind::Step, word, 2),
                [("params", _), word, ..] => (Kind::Param, word, 2),
                [word, ..] if !locals.contains(&word.0) => (Kind::Let, word, 1),
                _ => continue,
            };
            // A method or function of that name.
            if is_call && words.len() == length {
                continue;
            }
            let is_key = || expression.text.get(part.end..).is_some_and(|rest| rest.trim_start().starts_with(':'));
            if kind == Kind::Let && (is_key() || self.setting.document.declaration("let", name).is_none()) {
                continue;
            }
            self.add(kind, own, name, expression.part(part), expression.whole());
        }
    }

    /// The steps of a path such as `outer/inner`, each in the runbook that has it.
    fn path(&mut self, path: &str, places: Option<&Places>, whole: Span) {
        let mut around = self.tested();
        for part in segments(path) {
            let (Some(document), Some(id)) = (around, path.get(part.clone())) else {
                return;
            };
            let Some(step) = document.declaration("steps", id) else {
                return;
            };
            let action = step.action();
            self.add(Kind::Step, &document.file, id, places.map(|places| places.part(part)), whole);
            around = self.included(&document.file, action);
        }
    }

    fn tested(&mut self) -> Option<Rc<Document>> {
        let setting = self.setting;
        self.tested.get_or_insert_with(|| setting.under_test().map(|(_, document)| Rc::new(document))).clone()
    }

    fn included(&mut self, from: &SourceFile, action: &str) -> Option<Rc<Document>> {
        action.contains('/').then_some(())?;
        let setting = self.setting;
        let read = self.read.entry((from.name().to_owned(), action.to_owned())).or_insert_with(|| {
            let file = setting.checker.included(&setting.document.file, from, action, setting.open)?;
            Some(Rc::new(Document::new(file, 0)))
        });
        read.clone()
    }
}

/// The ids of a path such as `each[a/b]/inner`, without the items.
fn segments(path: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = path.get(at..).filter(|rest| !rest.is_empty()) {
        let length = rest.find(['/', '[']).unwrap_or(rest.len());
        found.push(at..at + length);
        let behind = rest.get(length..).unwrap_or("");
        let item = if behind.starts_with('[') { behind.find("]/").map_or(behind.len(), |end| end + 1) } else { 0 };
        at += length + item + 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_an_id_for_every_runbook_it_goes_into() {
        for (path, wanted) in [
            ("a", vec!["a"]),
            ("a/b/c", vec!["a", "b", "c"]),
            ("a[x/y]/b[z]", vec!["a", "b"]),
            ("a[x", vec!["a"]),
            ("", vec![]),
        ] {
            let found: Vec<_> = segments(path).into_iter().map(|part| &path[part]).collect();
            assert_eq!(found, wanted, "{path}");
        }
    }
}
