//! What `do:` can name, and what `with:` then holds.

use serde_json::{Map, Value, json};

use crate::declaration::{Argument, Declaration, Effect, Kind};
use crate::runbook::grammar::Word;
use crate::runbook::keys::SCRIPT;

use super::{Writer, kinds, one_of};

/// The word for a script; no primitive has it.
const SCRIPT_ACTION: &str = "script";

/// The names of actions.
pub(super) fn action(writer: &mut Writer) -> Value {
    let primitives = writer.catalogue.0.iter().map(|one| Word { text: one.name, about: one.about });
    let script = Word { text: SCRIPT_ACTION, about: "Runs a Rhai script in which every primitive is a function." };
    let words: Vec<_> = primitives.chain([script]).collect();
    let runbook = json!({ "type": "string", "pattern": "/", "description": "A runbook used as an action." });
    json!({ "anyOf": [one_of(&words), runbook] })
}

/// For each action what its `with` holds.
pub(super) fn arguments(writer: &mut Writer) -> Value {
    let mut cases: Vec<_> = writer.catalogue.0.iter().map(|one| primitive(writer, one)).collect();
    let script = Value::Object(writer.table(&SCRIPT));
    cases.push(case(SCRIPT_ACTION, &script, true));
    json!({ "allOf": cases })
}

fn primitive(writer: &mut Writer, one: &'static Declaration) -> Value {
    let properties = properties(writer, one.effect, one.arguments);
    let required: Vec<_> = one.arguments.iter().filter(|argument| argument.required).map(|one| one.name).collect();
    let with = json!({
        "type": "object",
        "description": one.about,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    case(one.name, &with, !required.is_empty())
}

fn properties(writer: &mut Writer, effect: Effect, arguments: &[Argument]) -> Map<String, Value> {
    let mut found = Map::new();
    for argument in arguments {
        let mut written = kinds::kind(argument.kind);
        if let (Kind::Record(known), Some(written)) = (argument.kind, written.as_object_mut()) {
            written.insert("properties".to_owned(), properties(writer, effect, known).into());
            written.insert("additionalProperties".to_owned(), json!(false));
        }
        if effect == Effect::Changes {
            kinds::not_empty(&mut written);
        }
        let filled = writer.filled();
        found.insert(argument.name.to_owned(), json!({ "description": argument.about, "anyOf": [written, filled] }));
    }
    found
}

/// What holds where `do` is one action.
fn case(action: &str, with: &Value, needs_with: bool) -> Value {
    let mut then = json!({ "properties": { "with": with } });
    if let (true, Some(then)) = (needs_with, then.as_object_mut()) {
        then.insert("required".to_owned(), json!(["with"]));
    }
    json!({ "if": { "properties": { "do": { "const": action } }, "required": ["do"] }, "then": then })
}
