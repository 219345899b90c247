//! What was seen before a gate is opened, and what of it counts that was seen before the run waited for
//! a person, or for another runner: `look_again` looks at it once more.
//!
//! What was to be so of a service counts until the service is deployed, and everything else until
//! anything is changed; either until the same is looked at once more.

use std::rc::Rc;
use std::sync::Arc;

use crate::declaration::{ARM, DEPLOY, DISARM, Declaration, Effect, ErrorClass, OBSERVES};
use crate::event::Phase;
use crate::journal::{Known, Outcome, State};
use crate::primitive::Primitive;
use crate::runbook::{ActionKind, Poll, Work};
use crate::value::Value;

use super::perform::Task;
use super::{Begun, Frame, Run};

/// The primitives that say how something is; the others tell of what was, or ask nobody outside.
const SAY_HOW_IT_IS: [&str; 7] =
    ["exec", "expect_hash", "http", "nats_req", "service_hash", "service_version", "wait_metric"];

/// What of a result says how something is, where no guard judges it.
pub(super) const READINGS: [(&str, &str); 2] = [("service_hash", "hash"), ("service_version", "version")];

/// The arguments that say how it is to be, and not what is looked at.
const JUDGING: [&str; 6] = ["baseline", "expect_body", "expect_code", "expect_status", "expected", "process_start"];

/// A question to people, until it is answered, fails, or is given up.
pub(super) struct Question<'r, 'j>(pub(super) &'r Run<'j>);

impl Drop for Question<'_, '_> {
    fn drop(&mut self) {
        self.0.has_waited();
    }
}

/// What was seen and changed so far, by all runners.
#[derive(Default)]
pub(super) struct Looks {
    seen: Vec<Look>,
    changed: Vec<Change>,
    /// What stands on record before this place was seen before the run waited.
    due_before: u64,
}

/// A place in the record, and there the call of a script, from 1; 0 for what is no call.
type Order = (u64, usize);

/// Something that came out as it was to be.
#[derive(Clone)]
pub(super) struct Look {
    phase: Phase,
    order: Order,
    /// How it is looked at again.
    pub(super) again: Rc<Again>,
}

/// A look as it was.
pub(super) struct Again {
    pub(super) path: Arc<str>,
    pub(super) declaration: &'static Declaration,
    pub(super) with: Value,
    pub(super) memory: Option<Value>,
    /// What was seen.
    pub(super) out: Value,
    /// The frame, the step in it that it belongs to, and its item; a call of a script has none.
    pub(super) step: Option<(Rc<Frame>, usize, Option<Value>)>,
}

impl Again {
    /// The work whose guards judge it: the step's own, or its undo.
    pub(super) fn work(frame: &Frame, step: usize, phase: Phase) -> Option<&Work> {
        let step = frame.runbook.steps.get(step)?;
        if frame.phase == phase { Some(&step.work) } else { step.undo.as_deref() }
    }

    /// The primitive, and what it is asked about.
    fn about(&self) -> (&'static str, Vec<(&Arc<str>, &Value)>) {
        let asked = self.with.as_map().into_iter().flatten().filter(|(name, _)| !JUDGING.contains(&&***name));
        (self.declaration.name, asked.collect())
    }

    /// Whether a failure to see it may be one to answer: its step tries again, or nobody answered.
    pub(super) fn is_tried_again(&self, phase: Phase, class: ErrorClass) -> bool {
        let work = self.step.as_ref().and_then(|(frame, step, _)| Self::work(frame, *step, phase));
        let retry = work.and_then(|work| work.retry.as_deref());
        class.is_inconclusive() || retry.is_some_and(|retry| retry.on.contains(&class))
    }

    /// Whether nothing says how it is to be.
    fn is_only_read(&self, phase: Phase) -> bool {
        let step = self.step.as_ref();
        let work = step.and_then(|(frame, step, _)| Self::work(frame, *step, phase));
        READINGS.iter().any(|(name, _)| *name == self.declaration.name) && !work.is_some_and(has_guard)
    }
}

