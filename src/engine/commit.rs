//! Commits: an intent waits until it is durable, and whatever waits at the same time shares one
//! sync. The outcome of one step is made durable with the intent of the next.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Poll, Waker};

use crate::declaration::{ErrorClass, Failure};

use super::Run;

impl Run<'_> {
    /// Waits until everything recorded so far is durable.
    ///
    /// # Errors
    /// `refused` when the journal cannot be trusted any more.
    pub(super) async fn durable(&self) -> Result<(), Failure> {
        let wanted = self.seq.get();
        poll_fn(|context| {
            if let Some(failure) = self.journal_failure() {
                return Poll::Ready(Err(failure));
            }
            if self.committed.get() >= wanted || !self.job.journal.is_dirty() {
                return Poll::Ready(Ok(()));
            }
            self.committing.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// Carries `work` out, and commits whenever all of it waits; what waited for the commit goes on
    /// at once.
    pub(super) async fn committing<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|context| {
            loop {
                if let Poll::Ready(done) = work.as_mut().poll(context) {
                    return Poll::Ready(done);
                }
                if !self.commit() {
                    return Poll::Pending;
                }
            }
        })
        .await
    }

    /// Makes everything recorded so far durable; says whether anything waited for it.
    pub(super) fn commit(&self) -> bool {
        if !self.job.journal.is_dirty() {
            return false;
        }
        match self.job.journal.commit() {
            Ok(()) => self.committed.set(self.seq.get()),
            Err(why) => self.broke(why),
        }
        let waited = self.committing.take();
        let did_wait = !waited.is_empty();
        waited.into_iter().for_each(Waker::wake);
        did_wait
    }

    /// Takes note that the journal cannot be trusted any more: nothing but disarms follows.
    pub(super) fn broke(&self, why: String) {
        self.broken.borrow_mut().get_or_insert(why);
        self.breaking.notify_one();
    }

    /// Waits until the journal cannot be trusted any more; says why.
    pub(super) async fn journal_breaks(&self) -> String {
        self.breaking.notified().await;
        self.broken.borrow().clone().unwrap_or_default()
    }

    /// Why the journal cannot be trusted any more.
    pub(super) fn journal_failure(&self) -> Option<Failure> {
        let broken = self.broken.borrow();
        let why = broken.as_ref()?;
        Some(Failure::new(ErrorClass::Refused, format!("the journal is broken: {why}")))
    }
}
