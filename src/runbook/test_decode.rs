//! Decoding a test file; every problem is reported and decoding goes on.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Findings};
use crate::guard::Guards;
use crate::name::StepId;
use crate::source::{SourceFile, Span, Spanned};
use crate::value::Value;
use crate::yaml::{self, Node};

use super::fields::{Fields, entries, one_of, text, texts_of};
use super::test_file::{Case, CaseParam, Expectation, Expected, TestFile};
use super::test_keys;

/// Decodes a test file.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub fn decode_test(file: &SourceFile, guards: &Guards) -> Result<TestFile, Vec<Diagnostic>> {
    let mut findings = Findings::new(file.clone());
    let root = yaml::parse(file, &mut findings);
    let mut decoder = TestDecoder { guards, findings, params: BTreeMap::new(), world: BTreeMap::new() };
    let test = root.and_then(|root| decoder.file(&root, file));
    match test {
        Some(test) if !decoder.findings.has_errors() => Ok(test),
        _ => Err(decoder.findings.into_sorted()),
    }
}

struct TestDecoder<'a> {
    guards: &'a Guards,
    findings: Findings,
    /// What holds for every case.
    params: BTreeMap<String, CaseParam>,
    world: BTreeMap<String, Spanned<String>>,
}

impl TestDecoder<'_> {
    fn file(&mut self, root: &Node, file: &SourceFile) -> Option<TestFile> {
        let mut fields = Fields::new(root, &test_keys::TEST, &mut self.findings)?;
        fields.language_version(&mut self.findings);
        let runbook = fields.require("test", &mut self.findings);
        let runbook = runbook.and_then(|node| text(node, "test", &mut self.findings));
        fields.about(&mut self.findings);
        self.params = self.params(&mut fields);
        self.world = self.options(&mut fields);
        let cases = fields.require("cases", &mut self.findings);
        let cases = cases.map_or(&[][..], |node| entries(node, "cases", &mut self.findings));
        if let (true, Some(at)) = (cases.is_empty(), &runbook) {
            let finding = self.findings.error("no-cases", "a test file needs at least one case", at.span);
            self.findings.push(finding.help("add one: `cases: { it_succeeds: { expect: { ending: succeeded } } }`"));
        }
        fields.finish(&mut self.findings);
        let cases = cases.iter().filter_map(|(id, node)| self.case(id, node)).collect();
        let runbook = runbook?;
        Some(TestFile { file: file.clone(), runbook: Spanned::new(runbook.value.to_owned(), runbook.span), cases })
    }

    fn case(&mut self, id: &Spanned<String>, node: &Node) -> Option<Case> {
        let name = StepId::parse(&id.value).map_err(|error| {
            let finding = self.findings.error("bad-name", error.to_string(), id.span);
            self.findings.push(finding.help("use lower-case words joined by `_`, such as `a_wrong_policy`"));
        });
        let mut fields = Fields::new(node, &test_keys::CASE, &mut self.findings)?;
        let about = fields.about(&mut self.findings);
        let mut params = self.params.clone();
        params.extend(self.params(&mut fields));
        let mut world = self.world.clone();
        world.extend(self.options(&mut fields));
        let seed = fields.number("seed", 0, u64::MAX, &mut self.findings).unwrap_or(1);
        let confirm = fields.take("confirm").map(|node| texts_of(node, "confirm", &mut self.findings));
        let confirm = confirm.map(|items| items.iter().map(|item| item.value.to_owned()).collect());
        let expect = fields.require("expect", &mut self.findings).map(|node| self.expect(node));
        fields.finish(&mut self.findings);
        Some(Case { id: name.ok()?, about, params, world, seed, confirm, expect: expect? })
    }

    fn params(&mut self, fields: &mut Fields<'_>) -> BTreeMap<String, CaseParam> {
        let written = fields.entries("params", &mut self.findings);
        let valued = written.iter().filter_map(|(name, node)| {
            let value = self.value(node)?;
            Some((name.value.clone(), CaseParam { value, name: name.span, span: node.span }))
        });
        valued.collect()
    }

    fn value(&mut self, node: &Node) -> Option<Value> {
        let template = self.guards.template(node, &mut self.findings)?;
        let constant = template.constant().cloned();
        if constant.is_none() {
            let finding = self.findings.error("computed-value", "a test's values are not computed", node.span);
            self.findings.push(finding.help("write the value out"));
        }
        constant
    }

    fn options(&mut self, fields: &mut Fields<'_>) -> BTreeMap<String, Spanned<String>> {
        let written = fields.entries("world", &mut self.findings);
        let told = written.iter().filter_map(|(name, node)| {
            let value = text(node, &name.value, &mut self.findings)?;
            Some((name.value.clone(), Spanned::new(value.value.to_owned(), name.span)))
        });
        told.collect()
    }

    fn expect(&mut self, node: &Node) -> Vec<Expectation> {
        let Some(mut fields) = Fields::new(node, &test_keys::EXPECT, &mut self.findings) else {
            return Vec::new();
        };
        let mut all = Vec::new();
        let mut add = |what, name, span| all.push(Expectation { what, name, span });
        if let Some(node) = fields.require("ending", &mut self.findings)
            && let Some(word) = text(node, "ending", &mut self.findings)
            && let Some(ending) = one_of("ending", word, &test_keys::ENDINGS, &mut self.findings)
        {
            add(Expected::Ending(ending), word.span, word.span);
        }
        if let Some(cause) = fields.text("cause", &mut self.findings) {
            add(Expected::Cause(cause.value.to_owned()), cause.span, cause.span);
        }
        for (gate, span, is_armed) in self.words(&mut fields, "gates", "state of a gate", &test_keys::GATE_STATES) {
            add(Expected::Gate(gate.value.clone(), is_armed), gate.span, span);
        }
        for (service, node) in fields.entries("versions", &mut self.findings) {
            if let Some(version) = text(node, "versions", &mut self.findings) {
                let what = Expected::Version(service.value.clone(), version.value.to_owned());
                add(what, service.span, version.span);
            }
        }
        for (service, node) in fields.entries("state", &mut self.findings) {
            for (name, node) in entries(node, &service.value, &mut self.findings) {
                if let Some(value) = self.value(node) {
                    let what = Expected::State(service.value.clone(), name.value.clone(), value);
                    add(what, service.span, node.span);
                }
            }
        }
        for (step, span, status) in self.words(&mut fields, "steps", "ending of a step", &test_keys::STATUSES) {
            add(Expected::Step(step.value.clone(), status), step.span, span);
        }
        if let Some(node) = fields.take("undone") {
            let steps = texts_of(node, "undone", &mut self.findings);
            let steps = steps.iter().map(|step| Spanned::new(step.value.to_owned(), step.span)).collect();
            add(Expected::Undone(steps), node.span, node.span);
        }
        for (name, node) in fields.entries("outputs", &mut self.findings) {
            if let Some(value) = self.value(node) {
                add(Expected::Output(name.value.clone(), value), name.span, node.span);
            }
        }
        let broken = fields.take("broken");
        let invariants = broken.map(|node| texts_of(node, "broken", &mut self.findings)).unwrap_or_default();
        let span = broken.map_or(fields.span(), |node| node.span);
        let invariants = invariants.iter().map(|invariant| invariant.value.to_owned()).collect();
        add(Expected::Broken(invariants), span, Span::new(span.start, span.start));
        fields.finish(&mut self.findings);
        all
    }

    /// A map whose values are words.
    fn words<'n, T: Copy>(
        &mut self,
        fields: &mut Fields<'n>,
        key: &'static str,
        what: &str,
        words: &[(&'static str, T)],
    ) -> Vec<(&'n Spanned<String>, Span, T)> {
        let written = fields.entries(key, &mut self.findings);
        let told = written.iter().filter_map(|(name, node)| {
            let word = text(node, &name.value, &mut self.findings)?;
            Some((name, word.span, one_of(what, word, words, &mut self.findings)?))
        });
        told.collect()
    }
}
