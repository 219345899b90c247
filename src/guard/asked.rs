//! What a script asks for, against what there is: functions, arguments of primitives, names.

use std::collections::{BTreeMap, BTreeSet};

use rhai::{AST, Position};

use crate::declaration::{Declaration, InDoubt};
use crate::source::Span;
use crate::value::Value;

use super::Guards;
use super::fault::Wrong;
use super::functions::{FUNCTIONS, Function, wrong_text};
use super::known::known;
use super::methods::methods;
use super::said::{Call, Said};
use super::sandbox::CALLING;
use super::script::MAX_POSITIONAL;
use super::script_lines::ScriptLines;
use super::syntax::{Expr, ExprKind};
use super::types::Type;

/// What the language itself has besides the engine's functions.
const OF_THE_LANGUAGE: [&str; 6] = ["Fn", "curry", "is_def_fn", "is_def_var", "is_shared", "type_of"];

/// The functions there are, and with how many arguments.
pub(super) type Callable = BTreeMap<String, BTreeSet<usize>>;

/// A call of a primitive, as far as the script writes it out.
#[derive(Clone, Debug)]
pub struct AskedPrimitive {
    /// The primitive.
    pub declaration: &'static Declaration,
    /// Which of the script's calls it is.
    pub call: usize,
    /// Where it is called.
    pub span: Span,
    /// Its arguments, as far as they are written out.
    pub given: Vec<AskedArgument>,
    /// Whether these are all it is given.
    pub is_all: bool,
    /// Whether it is called whenever the script ends well.
    pub is_sure: bool,
}

/// An argument of a primitive that a script calls.
#[derive(Clone, Debug)]
pub struct AskedArgument {
    /// Its name.
    pub name: String,
    /// Where that stands, or the call where it is given by its place.
    pub span: Span,
    /// Its value, where that is written out.
    pub value: Option<Value>,
    /// The items that are written out of a list that is not written out as a whole.
    pub items: Vec<Value>,
}

impl AskedPrimitive {
    /// An argument, where it is given by itself.
    pub fn argument(&self, name: &str) -> Option<&AskedArgument> {
        self.given.iter().find(|argument| argument.name == name)
    }
}

impl Guards {
    /// Every call of a function that there is none of, or that takes another number of arguments.
    pub(super) fn unanswered(&self, said: &Said, ast: &AST, lines: &ScriptLines, text: &str) -> Vec<(Span, Wrong)> {
        let mut own: BTreeMap<&str, Vec<Vec<&str>>> = BTreeMap::new();
        for function in ast.iter_functions() {
            own.entry(function.name).or_default().push(function.params);
        }
        let wrong = said.calls.iter().filter_map(|call| {
            let own = own.get(call.name.as_str()).map_or(&[][..], Vec::as_slice);
            Some((lines.word(text, call.at), self.wrong_call(call, own)?))
        });
        wrong.collect()
    }

    /// What is wrong with a call; `own` are the params of the author's own functions of its name.
    fn wrong_call(&self, call: &Call, own: &[Vec<&str>]) -> Option<Wrong> {
        let (name, given, is_method) = (call.name.as_str(), call.arguments.len(), call.is_method);
        if OF_THE_LANGUAGE.contains(&name) {
            return None;
        }
        if own.iter().any(|params| params.len() == given) {
            return self.own_unread(call);
        }
        let primitive = self.core.catalogue.find(name);
        // What stands before a dot is an argument of the engine's functions, and none of others.
        let all = given + usize::from(is_method);
        let counts = self.core.callable.get_or_init(|| self.callable()).get(name);
        if counts.is_some_and(|counts| counts.contains(&all)) {
            return match primitive {
                Some(primitive) => too_many(primitive, call),
                None => by_name(call).or_else(|| unread(call)),
            };
        }
        let written = own.first().map(|params| format!("{name}({})", params.join(", ")));
        match (written, Function::named(name), primitive, counts) {
            (Some(signature), ..) => Some(Wrong::WrongCount { signature, given, is_method: false }),
            (_, Some(function), ..) => {
                Some(Wrong::WrongCount { signature: function.signature(), given: all, is_method })
            }
            (_, _, Some(primitive), _) if !is_callable(primitive) => {
                Some(Wrong::StepOnly { primitive: primitive.name })
            }
            (_, _, Some(primitive), _) => Some(Wrong::TooMany { primitive: primitive.name, most: most(primitive) }),
            (_, _, _, Some(counts)) => {
                let least = counts.first().copied().unwrap_or(0);
                let takes = vec!["_"; least].join(", ");
                Some(Wrong::WrongCount { signature: format!("{name}({takes})"), given: all, is_method })
            }
            _ => Some(Wrong::UnknownFunction { name: name.to_owned(), on: None, known: self.known_functions() }),
        }
    }

    /// Whether one of the author's own functions cannot read the text it is handed.
    fn own_unread(&self, call: &Call) -> Option<Wrong> {
        self.own.unread(&call.name, &call.arguments).map(|(_, wrong)| wrong)
    }

