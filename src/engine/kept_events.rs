//! Events kept in memory only: for runs whose record nobody goes on from.

use std::cell::RefCell;

use crate::event::Event;

use super::Journal;

/// Keeps events in memory, in their order.
#[derive(Debug, Default)]
pub struct KeptEvents(RefCell<Vec<Event>>);

impl KeptEvents {
    /// Takes everything kept so far.
    pub fn take(&self) -> Vec<Event> {
        self.0.take()
    }
}

impl Journal for KeptEvents {
    fn append(&self, event: &Event) -> Result<(), String> {
        self.0.borrow_mut().push(event.clone());
        Ok(())
    }

    fn head(&self) -> String {
        String::new()
    }

    fn is_dirty(&self) -> bool {
        false
    }

    fn commit(&self) -> Result<(), String> {
        Ok(())
    }
}
