//! `arm`: opens a gate and verifies that it is open; any other outcome closes it again.

use std::time::Duration;

use crate::declaration::{ARM, Argument, Declaration, Effect, ErrorClass, Failure, Field, InDoubt, Kind, Need};
use crate::value::Value;
use crate::world::Wait;

use super::{Call, Primitive, gate};

/// The primitive.
pub(super) struct Arm;

pub(super) static DECLARATION: Declaration = Declaration {
    name: ARM,
    about: "Opens a gate and verifies it; any outcome but verified ARMED leads to a verified DISARM",
    arguments: &[
        Argument { name: "gate", kind: Kind::Gate, required: true, about: "the gate" },
        Argument { name: "reason", kind: Kind::Text, required: true, about: "why; sent with the command" },
    ],
    result: &[Field { name: "state", kind: Kind::GateState, optional: false, about: "`armed`" }],
    needs: &[Need::Nats],
    effect: Effect::Changes,
    errors: &[
        ErrorClass::Refused,
        ErrorClass::Timeout,
        ErrorClass::Disconnected,
        ErrorClass::Denied,
        ErrorClass::Mismatch,
    ],
    idempotent: false,
    timeout: Duration::from_secs(300),
    in_doubt: InDoubt::DisarmFirst,
};

impl Primitive for Arm {
    fn declaration(&self) -> &'static Declaration {
        &DECLARATION
    }

    fn call<'a>(&'a self, call: Call<'a>) -> Wait<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let handle = gate::Handle::find(call.world, call.target, call.with.text("gate"))?;
            if call.remembered("sent").is_some() {
                (call.progress)("an ARM may have been sent before: disarming first");
                handle.disarm("an earlier arming was interrupted", call.progress).await?;
            } else {
                call.remember(Value::map([("sent", Value::Bool(true))])).await?;
            }
            handle.arm(call.with.text("reason"), call.progress).await?;
            Ok(Value::map([("state", Value::text("armed"))]))
        })
    }
}
