//! The types of the names in a runbook, from what is declared: params, `let`s, results, outputs.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::declaration::Declaration;
use crate::guard::fault::Wrong;
use crate::guard::syntax::{Expr, ExprKind, Word};
use crate::guard::types::{Noun, Property, Shape, Type};
use crate::guard::{Guard, OwnFunctions, Scope, Standing, check, known};
use crate::source::Span;
use crate::value::Value;

use super::captured::Patterns;
use super::target::Target;
use super::target_defaults::usual_names;
use super::{Action, ActionKind, ParamKind, Runbook, Step};

/// The primitive whose result hangs on its arguments: on the groups of its pattern.
const WAIT_LOG: &str = "wait_log";
/// What a guard can read as the status of a step that has ended.
const STATUSES: &[&str] = &["ok", "failed", "skipped", "in_doubt"];

/// The names of one runbook that every place in it can see.
#[derive(Debug, Default)]
pub(super) struct Declared {
    names: BTreeMap<String, Type>,
    /// The type of what each primitive in use returns.
    results: RefCell<BTreeMap<&'static str, Type>>,
    /// The type of a step that does no more than a primitive: a runbook has many of few kinds.
    plain_steps: BTreeMap<&'static str, Type>,
    patterns: Patterns,
    /// How many items the lists have that are known beforehand, by their dotted names.
    counts: BTreeMap<String, usize>,
}

impl Declared {
    /// The names of a runbook; `others` are steps and `loose` are params and `let`s that could not
    /// be decoded, and can be anything.
    pub(super) fn of<'n>(
        runbook: &Runbook,
        target: Option<&Target>,
        others: impl Iterator<Item = &'n str>,
        loose: &[String],
    ) -> Self {
        let mut declared = Self { patterns: Patterns::of(runbook, target), ..Self::default() };
        let loose_params = loose.iter().map(|name| (name.clone(), Property::always(Type::Any)));
        let params = runbook.params.iter().map(|p| (p.name.to_string(), Property::always(of_param(p.kind))));
        declared.set("params", Type::record(Noun::Param, loose_params.chain(params)));
        declared.set("target", of_target(target));
        let text = || Property::always(Type::Text);
        let run = [("id", text()), ("started_at", Property::always(Type::Int))];
        declared.set("run", Type::record(Noun::Property, run));
        loose.iter().for_each(|name| declared.set(name, Type::Any));
        if let Some(target) = target {
            declared.counts.insert("target.services".to_owned(), target.services.len());
            declared.counts.insert("target.gates".to_owned(), target.gates.len());
        }
        for binding in &runbook.lets {
            let kind = declared.of_guard(&binding.guard);
            declared.set(&binding.name, kind);
            declared.count(binding.name.to_string(), &binding.guard);
        }
        let mut steps: BTreeMap<String, Property> = BTreeMap::new();
        steps.extend(others.map(|id| (id.to_owned(), Property::always(of_step(Type::Any)))));
        for step in &runbook.steps {
            steps.insert(step.id.as_str().to_owned(), Property::always(declared.step(step)));
            if let Some(foreach) = &step.foreach {
                declared.count(format!("steps.{}.out", step.id), &foreach.list);
            }
        }
        declared.set("steps", Type::Map(std::rc::Rc::new(Shape { noun: Noun::Step, fields: steps, others: None })));
        declared
    }

    /// The type of a step as guards see it.
    fn step(&mut self, step: &Step) -> Type {
        let plain = match &step.work.action.kind {
            ActionKind::Primitive(declaration) if step.foreach.is_none() && declaration.name != WAIT_LOG => {
                Some(declaration.name)
            }
            _ => None,
        };
        if let Some(known) = plain.and_then(|name| self.plain_steps.get(name)) {
            return known.clone();
        }
        let result = self.of_action(&step.work.action);
        let kind = of_step(match step.foreach {
            Some(_) if skips_items(step) => Type::list(result.or_null()),
            Some(_) => Type::list(result),
            None => result,
        });
        self.plain_steps.extend(plain.map(|name| (name, kind.clone())));
        kind
    }

    /// Takes note of how many items a list has.
    fn count(&mut self, name: String, list: &Guard) {
        let count = match (list.syntax(), list.range()) {
            (Some(Expr { kind: ExprKind::List(items), .. }), _) => Some(items.len()),
            (Some(other), _) => other.path().and_then(|path| self.counts.get(&path.join(".")).copied()),
            (None, Some([from, to])) => match (known(&from, &|_| None), known(&to, &|_| None)) {
                (Some(Value::Int(from)), Some(Value::Int(to))) => {
                    let behind = i64::from(list.text().contains("..="));
                    to.checked_sub(from).and_then(|count| usize::try_from(count.saturating_add(behind).max(0)).ok())
                }
                _ => None,
            },
            (None, None) => None,
        };
        self.counts.extend(count.map(|count| (name, count)));
    }

    fn set(&mut self, name: &str, kind: Type) {
        self.names.insert(name.to_owned(), kind);
    }

    /// Takes a `let` away, so that those before it do not see it.
    pub(super) fn without(&mut self, name: &str) -> Option<Type> {
        self.names.remove(name)
    }

    /// Puts a `let` back.
    pub(super) fn with(&mut self, name: &str, kind: Type) {
        self.set(name, kind);
    }

    /// The type of an action's result.
    pub(super) fn of_action(&self, action: &Action) -> Type {
        match &action.kind {
            ActionKind::Primitive(declaration) => {
                let mut results = self.results.borrow_mut();
                let kind = results.entry(declaration.name).or_insert_with(|| of_primitive(declaration)).clone();
                if declaration.name == WAIT_LOG { self.with_captures(kind, action) } else { kind }
            }
            ActionKind::Runbook(runbook) => runbook.returns.clone(),
            ActionKind::Script(script) => script.gives().clone(),
        }
    }

    /// The type of a log's line with what its pattern captures.
    fn with_captures(&self, line: Type, action: &Action) -> Type {
        let Type::Map(shape) = line else {
            return line;
        };
        let mut shape = Shape::clone(&shape);
        shape.fields.insert("captures".to_owned(), Property::always(self.patterns.captured(action)));
        Type::Map(std::rc::Rc::new(shape))
    }

    /// The type of an expression that sees these names and no more.
    fn of_guard(&self, guard: &Guard) -> Type {
        guard.syntax().map_or(Type::Any, |syntax| self.of_expression(syntax, guard.own_functions()))
    }

    fn of_expression(&self, expression: &Expr, own: &OwnFunctions) -> Type {
        let here = Here { declared: self, locals: Vec::new(), sees_steps: true, standing: &|_| Standing::OK, own };
        check(expression, &here, &[]).0
    }

    /// The type of an item of a step's fan-out over a list of this type.
    pub(super) fn item(&self, list: Type, step: &Step, runbook: &Runbook) -> Type {
        if let Some(items) = written(step, runbook).filter(|items| items.len() > 1) {
            let own = step.foreach.as_ref().map(|foreach| foreach.list.own_functions());
            let done = items.iter().filter(|item| !is_passed_by(step, item));
            let types = done.map(|item| own.map_or(Type::Any, |own| self.of_expression(item, own)));
            return Type::of_items(types.collect());
        }
        match list {
            Type::List(items) => (*items).clone(),
            _ => Type::Any,
        }
    }
}