/// Something that was changed.
struct Change {
    phase: Phase,
    order: Order,
    what: Changed,
}

/// What a change may have touched.
enum Changed {
    /// The service that was deployed.
    Service(Value),
    /// A gate, which metrics show.
    Gate,
    /// Nobody knows.
    Anything,
}

impl Looks {
    /// What earlier runners have changed.
    pub(super) fn after(past: &State, primitives: fn(&str) -> Option<&'static dyn Primitive>) -> Self {
        let changes = [Phase::Forward, Phase::Undo].into_iter().flat_map(|phase| {
            past.all(phase).filter(|(_, known)| known.acted).flat_map(move |(_, known)| {
                let calls = (1..).zip(&known.calls).chain(known.left.iter().map(|call| (0, call)));
                let calls = calls.map(|(index, call)| (index, &call.primitive, &call.with));
                calls.chain([(0, &known.action, &known.with)]).filter_map(move |(index, name, with)| {
                    Change::of(phase, (known.order, index), primitives(name)?.declaration(), with)
                })
            })
        });
        Self { seen: Vec::new(), changed: changes.collect(), due_before: past.records }
    }

    /// What still counts of what was seen before the run waited.
    pub(super) fn standing(&self, phase: Phase) -> Vec<Look> {
        let seen = self.seen.iter().filter(|look| look.phase == phase);
        let seen: Vec<_> = seen.map(|look| (look, look.again.about(), look.again.is_only_read(phase))).collect();
        let is_over = |(look, about, is_only_read): &(&Look, _, bool)| {
            // What was to be so does not come to be so by being read once more.
            let is_later = |(other, same, reads): &(&Look, _, bool)| {
                same == about && other.order > look.order && (*is_only_read || !reads)
            };
            self.changed.iter().any(|change| change.ends(look)) || seen.iter().any(is_later)
        };
        let due = seen.iter().filter(|(look, ..)| look.order.0 < self.due_before);
        due.filter(|look| !is_over(look)).map(|(look, ..)| (*look).clone()).collect()
    }
}

impl Change {
    /// What a primitive changes. An opening leaves what it was based on as it was.
    fn of(phase: Phase, order: Order, declaration: &Declaration, with: &Value) -> Option<Self> {
        let what = match (declaration.effect_where(with.get(OBSERVES.name)), declaration.name) {
            (Effect::Observes | Effect::Asks, _) | (_, ARM) => return None,
            (_, DISARM) => Changed::Gate,
            (_, DEPLOY) => with.get("service").cloned().map_or(Changed::Anything, Changed::Service),
            _ => Changed::Anything,
        };
        Some(Self { phase, order, what })
    }

    /// Whether a look says nothing any more after it.
    fn ends(&self, look: &Look) -> bool {
        let Again { declaration, with, .. } = &*look.again;
        let is_about = match (with.get("service"), &self.what) {
            (None, _) => true,
            (Some(service), Changed::Service(deployed)) => service == deployed,
            (Some(_), Changed::Gate) => declaration.name == "wait_metric",
            // What was read may have been read to be changed; what was to be so is to be so.
            (Some(_), Changed::Anything) => READINGS.iter().any(|(name, _)| *name == declaration.name),
        };
        is_about && look.phase == self.phase && self.order > look.order
    }
}

/// Whether a primitive says how something is.
fn says_how_it_is(declaration: &Declaration, with: &Value) -> bool {
    let looks = declaration.effect_where(with.get(OBSERVES.name)) == Effect::Observes;
    looks && SAY_HOW_IT_IS.contains(&declaration.name)
}

/// Whether a primitive's result can be held against an earlier one without a guard.
fn judges_itself(declaration: &Declaration) -> bool {
    declaration.name == "expect_hash" || READINGS.iter().any(|(name, _)| *name == declaration.name)
}

