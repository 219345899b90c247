//! What a stressed reader wants of a run that has ended: its gates, and what to type next.

use std::time::{Duration, UNIX_EPOCH};

use crate::event::{Cause, Ended, Ending, Running};
use crate::visible::visible;

use super::known::{ARMED, DISARMED, Known};
use super::undone::Undone;
use super::words::clock;

/// A run that has ended, and what is known of it.
pub(super) struct LastPage<'a> {
    pub(super) ended: &'a Ended,
    /// Its id, where it can be resumed.
    pub(super) run: Option<&'a str>,
    /// When it began, in milliseconds since 1970.
    pub(super) started_unix_ms: u64,
    /// The file of its target, where that is a real one.
    pub(super) target: Option<&'a str>,
    pub(super) known: &'a Known,
    pub(super) undone: &'a Undone,
}

impl LastPage<'_> {
    /// Each gate's state, how it is known, and what closes it where it may be open.
    pub(super) fn gates(&self) -> Vec<String> {
        let line = |(gate, seen, at_ms): (&str, &str, u64)| {
            let (gate, at) = (visible(gate), clock(at_ms));
            let command = self.target.map(|target| format!("; `titan-run disarm {gate} --target {target}` closes it"));
            let closes = command.unwrap_or_default();
            match seen {
                DISARMED => format!("gate {gate} is DISARMED (seen at {at})"),
                ARMED => format!("GATE {gate} IS ARMED (seen at {at}){closes}"),
                _ => format!("GATE {gate} IS UNKNOWN (nothing has shown it since {at}){closes}"),
            }
        };
        self.known.gates().map(line).collect()
    }

    /// What stands, and what to type next.
    pub(super) fn next(&self) -> Option<String> {
        let again = match &self.ended.cause {
            Some(Cause::Operator { .. }) => "run it again when it is time",
            _ => "mend the cause and run it again",
        };
        match (self.ended.ending, self.run) {
            (Ending::Succeeded, _) => None,
            (Ending::RolledBack, _) => Some(format!("{}; {again}", self.undone.after_rollback(self.disarmed()))),
            (Ending::Refused, _) => Some(format!("nothing was changed; {again}")),
            (Ending::Stuck, None) => Some("do what a person is needed for".to_owned()),
            (Ending::Stuck, Some(run)) => Some(format!(
                "do what a person is needed for, then `titan-run resume {run}` tries again what failed; `titan-run disarm GATE --target {}` closes a gate at any time",
                self.target.unwrap_or("FILE")
            )),
            (Ending::Paused, None) => Some(format!("mend the cause; {}", self.undone.so_far())),
            (Ending::Paused, Some(run)) => Some(format!(
                "`titan-run resume {run}` {}{}, `titan-run abort {run}` rolls back; {}",
                self.resumed(),
                self.until(),
                self.undone.so_far()
            )),
        }
    }

    /// What a paused run goes on with.
    fn resumed(&self) -> String {
        match &self.ended.cause {
            Some(Cause::Step { step, .. }) => format!("does `{step}` again"),
            _ => "goes on".to_owned(),
        }
    }

    /// Until when, where a limit runs on: a person may come back after it.
    fn until(&self) -> String {
        let Some(Running { limit, passes_ms }) = &self.ended.limit else {
            return String::new();
        };
        let passes = UNIX_EPOCH + Duration::from_millis(self.started_unix_ms.saturating_add(*passes_ms));
        let passes = humantime::format_rfc3339_seconds(passes);
        format!(" until {passes}, when limit `{limit}` passes and it rolls back instead")
    }

    /// The gates that were last seen closed.
    fn disarmed(&self) -> impl Iterator<Item = &str> {
        self.known.gates().filter(|(_, seen, _)| *seen == DISARMED).map(|(gate, ..)| gate)
    }
}
