//! Guards: Rhai expressions in a sandbox in which nothing is silently true.
//!
//! The only room that knows the expression language. `runbook/` compiles through [`Guards`],
//! `engine/` evaluates against [`Names`]. An unknown name, a missing property, a comparison of
//! different types, with nothing or with NaN is an error here, never `false` and never `true`.
//! Guards touch nothing: no file, clock, network or output.
//!
//! A guard is read by our own `parser`, which knows the places of all its parts; the expression
//! engine compiles it when it is first evaluated. Where the parser does not understand, the engine
//! compiles at once and is the judge.

mod asked;
mod blanks;
mod caught;
mod convert;
mod engine_syntax;
mod facts;
pub mod fault;
mod filling;
mod functions;
mod known;
mod lexer;
mod logic;
mod methods;
mod names;
mod operands;
mod operators;
mod outcome;
mod own;
mod parser;
mod parts;
mod plain;
mod references;
mod said;
mod sandbox;
mod script;
mod script_lines;
mod sure;
pub mod syntax;
mod template;
#[cfg(test)]
mod tests;
mod tried_again;
pub mod types;
mod typing;
#[cfg(test)]
mod typing_tests;
mod wording;
mod words;
mod written;

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use rhai::{AST, Dynamic, Engine, EvalAltResult, Position};

use crate::declaration::Catalogue;
use crate::diagnostic::Findings;
use crate::source::Span;
use crate::value::Value;
use crate::yaml::Scalar;

use sandbox::Pace;
use syntax::Expr;
use wording::{lower, meant, word};

pub use asked::{AskedPrimitive, is_callable};
pub use blanks::without_blanks;
pub use facts::{Fact, Standing, facts};
pub use functions::{FUNCTIONS, Function, Parameter, Simple};
pub use known::{LookUp, known};
pub use names::Names;
pub use own::{OwnFunctions, SaidByFile};
pub use parts::Part;
pub use plain::plain_value;
pub use references::Reference;
pub use said::{Call, Said};
pub use script::{Recorded, Script, ScriptCall, ScriptProgress};
pub use template::{Insertion, Stands, Template, TextPart, insertion_places};
pub use typing::{Scope, check, check_path, check_truth};
pub use words::unreadable;
pub use written::{Given, Written};

/// The longest guard: longer ones are programs, and belong in a script.
pub const MAX_GUARD: usize = 4 * 1024;

/// The most expressions that are kept by their text: what one folder of runbooks says.
const MAX_READ: usize = 1 << 14;

/// The sandbox. Making one costs nothing; the engine inside is built with the first guard, and
/// shared by the sandboxes that differ from this one in their functions only.
#[derive(Clone, Debug)]
pub struct Guards {
    core: Rc<Core>,
    own: OwnFunctions,
}

#[derive(Debug)]
struct Core {
    catalogue: Catalogue,
    /// What was read, by its text: runbooks say the same again and again.
    read: RefCell<BTreeMap<Arc<str>, Expression>>,
    engine: OnceCell<Engine>,
    /// The engine for guards with functions of an author's own, which can loop.
    paced: OnceCell<(Engine, Rc<Pace>)>,
    scripts: OnceCell<script::Host>,
    /// What scripts can call.
    callable: OnceCell<asked::Callable>,
}

/// A guard that was read: no larger than a pointer, because a step has room for many and most have
/// few.
#[derive(Clone, Debug)]
pub struct Guard(Rc<Reading>);

/// What was read of a guard.
#[derive(Debug)]
struct Reading {
    read: Expression,
    own: OwnFunctions,
    place: Place,
    references: Vec<Reference>,
}

/// An expression, wherever it stands.
#[derive(Clone, Debug)]
struct Expression {
    text: Arc<str>,
    /// What our own parser understands of it.
    syntax: Option<Rc<Expr>>,
    /// As the engine evaluates it; compiled when first needed.
    ast: Rc<OnceCell<AST>>,
}

/// Where an expression stands in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// All of it.
    span: Span,
    /// Where its first byte stands, when every later one stands where it should.
    text_start: Option<usize>,
}

