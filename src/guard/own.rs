//! Functions of an author's own: Rhai files that a runbook names under `functions:`.
//!
//! A file of functions holds nothing else. Its functions see their arguments only, and can be
//! called wherever the language's own can; none may take the name of one of those. `runbook/`
//! reads the files and hands them over one by one.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use regex::Regex;
use rhai::{AST, EvalAltResult, Position};

use crate::declaration::Catalogue;
use crate::diagnostic::{Diagnostic, Findings};
use crate::source::{SourceFile, Span};

use super::asked::AskedPrimitive;
use super::caught::{called_in, is_closure};
use super::engine_syntax::given_by;
use super::fault::Wrong;
use super::outcome::not_there;
use super::said::Said;
use super::script_lines::ScriptLines;
use super::syntax::{Expr, Word};
use super::wording::{describe, innermost, lower};
use super::{FUNCTIONS, Guards, Place, sandbox};

/// The longest file of functions: longer ones are programs of their own.
const MAX_FILE: usize = 64 * 1024;

/// What the language itself calls by name, behind `in` and `${ }` of the expression engine: a
/// function of that name would change what guards mean.
const CALLED_BY_OPERATORS: [&str; 3] = ["contains", "to_debug", "to_string"];

/// The file of functions that take versions and nothing else, and what it takes for one.
const VERSIONS: &str = "std/versions.rhai";
const VERSION: &str = r"^v?(0|[1-9][0-9]{0,8})(\.(0|[1-9][0-9]{0,8}))*([-+][0-9A-Za-z.+-]*)?$";

/// Functions that files add to the language.
#[derive(Clone, Debug, Default)]
pub struct OwnFunctions(Option<Rc<Shelf>>);

#[derive(Clone, Debug, Default)]
struct Shelf {
    catalogue: Catalogue,
    ast: AST,
    /// Each file with what it holds.
    files: Vec<(SourceFile, AST)>,
    /// Each function with the file it comes from.
    named: Vec<(String, SourceFile)>,
    /// Each function that calls a primitive, which another may call for it; found when first asked for.
    asking: OnceCell<BTreeMap<String, &'static str>>,
}

/// What a file of functions says.
#[derive(Debug)]
pub struct SaidByFile {
    /// The file.
    pub file: SourceFile,
    /// Calls of functions that there are none of, names that its functions do not see, and what a
    /// result does not have.
    pub wrong: Vec<(Span, Wrong)>,
    /// Every call of a primitive.
    pub asked: Vec<AskedPrimitive>,
}

impl Guards {
    /// A sandbox with the functions of one more file, and what is wrong with that file.
    pub fn with_functions(&self, file: &SourceFile) -> (Self, Vec<Diagnostic>) {
        let mut findings = Findings::new(file.clone());
        let own = match self.functions_in(file, &mut findings) {
            Some(ast) => self.own.with(file, ast, self.core.catalogue),
            None => self.own.clone(),
        };
        (Self { core: Rc::clone(&self.core), own }, findings.into_sorted())
    }

    /// A sandbox with the language's own functions only.
    #[must_use]
    pub fn without_functions(&self) -> Self {
        Self { core: Rc::clone(&self.core), own: OwnFunctions::default() }
    }

    /// What each file of functions says, beside all the others.
    pub fn said_by_files(&self) -> Vec<SaidByFile> {
        let shelf = self.own.0.iter().flat_map(|shelf| shelf.files.iter().map(move |file| (file, &shelf.ast)));
        let said = shelf.map(|((file, ast), all)| {
            let (said, lines) = (Said::by(ast), ScriptLines::of_file(file));
            let outside = said.reads.iter().filter_map(|path| path.first());
            let inside = outside.chain(&said.read_inside);
            let unseen =
                inside.map(|(name, at)| (lines.word(file.text(), *at), Wrong::NotHandedOver { name: name.clone() }));
            let not_there = not_there(&said, self.core.catalogue).into_iter();
            let not_there = not_there.map(|(at, wrong)| (lines.word(file.text(), at), wrong));
            let unanswered = self.unanswered(&said, all, &lines, file.text());
            let asked = self.asked(&said, all, &lines, file.text());
            SaidByFile {
                file: file.clone(),
                wrong: unanswered.into_iter().chain(unseen).chain(not_there).collect(),
                asked,
            }
        });
        said.collect()
    }

