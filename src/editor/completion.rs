//! What can be written at the cursor, also in a document that is no YAML yet.

use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionTextEdit, Documentation, MarkupContent, MarkupKind, TextEdit,
};

use crate::declaration::{Declaration, Kind};
use crate::guard::{FUNCTIONS, is_callable};
use crate::runbook::grammar::{Holds, Names, Table, Word};
use crate::runbook::keys::{SCRIPT, edge_outcomes};
use crate::source::{SourceFile, Span};
use crate::stdlib;
use crate::yaml::{Node, NodeKind};

use super::document::Document;
use super::expressions::expressions;
use super::names::{Setting, Standing};
use super::sketch::sketch;
use super::walk::{Expressions, Frame, Leaf, Place, Wanted, action_around, entries, get, text, walk};

/// Stands for the cursor: a character no document may hold.
const CURSOR: char = '\u{E000}';

/// What can be written, before it is known where.
struct Offer {
    label: String,
    insert: String,
    kind: CompletionItemKind,
    detail: String,
    about: String,
}

/// Everything that can be written at a place of the document.
pub(super) fn completion(setting: Setting<'_>, offset: usize) -> Vec<CompletionItem> {
    let text = setting.document.text();
    if !setting.document.is_ours() {
        return Vec::new();
    }
    let (Some(before), Some(behind)) = (text.get(..offset), text.get(offset..)) else {
        return Vec::new();
    };
    let marked = format!("{before}{CURSOR}{behind}");
    let root = sketch(&marked);
    let mut offers = Vec::new();
    let mut word = Span::new(offset, offset);
    let mut found = false;
    walk(&root, setting.document.table(), setting.catalogue, &mut |place| {
        if !found && holds_cursor(&marked, place.leaf) {
            found = true;
            let cursor = Cursor { setting, text: &marked, offset };
            (offers, word) = cursor.offers(&place);
        }
    });
    let count = offers.len();
    let range = setting.document.range(word);
    let items = offers.into_iter().enumerate();
    items.map(|(at, offer)| item(offer, at, count, TextEdit { range, new_text: String::new() })).collect()
}

fn holds_cursor(text: &str, leaf: Leaf<'_>) -> bool {
    let span = leaf.span();
    text.get(span.start..span.end).is_some_and(|said| said.contains(CURSOR))
}

struct Cursor<'c> {
    setting: Setting<'c>,
    /// The document with the cursor in it.
    text: &'c str,
    offset: usize,
}

