//! `deploy`: changes a service to a version, and reads the version back.

use std::time::Duration;

use crate::declaration::{Argument, DEPLOY, Declaration, Effect, ErrorClass, Failure, Field, InDoubt, Kind, Need};
use crate::value::Value;
use crate::world::Wait;

use super::{Call, Primitive};

/// The primitive.
pub(super) struct Deploy;

pub(super) static DECLARATION: Declaration = Declaration {
    name: DEPLOY,
    about: "Changes a service to a version and verifies that it runs it",
    arguments: &[
        Argument { name: "service", kind: Kind::Service, required: true, about: "the service" },
        Argument { name: "version", kind: Kind::Text, required: true, about: "the version" },
    ],
    result: &[
        Field { name: "version", kind: Kind::Text, optional: false, about: "the version that runs now" },
        Field { name: "previous", kind: Kind::Text, optional: false, about: "the version that ran before" },
        Field {
            name: "log_mark",
            kind: Kind::Text,
            optional: false,
            about: "the place in the log just before the deploy, for `wait_log`",
        },
    ],
    needs: &[Need::Deploy, Need::Version],
    effect: Effect::Changes,
    errors: &[ErrorClass::Exit, ErrorClass::Timeout, ErrorClass::Mismatch, ErrorClass::Malformed, ErrorClass::Refused],
    idempotent: true,
    timeout: Duration::from_secs(600),
    in_doubt: InDoubt::ReadVersion,
};

impl Primitive for Deploy {
    fn declaration(&self) -> &'static Declaration {
        &DECLARATION
    }

    fn call<'a>(&'a self, call: Call<'a>) -> Wait<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let (name, service) = call.service()?;
            let version = call.with.text("version");
            let services = call.world.services();
            let (previous, log_mark) = match before(&call) {
                // Where this version ran before, reading it again would not tell.
                Some(before) if before.0 != version && services.version(name).await? == version => {
                    return Ok(result(version, before));
                }
                Some(before) => before,
                None => {
                    let previous = services.version(name).await?;
                    let log_mark = match &service.log {
                        Some(_) => call.world.logs().mark(name).await?,
                        None => String::new(),
                    };
                    let fields = [("previous", previous.as_str()), ("log_mark", log_mark.as_str())];
                    call.remember(Value::map(fields.map(|(field, text)| (field, Value::text(text))))).await?;
                    (previous, log_mark)
                }
            };
            (call.progress)(&format!("deploying {version}, {previous} runs"));
            let deployed = services.deploy(name, version, call.bound).await;
            let actual = services.version(name).await;
            judge(name, version, deployed, actual)?;
            Ok(result(version, (previous, log_mark)))
        })
    }
}

/// What was there before a deploy that was begun and whose outcome is unknown: the version, and
/// the place in the log.
fn before(call: &Call<'_>) -> Option<(String, String)> {
    Some((call.remembered("previous")?.to_string(), call.remembered("log_mark")?.to_string()))
}

fn result(version: &str, (previous, log_mark): (String, String)) -> Value {
    Value::map([
        ("version", Value::text(version)),
        ("previous", Value::text(previous)),
        ("log_mark", Value::text(log_mark)),
    ])
}

/// Neither the command's word nor the version alone counts.
fn judge(
    name: &str,
    wanted: &str,
    deployed: Result<(), Failure>,
    actual: Result<String, Failure>,
) -> Result<(), Failure> {
    match (deployed, actual) {
        (Ok(()), Ok(actual)) if actual == wanted => Ok(()),
        (Ok(()), Ok(actual)) => {
            let message = format!("the deploy of `{name}` claims success, and {actual} runs instead of {wanted}");
            Err(Failure::new(ErrorClass::Mismatch, message))
        }
        (Ok(()), Err(failure)) => Err(failure),
        (Err(failure), Ok(actual)) => {
            Err(Failure::new(failure.class, format!("{}; {actual} runs now", failure.message)))
        }
        (Err(failure), Err(_)) => {
            Err(Failure::new(failure.class, format!("{}; its version is unknown", failure.message)))
        }
    }
}
