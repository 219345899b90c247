//! Where what is named under the cursor is declared.

use crate::runbook::grammar::{Holds, Names};
use crate::source::{SourceFile, Span};

use super::hover::{point, pointed};
use super::names::Setting;
use super::walk::{Leaf, Wanted, text};

/// A place, in this document where no file is named.
pub(super) type Place = (Option<SourceFile>, Span);

/// Where the name under the cursor is declared.
pub(super) fn definition(setting: Setting<'_>, offset: usize) -> Option<Place> {
    point(setting, offset, |place| match place.leaf {
        Leaf::Key(key, _) => match place.frames.last()?.wanted {
            Wanted::Holds(Holds::Needs) => here(setting, "steps", &key.value),
            Wanted::Holds(Holds::Named(Names::StepPaths, _)) => tested(setting, &key.value),
            _ => None,
        },
        Leaf::Value(node, _) => {
            if let Some(name) = pointed(setting, place, offset) {
                return match name.words.as_slice() {
                    ["steps", id, ..] => here(setting, "steps", id),
                    ["params", param, ..] => here(setting, "params", param),
                    [name] => here(setting, "let", name),
                    _ => None,
                };
            }
            let said = text(node)?;
            match place.wanted {
                Wanted::Holds(Holds::Step) => here(setting, "steps", said),
                Wanted::Holds(Holds::StepPath) => tested(setting, said),
                Wanted::Holds(Holds::Service) => here(setting, "services", said),
                Wanted::Holds(Holds::Action) if said.contains('/') => there(setting, said),
                Wanted::Holds(Holds::Include) => there(setting, said),
                _ => None,
            }
        }
    })
}

fn here(setting: Setting<'_>, key: &str, name: &str) -> Option<Place> {
    setting.document.declaration(key, name).map(|one| (None, one.name.span))
}

/// A step of the runbook that a test file is for.
fn tested(setting: Setting<'_>, path: &str) -> Option<Place> {
    let (file, document) = setting.under_test()?;
    let id = path.split(['/', '[']).next()?;
    let span = document.declaration("steps", id)?.name.span;
    Some((Some(file), span))
}

fn there(setting: Setting<'_>, named: &str) -> Option<Place> {
    let file = setting.checker.included(&setting.document.file, named, setting.open)?;
    Some((Some(file), Span::new(0, 0)))
}
