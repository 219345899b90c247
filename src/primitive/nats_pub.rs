//! `nats_pub`: publishes one message, proved to have reached the server.

use std::time::Duration;

use crate::declaration::{Argument, Declaration, Effect, ErrorClass, Failure, InDoubt, Kind, Need};
use crate::value::Value;
use crate::world::{Message, Wait};

use super::{Call, Primitive, payload};

/// The primitive.
pub(super) struct NatsPub;

pub(super) static DECLARATION: Declaration = Declaration {
    name: "nats_pub",
    about: "Publishes a message and proves by a round trip that the server took it",
    arguments: &[
        Argument { name: "subject", kind: Kind::Subject, required: true, about: "the subject" },
        Argument { name: "payload", kind: Kind::Any, required: true, about: "a text, or a value sent as JSON" },
        Argument { name: "headers", kind: Kind::Map, required: false, about: "headers by name" },
    ],
    result: &[],
    needs: &[Need::Nats],
    effect: Effect::Changes,
    errors: &[ErrorClass::Timeout, ErrorClass::Disconnected, ErrorClass::Denied],
    idempotent: false,
    timeout: Duration::from_secs(5),
    in_doubt: InDoubt::AskPerson,
};

impl Primitive for NatsPub {
    fn declaration(&self) -> &'static Declaration {
        &DECLARATION
    }

    fn call<'a>(&'a self, call: Call<'a>) -> Wait<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let message = Message {
                subject: call.with.text("subject").to_owned(),
                payload: payload(call.with.get("payload"))?,
                headers: call.with.pairs("headers"),
            };
            call.world.bus().publish(&message).await?;
            Ok(Value::Null)
        })
    }
}
