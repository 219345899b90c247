//! A runbook as a list of statements.

use std::time::Duration;

use crate::declaration::Effect;
use crate::guard::{Guard, without_blanks};
use crate::primitive::DEFAULT_EXPIRY;
use crate::runbook::{
    Action, ActionKind, EdgeOutcome, Ensure, MAX_INCLUDE_DEPTH, OnFailure, Poll, Retry, Runbook, Step, Watch, Work,
};
use crate::value::{Value, format_duration, parse_duration};
use crate::yaml::{Node, NodeKind};

use super::fact::{Fact, Rule};

const BOUND: &str = "the bound is higher";
const NO_BOUND: &str = "the bound is gone";
const RARER: &str = "it is looked at less often";
const FEWER: &str = "fewer people have to say yes";

/// Every statement of a runbook, in its order.
pub(super) fn facts_of(runbook: &Runbook) -> Vec<Fact> {
    let mut facts = Facts(Vec::new());
    facts.add("about", runbook.about.as_deref().unwrap_or(""));
    for param in &runbook.params {
        let place = format!("params.{}", param.name);
        facts.add(&place, param.kind.word());
        facts.about(&place, param.about.as_deref());
        if let Some(default) = &param.default {
            facts.add(&format!("{place}.default"), &default.to_string());
        }
        if !param.one_of.is_empty() {
            facts.one_of(&format!("{place}.one_of"), &param.one_of);
        }
    }
    for binding in &runbook.lets {
        facts.0.push(Fact::guard(&format!("let.{}", binding.name), &binding.guard));
    }
    for (name, limit) in [("total", runbook.limits.total), ("disarmed", runbook.limits.disarmed)] {
        facts.bound(&format!("limits.{name}"), limit.map(|limit| limit.value));
    }
    facts.steps(runbook, "", 0);
    let within = |key: &str, id: &str| runbook.tree.get(key).and_then(|all| all.get(id));
    for watch in &runbook.watches {
        facts.watch(runbook, watch, within("watch", watch.id.as_str()));
    }
    for ensure in &runbook.ensures {
        facts.ensure(runbook, ensure, within("ensure", ensure.id.as_str()));
    }
    for output in &runbook.outputs {
        facts.0.push(Fact::guard(&format!("outputs.{}", output.name), &output.guard));
    }
    facts.0
}

struct Facts(Vec<Fact>);

impl Facts {
    fn add(&mut self, place: &str, text: &str) {
        self.0.push(Fact::new(place, text));
    }

    fn about(&mut self, place: &str, about: Option<&str>) {
        self.add(&format!("{place}.about"), about.unwrap_or(""));
    }

    fn one_of(&mut self, place: &str, values: &[Value]) {
        let fact = Fact::new(place, &Value::list(values.to_vec()).to_string()).lost("every value is taken now");
        let allowed = values.iter().map(Value::to_string).collect();
        self.0.push(Fact { allowed, rule: Rule::NotWider("it takes another value too"), ..fact });
    }

    fn check(&mut self, place: &str, guard: Option<&Guard>, lost: &'static str) {
        self.0.extend(guard.map(|guard| Fact::guard(place, guard).lost(lost)));
    }

    fn number(&mut self, place: &str, text: &str, number: f64, rule: Rule) {
        self.0.push(Fact::new(place, text).sized(Some(number), rule));
    }

    fn duration(&mut self, place: &str, duration: Duration, rule: Rule) {
        self.number(place, &format_duration(duration), duration.as_secs_f64(), rule);
    }

    fn bound(&mut self, place: &str, bound: Option<Duration>) {
        self.0.extend(bound.map(|bound| bounded(place, bound)));
    }

    fn steps(&mut self, runbook: &Runbook, prefix: &str, depth: usize) {
        let written = runbook.tree.get("steps");
        // A decoded runbook has every step of its text, in that order.
        let nodes = written.into_iter().flat_map(entries).map(|(_, node)| node);
        for (step, node) in runbook.steps.iter().zip(nodes.map(Some).chain(std::iter::repeat(None))) {
            let place = format!("{}{}", if prefix.is_empty() { "steps." } else { prefix }, step.id);
            self.step(runbook, step, &place, node);
            if let (ActionKind::Runbook(inner), true) = (&step.work.action.kind, depth < MAX_INCLUDE_DEPTH) {
                self.steps(inner, &format!("{place}/"), depth + 1);
            }
        }
    }

