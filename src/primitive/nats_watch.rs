//! `nats_watch`: counts the messages on a subject, as a step for a while or as a watch.

use std::time::Duration;

use futures_util::future::{Either, select};

use crate::declaration::{Argument, Declaration, Effect, ErrorClass, Failure, Field, InDoubt, Kind, Need};
use crate::value::Value;
use crate::world::{Message, Subscription, Wait, World};

use super::{Arguments, Call, Primitive, decoded};

/// The primitive.
pub(super) struct NatsWatch;

pub(super) static DECLARATION: Declaration = Declaration {
    name: "nats_watch",
    about: "Counts the messages on a subject; confirmed live before anything that depends on it starts",
    arguments: &[
        Argument { name: "subject", kind: Kind::SubjectPattern, required: true, about: "the subject" },
        Argument {
            name: "for",
            kind: Kind::Duration,
            required: false,
            about: "as a step: how long to count, 1s where it is left out",
        },
    ],
    result: &[
        Field { name: "count", kind: Kind::Int, optional: false, about: "how many messages came" },
        Field {
            name: "last",
            kind: Kind::Any,
            optional: false,
            about: "the last one, decoded where it is JSON; null before the first",
        },
        Field { name: "rate", kind: Kind::Number, optional: false, about: "messages per second since it went live" },
    ],
    needs: &[Need::Nats],
    effect: Effect::Observes,
    errors: &[ErrorClass::Timeout, ErrorClass::Disconnected, ErrorClass::Denied],
    idempotent: true,
    timeout: Duration::from_secs(3_600),
    in_doubt: InDoubt::Repeat,
};

/// How long a step counts where no duration is given.
const DEFAULT_STAY: Duration = Duration::from_secs(1);

/// What was counted so far.
#[derive(Debug, Default)]
pub struct Counted {
    count: i64,
    last: Value,
    since: Duration,
}

impl Counted {
    /// Nothing counted yet by a subscription that is live since `now`.
    pub fn since(now: Duration) -> Self {
        Self { since: now, ..Self::default() }
    }

    /// Counts a message.
    pub fn add(&mut self, message: &Message) {
        self.count += 1;
        self.last = decoded(&message.payload);
    }

    /// `count`, `last` and `rate` as a guard reads them.
    pub fn values(&self, now: Duration) -> (Value, Value, Value) {
        let seconds = now.saturating_sub(self.since).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no exactness")]
        let rate = self.count as f64 / seconds.max(1.0);
        (Value::Int(self.count), self.last.clone(), Value::Float(rate))
    }
}

/// Subscribes; what it gives is confirmed by the server.
///
/// # Errors
/// `denied`, `timeout` or `disconnected` where the subscription cannot be confirmed.
pub async fn open(world: &dyn World, with: &Arguments) -> Result<Box<dyn Subscription>, Failure> {
    let subscription = world.bus().subscribe(with.text("subject")).await?;
    subscription.health()?;
    Ok(subscription)
}

impl Primitive for NatsWatch {
    fn declaration(&self) -> &'static Declaration {
        &DECLARATION
    }

    fn call<'a>(&'a self, call: Call<'a>) -> Wait<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let clock = call.world.clock();
            let mut subscription = open(call.world, call.with).await?;
            let end = clock.elapsed() + call.with.duration("for").unwrap_or(DEFAULT_STAY);
            let mut counted = Counted::since(clock.elapsed());
            loop {
                let rest = end.saturating_sub(clock.elapsed());
                match select(subscription.next(), clock.sleep(rest)).await {
                    Either::Left((Some(message), _)) => counted.add(&message),
                    Either::Left((None, _)) => {
                        return Err(Failure::new(ErrorClass::Disconnected, "the subscription ended"));
                    }
                    Either::Right(_) => break,
                }
            }
            subscription.health()?;
            let (count, last, rate) = counted.values(clock.elapsed());
            Ok(Value::map([("count", count), ("last", last), ("rate", rate)]))
        })
    }
}
