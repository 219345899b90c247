//! What a primitive may know of the record: it keeps memories, and hears approvers.

use std::sync::Arc;

use crate::approval::Signed;
use crate::declaration::{Declaration, Effect, Failure};
use crate::event::{Happened, Phase};
use crate::policy::sha256_hex;
use crate::primitive::{Bound, Record};
use crate::value::Value;
use crate::world::Wait;

use super::perform::Task;
use super::{Begun, Run};

/// The record of a run, as one step's primitive sees it.
pub(super) struct Recorder<'a> {
    run: &'a Run<'a>,
    phase: Phase,
    path: &'a Arc<str>,
    effect: Effect,
    /// The work that is done, where there is one.
    begun: Option<&'a Begun>,
    /// Whether memories are kept.
    keeps: bool,
}

impl<'a> Recorder<'a> {
    pub(super) fn of(run: &'a Run<'_>, task: &'a Task<'_>, declaration: &Declaration) -> Self {
        let Begun { path, .. } = task.begun;
        Self { begun: Some(task.begun), ..Self::at(run, task.phase, path, declaration) }
    }

    pub(super) fn at(run: &'a Run<'_>, phase: Phase, path: &'a Arc<str>, declaration: &Declaration) -> Self {
        Self { run, phase, path, effect: declaration.effect, begun: None, keeps: true }
    }

    /// The same, which keeps no memories.
    pub(super) fn unrecorded(self) -> Self {
        Self { keeps: false, ..self }
    }
}

impl Record for Recorder<'_> {
    fn bound(&self) -> Bound {
        let job = &self.run.job;
        let header = serde_json::to_vec(&job.header).unwrap_or_default();
        let earlier = self.run.past.borrow().resumed_by.clone();
        let resumed_by = earlier.into_iter().chain(job.past.iter().map(|past| past.who.clone()));
        Bound {
            run: job.header.run.clone(),
            requesters: std::iter::once(job.header.who.clone()).chain(resumed_by).collect(),
            header: sha256_hex(&header),
            head: job.journal.head(),
        }
    }

    fn decision(&self, heard: usize) -> Wait<'_, (usize, Signed)> {
        Box::pin(async move {
            let mut signals = self.run.job.signals.clone();
            loop {
                let found = signals.borrow_and_update().decision(self.path, heard);
                if let Some(found) = found {
                    return found;
                }
                if signals.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        })
    }

    fn remember<'a>(&'a self, memory: &Value) -> Wait<'a, Result<(), Failure>> {
        if !self.keeps {
            return Box::pin(async { Ok(()) });
        }
        self.begun.into_iter().for_each(|begun| drop(begun.memory.replace(Some(memory.clone()))));
        let (phase, step, memory) = (self.phase, Arc::clone(self.path), memory.clone());
        let recorded = self.run.record(Happened::Remembered { phase, step, memory });
        Box::pin(async move {
            match self.effect {
                Effect::Changes => recorded.and(self.run.durable().await),
                Effect::Observes | Effect::Asks => Ok(()),
            }
        })
    }
}