impl Cursor<'_> {
    /// What can be written, and the part of a word it stands for.
    fn offers(&self, place: &Place<'_, '_>) -> (Vec<Offer>, Span) {
        match place.leaf {
            Leaf::Key(key, _) => {
                let mut offers = self.keys(place.frames);
                if self.text.get(key.span.end..).is_some_and(|behind| behind.trim_start_matches(' ').starts_with(':')) {
                    offers.iter_mut().for_each(|offer| offer.insert.clone_from(&offer.label));
                }
                (offers, Span::new(key.span.start.min(self.offset), self.offset))
            }
            Leaf::Value(node, key) => {
                let how = place.wanted.expressions(key);
                let around = expressions(self.text, node, how).into_iter();
                match around.rev().find_map(|one| one.offset(self.offset).map(|inside| (one, inside))) {
                    Some((expression, inside)) if expression.is_in_text(inside) => {
                        (Vec::new(), Span::new(self.offset, self.offset))
                    }
                    Some((expression, inside)) => {
                        let written = expression.typed(inside);
                        let last = written.last().map_or(0, |word| word.len());
                        let key = guard_key(place.frames, key.map(|key| key.value.as_str()));
                        let mut offers = self.names(&written, Standing::of(place.frames, Some(key)));
                        if let (["steps", _], Some(own)) = (written.as_slice(), own_step(place.frames)) {
                            offers.retain(|offer| offer.label != own);
                        }
                        if how == Expressions::Script && written.len() == 1 {
                            offers.extend(self.primitives(is_callable));
                        }
                        (offers, Span::new(self.offset - last, self.offset))
                    }
                    None => {
                        let start = match &node.kind {
                            NodeKind::Scalar(scalar) => scalar.text_start,
                            _ => node.span.start,
                        };
                        (self.values(place), Span::new(start.min(self.offset), self.offset))
                    }
                }
            }
        }
    }

    /// The keys of the map around, without those it has.
    fn keys(&self, frames: &[Frame<'_>]) -> Vec<Offer> {
        let Some(frame) = frames.last() else {
            return Vec::new();
        };
        let mut offers = match frame.wanted {
            Wanted::Unknown if frames.len() == 1 => of_table(self.setting.document.table()),
            Wanted::Holds(Holds::Map(table) | Holds::Either(_, Holds::Map(table))) => of_table(table),
            Wanted::Holds(Holds::Arguments) => self.arguments(frames),
            Wanted::Holds(Holds::Needs) => self.steps(frames, ": ok"),
            Wanted::Holds(Holds::Named(Names::StepPaths, _)) => self.tested_steps(": ok"),
            _ => Vec::new(),
        };
        let has = |name: &str| entries(frame.node).iter().any(|(key, _)| key.value == name);
        offers.retain(|offer| !has(&offer.label));
        offers
    }

    fn arguments(&self, frames: &[Frame<'_>]) -> Vec<Offer> {
        let outer = frames.split_last().map_or(frames, |(_, outer)| outer);
        let action = action_around(outer).unwrap_or("");
        if action == "script" {
            return of_table(&SCRIPT);
        }
        if let Some(primitive) = self.setting.catalogue.find(action) {
            let arguments = primitive.arguments.iter();
            return arguments.map(|one| argument(one.name, one.kind.word(), one.required, one.about)).collect();
        }
        let included = self.setting.included(action);
        let params = included.iter().flat_map(|(_, document)| document.declared("params"));
        let offers =
            params.map(|one| argument(&one.name.value, one.kind(), get(one.node, "default").is_none(), one.about()));
        offers.collect()
    }

    /// The steps, without the one the cursor is in.
    fn steps(&self, frames: &[Frame<'_>], behind: &str) -> Vec<Offer> {
        let own = own_step(frames);
        let steps = get(root_of(frames), "steps").map_or(&[][..], entries);
        let others = steps.iter().filter(|(id, _)| own != Some(&id.value) && !id.value.contains(CURSOR));
        let offers = others.map(|(id, node)| Offer {
            label: id.value.clone(),
            insert: format!("{}{behind}", id.value),
            kind: CompletionItemKind::REFERENCE,
            detail: get(node, "do").and_then(text).unwrap_or("").to_owned(),
            about: get(node, "about").and_then(text).unwrap_or("").to_owned(),
        });
        offers.collect()
    }

    /// The steps of the runbook that a test file is for.
    fn tested_steps(&self, behind: &str) -> Vec<Offer> {
        let tested = self.setting.under_test();
        let steps = tested.iter().flat_map(|(_, document)| document.declared("steps"));
        let offers = steps.map(|step| Offer {
            label: step.name.value.clone(),
            insert: format!("{}{behind}", step.name.value),
            kind: CompletionItemKind::REFERENCE,
            detail: step.action().to_owned(),
            about: step.about().to_owned(),
        });
        offers.collect()
    }

    /// The names of an expression that may follow what is typed.
    fn names(&self, written: &[&str], standing: Standing<'_>) -> Vec<Offer> {
        let before = written.split_last().map_or(&[][..], |(_, before)| before);
        let names = self.setting.inside(before, standing).into_iter();
        let names = names.filter(|one| !one.name.contains(CURSOR)).map(|one| Offer {
            label: one.name.clone(),
            insert: one.name,
            kind: CompletionItemKind::VARIABLE,
            detail: one.kind,
            about: one.about,
        });
        let functions = FUNCTIONS.iter().filter(|_| before.is_empty()).map(|function| Offer {
            label: function.name.to_owned(),
            insert: function.name.to_owned(),
            kind: CompletionItemKind::FUNCTION,
            detail: function.signature(),
            about: function.about.to_owned(),
        });
        let own = self.setting.own_functions().into_iter().filter(|_| before.is_empty()).map(|function| Offer {
            label: function.name.clone(),
            insert: function.name,
            kind: CompletionItemKind::FUNCTION,
            detail: function.kind,
            about: function.about,
        });
        names.chain(functions).chain(own).collect()
    }

    fn values(&self, place: &Place<'_, '_>) -> Vec<Offer> {
        match place.wanted {
            Wanted::Outcome => of_words(edge_outcomes()),
            Wanted::Argument(argument) => self.of_kind(argument.kind),
            Wanted::Holds(Holds::Either(one, _)) => self.holds(one, place.frames),
            Wanted::Holds(holds) => self.holds(holds, place.frames),
            Wanted::Value | Wanted::Unknown => Vec::new(),
        }
    }

    fn holds(&self, holds: &Holds, frames: &[Frame<'_>]) -> Vec<Offer> {
        match holds {
            Holds::Words(words) => of_words(words()),
            Holds::Truth => truths(),
            Holds::Version => vec![plain("1", "The language's version.")],
            Holds::RunbookName => {
                let path = self.setting.document.file.name();
                let stem = path.rsplit('/').next().unwrap_or("").split('.').next().unwrap_or("");
                vec![plain(&stem.replace('_', "-"), "The name of the file.")]
            }
            Holds::Step | Holds::Needs => self.steps(frames, ""),
            Holds::StepPath => self.tested_steps(""),
            Holds::Action => self.actions(),
            Holds::Include => included(".rhai", ".rhai"),
            Holds::Secret => vec![
                plain("env:", "The value of an environment variable."),
                plain("file:", "What a file holds, without its final line end."),
            ],
            Holds::Service => {
                let services = get(root_of(frames), "services").map_or(&[][..], entries);
                services.iter().map(|(name, _)| plain(&name.value, "A service of this target.")).collect()
            }
            _ => Vec::new(),
        }
    }

    fn of_kind(&self, kind: Kind) -> Vec<Offer> {
        let target = || self.setting.target().unwrap_or_default();
        match kind {
            Kind::Service => target().services.keys().map(|name| plain(name, "A service of the target.")).collect(),
            Kind::Gate => target().gates.keys().map(|name| plain(name, "A gate of the target.")).collect(),
            Kind::Bool => truths(),
            _ => Vec::new(),
        }
    }

    fn primitives(&self, keep: fn(&Declaration) -> bool) -> impl Iterator<Item = Offer> {
        let kept = self.setting.catalogue.0.iter().filter(move |one| keep(one));
        kept.map(|one| Offer {
            label: one.name.to_owned(),
            insert: one.name.to_owned(),
            kind: CompletionItemKind::FUNCTION,
            detail: "primitive".to_owned(),
            about: one.about.to_owned(),
        })
    }

    fn actions(&self) -> Vec<Offer> {
        let script = plain("script", "Runs a Rhai script in which every primitive is a function.");
        self.primitives(|_| true).chain([script]).chain(included(".yaml", "")).chain(self.beside()).collect()
    }

    /// The other runbooks of the folder.
    fn beside(&self) -> Vec<Offer> {
        let own = self.setting.document.file.name();
        let folder = own.rsplit_once('/').map_or("", |(folder, _)| folder);
        let files = self.setting.checker.neighbours(&self.setting.document.file, self.setting.open).unwrap_or_default();
        let others = files.into_iter().filter(|file| file.name() != own).filter_map(|file| {
            let name = file.name().rsplit_once('/').filter(|(there, _)| *there == folder)?.1;
            let label = format!("./{name}");
            let document = Document::new(file, 0);
            get(&document.root, "runbook")?;
            Some(plain(&label, get(&document.root, "about").and_then(text).unwrap_or("")))
        });
        others.collect()
    }
}

/// The step around a place, which has no result there yet: where it is undone it may have one.
fn own_step<'n>(frames: &[Frame<'n>]) -> Option<&'n str> {
    let key = |at: usize| frames.get(at).and_then(|frame| frame.key).map(|key| key.value.as_str());
    (key(1) == Some("steps") && key(3) != Some("undo")).then(|| key(2))?
}

