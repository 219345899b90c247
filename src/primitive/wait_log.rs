//! `wait_log`: waits for a line in a service's log.
//!
//! Of the lines that are there already the last one that matches is the result: a service that started
//! again since has said something new.

use std::time::Duration;

use regex::Regex;

use crate::declaration::{Argument, Declaration, Effect, ErrorClass, Failure, Field, InDoubt, Kind, Need};
use crate::value::Value;
use crate::world::Wait;

use super::{Call, Primitive};

/// The primitive.
pub(super) struct WaitLog;

pub(super) static DECLARATION: Declaration = Declaration {
    name: "wait_log",
    about: "Waits for a log line that matches a pattern; captures become results",
    arguments: &[
        Argument { name: "service", kind: Kind::Service, required: true, about: "the service" },
        Argument {
            name: "pattern",
            kind: Kind::Pattern,
            required: true,
            about: "what the line must match; named groups become `captures`",
        },
        Argument {
            name: "since",
            kind: Kind::Text,
            required: false,
            about: "the place to read from, as `deploy` gives it; `\"\"`: what the whole log says last; what is written from now on where it is left out",
        },
        Argument { name: "refuse", kind: Kind::Pattern, required: false, about: "a line that fails the step at once" },
    ],
    result: &[
        Field { name: "line", kind: Kind::Text, optional: false, about: "the line" },
        Field { name: "captures", kind: Kind::Map, optional: false, about: "what the named groups captured" },
    ],
    needs: &[Need::Log],
    effect: Effect::Observes,
    errors: &[ErrorClass::Timeout, ErrorClass::Breach, ErrorClass::NoData, ErrorClass::Refused],
    idempotent: true,
    timeout: Duration::from_secs(60),
    in_doubt: InDoubt::Repeat,
};

impl Primitive for WaitLog {
    fn declaration(&self) -> &'static Declaration {
        &DECLARATION
    }

    fn call<'a>(&'a self, call: Call<'a>) -> Wait<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let (name, _) = call.service()?;
            let pattern = compiled(call.with.text("pattern"))?;
            let refuse = call.with.optional_text("refuse").map(compiled).transpose()?;
            let logs = call.world.logs();
            let clock = call.world.clock();
            let mut mark = match call.with.optional_text("since") {
                Some(since) => since.to_owned(),
                None => logs.mark(name).await?,
            };
            let end = clock.elapsed() + call.bound;
            loop {
                let read = logs.read(name, &mark).await?;
                let refused = |line: &&String| refuse.as_ref().is_some_and(|refuse| refuse.is_match(line));
                // What a whole log says is history but for its last word.
                let last = read.lines.iter().rfind(|line| refused(line) || pattern.is_match(line));
                let bad = if mark.is_empty() { last.filter(refused) } else { read.lines.iter().find(refused) };
                if let Some(line) = bad {
                    return Err(Failure::new(ErrorClass::Breach, format!("`{name}` logged: {line}")));
                }
                if let Some(found) = last.and_then(|line| found(&pattern, line)) {
                    return Ok(found);
                }
                mark = read.next;
                if clock.elapsed() + LOOK_EVERY >= end {
                    let whole = call.with.optional_text("since") == Some("");
                    let far = if whole { ", as far back as its log is read" } else { "" };
                    let why = format!("`{name}` logged no line that matches `{pattern}`{far}");
                    return Err(Failure::new(ErrorClass::Timeout, why));
                }
                (call.progress)(&format!("for a line of `{name}`"));
                clock.sleep(LOOK_EVERY).await;
            }
        })
    }
}

/// The time between two looks at a log.
const LOOK_EVERY: Duration = Duration::from_millis(500);

fn compiled(pattern: &str) -> Result<Regex, Failure> {
    Regex::new(pattern).map_err(|error| Failure::new(ErrorClass::Refused, format!("`{pattern}`: {error}")))
}

fn found(pattern: &Regex, line: &str) -> Option<Value> {
    let captures = pattern.captures(line)?;
    let named = pattern.capture_names().flatten();
    let named = named.filter_map(|name| Some((name, Value::text(captures.name(name)?.as_str()))));
    Some(Value::map([("line", Value::text(line)), ("captures", Value::map(named))]))
}
