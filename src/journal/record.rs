//! What stands on disk: one record for each event, in types of its own.
//!
//! The live event types may change with the engine; these may not. A change of meaning is a new
//! [`RECORD_FORMAT`], and records of every earlier format stay readable.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::declaration::{Effect, Failure};
use crate::event::{Asked, Cause, EVENT_FORMAT, Ended, Ending, Event, Happened, Header, Phase, Status};

use super::stored_value::StoredValue;

/// The version of the records on disk.
pub const RECORD_FORMAT: u32 = 1;

/// One record.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    /// [`RECORD_FORMAT`].
    pub(super) v: u32,
    /// Its place in the run, from 0, without gaps.
    pub(super) seq: u64,
    /// The checksum of the record before it; 64 zeros before the first.
    pub(super) prev: String,
    /// Milliseconds since the run began.
    pub(super) at_ms: u64,
    /// What happened.
    pub(super) what: What,
}

/// The version alone, read before anything else is believed.
#[derive(Deserialize)]
pub(super) struct Version {
    pub(super) v: u32,
}

/// What can stand in a record.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum What {
    RunStarted(Box<StoredHeader>),
    LetComputed { name: Arc<str>, value: StoredValue },
    WatchLive { watch: Arc<str> },
    WatchEnded { watch: Arc<str>, breach: Option<Failure> },
    Started { phase: Phase, step: Arc<str>, action: Arc<str>, effect: Effect, attempt: u32, with: StoredValue },
    Retrying { phase: Phase, step: Arc<str>, failure: Failure, wait_ms: u64 },
    CallStarted { phase: Phase, step: Arc<str>, index: usize, primitive: Arc<str>, with: StoredValue },
    CallFinished { phase: Phase, step: Arc<str>, index: usize, out: StoredValue, failure: Option<Failure> },
    Finished { phase: Phase, step: Arc<str>, status: Status, failure: Option<Failure>, out: StoredValue, took_ms: u64 },
    Skipped { phase: Phase, step: Arc<str>, reason: String },
    Remembered { phase: Phase, step: Arc<str>, memory: StoredValue },
    Requested(Asked),
    Resumed { who: String, unix_ms: u64, cut_bytes: u64 },
    RollbackStarted { cause: Cause },
    RunEnded(Box<StoredEnded>),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredHeader {
    run: String,
    runbook: String,
    about: Option<Arc<str>>,
    target: String,
    simulated: bool,
    engine: String,
    started_unix_ms: u64,
    digests: BTreeMap<String, String>,
    sources: BTreeMap<String, Arc<str>>,
    file: String,
    target_file: String,
    folder: String,
    who: String,
    params: StoredValue,
    steps: Vec<Arc<str>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredEnded {
    ending: Ending,
    cause: Option<Cause>,
    needs_person: Vec<String>,
    outputs: StoredValue,
    took_ms: u64,
}

impl Record {
    /// The record of an event, chained to the one before it.
    pub(super) fn of(event: &Event, prev: String) -> Self {
        Self { v: RECORD_FORMAT, seq: event.seq, prev, at_ms: event.at_ms, what: What::of(&event.what) }
    }

    /// The event it is the record of.
    pub(super) fn into_event(self) -> Event {
        Event { v: EVENT_FORMAT, seq: self.seq, at_ms: self.at_ms, what: self.what.into_happened() }
    }
}

impl What {
    fn of(what: &Happened) -> Self {
        match what.clone() {
            Happened::RunStarted(header) => Self::RunStarted(Box::new(StoredHeader::of(*header))),
            Happened::LetComputed { name, value } => Self::LetComputed { name, value: StoredValue(value) },
            Happened::WatchLive { watch } => Self::WatchLive { watch },
            Happened::WatchEnded { watch, breach } => Self::WatchEnded { watch, breach },
            Happened::Started { phase, step, action, effect, attempt, with } => {
                Self::Started { phase, step, action, effect, attempt, with: StoredValue(with) }
            }
            Happened::Retrying { phase, step, failure, wait_ms } => Self::Retrying { phase, step, failure, wait_ms },
            Happened::CallStarted { phase, step, index, primitive, with } => {
                Self::CallStarted { phase, step, index, primitive, with: StoredValue(with) }
            }
            Happened::CallFinished { phase, step, index, out, failure } => {
                Self::CallFinished { phase, step, index, out: StoredValue(out), failure }
            }
            Happened::Finished { phase, step, status, failure, out, took_ms } => {
                Self::Finished { phase, step, status, failure, out: StoredValue(out), took_ms }
            }
            Happened::Skipped { phase, step, reason } => Self::Skipped { phase, step, reason },
            Happened::Remembered { phase, step, memory } => {
                Self::Remembered { phase, step, memory: StoredValue(memory) }
            }
            Happened::Requested(asked) => Self::Requested(asked),
            Happened::Resumed { who, unix_ms, cut_bytes } => Self::Resumed { who, unix_ms, cut_bytes },
            Happened::RollbackStarted { cause } => Self::RollbackStarted { cause },
            Happened::RunEnded(ended) => Self::RunEnded(Box::new(StoredEnded::of(*ended))),
        }
    }

    fn into_happened(self) -> Happened {
        match self {
            Self::RunStarted(header) => Happened::RunStarted(Box::new(header.into_header())),
            Self::LetComputed { name, value } => Happened::LetComputed { name, value: value.0 },
            Self::WatchLive { watch } => Happened::WatchLive { watch },
            Self::WatchEnded { watch, breach } => Happened::WatchEnded { watch, breach },
            Self::Started { phase, step, action, effect, attempt, with } => {
                Happened::Started { phase, step, action, effect, attempt, with: with.0 }
            }
            Self::Retrying { phase, step, failure, wait_ms } => Happened::Retrying { phase, step, failure, wait_ms },
            Self::CallStarted { phase, step, index, primitive, with } => {
                Happened::CallStarted { phase, step, index, primitive, with: with.0 }
            }
            Self::CallFinished { phase, step, index, out, failure } => {
                Happened::CallFinished { phase, step, index, out: out.0, failure }
            }
            Self::Finished { phase, step, status, failure, out, took_ms } => {
                Happened::Finished { phase, step, status, failure, out: out.0, took_ms }
            }
            Self::Skipped { phase, step, reason } => Happened::Skipped { phase, step, reason },
            Self::Remembered { phase, step, memory } => Happened::Remembered { phase, step, memory: memory.0 },
            Self::Requested(asked) => Happened::Requested(asked),
            Self::Resumed { who, unix_ms, cut_bytes } => Happened::Resumed { who, unix_ms, cut_bytes },
            Self::RollbackStarted { cause } => Happened::RollbackStarted { cause },
            Self::RunEnded(ended) => Happened::RunEnded(Box::new(ended.into_ended())),
        }
    }
}

impl StoredHeader {
    fn of(header: Header) -> Self {
        let Header { run, runbook, about, target, simulated, engine, started_unix_ms, digests, .. } = header;
        let Header { sources, file, target_file, folder, who, params, steps, .. } = header;
        let params = StoredValue(params);
        Self {
            run,
            runbook,
            about,
            target,
            simulated,
            engine,
            started_unix_ms,
            digests,
            sources,
            file,
            target_file,
            folder,
            who,
            params,
            steps,
        }
    }

    fn into_header(self) -> Header {
        let Self { run, runbook, about, target, simulated, engine, started_unix_ms, digests, .. } = self;
        let Self { sources, file, target_file, folder, who, params, steps, .. } = self;
        let params = params.0;
        Header {
            run,
            runbook,
            about,
            target,
            simulated,
            rehearsal: false,
            engine,
            started_unix_ms,
            digests,
            sources,
            file,
            target_file,
            folder,
            who,
            params,
            steps,
        }
    }
}

impl StoredEnded {
    fn of(ended: Ended) -> Self {
        let Ended { ending, cause, needs_person, outputs, took_ms } = ended;
        Self { ending, cause, needs_person, outputs: StoredValue(outputs), took_ms }
    }

    fn into_ended(self) -> Ended {
        let Self { ending, cause, needs_person, outputs, took_ms } = self;
        Ended { ending, cause, needs_person, outputs: outputs.0, took_ms }
    }
}
