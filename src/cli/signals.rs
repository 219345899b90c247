//! Operator signals: Ctrl-C once rolls back, twice leaves only disarms; SIGTERM suspends at the
//! next safe point; a closed terminal never kills a run.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::engine::Signals;
use crate::event::{Asked, Request};
use crate::live::user;

/// The signals a run listens to, taken from the process's defaults before anything has an effect.
pub(super) struct Listening {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    sender: watch::Sender<Signals>,
}

impl Listening {
    /// Takes the signals over, with what was asked for already; must be called inside a runtime.
    pub(super) fn new(asked: Vec<Asked>) -> Result<(Self, watch::Receiver<Signals>), String> {
        let take = |kind| signal(kind).map_err(|error| format!("signals cannot be handled: {error}"));
        let (sender, receiver) = watch::channel(Signals { asked });
        let listening = Self {
            interrupt: take(SignalKind::interrupt())?,
            terminate: take(SignalKind::terminate())?,
            hang_up: take(SignalKind::hangup())?,
            sender,
        };
        Ok((listening, receiver))
    }

    fn ask(&self, request: Request, why: &str) {
        let asked = Asked { request, who: user(), why: why.to_owned() };
        self.sender.send_modify(|signals| signals.asked.push(asked));
    }

    /// Where requests go that come from elsewhere.
    pub(super) fn sender(&self) -> watch::Sender<Signals> {
        self.sender.clone()
    }

    /// Passes signals on to the run; never ends.
    pub(super) async fn pass_on(mut self) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => self.ask(Request::Abort, "Ctrl-C"),
                _ = self.terminate.recv() => self.ask(Request::Pause, "SIGTERM"),
                _ = self.hang_up.recv() => {}
            }
        }
    }
}
