//! Which gates a run may have left open, as its record says: what a rollback must close.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::declaration::{ARM, DISARM};
use crate::event::{Happened, Phase, Status};
use crate::value::Value;

use super::State;
use super::known::Known;

/// The gates that a run has moved.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gates {
    /// Every gate that was moved, with the step that moved it last.
    moved: BTreeMap<Arc<str>, Arc<str>>,
    /// Those that were to be opened and were not verified closed since.
    open: BTreeMap<Arc<str>, Opening>,
    /// The closings under way: of steps, and of the calls of scripts.
    closing: BTreeMap<(Phase, Arc<str>, Option<usize>), Arc<str>>,
    /// The openings that the engine has begun to close.
    closed_for: BTreeSet<Arc<str>>,
}

/// What was to open a gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The part of the run it belongs to.
    pub phase: Phase,
    /// Its path.
    pub step: Arc<str>,
    /// Whether the engine has begun to close the gate since.
    pub is_to_close: bool,
}

impl Gates {
    /// Follows what happened.
    pub fn follow(&mut self, what: &Happened) {
        match what {
            Happened::Started { phase, step, action, with, .. } if &**action == ARM => {
                if let Some(gate) = gate_in(with) {
                    self.moved.insert(Arc::clone(&gate), Arc::clone(step));
                    self.closed_for.remove(step);
                    self.open.insert(gate, Opening { phase: *phase, step: Arc::clone(step), is_to_close: false });
                }
            }
            Happened::Started { phase, step, action, with, .. } if &**action == DISARM => {
                self.begins_to_close((*phase, Arc::clone(step), None), with);
            }
            Happened::CallStarted { phase, step, index, primitive, with } if &**primitive == DISARM => {
                self.begins_to_close((*phase, Arc::clone(step), Some(*index)), with);
            }
            Happened::Finished { phase, step, status, .. } if !self.closing.is_empty() => {
                self.has_closed(&(*phase, Arc::clone(step), None), *status == Status::Ok);
            }
            Happened::CallFinished { phase, step, index, failure, .. } => {
                self.has_closed(&(*phase, Arc::clone(step), Some(*index)), failure.is_none());
            }
            Happened::GateClosing { step, gate } => {
                self.closed_for.insert(Arc::clone(step));
                self.open.get_mut(gate).into_iter().for_each(|opening| opening.is_to_close = true);
            }
            Happened::GateClosed { gate, failure: None, .. } => drop(self.open.remove(gate)),
            _ => {}
        }
    }

    fn begins_to_close(&mut self, closing: (Phase, Arc<str>, Option<usize>), with: &Value) {
        if let Some(gate) = gate_in(with) {
            self.moved.insert(Arc::clone(&gate), Arc::clone(&closing.1));
            self.closing.insert(closing, gate);
        }
    }

    fn has_closed(&mut self, closing: &(Phase, Arc<str>, Option<usize>), is_verified: bool) {
        if let Some(gate) = self.closing.remove(closing).filter(|_| is_verified) {
            self.open.remove(&gate);
        }
    }

    /// The gates that may be open, each with what was to open it.
    pub fn open(&self) -> impl Iterator<Item = (&Arc<str>, &Opening)> {
        self.open.iter()
    }

    /// The gates that a step has tried to open, or one inside it.
    pub fn opened_under<'g>(&'g self, path: &'g str) -> impl Iterator<Item = (&'g Arc<str>, &'g Opening)> {
        self.open().filter(move |(_, opening)| is_part(&opening.step, path))
    }

    /// Every gate that was moved, with the step that moved it last.
    pub fn moved(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
        self.moved.iter()
    }
}

/// Whether a path is that of a piece of work, or of something inside it.
fn is_part(path: &str, whole: &str) -> bool {
    path.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '[']))
}

fn gate_in(with: &Value) -> Option<Arc<str>> {
    with.get("gate").and_then(Value::as_text).map(Arc::from)
}

impl State {
    /// What a part of an undo has opened does not count as done any more where the engine closes it, or
    /// tries to, and neither does what that part is inside of.
    pub fn gate_closed(&mut self, step: &str) {
        let undos = self.of_mut(Phase::Undo);
        let undo = undos.keys().find(|path| is_part(step, path)).cloned();
        undos.retain(|path, known| Some(path) == undo.as_ref() || !(is_part(step, path) && known.has_come_out()));
    }

    /// An undo that did not come out well is done anew. What it had changed inside stays changed, but for
    /// gates, which a person may have moved since. An undo that closes nothing and was cut off goes on
    /// where it was.
    pub(super) fn reopen_undos(&mut self) {
        let gates = std::mem::take(&mut self.gates);
        let undos = self.of_mut(Phase::Undo);
        let is_closed_for = |outer: &str| gates.closed_for.iter().any(|step| is_part(step, outer));
        let closes =
            |outer: &str| is_closed_for(outer) || inside(undos, outer).any(|(_, _, known)| &*known.action == DISARM);
        let is_anew = |outer: &str, known: &Known| !known.is_done() && (!known.is_open() || closes(outer));
        let anew: Vec<_> =
            undos.iter().filter(|(outer, known)| is_anew(outer, known)).map(|(outer, _)| outer).collect();
        let mut begun_anew = BTreeSet::new();
        for outer in anew {
            let moves = inside(undos, outer).filter(|(_, _, known)| [ARM, DISARM].contains(&&*known.action));
            begun_anew.extend(moves.map(|(part, ..)| part.to_owned()));
            begun_anew.extend(gates.closed_for.iter().filter_map(|step| part_of(outer, step)).map(str::to_owned));
        }
        undos.retain(|path, known| {
            (known.is_open() || known.is_done()) && !begun_anew.iter().any(|part| is_part(path, part))
        });
        self.gates = gates;
    }
}

/// What stands on record inside a piece of work: the step of it that it is, or is a part of; its path; and
/// what is known of it.
fn inside<'u>(
    undos: &'u BTreeMap<Arc<str>, Arc<Known>>,
    outer: &'u str,
) -> impl Iterator<Item = (&'u str, &'u Arc<str>, &'u Arc<Known>)> {
    undos.iter().filter_map(move |(path, known)| Some((part_of(outer, path)?, path, known)))
}

/// The step of a piece of work that a path inside it is, or is a part of.
fn part_of<'p>(outer: &str, path: &'p str) -> Option<&'p str> {
    let rest = path.strip_prefix(outer)?.strip_prefix('/')?;
    path.get(..rest.find('/').map_or(path.len(), |at| path.len() - rest.len() + at))
}
