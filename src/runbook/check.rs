//! Checking references: what a decoded runbook's guards and edges name must exist.
//!
//! Pure. What else is wrong with the guards is kept in the runbook, for the rules of `lint/`.

use std::collections::BTreeMap;

use crate::diagnostic::Findings;
use crate::guard::fault::Wrong;
use crate::guard::types::Noun;
use crate::source::Span;

use super::Runbook;
use super::faults::{Found, Partly, Problem, look};
use super::fields::ticked;

/// How many names are listed where one is unknown.
const MAX_LISTED: usize = 12;

/// Reports every unknown name in guards and templates, and every cycle. What could not be decoded
/// is known by name only, through `ids` and `declared`, so that no error follows from another.
pub(super) fn check(
    runbook: &mut Runbook,
    ids: &BTreeMap<String, usize>,
    declared: &[String],
    findings: &mut Findings,
) {
    // A step is also missing where what is wrong stands in the runbook it uses.
    let is_whole = !findings.has_errors() && runbook.steps.len() == ids.len();
    if is_whole {
        cycles(runbook, findings);
    }
    let partly = (!is_whole).then_some(Partly { ids, declared });
    let mut looked = look(runbook, None, partly);
    looked.found.retain(|found| !is_unknown(found, findings));
    runbook.faults = looked.found;
    runbook.returns = looked.returns;
    runbook.names_target = looked.names_target;
}

/// Reports a fault where it is an unknown name.
fn is_unknown(found: &Found, findings: &mut Findings) -> bool {
    match &found.problem {
        Problem::Expression(wrong) => is_unknown_name(wrong, found.span, findings),
        Problem::Argument { .. } | Problem::Place { .. } => false,
    }
}

/// Reports a name that there is not, or that is not seen.
pub(super) fn is_unknown_name(wrong: &Wrong, at: Span, findings: &mut Findings) -> bool {
    match wrong {
        Wrong::UnknownName { name, known } => {
            unknown(("unknown-name", "name"), name, known, (at, findings));
        }
        Wrong::NotHandedOver { name } => not_handed_over(name, at, findings),
        Wrong::NotInEach { name } => {
            let message = format!("not every item of the list has a property `{name}`");
            let finding = findings.error("unknown-property", message, at);
            findings.push(finding.help(format!("write it in each item, or ask `has(item, \"{name}\")` first")));
        }
        Wrong::UnknownProperty { noun, name, known, .. } => {
            let words = match noun {
                Noun::Usual | Noun::OfTarget => return false,
                Noun::Param => ("unknown-param", "param"),
                Noun::Step => ("unknown-step", "step"),
                Noun::PropertyOfStep => ("unknown-property", "property of a step"),
                Noun::Property | Noun::Item => ("unknown-property", "property"),
                Noun::Group => ("unknown-property", "named group"),
            };
            unknown(words, name, known, (at, findings));
        }
        _ => return false,
    }
    true
}

/// Reports a name that a function does not see.
fn not_handed_over(name: &str, at: Span, findings: &mut Findings) {
    let message = format!("a function sees only what it is handed, and not `{name}`");
    let finding = findings.error("unknown-name", message, at);
    findings.push(finding.help("hand it over as an argument"));
}

fn unknown((code, what): (&'static str, &str), name: &str, known: &[String], (span, findings): (Span, &mut Findings)) {
    if findings.is_full() {
        return;
    }
    let finding = findings.error(code, format!("no {what} is called `{name}`"), span);
    let known: Vec<_> = known.iter().map(String::as_str).collect();
    let otherwise = || match known.len() {
        0 if what == "named group" => format!("name it in the pattern: `(?<{name}>...)`"),
        0 => format!("declare `{name}` first"),
        1..=MAX_LISTED => format!("known here: {}", ticked(&known)),
        _ => format!("there are {} others, and none is near", known.len()),
    };
    findings.push(finding.meant(name, &known, otherwise));
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
