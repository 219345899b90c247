//! `service_hash`: the policy hash a service has, whatever it is.

use std::time::Duration;

use crate::declaration::{Argument, Declaration, Effect, ErrorClass, Failure, Field, InDoubt, Kind, Need};
use crate::value::Value;
use crate::world::Wait;

use super::hash_reply::gather;
use super::{Call, Primitive};

/// The primitive.
pub(super) struct ServiceHash;

pub(super) static DECLARATION: Declaration = Declaration {
    name: "service_hash",
    about: "Reads the policy hash all instances of a service agree on; compares it with nothing",
    arguments: &[
        Argument { name: "service", kind: Kind::Service, required: true, about: "the service" },
        Argument {
            name: "window",
            kind: Kind::Duration,
            required: false,
            about: "how long replies are gathered; 1s where it is left out",
        },
    ],
    result: &[Field { name: "hash", kind: Kind::Hash, optional: false, about: "the hash" }],
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

impl Primitive for ServiceHash {
    fn declaration(&self) -> &'static Declaration {
        &DECLARATION
    }

    fn call<'a>(&'a self, call: Call<'a>) -> Wait<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let hashes = gather(&call).await?;
            let hash = hashes.first().map_or("", String::as_str);
            Ok(Value::map([("hash", Value::text(hash))]))
        })
    }
}
