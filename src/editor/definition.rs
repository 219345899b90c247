//! Where what is named under the cursor is declared.

use crate::runbook::grammar::Holds;
use crate::source::{SourceFile, Span};

use super::document::Document;
use super::hover::{point, pointed};
use super::mentions::subject_at;
use super::names::Setting;
use super::walk::{Leaf, Wanted, text};

/// A place, in this document where no file is named.
pub(super) type Place = (Option<SourceFile>, Span);

/// Where the name under the cursor is declared.
pub(super) fn definition(setting: Setting<'_>, offset: usize) -> Option<Place> {
    if let Some((subject, _)) = subject_at(setting, offset) {
        if subject.file.name() == setting.document.file.name() {
            return Some((None, subject.declared(setting.document)?));
        }
        let span = subject.declared(&Document::new(subject.file.clone(), 0))?;
        return Some((Some(subject.file), span));
    }
    point(setting, offset, |place| {
        let Leaf::Value(node, _) = place.leaf else {
            return None;
        };
        if let Some(name) = pointed(setting, place, offset) {
            return match name.words.as_slice() {
                ["steps", id, ..] => here(setting, "steps", id),
                ["params", param, ..] => here(setting, "params", param),
                _ => None,
            };
        }
        match place.wanted {
            Wanted::Holds(Holds::Service) => here(setting, "services", text(node)?),
            _ => None,
        }
    })
}

fn here(setting: Setting<'_>, key: &str, name: &str) -> Option<Place> {
    setting.document.declaration(key, name).map(|one| (None, one.name.span))
}
