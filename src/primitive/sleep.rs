//! `sleep`: a wait, under the world's clock.

use std::time::Duration;

use crate::declaration::{Argument, Declaration, Effect, Failure, InDoubt, Kind};
use crate::value::Value;
use crate::world::Wait;

use super::{Call, Primitive};

/// The primitive.
pub(super) struct Sleep;

pub(super) static DECLARATION: Declaration = Declaration {
    name: "sleep",
    about: "Waits",
    arguments: &[Argument { name: "for", kind: Kind::Duration, required: true, about: "how long" }],
    result: &[],
    needs: &[],
    effect: Effect::Observes,
    errors: &[],
    idempotent: true,
    timeout: Duration::from_secs(24 * 3_600),
    in_doubt: InDoubt::Repeat,
};

impl Primitive for Sleep {
    fn declaration(&self) -> &'static Declaration {
        &DECLARATION
    }

    fn call<'a>(&'a self, call: Call<'a>) -> Wait<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let how_long = call.with.duration("for").unwrap_or_default();
            call.world.clock().sleep(how_long).await;
            Ok(Value::Null)
        })
    }
}
