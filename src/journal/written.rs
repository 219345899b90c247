//! How a record is written: the twin of `record`, which borrows what it writes.

use serde::Serialize;

use crate::declaration::{Effect, Failure};
use crate::event::{Asked, Cause, Event, Happened, Phase, Status};

use super::record::{RECORD_FORMAT, StoredEnded, StoredHeader};
use super::stored_value::Borrowed;

/// One record, as it is written.
#[derive(Serialize)]
pub(super) struct Written<'a> {
    v: u32,
    seq: u64,
    prev: &'a str,
    at_ms: u64,
    what: What<'a>,
}

impl<'a> Written<'a> {
    /// The record of an event, chained to the one before it.
    pub(super) fn of(event: &'a Event, prev: &'a str) -> Self {
        Self { v: RECORD_FORMAT, seq: event.seq, prev, at_ms: event.at_ms, what: What::of(&event.what) }
    }
}

/// What can stand in a record; the tag is its first entry, which is how it is read.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum What<'a> {
    RunStarted(Box<StoredHeader>),
    LetComputed {
        name: &'a str,
        value: Borrowed<'a>,
    },
    WatchLive {
        watch: &'a str,
    },
    WatchEnded {
        watch: &'a str,
        breach: &'a Option<Failure>,
    },
    Started {
        phase: Phase,
        step: &'a str,
        action: &'a str,
        effect: Effect,
        attempt: u32,
        with: Borrowed<'a>,
    },
    Retrying {
        phase: Phase,
        step: &'a str,
        failure: &'a Failure,
        wait_ms: u64,
    },
    CallStarted {
        phase: Phase,
        step: &'a str,
        index: usize,
        primitive: &'a str,
        with: Borrowed<'a>,
    },
    CallFinished {
        phase: Phase,
        step: &'a str,
        index: usize,
        out: Borrowed<'a>,
        failure: &'a Option<Failure>,
    },
    Finished {
        phase: Phase,
        step: &'a str,
        status: Status,
        failure: &'a Option<Failure>,
        out: Borrowed<'a>,
        took_ms: u64,
    },
    Skipped {
        phase: Phase,
        step: &'a str,
        reason: &'a str,
    },
    Remembered {
        phase: Phase,
        step: &'a str,
        memory: Borrowed<'a>,
    },
    GateClosing {
        step: &'a str,
        gate: &'a str,
    },
    GateClosed {
        step: &'a str,
        gate: &'a str,
        failure: &'a Option<Failure>,
    },
    LookedAgain {
        phase: Phase,
        step: &'a str,
        failure: &'a Option<Failure>,
    },
    Requested(&'a Asked),
    Resumed {
        who: &'a str,
        unix_ms: u64,
        cut_bytes: u64,
    },
    RollbackStarted {
        cause: &'a Cause,
    },
    RunEnded(Box<StoredEnded>),
}

impl<'a> What<'a> {
    fn of(what: &'a Happened) -> Self {
        match what {
            Happened::RunStarted(header) => Self::RunStarted(Box::new(StoredHeader::of((**header).clone()))),
            Happened::LetComputed { name, value } => Self::LetComputed { name, value: Borrowed(value) },
            Happened::WatchLive { watch } => Self::WatchLive { watch },
            Happened::WatchEnded { watch, breach } => Self::WatchEnded { watch, breach },
            Happened::Started { phase, step, action, effect, attempt, with } => {
                let (phase, effect, attempt, with) = (*phase, *effect, *attempt, Borrowed(with));
                Self::Started { phase, step, action, effect, attempt, with }
            }
            Happened::Retrying { phase, step, failure, wait_ms } => {
                Self::Retrying { phase: *phase, step, failure, wait_ms: *wait_ms }
            }
            Happened::CallStarted { phase, step, index, primitive, with } => {
                Self::CallStarted { phase: *phase, step, index: *index, primitive, with: Borrowed(with) }
            }
            Happened::CallFinished { phase, step, index, out, failure } => {
                Self::CallFinished { phase: *phase, step, index: *index, out: Borrowed(out), failure }
            }
            Happened::Finished { phase, step, status, failure, out, took_ms } => {
                let (phase, status, out, took_ms) = (*phase, *status, Borrowed(out), *took_ms);
                Self::Finished { phase, step, status, failure, out, took_ms }
            }
            Happened::Skipped { phase, step, reason } => Self::Skipped { phase: *phase, step, reason },
            Happened::Remembered { phase, step, memory } => {
                Self::Remembered { phase: *phase, step, memory: Borrowed(memory) }
            }
            Happened::GateClosing { step, gate } => Self::GateClosing { step, gate },
            Happened::GateClosed { step, gate, failure } => Self::GateClosed { step, gate, failure },
            Happened::LookedAgain { phase, step, failure } => Self::LookedAgain { phase: *phase, step, failure },
            Happened::Requested(asked) => Self::Requested(asked),
            Happened::Resumed { who, unix_ms, cut_bytes } => {
                Self::Resumed { who, unix_ms: *unix_ms, cut_bytes: *cut_bytes }
            }
            Happened::RollbackStarted { cause } => Self::RollbackStarted { cause },
            Happened::RunEnded(ended) => Self::RunEnded(Box::new(StoredEnded::of((**ended).clone()))),
        }
    }
}
