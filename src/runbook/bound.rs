//! How long a piece of work may take: the bound the engine keeps, and the rules reckon with.

use std::time::Duration;

use super::{ActionKind, Poll, Retry, Work};

/// The bound on an `until` without a `timeout`: a person looks after ten minutes at the latest.
const DEFAULT_POLL_BOUND: Duration = Duration::from_secs(600);

/// The bound on a script or a runbook used as an action, where the step names none.
pub const DEFAULT_COMPOSITE_BOUND: Duration = Duration::from_secs(3_600);

impl Work {
    /// The bound on all of it, attempts and waits included; `stay` is how long a `hold` must hold.
    pub fn bound(&self, stay: Duration) -> Duration {
        self.timeout.unwrap_or_else(|| self.retried(self.bound_once(stay)))
    }

    /// The bound on all attempts of something that takes this long once.
    pub fn retried(&self, once: Duration) -> Duration {
        let retry = self.retry.as_deref();
        retry.map_or(once, |retry| once * retry.attempts + retry.longest_waits())
    }

    fn bound_once(&self, stay: Duration) -> Duration {
        let once = match &self.action.kind {
            ActionKind::Primitive(declaration) => declaration.timeout,
            ActionKind::Runbook(_) | ActionKind::Script(_) => DEFAULT_COMPOSITE_BOUND,
        };
        match &self.poll {
            Poll::Once => once,
            Poll::Until { .. } => DEFAULT_POLL_BOUND,
            Poll::Hold { every, min_good, .. } => stay + *every * (*min_good + 1) + once,
        }
    }
}

impl Retry {
    /// The wait after an attempt, before jitter shortens it.
    pub fn wait_after(&self, attempt: u32) -> Duration {
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let grown = self.every.as_secs_f64() * self.backoff.powi(exponent);
        Duration::from_secs_f64(grown.min(self.max.as_secs_f64()).max(0.0))
    }

    /// All waits between attempts together, at their longest.
    pub fn longest_waits(&self) -> Duration {
        (1..self.attempts).map(|attempt| self.wait_after(attempt)).sum()
    }
}
