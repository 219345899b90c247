//! Everything wrong with a runbook's expressions, place by place, as data.
//!
//! Each place knows its names, what the edges make sure of, and what `when` and `require` have
//! told. `check` reports unknown names while a file is read; the rest are rules of `lint/`.

use std::collections::BTreeMap;

use crate::declaration::Kind;
use crate::diagnostic::Findings;
use crate::guard::fault::Wrong;
use crate::guard::syntax::Expr;
use crate::guard::types::{Noun, Property, Type};
use crate::guard::{Fact, Guard, Script, Standing, Stands, Template, check, check_path, check_truth, facts};
use crate::source::Span;

use super::standing::Standings;
use super::target::Target;
use super::typed::{Declared, Here, can_be};
use super::{Action, ActionKind, Poll, Runbook, Step, Watch, Work};

/// Something wrong with an expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Where, in the runbook's file.
    pub span: Span,
    /// What.
    pub problem: Problem,
}

/// The kinds of problem.
#[derive(Clone, Debug, PartialEq)]
pub enum Problem {
    /// With the expression itself.
    Expression(Wrong),
    /// With where it stands: the argument is of another type.
    Argument {
        /// The argument.
        name: String,
        /// Its type.
        wants: &'static str,
        /// The type it gets.
        found: Type,
    },
    /// With where it stands: another type is needed there.
    Place {
        /// What needs it.
        what: &'static str,
        /// The type it needs.
        wants: &'static str,
        /// The type it gets.
        found: Type,
    },
}

/// The steps and names of a file that may not all have been decoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Partly<'a> {
    pub(super) ids: &'a BTreeMap<String, usize>,
    pub(super) declared: &'a [String],
}

impl Runbook {
    /// Everything wrong with its expressions in a target somebody chose.
    pub fn faults_in(&self, target: &Target) -> Vec<Found> {
        if self.names_target { look(self, Some(target), None).found } else { self.faults.clone() }
    }
}

/// What looking at a runbook's expressions gave.
pub(super) struct Looked {
    /// What is wrong with them.
    pub(super) found: Vec<Found>,
    /// The type of what the runbook returns.
    pub(super) returns: Type,
    /// Whether one of them reads something of the target.
    pub(super) names_target: bool,
}

/// Everything wrong with a runbook's expressions, as far as it was decoded.
pub(super) fn look(runbook: &Runbook, target: Option<&Target>, partly: Option<Partly<'_>>) -> Looked {
    let ids = partly.map(|partly| partly.ids.keys().map(String::as_str));
    let loose = partly.map_or(&[][..], |partly| partly.declared);
    let declared = Declared::of(runbook, target, ids.into_iter().flatten(), loose);
    let indexes = runbook.steps.iter().enumerate().map(|(at, step)| (step.id.as_str(), at)).collect();
    let standings = Standings::new(if partly.is_some() { &[] } else { &runbook.steps });
    let mut look = Look {
        runbook,
        declared,
        indexes,
        standings,
        is_whole: partly.is_none(),
        names_target: false,
        found: Vec::new(),
    };
    look.lets();
    (0..runbook.steps.len()).for_each(|at| look.step(at));
    runbook.watches.iter().for_each(|watch| look.watch(watch));
    for ensure in &runbook.ensures {
        look.work(&ensure.work, None, Place { view: View::Exit, told: Vec::new() });
    }
    let outputs = runbook.outputs.iter().map(|binding| {
        let kind = look.guard(&binding.guard, Vec::new(), &Place { view: View::End, told: Vec::new() });
        (binding.name.to_string(), Property::always(kind))
    });
    let returns = Type::record(Noun::Property, outputs);
    Looked { returns, names_target: look.names_target, found: look.found }
}

struct Look<'a> {
    runbook: &'a Runbook,
    declared: Declared,
    indexes: BTreeMap<&'a str, usize>,
    standings: Standings<'a>,
    is_whole: bool,
    names_target: bool,
    found: Vec<Found>,
}

/// From where the steps are looked at.
#[derive(Clone, Copy, Debug)]
enum View {
    /// Before the first one; they cannot be seen.
    Before,
    /// From the start of one.
    Start(usize),
    /// While one is undone.
    Undo(usize),
    /// On any exit.
    Exit,
    /// After the last one.
    End,
}

/// A place: its view, and what has been told on the way to it.
#[derive(Clone, Debug)]
struct Place {
    view: View,
    told: Vec<Fact>,
}

/// What a place needs of an expression.
enum Needs {
    Truth,
    Anything,
}