/// Why a guard has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{guard}`: {message}")]
pub struct EvalError {
    /// The guard's text.
    pub guard: Arc<str>,
    /// What is wrong, lower case.
    pub message: String,
    /// Where, in the runbook's file.
    pub span: Span,
}

impl Guards {
    /// A sandbox whose scripts may call these primitives.
    pub fn new(catalogue: Catalogue) -> Self {
        let read = RefCell::default();
        let (engine, paced) = (OnceCell::new(), OnceCell::new());
        let core = Core { catalogue, read, engine, paced, scripts: OnceCell::new(), callable: OnceCell::new() };
        Self { core: Rc::new(core), own: OwnFunctions::default() }
    }

    fn engine(&self) -> &Engine {
        self.core.engine.get_or_init(sandbox::engine)
    }

    /// Compiles a guard, and reports where it is not one.
    pub fn guard(&self, scalar: &Scalar, span: Span, findings: &mut Findings) -> Option<Guard> {
        let place = Place { span, text_start: scalar.verbatim.then_some(scalar.text_start) };
        self.compile(&scalar.text, place, findings)
    }

    fn compile(&self, text: &str, place: Place, findings: &mut Findings) -> Option<Guard> {
        if text.len() > MAX_GUARD {
            let message = format!("this guard is longer than {MAX_GUARD} bytes");
            let finding = findings.error("guard-size", message, Span::new(place.span.start, place.span.start + 1));
            findings.push(finding.help("move the logic into a `let`, a function or a `script` step"));
            return None;
        }
        if text.trim().is_empty() {
            let finding = findings.error("empty-guard", "this guard is empty", place.span);
            findings.push(finding.help("write an expression, quoted if it starts with `!`, `&` or `#`"));
            return None;
        }
        let guard = |read, references| Some(Guard(Rc::new(Reading { read, own: self.own.clone(), place, references })));
        if let Some(read) = self.read(text) {
            let references = read.syntax.as_ref().map(|syntax| references::of_syntax(syntax, place));
            return guard(read, references.unwrap_or_default());
        }
        match self.engine().compile_expression(text) {
            Ok(ast) if ast.iter_functions().next().is_some() => {
                let at = references::closure_of(text, place);
                let finding = findings.error("guard-syntax", "a guard has no closures", at);
                findings.push(finding.help("write a function into a file under `functions:`, and call that"));
                None
            }
            Ok(ast) => {
                let ast = Rc::new(OnceCell::from(self.own.merged(ast)));
                let read = Expression { text: Arc::from(text), syntax: None, ast };
                guard(read, references::of_text(text, place))
            }
            Err(error) => {
                let at = place.point(text, error.position());
                let message = format!("this is not an expression: {}", lower(&error.err_type().to_string()));
                let mut finding = findings.error("guard-syntax", message, at);
                if let Some(help) = meant(&error.err_type().to_string()) {
                    finding = finding.help(help);
                }
                findings.push(finding);
                None
            }
        }
    }

    /// Reads an expression with our own parser, once; `None` where that does not understand it.
    fn read(&self, text: &str) -> Option<Expression> {
        let known = self.core.read.borrow().get(text).cloned();
        let read = match known {
            Some(read) => read,
            None => {
                let (syntax, ast) = (Some(Rc::new(parser::parse(text)?)), Rc::default());
                let read = Expression { text: Arc::from(text), syntax, ast };
                let mut kept = self.core.read.borrow_mut();
                if kept.len() >= MAX_READ {
                    kept.clear();
                }
                kept.insert(Arc::clone(&read.text), read.clone());
                read
            }
        };
        // With functions of its own the same text can mean something else.
        let ast = if self.own.is_empty() { read.ast } else { Rc::default() };
        Some(Expression { ast, ..read })
    }

    /// Evaluates a guard that must be true or false; `locals` are names for this time only.
    ///
    /// # Errors
    /// [`EvalError`] for everything that has no plain truth.
    pub fn truth(&self, guard: &Guard, names: &mut Names, locals: &[(&str, &Value)]) -> Result<bool, EvalError> {
        let value = self.evaluate(guard, names, locals)?;
        value
            .as_bool()
            .map_err(|kind| guard.error(format!("a guard must be true or false, and this is {}", word(kind))))
    }