    fn functions_in(&self, file: &SourceFile, findings: &mut Findings) -> Option<AST> {
        let start = Span::new(0, usize::from(!file.text().is_empty()));
        if file.text().len() > MAX_FILE {
            let message = format!("this file of functions is longer than {MAX_FILE} bytes");
            findings.push(findings.error("guard-size", message, start));
            return None;
        }
        let ast = match self.host().engine.compile(file.text()) {
            Ok(ast) => ast,
            Err(error) => {
                let place = Place { span: start, text_start: Some(0) };
                let message = format!("this is no file of functions: {}", lower(&error.err_type().to_string()));
                findings.push(findings.error("functions-syntax", message, place.point(file.text(), error.position())));
                return None;
            }
        };
        if does_something(&ast) {
            let finding = findings.error("functions-only", "this file does something outside of its functions", start);
            findings.push(finding.help("keep only `fn name(argument) { ... }`; hand values over as arguments"));
        }
        for function in ast.iter_functions() {
            self.may_be_called(function.name, file, findings);
        }
        (!findings.has_errors()).then_some(ast)
    }

    /// Reports a function whose name is taken.
    fn may_be_called(&self, name: &str, file: &SourceFile, findings: &mut Findings) {
        let Some(taken_by) = self.taken_by(name) else {
            return;
        };
        let at = file.text().find(&format!("fn {name}")).map_or(0, |at| at + "fn ".len());
        let message = format!("`{name}` is the name of {taken_by}");
        let finding = findings.error("functions-name", message, Span::new(at, at + name.len()));
        findings.push(finding.help("give the function another name"));
    }

    /// Reports functions of a script whose names are taken.
    pub(super) fn may_be_given(&self, ast: &AST, text: &str, lines: &ScriptLines, findings: &mut Findings) {
        for function in ast.iter_functions().filter(|function| !is_closure(function.name)) {
            let Some(taken_by) = self.taken_by(function.name) else {
                continue;
            };
            let start = text.find(&format!("fn {}", function.name)).map_or(0, |at| at + "fn ".len());
            let before = text.get(..start).unwrap_or_default();
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            let count = |many: usize| u16::try_from(many).unwrap_or(u16::MAX);
            let at = Position::new(count(before.matches('\n').count() + 1), count(column));
            let message = format!("`{}` is the name of {taken_by}", function.name);
            let finding = findings.error("functions-name", message, lines.word(text, at));
            findings.push(finding.help("give the function another name"));
        }
    }

    /// What has a name already that a function is to have.
    fn taken_by(&self, name: &str) -> Option<String> {
        match self.own.file_of(name) {
            _ if FUNCTIONS.iter().any(|known| known.name == name) => Some("a function of the language".to_owned()),
            _ if CALLED_BY_OPERATORS.contains(&name) => Some("what operators call".to_owned()),
            _ if self.core.catalogue.find(name).is_some() => Some("a primitive".to_owned()),
            other => other.map(|other| format!("a function of `{}`", other.name())),
        }
    }
}

/// Whether a file has statements outside of its functions: the first operation ends the try.
fn does_something(ast: &AST) -> bool {
    let mut engine = sandbox::script_engine();
    engine.on_progress(|_| Some(rhai::Dynamic::UNIT));
    engine.run_ast(ast).is_err()
}

impl OwnFunctions {
    fn with(&self, file: &SourceFile, ast: AST, catalogue: Catalogue) -> Self {
        let mut shelf = self.0.as_deref().cloned().unwrap_or_default();
        shelf.catalogue = catalogue;
        shelf.named.extend(ast.iter_functions().map(|function| (function.name.to_owned(), file.clone())));
        shelf.ast = shelf.ast.merge(&ast);
        shelf.files.push((file.clone(), ast));
        shelf.asking = OnceCell::new();
        Self(Some(Rc::new(shelf)))
    }

