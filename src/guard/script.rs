//! Durable scripts: run until a primitive is called that has no recorded result.
//!
//! The engine carries the call out, records its result and runs the script again from the top
//! with the record. A script that asks for something else than its record says has diverged.
//! What opens a gate is no function here but a step of its own, which the engine can undo.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use rhai::{AST, Dynamic, Engine, EvalAltResult, Position, Scope};

use crate::declaration::{Declaration, Failure};
use crate::diagnostic::Findings;
use crate::source::Span;
use crate::value::Value;
use crate::yaml::Scalar;

use super::asked::{AskedPrimitive, is_callable};
use super::caught::called_in;
use super::convert::{to_dynamic, to_value};
use super::fault::Wrong;
use super::operators::fault;
use super::outcome::{not_there, outcome};
use super::said::Said;
use super::sandbox::Pace;
use super::script_lines::ScriptLines;
use super::types::Type;
use super::wording::{innermost, lower};
use super::{EvalError, Guards, Names, OwnFunctions, sandbox};

/// The longest script: longer ones are programs of their own.
const MAX_SCRIPT: usize = 64 * 1024;

/// The most positional arguments of a primitive in a script; more are given by name.
pub(super) const MAX_POSITIONAL: usize = 4;

/// A compiled script.
#[derive(Debug)]
pub struct Script {
    ast: AST,
    own: OwnFunctions,
    lines: ScriptLines,
    text: std::sync::Arc<str>,
    said: Said,
    gives: Type,
    wrong: Vec<(Span, Wrong)>,
    asked: Vec<AskedPrimitive>,
    reads: Vec<Vec<(String, Span)>>,
}

impl Script {
    /// The type of what it gives, as far as its last expression tells.
    pub fn gives(&self) -> &Type {
        &self.gives
    }

    /// The functions of the author's own that it can call.
    pub fn own_functions(&self) -> &OwnFunctions {
        &self.own
    }

    /// What is wrong with it wherever it stands: calls of functions that there are none of, names that
    /// its own functions do not see, and what a result or a map of its own does not have.
    pub fn wrong(&self) -> &[(Span, Wrong)] {
        &self.wrong
    }

    /// Every dotted name that it reads and has from elsewhere, each word with its place in the file.
    pub fn reads(&self) -> &[Vec<(String, Span)>] {
        &self.reads
    }

    /// Every call of a primitive.
    pub fn asked(&self) -> &[AskedPrimitive] {
        &self.asked
    }

    /// The names of all that is called where one of its functions is, or of the author's own in a file,
    /// its own name included.
    pub fn called_by(&self, function: &str) -> BTreeSet<String> {
        called_in(&self.ast, function)
    }

    /// What it says, and what the author's own functions say that it calls.
    pub fn said(&self) -> &Said {
        &self.said
    }
}

/// A call of a primitive by a script.
#[derive(Clone, Debug)]
pub struct ScriptCall {
    /// The primitive.
    pub primitive: &'static Declaration,
    /// Its arguments by name, sorted.
    pub with: Vec<(String, Value)>,
}

/// A call that was carried out.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The call.
    pub call: ScriptCall,
    /// What came of it.
    pub result: Result<Value, Failure>,
}

/// How far a script came.
#[derive(Debug)]
pub enum ScriptProgress {
    /// To its end, with its value.
    Done(Value),
    /// To a call that has no recorded result.
    Asks(ScriptCall),
    /// To an error of its own.
    Failed(EvalError),
    /// To the failure of a call that it did not catch.
    Threw(Failure),
    /// To a call that is not the one on record.
    Diverged {
        /// What was asked and what is on record.
        message: String,
    },
}

/// The script engine with the record its primitives answer from.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) engine: Engine,
    record: Rc<RefCell<Record>>,
    pace: Rc<Pace>,
}

#[derive(Debug, Default)]
struct Record {
    recorded: Rc<Vec<Recorded>>,
    next: usize,
    asks: Option<ScriptCall>,
    diverged: Option<String>,
}