    /// Every call of a primitive that is no function of the script's own.
    pub(super) fn asked(&self, said: &Said, ast: &AST, lines: &ScriptLines, text: &str) -> Vec<AskedPrimitive> {
        let is_own = |name: &str| ast.iter_functions().any(|own| own.name == name);
        let calls = said.calls.iter().enumerate().filter(|(_, call)| !call.is_method && !is_own(&call.name));
        let asked = calls.filter_map(|(at, call)| {
            let declaration = self.core.catalogue.find(&call.name).filter(|one| is_callable(one))?;
            let place = |position| lines.word(text, position);
            let (given, is_all) = given(declaration, call, &place);
            Some(AskedPrimitive { declaration, call: at, span: place(call.at), given, is_all, is_sure: call.is_sure })
        });
        asked.collect()
    }

    fn callable(&self) -> Callable {
        let engine = &self.host().engine;
        let each = engine.collect_fn_metadata(
            None,
            |one| Some((one.metadata.name.to_string(), one.metadata.num_params)),
            true,
        );
        let mut callable = Callable::new();
        for (name, count) in each {
            callable.entry(name).or_default().insert(count);
        }
        callable
    }

    fn known_functions(&self) -> Vec<&'static str> {
        let primitives = self.core.catalogue.0.iter().filter(|one| is_callable(one)).map(|one| one.name);
        let functions = FUNCTIONS.iter().map(|function| function.name);
        functions.chain(primitives).chain(methods(&Type::Any)).collect()
    }
}

/// Whether a script can call a primitive: what opens a gate is a step of its own.
pub fn is_callable(primitive: &Declaration) -> bool {
    primitive.in_doubt != InDoubt::DisarmFirst
}

/// How many arguments a primitive takes by their places.
fn most(primitive: &Declaration) -> usize {
    primitive.arguments.len().min(MAX_POSITIONAL)
}

/// Whether a primitive is given more by their places than it takes.
fn too_many(primitive: &'static Declaration, call: &Call) -> Option<Wrong> {
    let known = primitive.arguments.len();
    let is_no_map = call.arguments.last().is_some_and(|last| matches!(last.kind, ExprKind::Literal(_)));
    let is_more = call.arguments.len() > known + usize::from(!is_no_map);
    is_more.then(|| Wrong::TooMany { primitive: primitive.name, most: most(primitive) })
}

/// Whether a function of lists and maps is handed the name of one that it would call.
fn by_name(call: &Call) -> Option<Wrong> {
    let is_of_texts = methods(&Type::Text).contains(&call.name.as_str());
    let before = usize::from(!call.is_method) + usize::from(call.name == "zip");
    let handed = call.arguments.get(before).filter(|_| CALLING.contains(&call.name.as_str()) && !is_of_texts)?;
    Some(Wrong::ByName { by: call.name.clone(), name: handed.as_text()?.to_owned() })
}

/// Whether a function of the language cannot read the text it is handed.
fn unread(call: &Call) -> Option<Wrong> {
    let text = call.arguments.first().filter(|_| !call.is_method)?.as_text()?;
    let (why, help) = wrong_text(&call.name, text)?;
    Some(Wrong::BadText { why, help })
}

/// What a primitive is given: by their places, and in a closing map by their names.
fn given(primitive: &Declaration, call: &Call, place: &dyn Fn(Position) -> Span) -> (Vec<AskedArgument>, bool) {
    let by_place = |name: &str, value, items| {
        let (name, span) = (name.to_owned(), place(call.at));
        AskedArgument { name, span, value, items }
    };
    let last = call.arguments.len().saturating_sub(1);
    let mut found = Vec::new();
    let mut is_all = call.arguments.len() <= MAX_POSITIONAL;
    for (at, one) in call.arguments.iter().enumerate() {
        let argument = primitive.arguments.get(at);
        let may_be_map = at == last && !argument.is_some_and(|argument| argument.kind.can_be_map());
        match (&one.kind, argument) {
            (ExprKind::Map(entries), _) if may_be_map => {
                let named = entries.iter().zip(&call.keys).map(|((name, value), key)| AskedArgument {
                    name: name.text.clone(),
                    span: place(*key),
                    value: known(value, &|_| None),
                    items: items_of(value),
                });
                found.extend(named);
            }
            (ExprKind::Literal(value), Some(argument)) => {
                found.push(by_place(argument.name, Some(value.clone()), Vec::new()))
            }
            (ExprKind::List(_), Some(argument)) => {
                found.push(by_place(argument.name, known(one, &|_| None), items_of(one)));
            }
            // It may be a map of others by their names.
            (_, _) if may_be_map => is_all = false,
            (_, Some(argument)) => found.push(by_place(argument.name, None, items_of(one))),
            (_, None) => is_all = false,
        }
    }
    (found, is_all)
}

/// The items of a list that are written out.
fn items_of(list: &Expr) -> Vec<Value> {
    let ExprKind::List(items) = &list.kind else {
        return Vec::new();
    };
    items.iter().filter_map(|item| known(item, &|_| None)).collect()
}
