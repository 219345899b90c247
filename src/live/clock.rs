//! Real time, and randomness for jitter.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, UNIX_EPOCH};

use tokio::time::Instant;

use crate::world::{Clock, Wait};

/// The machine's clocks.
pub(super) struct LiveClock {
    began: Instant,
    before: Duration,
    drawn: Cell<u64>,
    keys: RandomState,
}

impl LiveClock {
    /// The clock of a run that began `before` now.
    pub(super) fn new(before: Duration) -> Self {
        Self { began: Instant::now(), before, drawn: Cell::new(0), keys: RandomState::new() }
    }
}

impl Clock for LiveClock {
    fn elapsed(&self) -> Duration {
        self.before + self.began.elapsed()
    }

    fn unix_ms(&self) -> u64 {
        now_unix_ms()
    }

    fn sleep(&self, how_long: Duration) -> Wait<'_, ()> {
        Box::pin(tokio::time::sleep(how_long))
    }

    /// The keyed hash of a counter; the keys come from the operating system. Good for jitter and
    /// ids, not for secrets.
    fn random(&self) -> u64 {
        self.drawn.set(self.drawn.get().wrapping_add(1));
        self.keys.hash_one(self.drawn.get())
    }
}

/// Milliseconds since the Unix epoch.
#[expect(clippy::disallowed_types, reason = "this is where the real world's wall clock is read")]
pub(crate) fn now_unix_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
