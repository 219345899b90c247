//! `note`: a line for the report.

use std::time::Duration;

use crate::declaration::{Argument, Declaration, Effect, Failure, Field, InDoubt, Kind};
use crate::value::Value;
use crate::world::Wait;

use super::{Call, Primitive};

/// The primitive.
pub(super) struct Note;

pub(super) static DECLARATION: Declaration = Declaration {
    name: "note",
    about: "Puts a line into the report",
    arguments: &[Argument { name: "text", kind: Kind::Text, required: true, about: "the line" }],
    result: &[Field { name: "text", kind: Kind::Text, optional: false, about: "the line" }],
    needs: &[],
    effect: Effect::Observes,
    errors: &[],
    idempotent: true,
    timeout: Duration::from_secs(1),
    in_doubt: InDoubt::Repeat,
};

impl Primitive for Note {
    fn declaration(&self) -> &'static Declaration {
        &DECLARATION
    }

    fn call<'a>(&'a self, call: Call<'a>) -> Wait<'a, Result<Value, Failure>> {
        let text = Value::text(call.with.text("text"));
        Box::pin(std::future::ready(Ok(Value::map([("text", text)]))))
    }
}
