//! What is known of the world when a run ends: the last thing that was verified of each part.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::declaration::{DISARM, Effect};
use crate::event::{Happened, Status};
use crate::primitive::CATALOGUE;
use crate::primitive::gate::{CLOSED_AGAIN, STILL_ARMED};
use crate::value::Value;
use crate::visible::visible;

/// How what is known of a gate begins.
pub(super) const GATE: &str = "gate ";
/// The word of an open gate.
pub(super) const ARMED: &str = "armed";
/// The word of a closed gate.
pub(super) const DISARMED: &str = "disarmed";

/// The word of what an effect has made unknown.
pub(super) const UNKNOWN: &str = "UNKNOWN";

/// The last verified facts, by what they are about.
#[derive(Default)]
pub(super) struct Known {
    under_way: BTreeMap<Arc<str>, (Arc<str>, Value)>,
    /// What the scripts under way have called, by their steps.
    called: BTreeMap<Arc<str>, (Arc<str>, Value)>,
    facts: BTreeMap<String, (String, u64)>,
}

impl Known {
    /// Learns from an event; an effect that began makes what it touches unknown.
    pub(super) fn learn(&mut self, at_ms: u64, what: &Happened) {
        match what {
            Happened::Started { step, action, effect, with, .. } => {
                if *effect == Effect::Changes {
                    self.forget(action, with, at_ms);
                }
                self.under_way.insert(Arc::clone(step), (Arc::clone(action), with.clone()));
            }
            Happened::Finished { step, status: Status::Ok, out, .. } => {
                if let Some((action, with)) = self.under_way.remove(step) {
                    self.verified(&action, &with, out, at_ms);
                }
            }
            Happened::Finished { step, status: Status::Failed, failure: Some(failure), .. } => {
                if let Some((action, with)) = self.under_way.remove(step) {
                    self.failed(&action, &with, &failure.message, at_ms);
                }
            }
            Happened::GateClosing { gate, .. } => self.forget(DISARM, &closed(gate), at_ms),
            Happened::GateClosed { gate, failure, .. } => match failure {
                None => self.verified(DISARM, &closed(gate), &Value::map([("state", Value::text(DISARMED))]), at_ms),
                Some(failure) => self.failed(DISARM, &closed(gate), &failure.message, at_ms),
            },
            Happened::CallStarted { step, primitive, with, .. } => {
                if CATALOGUE.find(primitive).is_some_and(|declaration| declaration.effect == Effect::Changes) {
                    self.forget(primitive, with, at_ms);
                }
                self.called.insert(Arc::clone(step), (Arc::clone(primitive), with.clone()));
            }
            Happened::CallFinished { step, out, failure, .. } => {
                if let Some((action, with)) = self.called.remove(step) {
                    match failure {
                        None => self.verified(&action, &with, out, at_ms),
                        Some(failure) => self.failed(&action, &with, &failure.message, at_ms),
                    }
                }
            }
            _ => {}
        }
    }

    /// A gate that would not move is told by its failure, where that says what the probe showed.
    fn failed(&mut self, action: &str, with: &Value, message: &str, at_ms: u64) {
        let seen = match action {
            "arm" | "disarm" if message.contains(STILL_ARMED) => ARMED,
            "arm" if message.contains(CLOSED_AGAIN) => DISARMED,
            _ => return,
        };
        if let Some(fact) = about(action, with) {
            self.facts.insert(fact, (seen.to_owned(), at_ms));
        }
    }

    /// A deploy also makes the policy unknown.
    fn forget(&mut self, action: &str, with: &Value, at_ms: u64) {
        let touched = about(action, with).into_iter();
        let policy = about("expect_hash", with).filter(|fact| action == "deploy" && self.facts.contains_key(fact));
        for fact in touched.chain(policy) {
            self.facts.insert(fact, (UNKNOWN.to_owned(), at_ms));
        }
    }

    fn verified(&mut self, action: &str, with: &Value, out: &Value, at_ms: u64) {
        let seen = match action {
            "arm" | "disarm" | "gate_state" => out.get("state"),
            "deploy" | "service_version" => out.get("version"),
            "expect_hash" | "service_hash" => out.get("hash"),
            "wait_log" => out.get("captures").and_then(|captures| captures.get("hash")),
            _ => None,
        };
        if let (Some(fact), Some(seen)) = (about(action, with), seen) {
            self.facts.insert(fact, (seen.to_string(), at_ms));
        }
    }

    /// Every gate with its state and when it was verified.
    pub(super) fn gates(&self) -> impl Iterator<Item = (&str, &str, u64)> {
        self.facts().filter_map(|(fact, seen, at_ms)| Some((fact.strip_prefix(GATE)?, seen, at_ms)))
    }

    /// How the gates were last seen, to end a line with.
    pub(super) fn gates_seen(&self) -> String {
        let seen = |(gate, seen, _): (&str, &str, u64)| match seen {
            ARMED => format!("; gate {} was last seen ARMED", visible(gate)),
            DISARMED => format!("; gate {} was last seen DISARMED", visible(gate)),
            _ => format!("; gate {} is {UNKNOWN}", visible(gate)),
        };
        self.gates().map(seen).collect()
    }

    /// Every fact with its value and when it was verified.
    pub(super) fn facts(&self) -> impl Iterator<Item = (&str, &str, u64)> {
        self.facts.iter().map(|(fact, (seen, at_ms))| (fact.as_str(), seen.as_str(), *at_ms))
    }
}

/// The arguments of closing a gate.
fn closed(gate: &str) -> Value {
    Value::map([("gate", Value::text(gate))])
}

/// What an action is about: a gate, a service's version, a service's policy hash.
fn about(action: &str, with: &Value) -> Option<String> {
    let named = |field: &str| with.get(field).map(Value::to_string);
    match action {
        "arm" | "disarm" | "gate_state" => Some(format!("{GATE}{}", named("gate")?)),
        "deploy" | "service_version" => Some(format!("{} version", named("service")?)),
        "expect_hash" | "service_hash" | "wait_log" => Some(format!("{} policy hash", named("service")?)),
        _ => None,
    }
}