/// The items of a step's fan-out, where they are written out.
fn written<'a>(step: &'a Step, runbook: &'a Runbook) -> Option<&'a [Expr]> {
    let list = step.foreach.as_ref()?.list.syntax()?;
    let meant = match &list.kind {
        ExprKind::Name(name) => runbook.lets.iter().find(|binding| *binding.name == **name)?.guard.syntax()?,
        _ => list,
    };
    match &meant.kind {
        ExprKind::List(items) => Some(items),
        _ => None,
    }
}

/// Whether the `when` of a step lets an item pass by, whatever else there is.
fn is_passed_by(step: &Step, item: &Expr) -> bool {
    let Some(when) = step.work.when.as_ref().and_then(Guard::syntax) else {
        return false;
    };
    let value = known(item, &|_| None);
    let look_up = |path: &[&str]| value.clone().filter(|_| path == ["item"]);
    known(when, &look_up) == Some(Value::Bool(false))
}

/// The names in one place.
pub(super) struct Here<'a> {
    pub(super) declared: &'a Declared,
    /// Names of this place only.
    pub(super) locals: Vec<(&'static str, Type)>,
    pub(super) sees_steps: bool,
    pub(super) standing: &'a dyn Fn(&str) -> Standing,
    pub(super) own: &'a OwnFunctions,
}