    /// Evaluates an expression.
    ///
    /// # Errors
    /// [`EvalError`] where the expression has no value.
    pub fn value(&self, guard: &Guard, names: &mut Names, locals: &[(&str, &Value)]) -> Result<Value, EvalError> {
        let value = self.evaluate(guard, names, locals)?;
        convert::to_value(&value).map_err(|message| guard.error(message))
    }

    /// The guard as the engine evaluates it.
    fn compiled<'g>(&self, guard: &'g Guard) -> Result<&'g AST, EvalError> {
        if let Some(ast) = guard.0.read.ast.get() {
            return Ok(ast);
        }
        let ast = self.engine().compile_expression(&*guard.0.read.text);
        let ast = ast.map_err(|error| guard.error(lower(&error.err_type().to_string())))?;
        Ok(guard.0.read.ast.get_or_init(|| guard.0.own.merged(ast)))
    }

    fn evaluate(&self, guard: &Guard, names: &mut Names, locals: &[(&str, &Value)]) -> Result<Dynamic, EvalError> {
        let ast = self.compiled(guard)?;
        let scope = names.with(locals);
        let result = self.result(scope, ast, &guard.0.own);
        names.without();
        result.map_err(|error| {
            let (message, position) = guard.0.own.told(&error);
            let mut found = guard.error(message);
            found.span = guard.0.place.point(&guard.0.read.text, position);
            found
        })
    }

    /// What an expression comes to that can call these functions.
    fn result(
        &self,
        scope: &mut rhai::Scope<'static>,
        ast: &AST,
        own: &OwnFunctions,
    ) -> Result<Dynamic, Box<EvalAltResult>> {
        if own.is_empty() {
            return self.engine().eval_ast_with_scope(scope, ast);
        }
        let (engine, pace) = self.core.paced.get_or_init(|| {
            let mut engine = sandbox::engine();
            let pace = Pace::of(&mut engine);
            (engine, pace)
        });
        pace.begin();
        engine.eval_ast_with_scope(scope, ast)
    }
}

impl Guard {
    /// The expression as written.
    pub fn text(&self) -> &str {
        &self.0.read.text
    }

    /// The names it uses.
    pub fn references(&self) -> &[Reference] {
        &self.0.references
    }

    /// Its parts; `None` where only the expression engine understands it.
    pub fn syntax(&self) -> Option<&Expr> {
        self.0.read.syntax.as_deref()
    }

    /// Both sides of a range, which the engine alone reads; it is the list of its numbers.
    pub fn range(&self) -> Option<[Expr; 2]> {
        let (from, to) = self.0.read.text.split_once("..")?;
        Some([parser::parse(from)?, parser::parse(to.trim_start_matches('='))?])
    }

    /// The functions of the author's own that it can call.
    pub fn own_functions(&self) -> &OwnFunctions {
        &self.0.own
    }

    /// Where it stands.
    pub fn span(&self) -> Span {
        self.0.place.span
    }

    /// Where a part of it stands in the file: the whole of it, where the file has it otherwise.
    pub fn part(&self, inside: Span) -> Span {
        self.0.place.part(inside.start, inside.end)
    }

    fn error(&self, message: String) -> EvalError {
        EvalError { guard: Arc::clone(&self.0.read.text), message, span: self.0.place.span }
    }
}

impl Place {
    /// The place of a part of the expression, by its bytes.
    fn part(self, start: usize, end: usize) -> Span {
        self.text_start.map_or(self.span, |first| Span::new(first + start, first + end))
    }

    /// The place of one character, by its line and column.
    fn point(self, text: &str, position: Position) -> Span {
        let (Some(line), Some(column)) = (position.line(), position.position()) else {
            return self.span;
        };
        let before: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
        let rest = text.get(before..).unwrap_or("");
        let Some((offset, c)) = rest.char_indices().nth(column - 1) else {
            return self.span;
        };
        self.part(before + offset, before + offset + c.len_utf8())
    }
}
