//! A piece of work that was started: what a rollback must know of it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use crate::event::Status;
use crate::value::Value;

use super::Frame;

/// A piece of work that was started.
pub(super) struct Begun {
    /// The step's index.
    pub(super) step: usize,
    /// Its path.
    pub(super) path: Arc<str>,
    /// The item of a fan-out.
    pub(super) item: Option<Value>,
    /// The frame, where the action is a runbook.
    pub(super) child: RefCell<Option<Rc<Frame>>>,
    /// Whether its intent was recorded, so that it may have had an effect.
    pub(super) acted: Cell<bool>,
    /// Whether a call of its own did not say whether its effect took place, which may come late.
    pub(super) unsettled: Cell<bool>,
    /// Whether its undo was seen to.
    pub(super) undone: Cell<bool>,
    /// How it ended; running while it has not.
    pub(super) status: Cell<Status>,
    /// What its primitive has remembered.
    pub(super) memory: RefCell<Option<Value>>,
    /// Its place in the order of beginnings: that of its first record.
    pub(super) order: u64,
}

impl Begun {
    /// Work that begins, with its place in the order of beginnings.
    pub(super) fn new(step: usize, path: Arc<str>, item: Option<Value>, order: u64) -> Self {
        Self {
            step,
            path,
            item,
            child: RefCell::new(None),
            acted: Cell::new(false),
            unsettled: Cell::new(false),
            undone: Cell::new(false),
            status: Cell::new(Status::Running),
            memory: RefCell::new(None),
            order,
        }
    }

    /// Whether nobody knows if all of its effect took place.
    pub(super) fn is_in_doubt(&self) -> bool {
        let child = self.child.borrow();
        self.unsettled.get()
            || child.as_ref().is_some_and(|child| child.all_begun().iter().any(|one| one.is_in_doubt()))
    }

    /// The frame of a runbook used as an action, while it is under way.
    pub(super) fn child_under_way(&self) -> Option<Rc<Frame>> {
        self.child.borrow().clone().filter(|_| self.status.get() == Status::Running)
    }

    /// How it stands on the way out of a run, when nothing of it is under way any more.
    pub(super) fn ending(&self) -> Status {
        match self.status.get() {
            // That was in no doubt when it was recorded, whatever is not on record from inside it.
            Status::Failed => Status::Failed,
            _ if self.is_in_doubt() => Status::InDoubt,
            Status::Running => Status::Failed,
            ended => ended,
        }
    }
}