    fn step(&mut self, runbook: &Runbook, step: &Step, place: &str, node: Option<&Node>) {
        let effect = step.work.action.effect();
        let is_guard = effect != Effect::Changes || step.work.action.name() == "disarm";
        let is_bare = effect == Effect::Changes && step.undo.is_none() && step.no_undo.is_none();
        let whole = Fact::whole(place, &step.work.action).gained(is_bare.then_some("an effect without an undo"));
        let lost = is_guard.then_some("what was looked at, asked for or closed here is not any more");
        self.0.push(Fact { lost, ..whole });
        self.about(place, step.about.as_deref());
        for edge in &step.needs {
            let Some(from) = runbook.steps.get(edge.from) else { continue };
            let strength = match edge.on {
                EdgeOutcome::Ok => 3.0,
                EdgeOutcome::OkOrSkipped => 2.0,
                EdgeOutcome::Done => 1.0,
                EdgeOutcome::Failed | EdgeOutcome::Skipped => 0.0,
            };
            let rule = Rule::NotLower("it starts after less than before");
            let fact = Fact::new(&format!("{place}.needs.{}", from.id), edge.on.word()).sized(Some(strength), rule);
            let fact = fact.lost("it does not wait for that step any more");
            self.0.push(Fact { edge: Some((from.id.to_string(), step.id.to_string())), ..fact });
        }
        if let Some(foreach) = &step.foreach {
            self.0.push(Fact::guard(&format!("{place}.foreach"), &foreach.list));
            let most = u32::try_from(foreach.max_parallel).unwrap_or(u32::MAX);
            self.number(&format!("{place}.max_parallel"), &most.to_string(), f64::from(most), Rule::NotHigher(BOUND));
        }
        self.work(runbook, &step.work, place, node, is_guard);
        self.idempotent(&step.work, place, step.no_undo.is_some());
        if let Some(undo) = &step.undo {
            let place = format!("{place}.undo");
            self.0.push(Fact::whole(&place, &undo.action).lost("an undo is gone"));
            self.work(runbook, undo, &place, node.and_then(|node| node.get("undo")), true);
            self.idempotent(undo, &place, false);
        }
        if let Some(reason) = &step.no_undo {
            self.add(&format!("{place}.no_undo"), reason);
        }
        let (word, number) = on_failure(step.on_failure);
        let rule = Rule::NotHigher("a failure does not roll back any more");
        self.number(&format!("{place}.on_failure"), word, number, rule);
        self.truth(&format!("{place}.may_skip"), step.may_skip, "a person may go on without it");
    }

    fn truth(&mut self, place: &str, is_so: bool, why: &'static str) {
        self.number(place, &is_so.to_string(), f64::from(u8::from(is_so)), Rule::NotHigher(why));
    }

    fn work(&mut self, runbook: &Runbook, work: &Work, place: &str, node: Option<&Node>, is_guard: bool) {
        self.action(runbook, &work.action, place, node);
        if let Some(when) = &work.when {
            let fact = Fact::guard(&format!("{place}.when"), when);
            self.0.push(fact.gained(is_guard.then_some("it may be left out")));
        }
        self.check(&format!("{place}.require"), work.require.as_ref(), "nothing is required before it");
        let mut stay = Some(Duration::ZERO);
        match &work.poll {
            Poll::Once => {}
            Poll::Until { guard, every } => {
                self.check(&format!("{place}.until"), Some(guard), "it is not waited for");
                self.duration(&format!("{place}.every"), *every, Rule::Any);
            }
            Poll::Hold { guard, every, min_good, .. } => {
                self.check(&format!("{place}.hold"), Some(guard), "nothing has to hold");
                let written = node.and_then(|node| node.get("for")).map(written).unwrap_or_default();
                stay = parse_duration(&written);
                let form = stay.map_or_else(|| without_blanks(&written), format_duration);
                let rule = Rule::NotLower("it has to hold for less long");
                let fact = Fact::new(&format!("{place}.for"), &written).formed(form);
                self.0.push(fact.sized(stay.map(|stay| stay.as_secs_f64()), rule));
                self.duration(&format!("{place}.every"), *every, Rule::NotHigher(RARER));
                let rule = Rule::NotLower("fewer good samples are enough");
                self.number(&format!("{place}.min_good"), &min_good.to_string(), f64::from(*min_good), rule);
            }
        }
        self.check(&format!("{place}.expect"), work.expect.as_ref(), "its result is not checked");
        if let Some(retry) = &work.retry {
            let changes = work.action.effect() == Effect::Changes;
            self.retry(&format!("{place}.retry"), retry, changes);
        }
        let bound = work.timeout.or_else(|| Some(work.bound(stay?)));
        let fact = bound.map(|bound| bounded(&format!("{place}.timeout"), bound));
        self.0.extend(fact.map(|fact| fact.implied_where(work.timeout.is_none())));
    }

