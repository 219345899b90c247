//! What looking at the runbooks that several files use has shown, kept from one file to the next.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::runbook::Runbook;

/// The most that is kept.
const MAX_KEPT: usize = 2_000;

/// What was shown, by where the runbook is in memory and what was asked of it.
#[derive(Debug)]
pub(super) struct Kept<K, V>(RefCell<BTreeMap<(*const Runbook, K), Shown<V>>>);

#[derive(Debug)]
struct Shown<V> {
    value: V,
    /// Stays, so that no other one takes its place in memory.
    _runbook: Arc<Runbook>,
}

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<K: Ord, V: Clone> Kept<K, V> {
    /// What was shown of a runbook, or what looking at it shows now; nothing of that is kept where
    /// `look` has none.
    pub(super) fn get_or(&self, runbook: &Arc<Runbook>, asked: K, look: impl FnOnce(&K) -> Option<V>) -> Option<V> {
        let key = (Arc::as_ptr(runbook), asked);
        if let Some(shown) = self.0.borrow().get(&key) {
            return Some(shown.value.clone());
        }
        let value = look(&key.1)?;
        let mut kept = self.0.borrow_mut();
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(key, Shown { value: value.clone(), _runbook: Arc::clone(runbook) });
        Some(value)
    }

    /// Forgets everything.
    pub(super) fn forget(&self) {
        self.0.borrow_mut().clear();
    }
}
