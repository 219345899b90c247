//! `assert`: a named check.

use std::time::Duration;

use crate::declaration::{Argument, Declaration, Effect, ErrorClass, Failure, InDoubt, Kind};
use crate::value::Value;
use crate::world::Wait;

use super::{Call, Primitive};

/// The primitive.
pub(super) struct Assert;

pub(super) static DECLARATION: Declaration = Declaration {
    name: "assert",
    about: "Fails when what it is given is false",
    arguments: &[
        Argument { name: "that", kind: Kind::Bool, required: true, about: "what must be true" },
        Argument { name: "message", kind: Kind::Text, required: false, about: "what it means when it is not" },
    ],
    result: &[],
    needs: &[],
    effect: Effect::Observes,
    errors: &[ErrorClass::Mismatch],
    idempotent: true,
    timeout: Duration::from_secs(1),
    in_doubt: InDoubt::Repeat,
};

impl Primitive for Assert {
    fn declaration(&self) -> &'static Declaration {
        &DECLARATION
    }

    fn call<'a>(&'a self, call: Call<'a>) -> Wait<'a, Result<Value, Failure>> {
        let result = if call.with.is_set("that") {
            Ok(Value::Null)
        } else {
            let message = call.with.optional_text("message").unwrap_or("what was asserted is false");
            Err(Failure::new(ErrorClass::Mismatch, message))
        };
        Box::pin(std::future::ready(result))
    }
}
