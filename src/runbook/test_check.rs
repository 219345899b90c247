//! Holding a test file against its runbook, target and world: what it names must exist.

use crate::diagnostic::{Diagnostic, Findings};
use crate::source::Span;

use super::arguments::takes;
use super::fields::ticked;
use super::target::Target;
use super::test_file::{Case, Expected, TestFile};
use super::{ActionKind, Runbook};

/// How deep a path of steps is spelt out to find a near one: as deep as runbooks include each other.
const MAX_DEPTH: usize = super::MAX_INCLUDE_DEPTH;

/// Everything a test file names that its runbook, its target or its world does not have, in the
/// order of the text.
pub fn check_test(test: &TestFile, runbook: &Runbook, target: &Target, options: &[String]) -> Vec<Diagnostic> {
    let mut names = Names { runbook, target, options, findings: Findings::new(test.file.clone()) };
    test.cases.iter().for_each(|case| names.case(case));
    names.findings.into_sorted()
}

struct Names<'a> {
    runbook: &'a Runbook,
    target: &'a Target,
    options: &'a [String],
    findings: Findings,
}

impl Names<'_> {
    fn case(&mut self, case: &Case) {
        let (runbook, target) = (self.runbook, self.target);
        let params: Vec<_> = runbook.params.iter().map(|param| &*param.name).collect();
        for (name, given) in &case.params {
            self.known("unknown-param", "param", name, &params, given.name);
            let param = runbook.params.iter().find(|param| *param.name == **name);
            param.into_iter().for_each(|param| takes(&mut self.findings, param, &given.value, given.span));
        }
        let options: Vec<_> = self.options.iter().map(String::as_str).collect();
        for (name, value) in &case.world {
            self.known("unknown-option", "option of the world", name, &options, value.span);
        }
        let services: Vec<_> = target.services.keys().map(String::as_str).collect();
        let gates: Vec<_> = target.gates.keys().map(String::as_str).collect();
        let outputs: Vec<_> = runbook.outputs.iter().map(|output| &*output.name).collect();
        for expectation in &case.expect {
            let span = expectation.name;
            match &expectation.what {
                Expected::Ending(_) | Expected::Broken(_) => {}
                Expected::Cause(cause) => self.cause(cause, span),
                Expected::Gate(gate, _) => self.known("unknown-gate", "gate", gate, &gates, span),
                Expected::Version(service, _) | Expected::State(service, ..) => {
                    self.known("unknown-service", "service", service, &services, span);
                }
                Expected::Step(step, _) => self.step(step, span),
                Expected::Undone(steps) => steps.iter().for_each(|step| self.step(&step.value, step.span)),
                Expected::Output(output, _) => self.known("unknown-output", "output", output, &outputs, span),
            }
        }
    }

    fn step(&mut self, path: &str, span: Span) {
        if self.runbook.step_at(path).is_none() {
            let known = paths(self.runbook, 0);
            let known: Vec<_> = known.iter().map(String::as_str).collect();
            self.known("unknown-step", "step", path, &known, span);
        }
    }

    /// A run's cause is one of its own steps, a watch or a limit.
    fn cause(&mut self, cause: &str, span: Span) {
        let steps = self.runbook.steps.iter().map(|step| step.id.as_str());
        let watches = self.runbook.watches.iter().map(|watch| watch.id.as_str());
        let known: Vec<_> = steps.chain(watches).chain(["total", "disarmed"]).collect();
        self.known("unknown-cause", "step, watch or limit", cause, &known, span);
    }

    fn known(&mut self, code: &'static str, what: &str, name: &str, known: &[&str], span: Span) {
        if known.contains(&name) {
            return;
        }
        let finding = self.findings.error(code, format!("no {what} is called `{name}`"), span);
        self.findings.push(finding.meant(name, known, || match known {
            [] => "there is none; take it out".to_owned(),
            _ => format!("there are {}", ticked(known)),
        }));
    }
}

/// Every path of a step, those inside runbooks used as actions included.
fn paths(runbook: &Runbook, depth: usize) -> Vec<String> {
    let mut all = Vec::new();
    for step in &runbook.steps {
        all.push(step.id.to_string());
        if let (ActionKind::Runbook(inner), true) = (&step.work.action.kind, depth < MAX_DEPTH) {
            all.extend(paths(inner, depth + 1).iter().map(|path| format!("{}/{path}", step.id)));
        }
    }
    all
}
