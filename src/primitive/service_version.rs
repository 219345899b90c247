//! `service_version`: reads the version a service runs.

use std::time::Duration;

use crate::declaration::{Argument, Declaration, Effect, ErrorClass, Failure, Field, InDoubt, Kind, Need};
use crate::value::Value;
use crate::world::Wait;

use super::{Call, Primitive};

/// The primitive.
pub(super) struct ServiceVersion;

pub(super) static DECLARATION: Declaration = Declaration {
    name: "service_version",
    about: "Reads the version a service runs",
    arguments: &[Argument { name: "service", kind: Kind::Service, required: true, about: "the service" }],
    result: &[Field { name: "version", kind: Kind::Text, optional: false, about: "the version" }],
    needs: &[Need::Version],
    effect: Effect::Observes,
    errors: &[ErrorClass::Exit, ErrorClass::Timeout, ErrorClass::Malformed, ErrorClass::Refused],
    idempotent: true,
    timeout: Duration::from_secs(30),
    in_doubt: InDoubt::Repeat,
};

impl Primitive for ServiceVersion {
    fn declaration(&self) -> &'static Declaration {
        &DECLARATION
    }

    fn call<'a>(&'a self, call: Call<'a>) -> Wait<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let (name, _) = call.service()?;
            let version = call.world.services().version(name).await?;
            Ok(Value::map([("version", Value::text(version))]))
        })
    }
}