    /// Whether it may be done again when it is unknown whether it took effect; what has no undo on
    /// purpose is then left as it is, whatever it does.
    fn idempotent(&mut self, work: &Work, place: &str, is_kept: bool) {
        let natively = matches!(&work.action.kind, ActionKind::Primitive(declaration) if declaration.idempotent);
        let always = work.action.effect() == Effect::Observes || (natively && !is_kept);
        let is_so = work.idempotent || always;
        let fact = Fact::new(&format!("{place}.idempotent"), &is_so.to_string()).implied_where(!work.idempotent);
        self.0.push(fact.sized(Some(f64::from(u8::from(is_so))), Rule::NotHigher("it may be done twice")));
    }

    fn retry(&mut self, place: &str, retry: &Retry, changes: bool) {
        let classes: Vec<_> = retry.on.iter().map(|class| class.word()).collect();
        let gained = if changes { "an effect may be tried more than once" } else { BOUND };
        self.0.push(Fact::new(place, &classes.join(", ")).gained(Some(gained)));
        let attempts = f64::from(retry.attempts);
        self.number(&format!("{place}.attempts"), &retry.attempts.to_string(), attempts, Rule::NotHigher(BOUND));
        self.duration(&format!("{place}.every"), retry.every, Rule::Any);
        self.add(&format!("{place}.backoff"), &retry.backoff.to_string());
        self.duration(&format!("{place}.max"), retry.max, Rule::NotHigher(BOUND));
        self.add(&format!("{place}.jitter"), &retry.jitter.to_string());
    }

    fn action(&mut self, runbook: &Runbook, action: &Action, place: &str, node: Option<&Node>) {
        let named = match &action.kind {
            ActionKind::Runbook(_) => runbook.file.slice(action.span),
            ActionKind::Primitive(_) | ActionKind::Script(_) => action.name(),
        };
        self.add(&format!("{place}.do"), named);
        let (word, number) = match action.effect() {
            Effect::Observes => ("observes", 0.0),
            Effect::Asks => ("asks", 0.0),
            Effect::Changes => ("changes", 1.0),
        };
        self.number(&format!("{place}.effect"), word, number, Rule::NotHigher("it changes something now"));
        let Some(with) = node.and_then(|node| node.get("with")) else { return };
        let is_whole_quorum = with.get("quorum").is_none();
        for (name, argument) in entries(with) {
            let place = format!("{place}.with.{name}");
            if let NodeKind::Map(inner) = &argument.kind {
                for (inner, value) in inner {
                    let place = format!("{place}.{}", inner.value);
                    self.argument(action, &place, name, value, is_whole_quorum);
                }
                continue;
            }
            self.argument(action, &place, name, argument, is_whole_quorum);
        }
        if action.name() == "approve" {
            self.approval(with, &format!("{place}.with"));
        }
    }

    fn argument(&mut self, action: &Action, place: &str, name: &str, node: &Node, is_whole_quorum: bool) {
        let text = written(node);
        let fact = Fact::new(place, &text).formed(without_blanks(&text));
        self.0.push(match (action.name(), name) {
            ("confirm", "items") => fact.lost("one question less is asked"),
            ("approve", "quorum" | "expires") => return,
            ("approve", "approvers") if is_whole_quorum => fact.lost(FEWER),
            _ => fact,
        });
    }

