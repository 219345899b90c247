//! `nats_req`: asks on a subject and gives the reply, or the replies of all replicas.

use std::time::Duration;

use crate::declaration::{Argument, Declaration, Effect, ErrorClass, Failure, Field, InDoubt, Kind, Need};
use crate::value::{Value, as_duration};
use crate::world::{Gather, Message, Wait};

use super::{Call, Primitive, decoded, is_publish_ack, payload};

/// The primitive.
pub(super) struct NatsReq;

pub(super) static DECLARATION: Declaration = Declaration {
    name: "nats_req",
    about: "Sends a request and gives the reply; with `replies`, gathers those of all replicas",
    arguments: &[
        Argument { name: "subject", kind: Kind::Subject, required: true, about: "the subject" },
        Argument {
            name: "payload",
            kind: Kind::Any,
            required: false,
            about: "a text, or a value sent as JSON; empty where it is left out",
        },
        Argument {
            name: "replies",
            kind: Kind::Record(REPLIES),
            required: false,
            about: "`expect`: how many; `window`: how long to gather; `distinct`, `agree`: fields that must differ, or be equal",
        },
    ],
    result: &[
        Field { name: "reply", kind: Kind::Any, optional: false, about: "the first reply, decoded where it is JSON" },
        Field { name: "replies", kind: Kind::List, optional: false, about: "every reply" },
    ],
    needs: &[Need::Nats],
    effect: Effect::Observes,
    errors: &[
        ErrorClass::Timeout,
        ErrorClass::NoResponders,
        ErrorClass::Disconnected,
        ErrorClass::Denied,
        ErrorClass::Malformed,
        ErrorClass::Mismatch,
    ],
    idempotent: true,
    timeout: Duration::from_secs(5),
    in_doubt: InDoubt::Repeat,
};

/// What is asked of the replies of all replicas.
const REPLIES: &[Argument] = &[
    Argument { name: "expect", kind: Kind::Count, required: false, about: "how many must come" },
    Argument { name: "window", kind: Kind::Duration, required: false, about: "how long to gather; `1s` by default" },
    Argument { name: "distinct", kind: Kind::Text, required: false, about: "the field that must differ" },
    Argument { name: "agree", kind: Kind::Text, required: false, about: "the field that must be equal" },
];

/// How long replies of replicas are gathered where no window is given.
const DEFAULT_WINDOW: Duration = Duration::from_secs(1);

impl Primitive for NatsReq {
    fn declaration(&self) -> &'static Declaration {
        &DECLARATION
    }

    fn call<'a>(&'a self, call: Call<'a>) -> Wait<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let message = Message {
                subject: call.with.text("subject").to_owned(),
                payload: payload(call.with.get("payload"))?,
                ..Message::default()
            };
            let wanted = call.with.get("replies");
            let gather = match wanted {
                None => Gather::First(call.bound),
                Some(wanted) => {
                    let window = wanted.get("window").and_then(as_duration).unwrap_or(DEFAULT_WINDOW);
                    Gather::Window(window.min(call.bound))
                }
            };
            let replies = call.world.bus().request(&message, gather).await?;
            let replies: Vec<_> = replies.iter().map(|reply| decoded(&reply.payload)).collect();
            judge(&replies, wanted)?;
            let first = replies.first().cloned().unwrap_or_default();
            Ok(Value::map([("reply", first), ("replies", Value::list(replies))]))
        })
    }
}

/// Holds the replies against what was asked for; a stream's acknowledgement is never a reply.
fn judge(replies: &[Value], wanted: Option<&Value>) -> Result<(), Failure> {
    if replies.iter().any(is_publish_ack) {
        let message = "a stream captures this subject and acknowledged the request; no service answered with that";
        return Err(Failure::new(ErrorClass::Malformed, message));
    }
    let Some(wanted) = wanted else {
        return Ok(());
    };
    if let Some(Value::Int(expected)) = wanted.get("expect")
        && i64::try_from(replies.len()) != Ok(*expected)
    {
        let message = format!("{} replies came, {expected} were expected", replies.len());
        return Err(Failure::new(ErrorClass::Mismatch, message));
    }
    if let Some(field) = wanted.get("agree").and_then(Value::as_text) {
        let values = fields(replies, field)?;
        if values.windows(2).any(|pair| pair.first() != pair.last()) {
            return Err(Failure::new(ErrorClass::Mismatch, format!("the replies do not agree on `{field}`")));
        }
    }
    if let Some(field) = wanted.get("distinct").and_then(Value::as_text) {
        let values = fields(replies, field)?;
        let is_twice = |at: usize, value: &&Value| values.iter().skip(at + 1).any(|other| other == value);
        if values.iter().enumerate().any(|(at, value)| is_twice(at, value)) {
            return Err(Failure::new(ErrorClass::Mismatch, format!("two replies have the same `{field}`")));
        }
    }
    Ok(())
}

fn fields<'a>(replies: &'a [Value], field: &str) -> Result<Vec<&'a Value>, Failure> {
    let found: Option<Vec<_>> = replies.iter().map(|reply| reply.get(field)).collect();
    found.ok_or_else(|| Failure::new(ErrorClass::Malformed, format!("a reply has no `{field}`")))
}
