//! `http`: one request, with expectations on status and body.

use std::time::Duration;

use crate::declaration::{Argument, Declaration, Effect, ErrorClass, Failure, Field, InDoubt, Kind, OBSERVES};
use crate::value::Value;
use crate::world::{Wait, WebRequest, WebResponse};

use super::{Call, Primitive, json, payload};

/// The primitive.
pub(super) struct Http;

pub(super) static DECLARATION: Declaration = Declaration {
    name: "http",
    about: "Sends an HTTP request and checks the status and body",
    arguments: &[
        Argument { name: "url", kind: Kind::Url, required: true, about: "the absolute URL" },
        Argument { name: "method", kind: Kind::Text, required: false, about: "`GET` where it is left out" },
        Argument { name: "headers", kind: Kind::Map, required: false, about: "headers by name" },
        Argument { name: "body", kind: Kind::Any, required: false, about: "a text, or a value sent as JSON" },
        Argument {
            name: "expect_status",
            kind: Kind::Int,
            required: false,
            about: "the status it must have; any of 200 to 299 where it is left out",
        },
        Argument { name: "expect_body", kind: Kind::Pattern, required: false, about: "a pattern the body must match" },
        OBSERVES,
    ],
    result: &[
        Field { name: "status", kind: Kind::Int, optional: false, about: "the status" },
        Field { name: "body", kind: Kind::Text, optional: false, about: "the body as text" },
        Field {
            name: "json",
            kind: Kind::Any,
            optional: false,
            about: "the body decoded, where it is JSON; else null",
        },
    ],
    needs: &[],
    effect: Effect::Changes,
    errors: &[
        ErrorClass::Timeout,
        ErrorClass::NoResponders,
        ErrorClass::Disconnected,
        ErrorClass::Malformed,
        ErrorClass::Mismatch,
        ErrorClass::Refused,
    ],
    idempotent: false,
    timeout: Duration::from_secs(30),
    in_doubt: InDoubt::AskPerson,
};

impl Primitive for Http {
    fn declaration(&self) -> &'static Declaration {
        &DECLARATION
    }

    fn call<'a>(&'a self, call: Call<'a>) -> Wait<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let request = WebRequest {
                method: call.with.optional_text("method").unwrap_or("GET").to_ascii_uppercase(),
                url: call.with.text("url").to_owned(),
                headers: call.with.pairs("headers"),
                body: payload(call.with.get("body"))?,
                bound: call.bound,
            };
            let response = call.world.web().send(&request).await?;
            let body = String::from_utf8_lossy(&response.body).into_owned();
            judge(&response, &body, call.with.int("expect_status"), call.with.optional_text("expect_body"))?;
            let json = json(&response.body).unwrap_or_default();
            Ok(Value::map([
                ("status", Value::Int(i64::from(response.status))),
                ("body", Value::text(body)),
                ("json", json),
            ]))
        })
    }
}

fn judge(response: &WebResponse, body: &str, status: Option<i64>, pattern: Option<&str>) -> Result<(), Failure> {
    let fits = match status {
        Some(expected) => i64::from(response.status) == expected,
        None => (200..300).contains(&response.status),
    };
    if !fits {
        return Err(Failure::new(ErrorClass::Mismatch, format!("the status is {}", response.status)));
    }
    let matches =
        pattern.and_then(|pattern| regex::Regex::new(pattern).ok()).is_none_or(|pattern| pattern.is_match(body));
    if !matches {
        return Err(Failure::new(ErrorClass::Mismatch, "the body does not match `expect_body`"));
    }
    Ok(())
}
