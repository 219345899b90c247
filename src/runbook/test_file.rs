//! Test files: what a runbook must come to in the simulated world, case by case.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::event::{Ending, Status};
use crate::name::StepId;
use crate::source::{SourceFile, Span, Spanned};
use crate::value::Value;

/// A decoded test file.
#[derive(Debug)]
pub struct TestFile {
    /// The bytes it was read from.
    pub file: SourceFile,
    /// The runbook: the name of one beside the file, or `std/...`.
    pub runbook: Spanned<String>,
    /// Its cases, in reading order.
    pub cases: Vec<Case>,
}

/// One run, and what it must come to.
#[derive(Debug)]
pub struct Case {
    /// Its name.
    pub id: StepId,
    /// One sentence.
    pub about: Option<Arc<str>>,
    /// The params, those of the whole file included.
    pub params: BTreeMap<String, CaseParam>,
    /// The options of the world, those of the whole file included.
    pub world: BTreeMap<String, Spanned<String>>,
    /// The seed of the world's randomness.
    pub seed: u64,
    /// The items of checklists that are confirmed; every one where `None`.
    pub confirm: Option<Vec<String>>,
    /// What must be so when the run has ended.
    pub expect: Vec<Expectation>,
}

/// What a case gives a param.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseParam {
    /// The value.
    pub value: Value,
    /// The place of the param's name.
    pub name: Span,
    /// The place of the value.
    pub span: Span,
}

/// Something that must be so, and where it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// What.
    pub what: Expected,
    /// The place of its name, for what the file is held against.
    pub name: Span,
    /// The place of its value.
    pub span: Span,
}

/// What can be expected.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// How the run ends.
    Ending(Ending),
    /// The step, watch or limit because of which it did not simply succeed.
    Cause(String),
    /// Whether a gate is armed, in the world itself.
    Gate(String, bool),
    /// The version a service runs, in the world itself.
    Version(String, String),
    /// A part of a service's state, in the world itself.
    State(String, String, Value),
    /// How a step ended; pending where it did not begin, running where it was cut off.
    Step(String, Status),
    /// The steps that were undone, in that order: all outermost ones, and inner ones where named.
    Undone(Vec<Spanned<String>>),
    /// An output of the runbook.
    Output(String, Value),
    /// The invariants that the world breaks by itself; none may break that is not named here.
    Broken(Vec<String>),
}
