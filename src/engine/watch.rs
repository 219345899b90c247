//! Watches: live before their `from` step starts, and acting at once on a breach.

use std::rc::Rc;

use futures_util::StreamExt;
use futures_util::future::{Either, FutureExt, select};
use futures_util::stream::FuturesUnordered;
use tokio::sync::Notify;

use crate::declaration::{Declaration, Effect, ErrorClass, Failure, OBSERVES};
use crate::event::{Cause, Happened};
use crate::primitive::nats_watch::{Counted, open};
use crate::primitive::{Arguments, Call, Forgetful, Memory};
use crate::runbook::{ActionKind, OnFailure, Watch};
use crate::value::Value;
use crate::world::{Subscription, Wait};

use super::resume::PastWatch;
use super::run::Stop;
use super::sampler::steady;
use super::{Frame, Run};

/// The name of the primitive that subscribes rather than samples.
const SUBSCRIBES: &str = "nats_watch";

/// A live watch, and the way to end it.
pub(super) struct Live {
    /// The watch's index.
    pub(super) watch: usize,
    /// Told when its `to` step has ended.
    pub(super) closing: Rc<Notify>,
}

/// How a watch ended: without a breach where `breach` is `None`.
pub(super) struct WatchEnd {
    pub(super) watch: usize,
    pub(super) breach: Option<Failure>,
}

impl<'r> Run<'r> {
    /// Opens every watch that must be live before a step starts.
    pub(super) async fn open_watches<'a>(
        &'a self,
        frame: &'a Rc<Frame>,
        step: usize,
        opened: &mut [bool],
        live: &mut Vec<Live>,
        watching: &mut FuturesUnordered<Wait<'a, WatchEnd>>,
    ) -> Result<(), Stop> {
        for (at, watch) in frame.runbook.watches.iter().enumerate() {
            let Some(slot) = opened.get_mut(at).filter(|slot| watch.from == step && !**slot) else {
                continue;
            };
            *slot = true;
            match self.past_watch(frame, at) {
                PastWatch::None => {}
                PastWatch::Over => continue,
                PastWatch::Gap(end) => {
                    breached(frame, &end)?;
                    continue;
                }
            }
            match self.open_watch(frame, at).await {
                Ok((handle, looking)) => {
                    live.push(handle);
                    watching.push(looking);
                }
                Err(failure) => {
                    let failure = self.clean(failure);
                    return Err(Stop::Rollback(Cause::Breach { watch: watch.id.shared(), failure }));
                }
            }
        }
        Ok(())
    }

    /// Ends the watches whose `to` step has ended, or all of them, and hears their last word.
    pub(super) async fn close_watches(
        &self,
        frame: &Rc<Frame>,
        step: Option<usize>,
        live: &mut Vec<Live>,
        watching: &mut FuturesUnordered<Wait<'_, WatchEnd>>,
    ) -> Result<(), Stop> {
        let is_over = |handle: &Live| {
            let to = frame.runbook.watches.get(handle.watch).and_then(|watch| watch.to);
            step.is_none() || to == step
        };
        let mut open = live.iter().filter(|handle| is_over(handle)).count();
        live.iter().filter(|handle| is_over(handle)).for_each(|handle| handle.closing.notify_one());
        live.retain(|handle| !is_over(handle));
        while open > 0 {
            let Some(end) = watching.next().await else {
                break;
            };
            open -= 1;
            breached(frame, &end)?;
        }
        Ok(())
    }

    /// Opens a watch; when this returns it is confirmed live, and the future it gives looks on.
    pub(super) async fn open_watch<'a>(
        &'a self,
        frame: &'a Rc<Frame>,
        at: usize,
    ) -> Result<(Live, Wait<'a, WatchEnd>), Failure> {
        let Some(watch) = frame.runbook.watches.get(at) else {
            return Err(Failure::new(ErrorClass::Refused, "there is no such watch"));
        };
        let closing = Rc::new(Notify::new());
        let with = self.watch_arguments(frame, watch)?;
        let declaration = match &watch.work.action.kind {
            ActionKind::Primitive(one) if one.effect_where(with.get(OBSERVES.name)) == Effect::Observes => one,
            _ => return Err(Failure::new(ErrorClass::Refused, "a watch needs a primitive that observes")),
        };
        let arguments = Arguments::check(declaration, &with)?;
        let eye = Eye {
            run: self,
            frame,
            watch,
            at,
            declaration,
            with: arguments,
            memory: Memory::default(),
            closing: Rc::clone(&closing),
        };
        let looking: Wait<'a, WatchEnd> = if declaration.name == SUBSCRIBES {
            let subscription = open(self.job.world, &eye.with).await?;
            Box::pin(eye.listen(subscription))
        } else {
            eye.sample().await?;
            Box::pin(eye.sampling())
        };
        self.note(Happened::WatchLive { watch: frame.watch_path(at) });
        Ok((Live { watch: at, closing }, looking))
    }

    fn watch_arguments(&self, frame: &Rc<Frame>, watch: &Watch) -> Result<Value, Failure> {
        let mut names = frame.names.borrow_mut();
        let filled = self.job.guards.fill(&watch.work.action.with, &mut names, &[]);
        filled.map_err(|error| Failure::new(ErrorClass::Refused, error.to_string()))
    }
}

