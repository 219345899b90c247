//! The runbooks that a file uses as actions: what their own files say holds wherever they are used,
//! so it is judged with the file. Knows no rule.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::runbook::{ActionKind, Runbook, Work};

/// The most runbooks that are kept from one file to the next.
const MAX_KEPT: usize = 2_000;

/// What was found in runbooks that others use, by where each is kept.
#[derive(Debug, Default)]
pub(super) struct Memory(RefCell<BTreeMap<*const Runbook, Kept>>);

#[derive(Debug)]
struct Kept {
    found: Vec<Diagnostic>,
    /// Stays, so that no other one takes its place in memory.
    _runbook: Arc<Runbook>,
}

impl Memory {
    /// What is wrong with a runbook, which is looked at when it is first asked about.
    pub(super) fn found(&self, runbook: &Arc<Runbook>, look: impl FnOnce() -> Vec<Diagnostic>) -> Vec<Diagnostic> {
        let place = Arc::as_ptr(runbook);
        if let Some(kept) = self.0.borrow().get(&place) {
            return kept.found.clone();
        }
        let found = look();
        let mut kept = self.0.borrow_mut();
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(place, Kept { found: found.clone(), _runbook: Arc::clone(runbook) });
        found
    }
}

/// Every runbook that one uses, and that those use, each once and after the one that uses it.
pub(super) fn parts(runbook: &Runbook) -> Vec<&Arc<Runbook>> {
    let mut found: Vec<&Arc<Runbook>> = Vec::new();
    let mut open = vec![runbook];
    while let Some(at) = open.pop() {
        for part in works(at).filter_map(used) {
            if !found.iter().any(|known| Arc::ptr_eq(known, part)) {
                found.push(part);
                open.push(part);
            }
        }
    }
    found
}

/// Everything that a runbook may do.
fn works(runbook: &Runbook) -> impl Iterator<Item = &Work> {
    let of_steps = runbook.steps.iter().flat_map(|step| std::iter::once(&step.work).chain(step.undo.as_deref()));
    of_steps.chain(runbook.ensures.iter().map(|ensure| &ensure.work))
}

fn used(work: &Work) -> Option<&Arc<Runbook>> {
    match &work.action.kind {
        ActionKind::Runbook(runbook) => Some(runbook),
        ActionKind::Primitive(_) | ActionKind::Script(_) => None,
    }
}
