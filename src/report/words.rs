//! How steps, gates and times are written.

use std::sync::Arc;

use crate::event::Phase;

/// A step with the part of the run it belongs to.
pub(super) fn named(phase: Phase, step: &str) -> String {
    match phase {
        Phase::Forward => step.to_owned(),
        Phase::Undo => format!("undo {step}"),
        Phase::Ensure => format!("ensure {step}"),
    }
}

/// What is done where the engine closes a gate itself.
pub(super) fn closing(gate: &str) -> Arc<str> {
    Arc::from(format!("close {gate}"))
}

/// Minutes, seconds and tenths.
pub(super) fn clock(ms: u64) -> String {
    format!("{}:{:02}.{}", ms / 60_000, ms / 1_000 % 60, ms / 100 % 10)
}
