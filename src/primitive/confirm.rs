//! `confirm`: a checklist that an operator answers item by item.

use std::time::Duration;

use crate::declaration::{Argument, Declaration, Effect, ErrorClass, Failure, Field, InDoubt, Kind};
use crate::value::Value;
use crate::world::{Question, Wait};

use super::{Call, Primitive};

/// The primitive.
pub(super) struct Confirm;

pub(super) static DECLARATION: Declaration = Declaration {
    name: "confirm",
    about: "Asks an operator to confirm a checklist, item by item; the default of every answer is no",
    arguments: &[Argument {
        name: "items",
        kind: Kind::Map,
        required: true,
        about: "the sentence to confirm by the word for it, as in `--confirm WORD`",
    }],
    result: &[Field { name: "answers", kind: Kind::Map, optional: false, about: "who confirmed each item" }],
    needs: &[],
    effect: Effect::Asks,
    errors: &[ErrorClass::Denied, ErrorClass::Timeout],
    idempotent: false,
    timeout: Duration::from_secs(1_800),
    in_doubt: InDoubt::AskAgain,
};

impl Primitive for Confirm {
    fn declaration(&self) -> &'static Declaration {
        &DECLARATION
    }

    fn call<'a>(&'a self, call: Call<'a>) -> Wait<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let mut answers = Vec::new();
            for (item, text) in call.with.pairs("items") {
                (call.progress)(&text);
                let question = Question { step: call.step.to_owned(), item: item.clone(), text: text.clone() };
                let answer = call.world.people().ask(&question).await?;
                if !answer.yes {
                    let message = format!("`{item}` was not confirmed: {text}");
                    return Err(Failure::new(ErrorClass::Denied, message));
                }
                answers.push((item, Value::text(answer.who)));
            }
            Ok(Value::map([("answers", Value::map(answers))]))
        })
    }
}