fn root_of<'n>(frames: &[Frame<'n>]) -> &'n Node {
    static NOTHING: std::sync::LazyLock<Node> = std::sync::LazyLock::new(|| sketch(""));
    frames.first().map_or(&NOTHING, |frame| frame.node)
}

/// The key that decides which names a guard has: of a `let` or an output, that of the map around.
fn guard_key<'n>(frames: &[Frame<'n>], key: Option<&'n str>) -> &'n str {
    match frames.last().and_then(|frame| Some((frame.wanted, frame.key?))) {
        Some((Wanted::Holds(Holds::Named(..)), around)) => &around.value,
        _ => key.unwrap_or(""),
    }
}

/// The built-in files that can be named: those at the top, and no targets or worlds.
fn included(ending: &str, kept: &str) -> Vec<Offer> {
    let names = stdlib::names().filter(|name| name.ends_with(ending) && name.matches('/').count() == 1);
    let offers = names.map(|name| {
        let about = stdlib::find(name).map(|text| Document::new(SourceFile::new(name, text), 0));
        let about = about.as_ref().and_then(|document| get(&document.root, "about")).and_then(text).unwrap_or("");
        let name = name.strip_suffix(ending).unwrap_or(name);
        plain(name, if kept.is_empty() { about } else { "Functions of the standard library." })
    });
    offers.collect()
}