impl Look<'_> {
    /// Each `let` sees those before it.
    fn lets(&mut self) {
        let lets = &self.runbook.lets;
        let mut later: Vec<_> = lets.iter().map(|binding| self.declared.without(&binding.name)).collect();
        for (at, binding) in lets.iter().enumerate() {
            self.guard(&binding.guard, Vec::new(), &Place { view: View::Before, told: Vec::new() });
            if let Some(kind) = later.get_mut(at).and_then(Option::take) {
                self.declared.with(&binding.name, kind);
            }
        }
    }

    fn step(&mut self, at: usize) {
        let Some(step) = self.runbook.steps.get(at) else {
            return;
        };
        let place = Place { view: View::Start(at), told: Vec::new() };
        let item = self.fan_out(step, &place);
        let told = self.work(&step.work, item.clone(), place);
        if let Some(undo) = &step.undo
            && undo.action.span != step.work.action.span
        {
            self.work(undo, item, Place { view: View::Undo(at), told });
        }
    }

    fn fan_out(&mut self, step: &Step, place: &Place) -> Option<Type> {
        let foreach = step.foreach.as_ref()?;
        let kind = self.guard(&foreach.list, Vec::new(), place);
        if !matches!(kind, Type::Any | Type::List(_)) {
            self.place(whole(&foreach.list), "foreach", "list", kind.clone());
        }
        Some(self.declared.item(kind, step, self.runbook))
    }

    /// An action and how it is judged; gives what `when` and `require` told.
    fn work(&mut self, work: &Work, item: Option<Type>, mut place: Place) -> Vec<Fact> {
        let item: Vec<_> = item.into_iter().map(|kind| ("item", kind)).collect();
        for guard in [&work.when, &work.require].into_iter().flatten() {
            self.truth(guard, item.clone(), &place);
            place.told.extend(guard.syntax().into_iter().flat_map(|syntax| facts(syntax, true)));
        }
        self.action(&work.action, &item, &place);
        let out = self.declared.of_action(&work.action);
        let judged: Vec<_> = item.iter().cloned().chain([("out", out)]).collect();
        match &work.poll {
            Poll::Once => {}
            Poll::Until { guard, .. } => self.truth(guard, judged.clone(), &place),
            Poll::Hold { guard, stay, .. } => {
                for one in stay.insertions() {
                    let kind = self.guard(one.guard, item.clone(), &place);
                    if !kind.compares_with(&Type::Duration) && !kind.compares_with(&Type::Text) {
                        self.place(whole(one.guard), "for", "duration", kind);
                    }
                }
                self.truth(guard, judged.clone(), &place);
            }
        }
        if let Some(expect) = &work.expect {
            self.truth(expect, judged, &place);
        }
        place.told
    }

    fn watch(&mut self, watch: &Watch) {
        let place = Place { view: View::Start(watch.from), told: Vec::new() };
        self.action(&watch.work.action, &[], &place);
        let locals = if watch.work.action.name() == "nats_watch" {
            vec![("count", Type::Int), ("last", Type::Any), ("rate", Type::Number)]
        } else {
            vec![("out", self.declared.of_action(&watch.work.action))]
        };
        self.truth(&watch.breach_when, locals, &place);
    }

    fn action(&mut self, action: &Action, locals: &[(&'static str, Type)], place: &Place) {
        if let ActionKind::Script(script) = &action.kind {
            self.script(script, locals, place);
        }
        self.template(&action.with, locals, place, action);
    }

    /// What a script calls and reads, as far as there is no such thing: what it makes sure of before
    /// is its own business.
    fn script(&mut self, script: &Script, locals: &[(&'static str, Type)], place: &Place) {
        let expression = |(span, what)| Found { span, problem: Problem::Expression(what) };
        self.found.extend(script.wrong().iter().cloned().map(expression));
        self.names_target |= script.reads().iter().any(|path| path.first().is_some_and(|(root, _)| root == "target"));
        let standing = |id: &str| self.standing(place.view, id);
        let (locals, own) = (locals.to_vec(), script.own_functions());
        let here = Here { declared: &self.declared, locals, sees_steps: true, standing: &standing, own };
        let found = script.reads().iter().flat_map(|path| {
            let words: Vec<_> = path.iter().map(|(word, _)| word.clone()).collect();
            let unknown = check_path(&words, &here).into_iter().filter_map(|fault| {
                let (Wrong::UnknownName { name, .. }
                | Wrong::UnknownProperty { name, .. }
                | Wrong::NoProperty { name, .. }) = &fault.what
                else {
                    return None;
                };
                let (_, span) = path.iter().rfind(|(word, _)| word == name)?;
                Some(expression((*span, fault.what)))
            });
            unknown.collect::<Vec<_>>()
        });
        let found: Vec<_> = found.collect();
        self.found.extend(found);
    }

    fn template(&mut self, template: &Template, locals: &[(&'static str, Type)], place: &Place, action: &Action) {
        for one in template.insertions() {
            let kind = self.guard(one.guard, locals.to_vec(), place);
            if matches!(kind, Type::Maybe(_)) && one.stands != Stands::Inside {
                let problem = Problem::Expression(Wrong::MayBeNull);
                self.found.push(Found { span: whole(one.guard), problem });
            }
            let kind = kind.not_null();
            let is_text = !matches!(kind, Type::Null | Type::List(_) | Type::Map(_));
            match (one.stands, one.argument) {
                (Stands::InText | Stands::InWholeText, _) if !is_text => {
                    self.place(whole(one.guard), "a text", "text", kind)
                }
                (Stands::Whole, Some(name)) => self.argument(action, name, one.guard, kind),
                (Stands::InWholeText, Some(name)) => self.argument(action, name, one.guard, Type::Text),
                (Stands::Inside, Some(name)) if holds_texts(action, name) && !kind.fits(Kind::Text) => {
                    let problem = Problem::Argument { name: format!("{name}[]"), wants: "text", found: kind };
                    self.found.push(Found { span: whole(one.guard), problem });
                }
                _ => {}
            }
        }
    }

    /// An expression that is all of an argument.
    fn argument(&mut self, action: &Action, name: &str, guard: &Guard, kind: Type) {
        let wants = match &action.kind {
            ActionKind::Primitive(declaration) => {
                let argument = declaration.argument(name);
                argument.filter(|argument| !kind.fits(argument.kind)).map(|argument| argument.kind.word())
            }
            ActionKind::Runbook(runbook) => {
                let param = runbook.params.iter().find(|param| &*param.name == name);
                param.filter(|param| !can_be(&kind, param.kind)).map(|param| param.kind.word())
            }
            ActionKind::Script(_) => None,
        };
        if let Some(wants) = wants {
            let problem = Problem::Argument { name: name.to_owned(), wants, found: kind };
            self.found.push(Found { span: whole(guard), problem });
        }
    }

    fn place(&mut self, span: Span, what: &'static str, wants: &'static str, found: Type) {
        self.found.push(Found { span, problem: Problem::Place { what, wants, found } });
    }

    fn truth(&mut self, guard: &Guard, locals: Vec<(&'static str, Type)>, place: &Place) {
        self.expression(guard, locals, place, &Needs::Truth);
    }

    fn guard(&mut self, guard: &Guard, locals: Vec<(&'static str, Type)>, place: &Place) -> Type {
        self.expression(guard, locals, place, &Needs::Anything)
    }

    fn expression(&mut self, guard: &Guard, locals: Vec<(&'static str, Type)>, place: &Place, needs: &Needs) -> Type {
        if self.found.len() > Findings::MOST {
            return Type::Any;
        }
        self.names_target |= guard.references().iter().any(|reference| reference.root() == "target");
        let standing = |id: &str| self.standing(place.view, id);
        let sees_steps = !matches!(place.view, View::Before);
        let own = guard.own_functions();
        let here = Here { declared: &self.declared, locals, sees_steps, standing: &standing, own };
        let expression = |what: Wrong, span: Span| Found { span, problem: Problem::Expression(what) };
        let Some(syntax) = guard.syntax() else {
            let references = guard.references().iter();
            let found: Vec<_> = references
                .flat_map(|reference| {
                    let faults = check_path(reference.path(), &here);
                    faults.into_iter().map(|fault| expression(fault.what, reference.span()))
                })
                .collect();
            let is_int = |side: &Expr| {
                let (kind, faults) = check(side, &here, &place.told);
                faults.is_empty() && matches!(kind, Type::Int | Type::Any)
            };
            let is_range = guard.range().is_some_and(|sides| sides.iter().all(is_int));
            self.found.extend(found);
            if is_range {
                return Type::list(Type::Int);
            }
            self.found.push(expression(Wrong::Unread, guard.span()));
            return Type::Any;
        };
        let (kind, faults) = match needs {
            Needs::Truth => (Type::Bool, check_truth(syntax, &here, &place.told)),
            Needs::Anything => check(syntax, &here, &place.told),
        };
        let found: Vec<_> = faults.into_iter().map(|fault| expression(fault.what, guard.part(fault.span))).collect();
        self.found.extend(found);
        kind
    }

    /// How a step may stand, seen from a place.
    fn standing(&self, view: View, id: &str) -> Standing {
        let Some(asked) = self.indexes.get(id).copied().filter(|_| self.is_whole) else {
            return Standing::OK;
        };
        match view {
            View::Before | View::End => self.standings.possible(asked),
            View::Start(step) if step == asked => Standing::OWN,
            View::Start(step) => self.standings.when_started(step, asked),
            View::Undo(step) if step == asked => Standing::ENDED,
            View::Undo(step) => {
                let standing = self.standings.when_started(step, asked);
                if standing.may_be(Standing::UNRELATED) {
                    standing.without(Standing::UNRELATED).or(STOPPED)
                } else if standing.may_be(Standing::FAILED) {
                    standing.or(Standing::IN_DOUBT)
                } else {
                    standing
                }
            }
            View::Exit => self.standings.possible(asked).or(STOPPED),
        }
    }
}

/// How a step may stand on the way out, because the run was stopped.
const STOPPED: Standing = Standing::PENDING.or(Standing::FAILED).or(Standing::IN_DOUBT);

/// Whether an argument is a list of texts.
fn holds_texts(action: &Action, name: &str) -> bool {
    let ActionKind::Primitive(declaration) = &action.kind else {
        return false;
    };
    declaration.argument(name).is_some_and(|argument| matches!(argument.kind, Kind::Argv | Kind::Texts))
}

/// Where all of an expression stands, without what is around it.
fn whole(guard: &Guard) -> Span {
    guard.syntax().map_or(guard.span(), |syntax| guard.part(syntax.span))
}