/// One watch looking on.
struct Eye<'a, 'r> {
    run: &'a Run<'r>,
    frame: &'a Rc<Frame>,
    watch: &'a Watch,
    at: usize,
    declaration: &'static Declaration,
    with: Arguments,
    memory: Memory,
    closing: Rc<Notify>,
}

impl Eye<'_, '_> {
    /// Counts messages until a breach or the end; an unhealthy subscription proves nothing, so it
    /// is a breach as well.
    async fn listen(self, mut subscription: Box<dyn Subscription>) -> WatchEnd {
        let mut counted = Counted::since(self.run.now());
        loop {
            let closed = {
                let closing = Box::pin(self.closing.notified());
                match select(subscription.next(), closing).await {
                    Either::Left((Some(message), _)) => {
                        counted.add(&message);
                        false
                    }
                    Either::Left((None, _)) | Either::Right(_) => true,
                }
            };
            if closed {
                while let Some(Some(message)) = subscription.next().now_or_never() {
                    counted.add(&message);
                }
            }
            let breach = self.judge_count(&counted);
            if breach.is_some() || closed {
                return self.end(breach.or_else(|| subscription.health().err()));
            }
        }
    }

    fn judge_count(&self, counted: &Counted) -> Option<Failure> {
        let (count, last, rate) = counted.values(self.run.now());
        self.judge(&[("count", &count), ("last", &last), ("rate", &rate)])
    }

    fn judge(&self, locals: &[(&str, &Value)]) -> Option<Failure> {
        let guard = &self.watch.breach_when;
        let mut names = self.frame.names.borrow_mut();
        match self.run.job.guards.truth(guard, &mut names, locals) {
            Ok(false) => None,
            Ok(true) => {
                let seen: Vec<_> = locals.iter().map(|(name, value)| format!("{name} = {value}")).collect();
                let message = format!("`breach_when: {}` is true; {}", guard.text(), seen.join(", "));
                Some(Failure::new(ErrorClass::Breach, message))
            }
            Err(error) => Some(Failure::new(ErrorClass::Malformed, error.to_string())),
        }
    }

    /// Samples every `every`; a sample that tells nothing is not good, and the last one must be good.
    async fn sampling(self) -> WatchEnd {
        loop {
            let closed = {
                let pause = self.run.job.world.clock().sleep(self.watch.every);
                matches!(select(pause, Box::pin(self.closing.notified())).await, Either::Right(_))
            };
            let breach = match steady(&self.memory, self.sample()).await {
                Ok(out) => self.judge(&[("out", &out)]),
                Err(failure) if failure.class.is_inconclusive() && !closed => None,
                Err(failure) => Some(failure),
            };
            if breach.is_some() || closed {
                return self.end(breach);
            }
        }
    }

    async fn sample(&self) -> Result<Value, Failure> {
        let id = self.watch.id.shared();
        let call = Call {
            step: self.watch.id.as_str(),
            with: &self.with,
            world: self.run.job.world,
            target: self.run.job.target,
            bound: self.declaration.timeout,
            memory: &self.memory,
            record: &Forgetful,
            progress: &|text| self.run.progress(&id, text),
        };
        self.run.call(self.declaration, call).await
    }

    fn end(&self, breach: Option<Failure>) -> WatchEnd {
        let watch = self.frame.watch_path(self.at);
        let breach = breach.map(|failure| self.run.clean(failure));
        self.run.note(Happened::WatchEnded { watch, breach: breach.clone() });
        WatchEnd { watch: self.at, breach }
    }
}

/// What a watch's end means for its frame.
pub(super) fn breached(frame: &Frame, end: &WatchEnd) -> Result<(), Stop> {
    let (Some(watch), Some(failure)) = (frame.runbook.watches.get(end.watch), &end.breach) else {
        return Ok(());
    };
    let cause = |watch| Cause::Breach { watch, failure: failure.clone() };
    match watch.on_breach {
        OnFailure::Rollback => Err(Stop::Rollback(cause(watch.id.shared()))),
        OnFailure::Continue => Ok(()),
        OnFailure::Pause => {
            frame.held.borrow_mut().breach.get_or_insert(cause(frame.watch_path(end.watch)));
            Ok(())
        }
    }
}
