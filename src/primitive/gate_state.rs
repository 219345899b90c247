//! `gate_state`: the state of a gate as the target's probe shows it.

use std::time::Duration;

use crate::declaration::{Argument, Declaration, Effect, ErrorClass, Failure, Field, InDoubt, Kind};
use crate::runbook::target::GateState;
use crate::value::Value;
use crate::world::Wait;

use super::{Call, Primitive, gate};

/// The primitive.
pub(super) struct ReadGateState;

pub(super) static DECLARATION: Declaration = Declaration {
    name: "gate_state",
    about: "Reads whether a gate is armed or disarmed; a state that nobody knows is a failure, never a guess",
    arguments: &[Argument { name: "gate", kind: Kind::Gate, required: true, about: "the gate" }],
    result: &[Field { name: "state", kind: Kind::GateState, optional: false, about: "`armed` or `disarmed`" }],
    needs: &[],
    effect: Effect::Observes,
    errors: &[
        ErrorClass::NoData,
        ErrorClass::Timeout,
        ErrorClass::NoResponders,
        ErrorClass::Disconnected,
        ErrorClass::Refused,
    ],
    idempotent: true,
    timeout: Duration::from_secs(10),
    in_doubt: InDoubt::Repeat,
};

impl Primitive for ReadGateState {
    fn declaration(&self) -> &'static Declaration {
        &DECLARATION
    }

    fn call<'a>(&'a self, call: Call<'a>) -> Wait<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let name = call.with.text("gate");
            let handle = gate::Handle::find(call.world, call.target, name)?;
            match handle.state().await? {
                GateState::Unknown => {
                    Err(Failure::new(ErrorClass::NoData, format!("nobody knows the state of gate `{name}`")))
                }
                known => Ok(Value::map([("state", Value::text(known.word()))])),
            }
        })
    }
}