impl Guards {
    /// Compiles a script, and reports where it is not one.
    pub fn script(&self, scalar: &Scalar, span: Span, findings: &mut Findings) -> Option<Script> {
        if scalar.text.len() > MAX_SCRIPT {
            let message = format!("this script is longer than {MAX_SCRIPT} bytes");
            findings.push(findings.error("guard-size", message, Span::new(span.start, span.start + 1)));
            return None;
        }
        let lines = ScriptLines::of(scalar, span, findings.file());
        match self.host().engine.compile(&scalar.text) {
            Ok(ast) => {
                self.may_be_given(&ast, &scalar.text, &lines, findings);
                let said = Said::by(&ast);
                let gives = outcome(&said, self.core.catalogue);
                let (ast, own) = (self.own.merged(ast), self.own.clone());
                let unanswered = self.unanswered(&said, &ast, &lines, &scalar.text);
                let asked = self.asked(&said, &ast, &lines, &scalar.text);
                let placed = |(word, at): &(String, Position)| (word.clone(), lines.word(&scalar.text, *at));
                let reads = said.reads.iter().map(|path| path.iter().map(placed).collect()).collect();
                let inside = said.read_inside.iter().map(placed);
                let inside = inside.map(|(name, span)| (span, Wrong::NotHandedOver { name }));
                let not_there = not_there(&said, self.core.catalogue).into_iter();
                let not_there = not_there.map(|(at, wrong)| (lines.word(&scalar.text, at), wrong));
                let wrong = unanswered.into_iter().chain(inside).chain(not_there).collect();
                let said = self.own.said_with(said);
                let text = std::sync::Arc::from(scalar.text.as_str());
                Some(Script { ast, own, lines, text, said, gives, wrong, asked, reads })
            }
            Err(error) => {
                let at = lines.word(&scalar.text, error.position());
                let message = format!("this is not a script: {}", lower(&error.err_type().to_string()));
                findings.push(findings.error("script-syntax", message, at));
                None
            }
        }
    }

    /// Runs a script against a record; `locals` are names for this time only.
    pub fn run_script(
        &self,
        script: &Script,
        names: &mut Names,
        locals: &[(&str, &Value)],
        recorded: &Rc<Vec<Recorded>>,
    ) -> ScriptProgress {
        let host = self.host();
        host.record.replace(Record { recorded: Rc::clone(recorded), ..Record::default() });
        let mut scope: Scope<'static> = names.with(locals).clone();
        names.without();
        host.pace.begin();
        let result = host.engine.eval_ast_with_scope::<Dynamic>(&mut scope, &script.ast);
        let record = host.record.take();
        if let Some(message) = record.diverged {
            return ScriptProgress::Diverged { message };
        }
        if let Some(call) = record.asks {
            return ScriptProgress::Asks(call);
        }
        let last = record.next.checked_sub(1).and_then(|at| recorded.get(at));
        if let (Err(error), Some(Recorded { result: Err(failure), .. })) = (&result, last)
            && is_thrown(innermost(error), failure)
        {
            return ScriptProgress::Threw(failure.clone());
        }
        let outcome = match &result {
            Ok(value) => to_value(value).map_err(|message| script.error(message, Position::NONE)),
            Err(error) => {
                let (message, position) = script.own.told(error);
                Err(script.error(message, position))
            }
        };
        match outcome {
            Err(error) => ScriptProgress::Failed(error),
            Ok(_) if record.next < recorded.len() => ScriptProgress::Diverged {
                message: format!("the script made {} calls, and {} are on record", record.next, recorded.len()),
            },
            Ok(value) => ScriptProgress::Done(value),
        }
    }

    pub(super) fn host(&self) -> &Host {
        self.core.scripts.get_or_init(|| {
            let mut engine = sandbox::script_engine();
            let record = Rc::new(RefCell::new(Record::default()));
            let pace = Pace::of(&mut engine);
            for primitive in self.core.catalogue.0.iter().filter(|one| is_callable(one)) {
                register(&mut engine, primitive, &record);
            }
            Host { engine, record, pace }
        })
    }
}

