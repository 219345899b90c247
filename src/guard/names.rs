//! The names a guard sees. Built once per run and shared: a new result changes one entry.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use rhai::{Dynamic, Engine, ImmutableString, Scope};

use crate::diagnostic::did_you_mean;
use crate::value::Value;

use super::convert::to_dynamic;
use super::operators::{Evaluated, fault};

/// The names of one runbook under way.
#[derive(Debug)]
pub struct Names {
    scope: Scope<'static>,
    /// How many names there are without locals.
    lasting: usize,
    steps: Steps,
    /// What a runbook used as an action sees as well.
    target: Dynamic,
    run: Dynamic,
}

/// What is known of every step that has ended.
#[derive(Clone, Debug, Default)]
struct Steps(Rc<RefCell<BTreeMap<Rc<str>, Rc<Step>>>>);

#[derive(Debug)]
struct Step {
    id: Rc<str>,
    status: &'static str,
    out: Option<Value>,
    /// The result as the expression engine holds it, made when first asked for.
    dynamic: std::cell::OnceCell<Dynamic>,
}

/// One step, as a guard holds it.
#[derive(Clone, Debug)]
struct StepView(Rc<Step>);

impl Names {
    /// The names before the first step.
    pub fn new(params: &Value, target: &Value, run: &Value) -> Self {
        Self::with_shared(params, to_dynamic(target).into_shared(), to_dynamic(run).into_shared())
    }

    /// The names of a runbook used as an action: its own params and steps, the same target and run.
    #[must_use]
    pub fn nested(&self, params: &Value) -> Self {
        Self::with_shared(params, self.target.clone(), self.run.clone())
    }

    fn with_shared(params: &Value, target: Dynamic, run: Dynamic) -> Self {
        let steps = Steps::default();
        let mut scope = Scope::new();
        scope.push_constant_dynamic("params", to_dynamic(params).into_shared());
        scope.push_constant_dynamic("target", target.clone());
        scope.push_constant_dynamic("run", run.clone());
        scope.push_constant_dynamic("steps", Dynamic::from(steps.clone()));
        Self { lasting: scope.len(), scope, steps, target, run }
    }

    /// Adds a `let`.
    pub fn set(&mut self, name: &str, value: &Value) {
        self.scope.push_constant_dynamic(name.to_owned(), to_dynamic(value).into_shared());
        self.lasting = self.scope.len();
    }

    /// Takes note of a step's state and result.
    pub fn set_step(&mut self, id: &str, status: &'static str, out: Option<&Value>) {
        let id = Rc::from(id);
        let step = Step { id: Rc::clone(&id), status, out: out.cloned(), dynamic: std::cell::OnceCell::new() };
        self.steps.0.borrow_mut().insert(id, Rc::new(step));
    }

    /// Takes note of how a step stands, whatever result it has.
    pub fn set_status(&mut self, id: &str, status: &'static str) {
        let out = self.steps.0.borrow().get(id).and_then(|step| step.out.clone());
        self.set_step(id, status, out.as_ref());
    }

    /// Whether it is known how a step stands.
    pub fn knows(&self, id: &str) -> bool {
        self.steps.0.borrow().contains_key(id)
    }

    /// Takes what an earlier try of the same runbook knows of a step.
    pub fn take_step(&mut self, id: &str, earlier: &Self) {
        if let Some((id, step)) = earlier.steps.0.borrow().get_key_value(id) {
            self.steps.0.borrow_mut().insert(Rc::clone(id), Rc::clone(step));
        }
    }

    /// The scope with more names, until [`Names::without`].
    pub(super) fn with(&mut self, locals: &[(&str, &Value)]) -> &mut Scope<'static> {
        for (name, value) in locals {
            self.scope.push_constant_dynamic((*name).to_owned(), to_dynamic(value));
        }
        &mut self.scope
    }

    /// Takes the added names away.
    pub(super) fn without(&mut self) {
        self.scope.rewind(self.lasting);
    }
}

/// Teaches the engine what `steps.ID.out` and `steps.ID.status` mean.
pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Steps>("steps");
    engine.register_type_with_name::<StepView>("step");
    engine.register_indexer_get(|steps: &mut Steps, id: ImmutableString| steps.find(&id));
    engine.register_get("status", |step: &mut StepView| ImmutableString::from(step.0.status));
    engine.register_get("out", |step: &mut StepView| step.out());
}

impl Steps {
    fn find(&self, id: &str) -> Evaluated<StepView> {
        let steps = self.0.borrow();
        if let Some(step) = steps.get(id) {
            return Ok(StepView(Rc::clone(step)));
        }
        let near = did_you_mean(id, steps.keys().map(|id| &**id));
        let hint = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        Err(fault(format!("step `{id}` has not ended{hint}")))
    }
}

impl StepView {
    fn out(&self) -> Evaluated<Dynamic> {
        let step = &self.0;
        let Some(out) = &step.out else {
            return Err(fault(format!("step `{}` is {}, so it has no `out`", step.id, step.status)));
        };
        Ok(step.dynamic.get_or_init(|| to_dynamic(out).into_shared()).clone())
    }
}
