//! Checking references: what a decoded runbook's guards and edges name must exist.
//!
//! Pure; runs only on a runbook that decoded without an error, so indexes are those of the text.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Findings;
use crate::guard::{Guard, Reference, Template};

use super::fields::ticked;
use super::{Action, Poll, Runbook, Step, Work};

/// What a guard may name in one place.
struct Names<'a> {
    params: BTreeSet<&'a str>,
    lets: Vec<&'a str>,
    steps: BTreeMap<&'a str, usize>,
    findings: &'a mut Findings,
}

/// The names that hold a step's own result.
const OUT: &[&str] = &["out"];

/// The names a watch's guard may use: those of a subscription and those of a sample.
const WATCH: &[&str] = &["count", "last", "rate", "out"];

/// Reports every unknown name in guards and templates, and every cycle. What could not be decoded
/// is known by name only, through `ids` and `declared`, so that no error follows from another.
pub(super) fn check(runbook: &Runbook, ids: &BTreeMap<String, usize>, declared: &[String], findings: &mut Findings) {
    let is_whole = !findings.has_errors();
    if is_whole {
        cycles(runbook, findings);
    }
    let mut names = Names {
        params: runbook.params.iter().map(|p| &*p.name).collect(),
        lets: Vec::new(),
        steps: ids.iter().map(|(id, at)| (id.as_str(), *at)).collect(),
        findings,
    };
    if !is_whole {
        names.params.extend(declared.iter().map(String::as_str));
        names.lets.extend(declared.iter().map(String::as_str));
    }
    for binding in &runbook.lets {
        names.guard(&binding.guard, &[], false);
        names.lets.push(&binding.name);
    }
    for step in &runbook.steps {
        names.step(step);
    }
    for watch in &runbook.watches {
        names.action(&watch.action, &[]);
        names.guard(&watch.breach_when, WATCH, true);
    }
    for ensure in &runbook.ensures {
        names.work(&ensure.work, &[]);
    }
    for binding in &runbook.outputs {
        names.guard(&binding.guard, &[], true);
    }
}

impl Names<'_> {
    fn step(&mut self, step: &Step) {
        let item: &[&str] = if step.foreach.is_some() { &["item"] } else { &[] };
        if let Some(foreach) = &step.foreach {
            self.guard(&foreach.list, &[], true);
        }
        self.work(&step.work, item);
        if let Some(undo) = &step.undo {
            self.work(undo, item);
        }
    }

    fn work(&mut self, work: &Work, locals: &[&str]) {
        let judged: Vec<_> = locals.iter().chain(OUT).copied().collect();
        self.action(&work.action, locals);
        for guard in [&work.when, &work.require].into_iter().flatten() {
            self.guard(guard, locals, true);
        }
        if let Poll::Until { guard, .. } | Poll::Hold { guard, .. } = &work.poll {
            self.guard(guard, &judged, true);
        }
        if let Poll::Hold { stay, .. } = &work.poll {
            self.template(stay, locals);
        }
        if let Some(expect) = &work.expect {
            self.guard(expect, &judged, true);
        }
    }

    fn action(&mut self, action: &Action, locals: &[&str]) {
        self.template(&action.with, locals);
    }

    fn template(&mut self, template: &Template, locals: &[&str]) {
        for reference in template.references() {
            self.reference(reference, locals, true);
        }
    }

    fn guard(&mut self, guard: &Guard, locals: &[&str], steps: bool) {
        for reference in guard.references() {
            self.reference(reference, locals, steps);
        }
    }

    fn reference(&mut self, reference: &Reference, locals: &[&str], steps: bool) {
        if self.findings.is_full() {
            return;
        }
        let root = reference.root();
        match (root, reference.path().get(1).map(String::as_str)) {
            ("params", Some(name)) if !self.params.contains(name) => {
                let known: Vec<_> = self.params.iter().copied().collect();
                self.unknown("unknown-param", "param", name, &known, reference);
            }
            ("steps", Some(id)) if steps && !self.steps.contains_key(id) => {
                let known: Vec<_> = self.steps.keys().copied().collect();
                self.unknown("unknown-step", "step", id, &known, reference);
            }
            ("steps", _) if steps => self.step_property(reference),
            ("params" | "target" | "run", _) => {}
            (name, _) if self.lets.contains(&name) || locals.contains(&name) => {}
            (name, _) => {
                let mut known: Vec<_> = ["params", "target", "run"].into_iter().collect();
                known.extend(if steps { Some("steps") } else { None });
                known.extend(self.lets.iter().chain(locals).copied());
                self.unknown("unknown-name", "name", name, &known, reference);
            }
        }
    }

    fn step_property(&mut self, reference: &Reference) {
        let property = reference.path().get(2).map(String::as_str);
        if let Some(name) = property.filter(|name| !["out", "status"].contains(name)) {
            self.unknown("unknown-property", "property of a step", name, &["out", "status"], reference);
        }
    }

    fn unknown(&mut self, code: &'static str, what: &str, name: &str, known: &[&str], reference: &Reference) {
        let finding = self.findings.error(code, format!("no {what} is called `{name}`"), reference.span());
        let otherwise = || match known.len() {
            0 => format!("declare `{name}` first"),
            13.. => format!("there are {} others, and none is near", known.len()),
            _ => format!("known here: {}", ticked(known)),
        };
        self.findings.push(finding.meant(name, known, otherwise));
    }
}

/// Reports a cycle among the steps, once, with its path. Iterative: a chain may be 100,000 long.
fn cycles(runbook: &Runbook, findings: &mut Findings) {
    let mut waiting: Vec<usize> = runbook.steps.iter().map(|step| step.needs.len()).collect();
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); runbook.steps.len()];
    for (at, step) in runbook.steps.iter().enumerate() {
        for edge in &step.needs {
            if let Some(list) = after.get_mut(edge.from) {
                list.push(at);
            }
        }
    }
    let mut free: Vec<usize> = waiting.iter().enumerate().filter(|(_, n)| **n == 0).map(|(at, _)| at).collect();
    while let Some(at) = free.pop() {
        for next in after.get(at).into_iter().flatten() {
            if let Some(left) = waiting.get_mut(*next) {
                *left -= 1;
                if *left == 0 {
                    free.push(*next);
                }
            }
        }
    }
    let Some(start) = waiting.iter().position(|left| *left > 0) else {
        return;
    };
    report_cycle(runbook, start, &waiting, findings);
}

/// Walks backwards along unfinished edges until a step comes twice.
fn report_cycle(runbook: &Runbook, start: usize, waiting: &[usize], findings: &mut Findings) {
    let mut trail = vec![start];
    loop {
        let Some(step) = trail.last().and_then(|at| runbook.steps.get(*at)) else {
            return;
        };
        let blocked = |at: usize| waiting.get(at).is_some_and(|left| *left > 0);
        let Some(edge) = step.needs.iter().find(|edge| blocked(edge.from)) else {
            return;
        };
        if let Some(first) = trail.iter().position(|at| *at == edge.from) {
            let mut ids: Vec<_> =
                trail.iter().skip(first).filter_map(|at| runbook.steps.get(*at)).map(|s| s.id.as_str()).collect();
            ids.reverse();
            ids.extend(ids.first().copied());
            let message = format!("these steps wait for each other: {}", ids.join(" -> "));
            let finding = findings.error("cycle", message, edge.span);
            findings.push(finding.help("remove one of the edges"));
            return;
        }
        trail.push(edge.from);
    }
}
