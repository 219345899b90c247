//! JSON Schema (2020-12) of the files an author writes, built from the declarations alone: the
//! tables of keys in `runbook/`, and what each primitive says of its arguments.
//!
//! Whatever decodes is valid here; the tests hold that. The other way round a schema knows less
//! than the checker: it sees no names, no guards and no paths.

mod arguments;
mod kinds;

use serde_json::{Map, Value, json};

use crate::declaration::Catalogue;
use crate::name::MAX_NAME_LENGTH;
use crate::runbook::LANGUAGE_VERSION;
use crate::runbook::grammar::{Holds, Key, Names, Table, Word};
use crate::runbook::keys::{RUNBOOK, edge_outcomes};
use crate::runbook::target_keys::TARGET;
use crate::runbook::test_keys::TEST;

/// The dialect.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A runbook.
    Runbook,
    /// A target.
    Target,
    /// A test file.
    Test,
}

impl FileKind {
    /// The keys of such a file.
    pub fn table(self) -> &'static Table {
        match self {
            Self::Runbook => &RUNBOOK,
            Self::Target => &TARGET,
            Self::Test => &TEST,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Runbook => "A titan-run runbook",
            Self::Target => "A titan-run target",
            Self::Test => "A titan-run test file",
        }
    }
}

/// The schema of a kind of file.
pub fn schema(kind: FileKind, catalogue: Catalogue) -> Value {
    let mut writer = Writer { catalogue, definitions: Map::new() };
    let mut whole = Map::from_iter([("$schema".to_owned(), json!(DIALECT)), ("title".to_owned(), json!(kind.title()))]);
    whole.extend(writer.table(kind.table()));
    if !writer.definitions.is_empty() {
        whole.insert("$defs".to_owned(), Value::Object(writer.definitions));
    }
    Value::Object(whole)
}

struct Writer {
    catalogue: Catalogue,
    definitions: Map<String, Value>,
}

impl Writer {
    /// A map with known keys.
    fn table(&mut self, table: &'static Table) -> Map<String, Value> {
        let mut properties = Map::new();
        let mut required = Vec::new();
        let mut acts = false;
        for key in table.keys() {
            acts |= matches!(key.holds, Holds::Arguments);
            properties.insert(key.name.to_owned(), self.key(key));
            if key.is_required {
                required.push(key.name);
            }
        }
        let mut whole = Map::from_iter([
            ("type".to_owned(), json!("object")),
            ("properties".to_owned(), Value::Object(properties)),
            ("additionalProperties".to_owned(), json!(false)),
        ]);
        if !required.is_empty() {
            whole.insert("required".to_owned(), json!(required));
        }
        if acts {
            whole.insert("allOf".to_owned(), json!([self.reference("arguments", arguments::arguments)]));
        }
        whole
    }

    fn key(&mut self, key: &'static Key) -> Value {
        let mut schema = match self.holds(&key.holds) {
            Value::Object(schema) => schema,
            _ => Map::new(),
        };
        schema.insert("description".to_owned(), json!(key.about));
        Value::Object(schema)
    }

    fn holds(&mut self, holds: &'static Holds) -> Value {
        match holds {
            Holds::Version => json!({ "anyOf": [
                { "const": LANGUAGE_VERSION },
                { "type": "string", "pattern": format!("^\\+?0*{LANGUAGE_VERSION}$") },
            ] }),
            Holds::RunbookName => name("-"),
            Holds::Text
            | Holds::Guard
            | Holds::Include
            | Holds::Service
            | Holds::Step
            | Holds::StepPath
            | Holds::Subject => self.reference("text", |_| json!({ "type": ["string", "number", "boolean"] })),
            Holds::Duration => self.reference("duration", |_| kinds::duration()),
            Holds::Stay => {
                let written = self.reference("duration", |_| kinds::duration());
                json!({ "anyOf": [written, self.filled()] })
            }
            Holds::Whole(least, most) => json!({ "anyOf": [
                { "type": "integer", "minimum": least, "maximum": most },
                { "type": "string", "pattern": r"^\+?[0-9]+$" },
            ] }),
            Holds::Number(least, most) => json!({ "anyOf": [
                { "type": "number", "minimum": least, "maximum": most },
                { "type": "string", "pattern": r"^[-+]?[0-9.][-+0-9.eE]*$" },
            ] }),
            Holds::Truth => json!({ "enum": [true, false, "true", "false"] }),
            Holds::Words(words) => one_of(&words()),
            Holds::Secret => json!({ "type": "string", "pattern": "^(env|file):." }),
            Holds::Needs => json!({ "anyOf": [
                { "type": "array", "items": self.holds(&Holds::Step) },
                { "type": "object", "additionalProperties": one_of(&edge_outcomes()) },
            ] }),
            Holds::Action => self.reference("action", arguments::action),
            Holds::Arguments => json!({ "type": "object" }),
            Holds::Value => json!({}),
            Holds::Either(one, other) => json!({ "anyOf": [self.holds(one), self.holds(other)] }),
            Holds::List(items) => json!({ "type": "array", "items": self.holds(items) }),
            Holds::Named(names, each) => self.named(*names, each),
            Holds::Map(table) => self.map(table),
        }
    }

    /// A map whose keys are the author's.
    fn named(&mut self, names: Names, each: &'static Holds) -> Value {
        let each = self.holds(each);
        match names {
            Names::Free | Names::StepPaths => json!({ "type": "object", "additionalProperties": each }),
            Names::Ids => json!({ "type": "object", "propertyNames": name("_"), "additionalProperties": each }),
            Names::SomeIds => json!({
                "type": "object", "minProperties": 1, "propertyNames": name("_"), "additionalProperties": each,
            }),
        }
    }

    /// A map with known keys, said once.
    fn map(&mut self, table: &'static Table) -> Value {
        let what: String = table.what.chars().filter(|c| c.is_ascii_alphanumeric() || *c == ' ').collect();
        let what = what.trim_start_matches("an ").trim_start_matches("a ").replace(' ', "_");
        self.reference(&what, |writer| Value::Object(writer.table(table)))
    }

    /// A text with `${ }` inside, or a list or map with one somewhere.
    fn filled(&mut self) -> Value {
        self.reference("filled", |_| {
            json!({
                "description": "A value with `${ }` inside.",
                "anyOf": [
                    { "type": "string", "pattern": r"\$\{" },
                    { "type": "array", "contains": { "$ref": "#/$defs/filled" } },
                    { "type": "object", "not": { "additionalProperties": { "not": { "$ref": "#/$defs/filled" } } } },
                ],
            })
        })
    }

    /// A reference to a definition, made when first asked for.
    fn reference(&mut self, name: &str, make: impl FnOnce(&mut Self) -> Value) -> Value {
        if !self.definitions.contains_key(name) {
            self.definitions.insert(name.to_owned(), Value::Null);
            let made = make(self);
            self.definitions.insert(name.to_owned(), made);
        }
        json!({ "$ref": format!("#/$defs/{name}") })
    }
}

/// Words joined by one character.
fn name(joint: &str) -> Value {
    json!({
        "type": "string",
        "pattern": format!("^[a-z]([a-z0-9{joint}]*[a-z0-9])?$"),
        "maxLength": MAX_NAME_LENGTH,
    })
}

/// One of a few words, each with its sentence.
fn one_of(words: &[Word]) -> Value {
    let words: Vec<_> = words.iter().map(|word| json!({ "const": word.text, "description": word.about })).collect();
    json!({ "anyOf": words })
}
