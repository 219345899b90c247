//! `expect_hash`: asks every instance of a service for its policy hash and compares.

use std::time::Duration;

use crate::declaration::{Argument, Declaration, Effect, ErrorClass, Failure, Field, InDoubt, Kind, Need};
use crate::value::Value;
use crate::world::Wait;

use super::hash_reply::gather;
use super::{Call, Primitive};

/// The primitive.
pub(super) struct ExpectHash;

pub(super) static DECLARATION: Declaration = Declaration {
    name: "expect_hash",
    about: "Asks every instance of a service for its policy hash and compares it with the expected one",
    arguments: &[
        Argument { name: "service", kind: Kind::Service, required: true, about: "the service" },
        Argument { name: "expected", kind: Kind::Hash, required: true, about: "the hash it must have: 64 hex digits" },
        Argument {
            name: "window",
            kind: Kind::Duration,
            required: false,
            about: "how long replies are gathered, so that a second instance is noticed; 1s where it is left out",
        },
    ],
    result: &[
        Field { name: "hash", kind: Kind::Hash, optional: false, about: "the hash all instances have" },
        Field { name: "instances", kind: Kind::Int, optional: false, about: "how many answered" },
    ],
    needs: &[Need::Nats, Need::Hash],
    effect: Effect::Observes,
    errors: &[
        ErrorClass::Timeout,
        ErrorClass::NoResponders,
        ErrorClass::Disconnected,
        ErrorClass::Denied,
        ErrorClass::Malformed,
        ErrorClass::Mismatch,
        ErrorClass::Refused,
    ],
    idempotent: true,
    timeout: Duration::from_secs(10),
    in_doubt: InDoubt::Repeat,
};

impl Primitive for ExpectHash {
    fn declaration(&self) -> &'static Declaration {
        &DECLARATION
    }

    fn call<'a>(&'a self, call: Call<'a>) -> Wait<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let (name, _) = call.service()?;
            let expected = call.with.text("expected").to_ascii_lowercase();
            let hashes = gather(&call).await?;
            if let Some(other) = hashes.iter().find(|hash| **hash != expected) {
                let message = format!("`{name}` has {other}, expected {expected}");
                return Err(Failure::new(ErrorClass::Mismatch, message));
            }
            Ok(Value::map([
                ("hash", Value::text(expected)),
                ("instances", Value::Int(i64::try_from(hashes.len()).unwrap_or(i64::MAX))),
            ]))
        })
    }
}
