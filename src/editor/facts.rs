//! What a runbook under way declares: its steps, params and names.

use crate::source::Spanned;
use crate::yaml::Node;

use super::document::Document;
use super::walk::{entries, get, text};

/// Something a runbook declares under a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Declared<'d> {
    /// Its name.
    pub(super) name: &'d Spanned<String>,
    /// What stands under it.
    pub(super) node: &'d Node,
}

impl<'d> Declared<'d> {
    /// Its sentence.
    pub(super) fn about(&self) -> &'d str {
        get(self.node, "about").and_then(text).unwrap_or("")
    }

    /// What a step does.
    pub(super) fn action(&self) -> &'d str {
        get(self.node, "do").and_then(text).unwrap_or("")
    }

    /// The type of a param.
    pub(super) fn kind(&self) -> &'d str {
        get(self.node, "type").and_then(text).unwrap_or("")
    }
}

impl Document {
    /// What stands under a key of the file, by name.
    pub(super) fn declared(&self, key: &str) -> impl Iterator<Item = Declared<'_>> {
        let under = get(&self.root, key).map_or(&[][..], entries);
        under.iter().map(|(name, node)| Declared { name, node })
    }

    /// One of them.
    pub(super) fn declaration(&self, key: &str, name: &str) -> Option<Declared<'_>> {
        self.declared(key).find(|one| one.name.value == name)
    }
}
