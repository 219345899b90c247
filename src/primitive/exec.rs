//! `exec`: runs a local process, never through a shell.

use std::time::Duration;

use crate::declaration::{Argument, Declaration, Effect, ErrorClass, Failure, Field, InDoubt, Kind, OBSERVES};
use crate::value::Value;
use crate::world::{Command, Finished, Keep, Wait};

use super::{Call, Primitive, json};

/// The primitive.
pub(super) struct Exec;

pub(super) static DECLARATION: Declaration = Declaration {
    name: "exec",
    about: "Runs a local program with an argv array, and gives what it printed",
    arguments: &[
        Argument { name: "argv", kind: Kind::Argv, required: true, about: "program and arguments; there is no shell" },
        Argument { name: "stdin", kind: Kind::Text, required: false, about: "what it reads" },
        Argument { name: "env", kind: Kind::Map, required: false, about: "added to the environment" },
        Argument {
            name: "expect_code",
            kind: Kind::Int,
            required: false,
            about: "the exit code it must end with; 0 where it is left out",
        },
        OBSERVES,
    ],
    result: &[
        Field {
            name: "code",
            kind: Kind::Int,
            optional: false,
            about: "the exit code; 128 + n when signal n ended it",
        },
        Field { name: "stdout", kind: Kind::Text, optional: false, about: "standard output, without a final line end" },
        Field { name: "stderr", kind: Kind::Text, optional: false, about: "standard error, without a final line end" },
        Field {
            name: "json",
            kind: Kind::Any,
            optional: false,
            about: "standard output decoded, where it is JSON; else null",
        },
    ],
    needs: &[],
    effect: Effect::Changes,
    errors: &[ErrorClass::Exit, ErrorClass::Timeout, ErrorClass::Refused],
    idempotent: false,
    timeout: Duration::from_secs(60),
    in_doubt: InDoubt::AskPerson,
};

impl Primitive for Exec {
    fn declaration(&self) -> &'static Declaration {
        &DECLARATION
    }

    fn call<'a>(&'a self, call: Call<'a>) -> Wait<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let command = Command {
                argv: call.with.texts("argv"),
                stdin: call.with.text("stdin").as_bytes().to_vec(),
                env: call.with.pairs("env"),
                bound: call.bound,
                keep: Keep::First,
            };
            let finished = call.world.processes().run(&command).await?;
            judge(&finished, call.with.int("expect_code").unwrap_or(0))?;
            let json = json(&finished.stdout).unwrap_or_default();
            Ok(Value::map([
                ("code", Value::Int(i64::from(finished.code))),
                ("stdout", text(&finished.stdout)),
                ("stderr", text(&finished.stderr)),
                ("json", json),
            ]))
        })
    }
}

/// The most characters of standard error in a failure.
const MAX_SHOWN: usize = 300;

fn judge(finished: &Finished, expected: i64) -> Result<(), Failure> {
    if i64::from(finished.code) == expected {
        return Ok(());
    }
    let said: String = String::from_utf8_lossy(&finished.stderr).trim().chars().take(MAX_SHOWN).collect();
    Err(Failure::new(ErrorClass::Exit, format!("it ended with code {}: {said}", finished.code)))
}

fn text(bytes: &[u8]) -> Value {
    Value::text(String::from_utf8_lossy(bytes).trim_end_matches('\n'))
}
