//! Keeping a journal: an event passes the transition function, is encoded, and waits in a buffer
//! until the next commit writes and syncs everything that waits, once.

use std::cell::RefCell;

use crate::event::Event;

use super::{Chain, State};

/// Where the bytes of a journal go.
pub trait Store {
    /// Appends bytes.
    ///
    /// # Errors
    /// A sentence; nothing may be appended after it.
    fn write(&self, bytes: &[u8]) -> Result<(), String>;
    /// Makes everything appended so far survive a loss of power.
    ///
    /// # Errors
    /// A sentence; what was appended since the last success may be lost, and a second try proves
    /// nothing.
    fn sync(&self) -> Result<(), String>;
}

/// A journal that is being written.
pub struct Keeper<S> {
    store: S,
    kept: RefCell<Kept>,
}

#[derive(Default)]
struct Kept {
    chain: Chain,
    state: State,
    waiting: Vec<u8>,
    broken: Option<String>,
}

impl<S: Store> Keeper<S> {
    /// A journal that goes on after `chain` with `state`; both are new for a new run.
    pub fn new(store: S, chain: Chain, state: State) -> Self {
        Self { store, kept: RefCell::new(Kept { chain, state, ..Kept::default() }) }
    }

    /// Takes an event into the buffer.
    ///
    /// # Errors
    /// A sentence, when the event cannot follow what stands there, or an earlier one was not kept.
    pub fn append(&self, event: &Event) -> Result<(), String> {
        let kept = &mut *self.kept.borrow_mut();
        if let Some(why) = &kept.broken {
            return Err(why.clone());
        }
        let applied = kept.state.apply(event).map_err(|illegal| illegal.to_string());
        let encoded = applied.and_then(|()| kept.chain.encode(event, &mut kept.waiting));
        encoded.inspect_err(|why| kept.broken = Some(why.clone()))
    }

    /// Whether something waits to be written.
    pub fn is_dirty(&self) -> bool {
        let kept = self.kept.borrow();
        !kept.waiting.is_empty() && kept.broken.is_none()
    }

    /// Writes and syncs everything that waits.
    ///
    /// # Errors
    /// A sentence, from then on for ever.
    pub fn commit(&self) -> Result<(), String> {
        let kept = &mut *self.kept.borrow_mut();
        if let Some(why) = &kept.broken {
            return Err(why.clone());
        }
        if kept.waiting.is_empty() {
            return Ok(());
        }
        let done = self.store.write(&kept.waiting).and_then(|()| self.store.sync());
        kept.waiting.clear();
        done.inspect_err(|why| kept.broken = Some(why.clone()))
    }

    /// Looks at the state after the last record.
    pub fn with_state<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.kept.borrow().state)
    }

    /// The checksum of the last record.
    pub fn head(&self) -> String {
        self.kept.borrow().chain.head().to_owned()
    }

    /// The place of the next record.
    pub fn next_seq(&self) -> u64 {
        self.kept.borrow().chain.next_seq()
    }
}
