//! What stands on disk: one record for each event, in types of its own.
//!
//! The live event types may change with the engine; these may not. A change of meaning is a new
//! [`RECORD_FORMAT`], and records of every earlier format stay readable.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::declaration::{Effect, Failure};
use crate::event::{Asked, Cause, EVENT_FORMAT, Ended, Ending, Event, Happened, Header, Phase, Running, Status};

use super::stored_value::{Shared, StoredValue};
use super::tagged;

/// The version of the records on disk.
pub const RECORD_FORMAT: u32 = 1;

/// One record, as it is read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record<'a> {
    /// [`RECORD_FORMAT`].
    pub(super) v: u32,
    /// Its place in the run, from 0, without gaps.
    pub(super) seq: u64,
    /// The checksum of the record before it; 64 zeros before the first.
    #[serde(borrow)]
    pub(super) prev: Cow<'a, str>,
    /// Milliseconds since the run began.
    pub(super) at_ms: u64,
    /// What happened.
    #[serde(deserialize_with = "tagged::read")]
    pub(super) what: What,
}

/// The version alone, read before anything else is believed.
#[derive(Deserialize)]
pub(super) struct Version {
    pub(super) v: u32,
}

/// What can stand in a record; `written` has its twin.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum What {
    RunStarted(Box<StoredHeader>),
    LetComputed { name: Shared, value: StoredValue },
    WatchLive { watch: Shared },
    WatchEnded { watch: Shared, breach: Option<Failure> },
    Started { phase: Phase, step: Shared, action: Shared, effect: Effect, attempt: u32, with: StoredValue },
    Retrying { phase: Phase, step: Shared, failure: Failure, wait_ms: u64 },
    CallStarted { phase: Phase, step: Shared, index: usize, primitive: Shared, with: StoredValue },
    CallFinished { phase: Phase, step: Shared, index: usize, out: StoredValue, failure: Option<Failure> },
    Finished { phase: Phase, step: Shared, status: Status, failure: Option<Failure>, out: StoredValue, took_ms: u64 },
    Skipped { phase: Phase, step: Shared, reason: String },
    Remembered { phase: Phase, step: Shared, memory: StoredValue },
    GateClosing { step: Shared, gate: Shared },
    GateClosed { step: Shared, gate: Shared, failure: Option<Failure> },
    LookedAgain { phase: Phase, step: Shared, failure: Option<Failure> },
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
    limit: Option<Running>,
}

impl Record<'_> {
    /// The event it is the record of.
    pub(super) fn into_event(self) -> Event {
        Event { v: EVENT_FORMAT, seq: self.seq, at_ms: self.at_ms, what: self.what.into_happened() }
    }
}

impl What {
    fn into_happened(self) -> Happened {
        match self {
            Self::RunStarted(header) => Happened::RunStarted(Box::new(header.into_header())),
            Self::LetComputed { name, value } => Happened::LetComputed { name: name.0, value: value.0 },
            Self::WatchLive { watch } => Happened::WatchLive { watch: watch.0 },
            Self::WatchEnded { watch, breach } => Happened::WatchEnded { watch: watch.0, breach },
            Self::Started { phase, step, action, effect, attempt, with } => {
                Happened::Started { phase, step: step.0, action: action.0, effect, attempt, with: with.0 }
            }
            Self::Retrying { phase, step, failure, wait_ms } => {
                Happened::Retrying { phase, step: step.0, failure, wait_ms }
            }
            Self::CallStarted { phase, step, index, primitive, with } => {
                Happened::CallStarted { phase, step: step.0, index, primitive: primitive.0, with: with.0 }
            }
            Self::CallFinished { phase, step, index, out, failure } => {
                Happened::CallFinished { phase, step: step.0, index, out: out.0, failure }
            }
            Self::Finished { phase, step, status, failure, out, took_ms } => {
                Happened::Finished { phase, step: step.0, status, failure, out: out.0, took_ms }
            }
            Self::Skipped { phase, step, reason } => Happened::Skipped { phase, step: step.0, reason },
            Self::Remembered { phase, step, memory } => Happened::Remembered { phase, step: step.0, memory: memory.0 },
            Self::GateClosing { step, gate } => Happened::GateClosing { step: step.0, gate: gate.0 },
            Self::GateClosed { step, gate, failure } => Happened::GateClosed { step: step.0, gate: gate.0, failure },
            Self::LookedAgain { phase, step, failure } => Happened::LookedAgain { phase, step: step.0, failure },
            Self::Requested(asked) => Happened::Requested(asked),
            Self::Resumed { who, unix_ms, cut_bytes } => Happened::Resumed { who, unix_ms, cut_bytes },
            Self::RollbackStarted { cause } => Happened::RollbackStarted { cause },
            Self::RunEnded(ended) => Happened::RunEnded(Box::new(ended.into_ended())),
        }
    }
}

impl StoredHeader {
    pub(super) fn of(header: Header) -> Self {
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
    pub(super) fn of(ended: Ended) -> Self {
        let Ended { ending, cause, needs_person, outputs, took_ms, limit } = ended;
        Self { ending, cause, needs_person, outputs: StoredValue(outputs), took_ms, limit }
    }

    fn into_ended(self) -> Ended {
        let Self { ending, cause, needs_person, outputs, took_ms, limit } = self;
        Ended { ending, cause, needs_person, outputs: outputs.0, took_ms, limit }
    }
}