impl Scope for Here<'_> {
    fn name(&self, name: &str) -> Option<Type> {
        let local = self.locals.iter().find(|(known, _)| *known == name);
        let lasting = self.declared.names.get(name).filter(|_| self.sees_steps || name != "steps");
        local.map(|(_, kind)| kind).or(lasting).cloned()
    }

    fn names(&self) -> Vec<&str> {
        let lasting = self.declared.names.keys().map(String::as_str);
        let lasting = lasting.filter(|name| self.sees_steps || *name != "steps");
        lasting.chain(self.locals.iter().map(|(name, _)| *name)).collect()
    }

    fn standing(&self, step: &str) -> Standing {
        (self.standing)(step)
    }

    fn items(&self, path: &[&str]) -> Option<usize> {
        self.declared.counts.get(&path.join(".")).copied()
    }

    fn own_function(&self, name: &str) -> Vec<usize> {
        self.own.arities(name)
    }

    fn wrong_call(&self, name: &Word, arguments: &[Expr]) -> Option<(Span, Wrong)> {
        self.own.wrong_call(name, arguments)
    }
}

/// The type of a name that every place after the `let`s can see, such as `expected` or
/// `steps.verify.out.hash`.
pub fn type_of(runbook: &Runbook, target: Option<&Target>, path: &[&str]) -> Option<Type> {
    let declared = Declared::of(runbook, target, std::iter::empty(), &[]);
    let (root, rest) = path.split_first()?;
    let root = declared.names.get(*root)?.clone();
    rest.iter().try_fold(root, |of, name| match of {
        Type::Map(shape) => shape.fields.get(*name).map(|field| field.kind.clone()),
        _ => None,
    })
}

/// The type of a param's value.
fn of_param(kind: ParamKind) -> Type {
    match kind {
        ParamKind::Text => Type::Text,
        ParamKind::Int => Type::Int,
        ParamKind::Number => Type::Number,
        ParamKind::Bool => Type::Bool,
        ParamKind::Duration => Type::Duration,
        ParamKind::File => Type::file(),
        ParamKind::List => Type::list(Type::Any),
        ParamKind::Map => Type::map_of(Type::Any),
    }
}

/// Whether a value of a type can become a param's value, as params are read.
pub(super) fn can_be(kind: &Type, param: ParamKind) -> bool {
    match (kind, param) {
        (Type::Any, _) => true,
        (Type::Map(shape), ParamKind::File) => {
            let is_text = |name: &&str| match (shape.fields.get(*name), &shape.others) {
                (Some(field), _) => field.kind.compares_with(&Type::Text),
                (None, others) => others.is_some(),
            };
            ["path", "text"].iter().all(is_text)
        }
        (_, ParamKind::File) => false,
        (Type::Text | Type::Word(_), _) => true,
        (Type::Number, ParamKind::Int) => true,
        (Type::Null, _) => false,
        (kind, param) => kind.compares_with(&of_param(param)),
    }
}

/// The type of what a primitive returns.
fn of_primitive(declaration: &Declaration) -> Type {
    let fields = declaration
        .result
        .iter()
        .map(|field| (field.name, Property { kind: Type::declared(field.kind), is_optional: field.optional }));
    Type::record(Noun::Property, fields)
}

/// Whether some items of a fan-out may be skipped, and others not.
fn skips_items(step: &Step) -> bool {
    let looks_at_item = |when: &Guard| when.references().iter().any(|reference| reference.root() == "item");
    step.may_skip || step.work.when.as_ref().is_some_and(looks_at_item)
}

fn of_step(result: Type) -> Type {
    let status = Property::always(Type::Word(STATUSES));
    Type::record(Noun::PropertyOfStep, [("out", Property::always(result)), ("status", status)])
}

/// What is known of `target`: everything of a chosen one, the usual names of another.
fn of_target(target: Option<&Target>) -> Type {
    let text = || Property::always(Type::Text);
    let texts = || Property::always(Type::list(Type::Text));
    let named = |names: Vec<String>, others: Option<Type>, noun: Noun| {
        let fields = names.into_iter().map(|name| (name, text())).collect();
        Property::always(Type::Map(std::rc::Rc::new(Shape { noun, fields, others })))
    };
    let mut fields =
        vec![("name", text()), ("simulated", Property::always(Type::Bool)), ("services", texts()), ("gates", texts())];
    match target {
        Some(target) => fields.extend([
            ("subjects", named(target.subjects.keys().cloned().collect(), None, Noun::OfTarget)),
            ("metrics", named(target.metrics.keys().cloned().collect(), None, Noun::OfTarget)),
            ("patterns", named(target.patterns.keys().cloned().collect(), None, Noun::OfTarget)),
        ]),
        None => fields.extend(usual_names().map(|(name, usual)| {
            (name, named(usual.into_iter().map(str::to_owned).collect(), Some(Type::Text), Noun::Usual))
        })),
    }
    Type::record(Noun::Property, fields)
}