    /// What is wrong with the call of one of them in a guard: it calls a primitive, which no guard can,
    /// or is handed a text that is no version where it looks at nothing else.
    pub fn wrong_call(&self, name: &Word, arguments: &[Expr]) -> Option<(Span, Wrong)> {
        let function = &name.text;
        if let Some(primitive) = self.primitive_in(function) {
            return Some((name.span, Wrong::ScriptOnly { function: function.clone(), primitive }));
        }
        self.unread(function, arguments)
    }

    /// A text that the call of one of them is handed, and that is no version where it looks at nothing else.
    pub(super) fn unread(&self, function: &str, arguments: &[Expr]) -> Option<(Span, Wrong)> {
        if self.file_of(function)?.name() != VERSIONS {
            return None;
        }
        let is_none = |text: &str| Regex::new(VERSION).is_ok_and(|version| !version.is_match(text));
        let argument = arguments.iter().find(|argument| argument.as_text().is_some_and(is_none))?;
        let why = format!("`{}` is no version", argument.as_text()?);
        Some((argument.span, Wrong::BadText { why, help: "write one such as `2.10.1` or `v2.10.1-rc1`".to_owned() }))
    }

    /// The primitive that a function calls, itself or through others.
    fn primitive_in(&self, name: &str) -> Option<&'static str> {
        let shelf = self.0.as_deref()?;
        let asking = shelf.asking.get_or_init(|| {
            let asking = shelf.named.iter().filter_map(|(name, _)| {
                let called = called_in(&shelf.ast, name);
                Some((name.clone(), called.iter().find_map(|called| shelf.catalogue.find(called))?.name))
            });
            asking.collect()
        });
        asking.get(name).copied()
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    fn file_of(&self, name: &str) -> Option<&SourceFile> {
        self.0.as_deref()?.named.iter().find(|(known, _)| known == name).map(|(_, file)| file)
    }

    /// How many arguments the functions of a name take.
    pub fn arities(&self, name: &str) -> Vec<usize> {
        let functions = self.0.iter().flat_map(|shelf| shelf.ast.iter_functions());
        functions.filter(|function| function.name == name).map(|function| function.params.len()).collect()
    }

    /// What one of them gives, where it is one expression, with the names of its arguments.
    pub fn given_by(&self, name: &str) -> Option<(Vec<&str>, Expr)> {
        let shelf = self.0.as_deref()?;
        let params = shelf.ast.iter_functions().find(|function| function.name == name)?.params;
        Some((params, given_by(&shelf.ast, name)?))
    }

    /// An expression or a script that can call them.
    pub(super) fn merged(&self, ast: AST) -> AST {
        match &self.0 {
            None => ast,
            Some(shelf) => shelf.ast.merge(&ast),
        }
    }

    /// What a script says, with what these functions say where it calls one of them.
    pub(super) fn said_with(&self, mut said: Said) -> Said {
        let called = self.0.as_deref().filter(|_| said.calls.iter().any(|call| self.file_of(&call.name).is_some()));
        called.into_iter().for_each(|shelf| said.add(Said::by(&shelf.ast)));
        said
    }

    /// The sentence for an evaluation error and its place in what was evaluated: that of the call,
    /// where it arose in one of these functions.
    pub(super) fn told(&self, error: &EvalAltResult) -> (String, Position) {
        match self.call_in(error) {
            None => (describe(error), innermost(error).position()),
            Some((name, file, called_at)) => {
                let line = innermost(error).position().line();
                let line = line.map_or(String::new(), |line| format!(":{line}"));
                (format!("in `{name}` ({}{line}): {}", file.name(), describe(error)), called_at)
            }
        }
    }

    /// The outermost call of one of these functions that an error passed through.
    fn call_in<'a>(&'a self, error: &'a EvalAltResult) -> Option<(&'a str, &'a SourceFile, Position)> {
        let EvalAltResult::ErrorInFunctionCall(name, _, inner, at) = error else {
            return None;
        };
        match self.file_of(name) {
            Some(file) => Some((name, file, *at)),
            None => self.call_in(inner),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_functions_for_versions_take_what_is_said_here() {
        let written = VERSION.replace('\\', "\\\\");
        assert!(crate::stdlib::find(VERSIONS).is_some_and(|text| text.contains(&written)), "{written}");
    }
}
