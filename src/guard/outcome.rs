//! What a script gives, as far as its last expression tells before it runs.

use std::cell::RefCell;
use std::collections::BTreeMap;

use rhai::Position;

use crate::declaration::Catalogue;

use super::FUNCTIONS;
use super::engine_syntax::property;
use super::facts::Standing;
use super::fault::{Fault, Wrong};
use super::said::Said;
use super::syntax::ExprKind;
use super::types::{Noun, Property, Type};
use super::typing::{Scope, check, check_path};

/// The names inside a script.
struct Inside<'a> {
    said: &'a Said,
    catalogue: Catalogue,
    /// What its names were found to be; anything while one is being looked at.
    found: RefCell<BTreeMap<String, Type>>,
}

/// The type of what a script gives.
pub(super) fn outcome(said: &Said, catalogue: Catalogue) -> Type {
    let inside = Inside { said, catalogue, found: RefCell::default() };
    said.last.as_ref().map_or(Type::Any, |last| check(last, &inside, &[]).0)
}

/// What a script reads of its own names that is not there, each at its word.
pub(super) fn not_there(said: &Said, catalogue: Catalogue) -> Vec<(Position, Wrong)> {
    let inside = Inside { said, catalogue, found: RefCell::default() };
    let of_own = said.read_of_own.iter().filter_map(|path| {
        let words: Vec<_> = path.iter().map(|(word, _)| word.clone()).collect();
        unknown_at(check_path(&words, &inside), path.get(1..)?)
    });
    let of_calls = said.read_of_calls.iter().filter_map(|(call, words)| {
        let whole = words.iter().fold(call.clone(), |of, (word, _)| property(of, word));
        unknown_at(check(&whole, &inside, &[]).1, words)
    });
    of_own.chain(of_calls).collect()
}

/// The first of some words that is not there, with its place.
fn unknown_at(faults: Vec<Fault>, words: &[(String, Position)]) -> Option<(Position, Wrong)> {
    let mut faults = faults.into_iter().map(|fault| fault.what);
    let wrong = faults.find(|wrong| matches!(wrong, Wrong::UnknownProperty { .. }))?;
    let Wrong::UnknownProperty { name, .. } = &wrong else {
        return None;
    };
    let (_, at) = words.iter().find(|(word, _)| word == name)?;
    Some((*at, wrong))
}

impl Scope for Inside<'_> {
    fn name(&self, name: &str) -> Option<Type> {
        if let Some(known) = self.found.borrow().get(name) {
            return Some(known.clone());
        }
        self.found.borrow_mut().insert(name.to_owned(), Type::Any);
        // What may be one of several things is not looked into.
        let given = self.said.names.get(name).filter(|given| !matches!(given.kind, ExprKind::If(_)));
        let kind = given.map_or(Type::Any, |given| check(given, self, &[]).0);
        self.found.borrow_mut().insert(name.to_owned(), kind.clone());
        Some(kind)
    }

    fn names(&self) -> Vec<&str> {
        Vec::new()
    }

    fn standing(&self, _: &str) -> Standing {
        Standing::OK
    }

    /// A function that is not the language's, or that the script has made its own, may give anything.
    fn own_function(&self, name: &str) -> Vec<usize> {
        let is_known = FUNCTIONS.iter().any(|function| function.name == name) && !self.said.gives_itself(name);
        if is_known { Vec::new() } else { vec![0] }
    }

    fn primitive(&self, name: &str) -> Option<Type> {
        let declaration = self.catalogue.find(name).filter(|_| !self.said.gives_itself(name))?;
        Some(Type::record(
            Noun::Property,
            declaration
                .result
                .iter()
                .map(|field| (field.name, Property { kind: Type::declared(field.kind), is_optional: field.optional })),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Findings;
    use crate::guard::{Guards, Names, ScriptProgress};
    use crate::primitive::CATALOGUE;
    use crate::source::{SourceFile, Span};
    use crate::value::Value;
    use crate::yaml::Scalar;

    /// What is told of a script, and what it gives when it calls nothing.
    fn told_and_given(text: &str) -> (Type, Option<Value>) {
        let guards = Guards::new(CATALOGUE);
        let mut findings = Findings::new(SourceFile::new("<script>", text));
        let scalar = Scalar { text: text.to_owned(), quoted: true, verbatim: true, text_start: 0 };
        let script = guards.script(&scalar, Span::new(0, text.len()), &mut findings).unwrap();
        let nothing = Value::map::<&str>([]);
        let progress =
            guards.run_script(&script, &mut Names::new(&nothing, &nothing, &nothing), &[], &std::rc::Rc::default());
        let value = if let ScriptProgress::Done(value) = progress { Some(value) } else { None };
        (script.gives().clone(), value)
    }

    #[test]
    fn what_is_told_of_a_script_is_what_it_gives() {
        for text in [
            "1 + 2",
            "let a = \"b\"; `${a}c`",
            "let a = #{ x: 1, y: \"b\" }; a;",
            "#{ x: [1, 2], y: #{ z: true } }",
            "len(\"abc\") > 2",
            "let a = 1; let b = a; let c = b * 2; [a, b, c]",
        ] {
            let (told, given) = told_and_given(text);
            assert_eq!(told, Type::of(&given.unwrap()), "{text}");
        }
    }

    #[test]
    fn what_may_be_something_else_is_anything() {
        for text in [
            "let a = #{}; a.x = 1; a",
            "let a = #{}; set(a, \"x\", 1); a",
            "let a = \"x\"; a = 1; a",
            "let a = a; a",
            "if true { 1 } else { \"a\" }",
            "fn len(of) { \"own\" } len(\"abc\")",
            "for a in [1] { return a; } \"none\"",
            "let a = 1; { let a = \"b\"; } a",
        ] {
            let (told, _) = told_and_given(text);
            assert_eq!(told, Type::Any, "{text}");
        }
    }

    #[test]
    fn what_a_primitive_gives_is_known_in_a_script() {
        let (told, _) = told_and_given("let read = service_version(\"brain\"); #{ version: read.version }");
        let version = [("version", Property::always(Type::Text))];
        assert_eq!(told, Type::record(Noun::Property, version));
        let (told, _) = told_and_given("service_hash(#{ service: \"brain\" })");
        assert!(matches!(told, Type::Map(shape) if shape.fields.contains_key("hash")));
    }
}
