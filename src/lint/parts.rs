//! The runbooks that a file uses as actions: what their own files say holds wherever they are used,
//! so it is judged with the file. Knows no rule.

use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::runbook::{ActionKind, Runbook, Step, Work};

use super::kept::Kept;

/// What is wrong with the files of runbooks that others use.
pub(super) type Memory = Kept<(), Arc<[Diagnostic]>>;

/// Every runbook that one uses, and that those use, each once. What a part ensures is not done where
/// the part is used.
pub(super) fn parts(runbook: &Runbook) -> Vec<&Arc<Runbook>> {
    let mut found = Vec::new();
    runbook.ensures.iter().for_each(|ensure| add(&ensure.work, &mut found));
    of_steps(&runbook.steps, &mut found);
    let mut at = 0;
    while let Some(part) = found.get(at).copied() {
        of_steps(&part.steps, &mut found);
        at += 1;
    }
    found
}

fn of_steps<'a>(steps: &'a [Step], found: &mut Vec<&'a Arc<Runbook>>) {
    let works = steps.iter().flat_map(|step| std::iter::once(&step.work).chain(step.undo.as_deref()));
    works.for_each(|work| add(work, found));
}

fn add<'a>(work: &'a Work, found: &mut Vec<&'a Arc<Runbook>>) {
    if let ActionKind::Runbook(part) = &work.action.kind
        && !found.iter().any(|known| Arc::ptr_eq(known, part))
    {
        found.push(part);
    }
}
