//! `disarm`: closes a gate and verifies that it stays closed. Safe to repeat.

use std::time::Duration;

use crate::declaration::{Argument, DISARM, Declaration, Effect, ErrorClass, Failure, Field, InDoubt, Kind, Need};
use crate::value::Value;
use crate::world::Wait;

use super::{Call, Primitive, gate};

/// The primitive.
pub(super) struct Disarm;

pub(super) static DECLARATION: Declaration = Declaration {
    name: DISARM,
    about: "Closes a gate and verifies that it stays closed; what cannot be known is reported as unknown",
    arguments: &[
        Argument { name: "gate", kind: Kind::Gate, required: true, about: "the gate" },
        Argument { name: "reason", kind: Kind::Text, required: true, about: "why; sent with the command" },
    ],
    result: &[Field { name: "state", kind: Kind::GateState, optional: false, about: "`disarmed`" }],
    needs: &[Need::Nats],
    effect: Effect::Changes,
    errors: &[
        ErrorClass::Refused,
        ErrorClass::Timeout,
        ErrorClass::Disconnected,
        ErrorClass::Denied,
        ErrorClass::Mismatch,
    ],
    idempotent: true,
    timeout: Duration::from_secs(300),
    in_doubt: InDoubt::Repeat,
};

impl Primitive for Disarm {
    fn declaration(&self) -> &'static Declaration {
        &DECLARATION
    }

    fn call<'a>(&'a self, call: Call<'a>) -> Wait<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let handle = gate::Handle::find(call.world, call.target, call.with.text("gate"))?;
            handle.disarm(call.with.text("reason"), call.progress).await?;
            Ok(Value::map([("state", Value::text("disarmed"))]))
        })
    }
}
