//! Whether a target has what a runbook names: found before anything begins.

use std::collections::BTreeSet;

use crate::declaration::Kind;

use super::target::Target;
use super::{Action, ActionKind, Runbook};

/// A sentence for every service and gate that a runbook names in so many words and the target
/// does not have. Names that are computed are looked up when their step runs.
pub fn misfits(runbook: &Runbook, target: &Target) -> Vec<String> {
    let mut found = BTreeSet::new();
    of_runbook(runbook, target, &mut found);
    found.into_iter().collect()
}

fn of_runbook(runbook: &Runbook, target: &Target, found: &mut BTreeSet<String>) {
    for step in &runbook.steps {
        of_action(&step.work.action, target, found);
        if let Some(undo) = &step.undo {
            of_action(&undo.action, target, found);
        }
    }
    runbook.watches.iter().for_each(|watch| of_action(&watch.action, target, found));
    runbook.ensures.iter().for_each(|ensure| of_action(&ensure.work.action, target, found));
}

fn of_action(action: &Action, target: &Target, found: &mut BTreeSet<String>) {
    let declaration = match &action.kind {
        ActionKind::Primitive(declaration) => declaration,
        ActionKind::Runbook(runbook) => return of_runbook(runbook, target, found),
        ActionKind::Script(_) => return,
    };
    for argument in declaration.arguments {
        let known: Vec<_> = match argument.kind {
            Kind::Service => target.services.keys().collect(),
            Kind::Gate => target.gates.keys().collect(),
            _ => continue,
        };
        let Some(name) = action.with.constant_field(argument.name).and_then(|value| value.as_text()) else {
            continue;
        };
        if known.iter().any(|one| *one == name) {
            continue;
        }
        let known: Vec<_> = known.iter().map(|one| format!("`{one}`")).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        found.insert(format!("the target `{}` has no {} `{name}`; it has {known}", target.name, argument.kind.word()));
    }
}