    /// The bounds of an approval, with what holds where they are not written.
    fn approval(&mut self, with: &Node, place: &str) {
        let quorum = with.get("quorum").map(written);
        let everybody = with.get("approvers").map(|all| all.entries().len()).filter(|count| *count > 0);
        let text = quorum.clone().or_else(|| everybody.map(|count| count.to_string()));
        if let Some(text) = text {
            let fact = Fact::new(&format!("{place}.quorum"), &text).formed(without_blanks(&text));
            let fact = fact.sized(text.parse().ok(), Rule::NotLower(FEWER)).gained(Some(FEWER));
            self.0.push(fact.implied_where(quorum.is_none()));
        }
        let expires = with.get("expires").map(written);
        let text = expires.clone().unwrap_or_else(|| format_duration(DEFAULT_EXPIRY));
        let duration = parse_duration(&text);
        let form = duration.map_or_else(|| without_blanks(&text), format_duration);
        let seconds = duration.map(|duration| duration.as_secs_f64());
        let fact = Fact::new(&format!("{place}.expires"), &text).formed(form).sized(seconds, Rule::NotHigher(BOUND));
        self.0.push(fact.implied_where(expires.is_none()));
    }

    fn watch(&mut self, runbook: &Runbook, watch: &Watch, node: Option<&Node>) {
        let place = format!("watch.{}", watch.id);
        self.0.push(Fact::whole(&place, &watch.work.action).lost("a watch is gone"));
        self.about(&place, watch.about.as_deref());
        let id = |at: usize| runbook.steps.get(at).map_or("the end", |step| step.id.as_str());
        let index = |at: usize| u32::try_from(at).map_or(f64::INFINITY, f64::from);
        let rule = Rule::NotHigher("it begins later");
        self.number(&format!("{place}.from"), id(watch.from), index(watch.from), rule);
        let to = watch.to.unwrap_or(usize::MAX);
        self.number(&format!("{place}.to"), id(to), index(to), Rule::NotLower("it ends earlier"));
        self.action(runbook, &watch.work.action, &place, node);
        self.duration(&format!("{place}.every"), watch.every, Rule::NotHigher(RARER));
        self.0.push(Fact::guard(&format!("{place}.breach_when"), &watch.breach_when));
        let (word, number) = on_failure(watch.on_breach);
        let rule = Rule::NotHigher("a breach does not roll back any more");
        self.number(&format!("{place}.on_breach"), word, number, rule);
    }

    fn ensure(&mut self, runbook: &Runbook, ensure: &Ensure, node: Option<&Node>) {
        let place = format!("ensure.{}", ensure.id);
        self.0.push(Fact::whole(&place, &ensure.work.action).lost("an ensure is gone"));
        self.about(&place, ensure.about.as_deref());
        self.work(runbook, &ensure.work, &place, node, true);
        self.idempotent(&ensure.work, &place, false);
    }
}

fn bounded(place: &str, bound: Duration) -> Fact {
    let fact = Fact::new(place, &format_duration(bound)).lost(NO_BOUND);
    fact.sized(Some(bound.as_secs_f64()), Rule::NotHigher(BOUND))
}

fn on_failure(on: OnFailure) -> (&'static str, f64) {
    match on {
        OnFailure::Rollback => ("rollback", 0.0),
        OnFailure::Pause => ("pause", 1.0),
        OnFailure::Continue => ("continue", 2.0),
    }
}

fn entries(node: &Node) -> impl Iterator<Item = (&str, &Node)> {
    let entries = match &node.kind {
        NodeKind::Map(entries) => entries.as_slice(),
        NodeKind::Scalar(_) | NodeKind::List(_) => &[],
    };
    entries.iter().map(|(name, value)| (name.value.as_str(), value))
}

/// A value as its author wrote it, in one form for every way to write it.
fn written(node: &Node) -> String {
    match &node.kind {
        NodeKind::Scalar(scalar) => scalar.text.clone(),
        NodeKind::List(items) => format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(", ")),
        NodeKind::Map(_) => {
            let mut pairs: Vec<_> = entries(node).map(|(name, value)| format!("{name}: {}", written(value))).collect();
            pairs.sort();
            format!("{{ {} }}", pairs.join(", "))
        }
    }
}