impl Script {
    fn error(&self, message: String, position: Position) -> EvalError {
        EvalError {
            guard: std::sync::Arc::from("script"),
            message: match position.line() {
                Some(line) => format!("line {line}: {message}"),
                None => message,
            },
            span: self.lines.word(&self.text, position),
        }
    }
}

/// Makes a primitive callable with up to [`MAX_POSITIONAL`] arguments, and named ones in a
/// closing map.
fn register(engine: &mut Engine, primitive: &'static Declaration, record: &Rc<RefCell<Record>>) {
    let name = primitive.name;
    let record = Rc::clone(record);
    let answer = move |given: Vec<Dynamic>| answer(primitive, given, &record);
    let (a0, a1, a2, a3, a4) = (answer.clone(), answer.clone(), answer.clone(), answer.clone(), answer);
    engine.register_fn(name, move || a0(vec![]));
    engine.register_fn(name, move |a: Dynamic| a1(vec![a]));
    engine.register_fn(name, move |a: Dynamic, b: Dynamic| a2(vec![a, b]));
    engine.register_fn(name, move |a: Dynamic, b: Dynamic, c: Dynamic| a3(vec![a, b, c]));
    engine.register_fn(name, move |a: Dynamic, b: Dynamic, c: Dynamic, d: Dynamic| a4(vec![a, b, c, d]));
}

fn answer(
    primitive: &'static Declaration,
    given: Vec<Dynamic>,
    record: &Rc<RefCell<Record>>,
) -> Result<Dynamic, Box<EvalAltResult>> {
    let call = ScriptCall { primitive, with: arguments(primitive, given)? };
    let mut record = record.borrow_mut();
    let at = record.next;
    record.next += 1;
    let Some(known) = record.recorded.get(at).cloned() else {
        record.asks = Some(call);
        return Err(stop());
    };
    if known.call.primitive.name != call.primitive.name || known.call.with != call.with {
        record.diverged = Some(format!(
            "call {at} is {} {:?}, and {} {:?} is on record",
            call.primitive.name, call.with, known.call.primitive.name, known.call.with
        ));
        return Err(stop());
    }
    match known.result {
        Ok(value) => Ok(to_dynamic(&value)),
        Err(failure) => Err(Box::new(EvalAltResult::ErrorRuntime(to_dynamic(&thrown(&failure)), Position::NONE))),
    }
}

/// A failure as a script catches it.
fn thrown(failure: &Failure) -> Value {
    Value::map([("class", Value::text(failure.class.word())), ("message", Value::text(failure.message.as_str()))])
}

/// Whether an error is a call's failure that nothing caught.
fn is_thrown(error: &EvalAltResult, failure: &Failure) -> bool {
    match error {
        EvalAltResult::ErrorRuntime(value, _) => to_value(value).is_ok_and(|value| value == thrown(failure)),
        _ => false,
    }
}

/// Ends the script where it stands; a script cannot catch it.
fn stop() -> Box<EvalAltResult> {
    Box::new(EvalAltResult::ErrorTerminated(Dynamic::UNIT, Position::NONE))
}

/// Positional arguments in the declaration's order; a closing map where the declaration expects
/// none holds the others by name.
fn arguments(primitive: &Declaration, given: Vec<Dynamic>) -> Result<Vec<(String, Value)>, Box<EvalAltResult>> {
    let last = given.len().saturating_sub(1);
    let mut with = Vec::new();
    for (at, one) in given.into_iter().enumerate().take(MAX_POSITIONAL + 1) {
        let value = to_value(&one).map_err(fault)?;
        let argument = primitive.arguments.get(at);
        let takes_map = argument.is_some_and(|argument| argument.kind.can_be_map());
        match (value.as_map(), argument) {
            (Some(named), _) if at == last && !takes_map => {
                with.extend(named.iter().map(|(name, value)| (name.to_string(), value.clone())));
            }
            (_, Some(argument)) => with.push((argument.name.to_owned(), value)),
            (_, None) => return Err(fault(format!("`{}` takes fewer arguments", primitive.name))),
        }
    }
    with.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(with)
}