fn of_table(table: &'static Table) -> Vec<Offer> {
    let offers = table.keys().map(|key| Offer {
        label: key.name.to_owned(),
        insert: match key.holds {
            Holds::Map(_) | Holds::Named(..) | Holds::Arguments => format!("{}:", key.name),
            _ => format!("{}: ", key.name),
        },
        kind: CompletionItemKind::PROPERTY,
        detail: if key.is_required { format!("{} (required)", key.holds.phrase()) } else { key.holds.phrase() },
        about: key.about.to_owned(),
    });
    offers.collect()
}

fn argument(name: &str, kind: &str, is_required: bool, about: &str) -> Offer {
    Offer {
        label: name.to_owned(),
        insert: format!("{name}: "),
        kind: CompletionItemKind::PROPERTY,
        detail: if is_required { format!("{kind} (required)") } else { kind.to_owned() },
        about: about.to_owned(),
    }
}

fn of_words(words: Vec<Word>) -> Vec<Offer> {
    words.iter().map(|word| plain(word.text, word.about)).collect()
}

fn truths() -> Vec<Offer> {
    vec![plain("true", ""), plain("false", "")]
}

fn plain(word: &str, about: &str) -> Offer {
    Offer {
        label: word.to_owned(),
        insert: word.to_owned(),
        kind: CompletionItemKind::VALUE,
        detail: String::new(),
        about: about.to_owned(),
    }
}

/// The offer as the protocol has it, in the order it was made.
fn item(offer: Offer, at: usize, count: usize, mut edit: TextEdit) -> CompletionItem {
    edit.new_text = offer.insert;
    let width = count.to_string().len();
    let about = MarkupContent { kind: MarkupKind::Markdown, value: offer.about };
    CompletionItem {
        filter_text: Some(offer.label.clone()),
        label: offer.label,
        kind: Some(offer.kind),
        detail: Some(offer.detail).filter(|detail| !detail.is_empty()),
        documentation: (!about.value.is_empty()).then_some(Documentation::MarkupContent(about)),
        sort_text: Some(format!("{at:0width$}")),
        text_edit: Some(CompletionTextEdit::Edit(edit)),
        ..CompletionItem::default()
    }
}