/// Whether a step says how what it looks at is to be: a metric tells nothing without a guard, and
/// everything else fails where its answer is not the one that was wanted.
fn is_judged(work: &Work, declaration: &Declaration) -> bool {
    declaration.name != "wait_metric" || has_guard(work)
}

fn has_guard(work: &Work) -> bool {
    work.expect.is_some() || !matches!(work.poll, Poll::Once)
}

impl Run<'_> {
    /// Takes note of what a step has seen.
    pub(super) fn saw(&self, task: &Task<'_>, declaration: &'static Declaration, with: &Value, out: &Value) {
        if is_judged(task.work, declaration) {
            let step = Some((Rc::clone(task.frame), task.begun.step, task.begun.item.clone()));
            let memory = task.begun.memory.borrow().clone();
            self.seen(
                task.phase,
                (self.seq.get(), 0),
                Again {
                    path: Arc::clone(&task.begun.path),
                    declaration,
                    with: with.clone(),
                    memory,
                    out: out.clone(),
                    step,
                },
            );
        }
    }

    /// Takes note of what a call of a script has seen.
    pub(super) fn saw_in_call(&self, task: &Task<'_>, declaration: &'static Declaration, with: &Value, out: &Value) {
        self.called(task.phase, (self.seq.get(), 0), &task.begun.path, declaration, with, out);
    }

    fn called(
        &self,
        phase: Phase,
        order: Order,
        path: &Arc<str>,
        declaration: &'static Declaration,
        with: &Value,
        out: &Value,
    ) {
        if judges_itself(declaration) {
            let (path, with, out) = (Arc::clone(path), with.clone(), out.clone());
            self.seen(phase, order, Again { path, declaration, with, memory: None, out, step: None });
        }
    }

    fn seen(&self, phase: Phase, order: Order, again: Again) {
        if says_how_it_is(again.declaration, &again.with) {
            self.looks.borrow_mut().seen.push(Look { phase, order, again: Rc::new(again) });
        }
    }

    /// Takes note that something was looked at again, and is as it was.
    pub(super) fn is_still_so(&self, look: &Look) {
        self.looks.borrow_mut().seen.push(Look { order: (self.seq.get(), 0), ..look.clone() });
    }

    /// Takes note that the run has waited for a person.
    pub(super) fn has_waited(&self) {
        self.looks.borrow_mut().due_before = self.seq.get();
    }

    /// Takes note of what this runner is about to change.
    pub(super) fn changes(&self, phase: Phase, declaration: &Declaration, with: &Value) {
        let change = Change::of(phase, (self.seq.get(), 0), declaration, with);
        self.looks.borrow_mut().changed.extend(change);
    }

    /// Takes note of what a piece of work of an earlier runner has seen.
    pub(super) fn had_looked(&self, phase: Phase, frame: &Rc<Frame>, work: &Work, begun: &Begun, known: &Known) {
        match (&work.action.kind, &known.outcome) {
            (ActionKind::Script(_), _) => self.had_called(phase, &begun.path, known),
            (ActionKind::Primitive(declaration), Some(Outcome::Ended { failure: None, out, .. }))
                if is_judged(work, declaration) =>
            {
                self.seen(
                    phase,
                    (known.order, 0),
                    Again {
                        path: Arc::clone(&begun.path),
                        declaration,
                        with: known.with.clone(),
                        memory: known.memory.clone(),
                        out: out.clone(),
                        step: Some((Rc::clone(frame), begun.step, begun.item.clone())),
                    },
                );
            }
            _ => {}
        }
    }

    /// Takes note of what a script of an earlier runner has seen.
    pub(super) fn had_called(&self, phase: Phase, path: &Arc<str>, known: &Known) {
        for (index, call) in (1..).zip(&known.calls) {
            let primitive = (self.job.primitives)(&call.primitive);
            if let (Some(Ok(out)), Some(primitive)) = (&call.result, primitive) {
                self.called(phase, (known.order, index), path, primitive.declaration(), &call.with, out);
            }
        }
    }
}
