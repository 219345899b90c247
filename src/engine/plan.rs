//! The planner: runbook and outcomes so far -> what may start next. Pure; no clock, no I/O.
//!
//! Each step counts the edges it still waits for. An outcome settles the edges that leave it. A step
//! with all edges settled may start where all of them hold; else it is skipped, which settles its own
//! edges in turn. It is not skipped before: whoever comes after it relies on everything it needs having
//! ended. The work is linear in the edges and never recurses.

use std::collections::VecDeque;

use crate::event::Status;
use crate::runbook::{EdgeOutcome, Runbook, Step};

/// What the planner says next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The step may start.
    Start(usize),
    /// The step can never start, and why.
    Skip(usize, String),
}

/// The state of every step of one runbook.
#[derive(Debug)]
pub struct Plan {
    status: Vec<Status>,
    waiting: Vec<usize>,
    /// The first edge into each step that did not hold: the step it leaves, what it waited for and
    /// what came.
    broken: Vec<Option<(usize, EdgeOutcome, Status)>>,
    /// The edges that leave a step: the step they lead to and the outcome they wait for.
    leaving: Vec<Vec<(usize, EdgeOutcome)>>,
    next: VecDeque<Next>,
    unsettled: usize,
}

impl Plan {
    /// Nothing done yet.
    pub fn new(steps: &[Step]) -> Self {
        let mut leaving = vec![Vec::new(); steps.len()];
        for (at, step) in steps.iter().enumerate() {
            for edge in &step.needs {
                if let Some(list) = leaving.get_mut(edge.from) {
                    list.push((at, edge.on));
                }
            }
        }
        let waiting: Vec<_> = steps.iter().map(|step| step.needs.len()).collect();
        let free = waiting.iter().enumerate().filter(|(_, edges)| **edges == 0);
        Self {
            status: vec![Status::Pending; steps.len()],
            next: free.map(|(at, _)| Next::Start(at)).collect(),
            unsettled: steps.len(),
            waiting,
            broken: vec![None; steps.len()],
            leaving,
        }
    }

    /// The next thing to do, each thing once.
    pub fn take_next(&mut self) -> Option<Next> {
        self.next.pop_front()
    }

    /// The next step that can never start.
    pub fn take_skip(&mut self) -> Option<Next> {
        let at = self.next.iter().position(|next| matches!(next, Next::Skip(..)))?;
        self.next.remove(at)
    }

    /// The state of a step.
    pub fn status(&self, at: usize) -> Status {
        self.status.get(at).copied().unwrap_or_default()
    }

    /// Whether every step has ended.
    pub fn is_done(&self) -> bool {
        self.unsettled == 0
    }

    /// Takes note that a step is under way.
    pub fn started(&mut self, at: usize) {
        self.set(at, Status::Running);
    }

    /// Puts a step that was under way back to where it was not; whoever says so starts it.
    pub fn again(&mut self, at: usize) {
        self.set(at, Status::Pending);
    }

    /// Takes note of a step's end and works out what follows from it.
    pub fn ended(&mut self, at: usize, status: Status, runbook: &Runbook) {
        if self.status(at).is_ended() {
            return;
        }
        self.set(at, status);
        self.unsettled = self.unsettled.saturating_sub(1);
        let leaving = self.leaving.get_mut(at).map(std::mem::take).unwrap_or_default();
        for (to, on) in leaving {
            if self.status(to) == Status::Pending {
                self.settle(to, (at, on, status), runbook);
            }
        }
    }

    /// Takes note of what came of one edge into a step.
    fn settle(&mut self, to: usize, edge: (usize, EdgeOutcome, Status), runbook: &Runbook) {
        let (Some(left), Some(broken)) = (self.waiting.get_mut(to), self.broken.get_mut(to)) else {
            return;
        };
        let (_, on, status) = edge;
        if broken.is_none() && !holds(on, status) {
            *broken = Some(edge);
        }
        *left = left.saturating_sub(1);
        if *left > 0 {
            return;
        }
        match *broken {
            None => self.next.push_back(Next::Start(to)),
            Some((from, on, status)) => {
                self.set(to, Status::Running);
                self.next.push_back(Next::Skip(to, reason(from, on, status, runbook)));
            }
        }
    }

    fn set(&mut self, at: usize, status: Status) {
        if let Some(slot) = self.status.get_mut(at) {
            *slot = status;
        }
    }
}

fn holds(on: EdgeOutcome, status: Status) -> bool {
    match on {
        EdgeOutcome::Ok => status == Status::Ok,
        EdgeOutcome::Failed => status == Status::Failed,
        EdgeOutcome::Skipped => status == Status::Skipped,
        EdgeOutcome::OkOrSkipped => matches!(status, Status::Ok | Status::Skipped),
        EdgeOutcome::Done => status.is_ended(),
    }
}

fn reason(from: usize, on: EdgeOutcome, status: Status, runbook: &Runbook) -> String {
    let id = runbook.steps.get(from).map_or("?", |step| step.id.as_str());
    format!("needs `{id}` to be {}, and it is {}", on.word(), status.word())
}
