//! Gates: commands on a connection of their own, and a state that is known only by the probe.
//!
//! A command is published between two round trips and never counted as done until the target's
//! probe says so. Any outcome of arming but verified ARMED leads to DISARM on the same
//! connection, then on a fresh one, until the gate is verified disarmed over a hold.

use std::time::Duration;

use regex::Regex;

use crate::declaration::{ErrorClass, Failure};
use crate::runbook::target::{Gate, GateCommand, GateProbe, GateState, MetricSource, PayloadForm, Target};
use crate::value::format_duration;
use crate::world::{Command, CommandLine, Message, World};

use super::unknown;

/// How long an armed state is waited for: a gate that answers later is not under control.
const ARM_BOUND: Duration = Duration::from_secs(15);
/// How long a disarmed state is waited for, with the command repeated.
const DISARM_BOUND: Duration = Duration::from_secs(30);
/// The time between two looks at the probe.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The looks in a row that must say the same before it is believed.
const HOLD_LOOKS: u32 = 3;
/// How often the disarm command is repeated while it has no effect.
const REPEAT_EVERY: Duration = Duration::from_secs(2);
/// How long a published ARM was seen to linger on a frozen server, doubled.
const LATE_ARM_BOUND: Duration = Duration::from_secs(15);
/// The age of a sample that was scraped just now.
const DIRECT_AGE: Duration = Duration::from_secs(1);
/// How long one command of a probe may run.
const PROBE_BOUND: Duration = Duration::from_secs(5);

/// A gate of a target in a world.
pub struct Handle<'a> {
    world: &'a dyn World,
    name: &'a str,
    gate: &'a Gate,
    /// The age at which a sample tells nothing any more: two scrapes.
    stale_after: Duration,
    /// How long a new sample takes to come.
    scrape_lag: Duration,
}

/// A gate that could not be closed: what is known of it, and why.
struct Open {
    word: &'static str,
    failure: Failure,
}

/// The probe shows it open after all that was done.
pub const STILL_ARMED: &str = "STILL ARMED";
/// What a failed arming says where the gate is closed again.
pub const CLOSED_AGAIN: &str = "is verified disarmed again";
/// Nothing tells whether it is open.
const UNKNOWN: &str = "UNKNOWN";

impl<'a> Handle<'a> {
    /// The gate with a name.
    ///
    /// # Errors
    /// `refused` when the target has none with that name.
    pub fn find(world: &'a dyn World, target: &'a Target, name: &'a str) -> Result<Self, Failure> {
        let gate = target.gates.get(name).ok_or_else(|| unknown("gate", name, target.gates.keys()))?;
        let source = target.services.get(&gate.service).and_then(|service| service.metrics.as_ref());
        let interval = match (source, &target.prometheus) {
            (Some(MetricSource::Prometheus(_)), Some(prometheus)) => prometheus.scrape_interval,
            _ => Duration::ZERO,
        };
        Ok(Self { world, name, gate, stale_after: interval * 2 + DIRECT_AGE, scrape_lag: interval * 3 })
    }

    /// How long closing it is tried, the answer that is under way then apart.
    pub fn longest_close(&self) -> Duration {
        DISARM_BOUND + self.scrape_lag
    }

    /// Opens the gate and verifies it.
    ///
    /// # Errors
    /// Every outcome but a verified ARMED; the message says which state was reached instead.
    pub async fn arm(&self, reason: &str, progress: &dyn Fn(&str)) -> Result<(), Failure> {
        let mut line = self.world.bus().command_line().await?;
        let armed = self.try_to_arm(line.as_mut(), reason, progress).await;
        let Err(failure) = armed else {
            return Ok(());
        };
        progress("arming failed: disarming");
        let reason = "arming was not verified";
        let same = self.close(Some(line.as_mut()), reason, progress).await;
        let closed = match same {
            Ok(()) => Ok(()),
            Err(_) => self.close(None, reason, progress).await,
        };
        let message = match closed {
            Ok(()) => format!("{}; gate `{}` {CLOSED_AGAIN}", failure.message, self.name),
            Err(open) => format!(
                "{}; gate `{}` is {} ({}); a late ARM is possible for {}",
                failure.message,
                self.name,
                open.word,
                open.failure.message,
                format_duration(LATE_ARM_BOUND)
            ),
        };
        Err(Failure::new(failure.class, message))
    }

    /// Closes the gate and verifies that it stays closed.
    ///
    /// # Errors
    /// When that could not be verified; the gate is then armed as far as the probe shows, or unknown.
    pub async fn disarm(&self, reason: &str, progress: &dyn Fn(&str)) -> Result<(), Failure> {
        self.close(None, reason, progress).await.map_err(|open| {
            let message = format!("gate `{}` is {}: {}", self.name, open.word, open.failure.message);
            Failure::new(open.failure.class, message)
        })
    }

    /// The gate's state as the probe shows it now.
    ///
    /// # Errors
    /// Why the probe shows nothing.
    pub async fn state(&self) -> Result<GateState, Failure> {
        self.state_since(None).await
    }

    /// The state as something written after `since` shows it; a sample from before tells nothing.
    async fn state_since(&self, since: Option<Duration>) -> Result<GateState, Failure> {
        match &self.gate.probe {
            GateProbe::Metric { name, armed, disarmed } => {
                let sample = self.metric(name, since).await?;
                Ok(match sample {
                    value if value == *armed => GateState::Armed,
                    value if value == *disarmed => GateState::Disarmed,
                    _ => GateState::Unknown,
                })
            }
            GateProbe::Log { armed, disarmed } => {
                let read = self.world.logs().read(&self.gate.service, "").await?;
                Ok(last_match(read.lines.iter().map(String::as_str), armed, disarmed))
            }
            GateProbe::Command { argv, armed, disarmed } => {
                let command = Command { argv: argv.clone(), bound: PROBE_BOUND, ..Command::default() };
                let finished = self.world.processes().run(&command).await?;
                if finished.code != 0 {
                    let message = format!("the probe `{}` ended with code {}", argv.join(" "), finished.code);
                    return Err(Failure::new(ErrorClass::NoData, message));
                }
                let text = String::from_utf8_lossy(&finished.stdout).into_owned();
                Ok(last_match(text.lines(), armed, disarmed))
            }
        }
    }

    async fn try_to_arm(
        &self,
        line: &mut dyn CommandLine,
        reason: &str,
        progress: &dyn Fn(&str),
    ) -> Result<(), Failure> {
        if self.state().await? != GateState::Disarmed {
            let message = format!("gate `{}` is not known to be disarmed before arming", self.name);
            return Err(Failure::new(ErrorClass::Refused, message));
        }
        line.publish(&message(&self.gate.arm, reason)).await?;
        let sent_at = self.world.clock().elapsed();
        let end = sent_at + ARM_BOUND + self.scrape_lag;
        let mut seen = 0;
        loop {
            line.health()?;
            let state = self.state_since(Some(sent_at)).await;
            seen = if matches!(state, Ok(GateState::Armed)) { seen + 1 } else { 0 };
            if seen >= HOLD_LOOKS {
                return Ok(());
            }
            progress(&awaited("armed", seen, &state));
            if self.world.clock().elapsed() >= end {
                let message = format!("gate `{}` did not become armed, {}", self.name, shown(&state));
                return Err(Failure::new(ErrorClass::Timeout, message));
            }
            self.world.clock().sleep(LOOK_EVERY).await;
        }
    }

    /// Publishes DISARM until the probe shows it over a hold: on a given connection, else on fresh
    /// ones. The command is sent even where the probe shows nothing.
    async fn close(
        &self,
        mut given: Option<&mut (dyn CommandLine + 'static)>,
        reason: &str,
        progress: &dyn Fn(&str),
    ) -> Result<(), Open> {
        let clock = self.world.clock();
        let end = clock.elapsed() + DISARM_BOUND + self.scrape_lag;
        let mut repeat_at = Duration::ZERO;
        let mut sent_at = None;
        let mut sent = Err(Failure::new(ErrorClass::Disconnected, "the command was not sent"));
        let mut seen = 0;
        loop {
            if clock.elapsed() >= repeat_at && seen == 0 {
                sent = self.send_disarm(given.as_deref_mut(), reason).await;
                if sent.is_ok() {
                    sent_at.get_or_insert(clock.elapsed());
                }
                repeat_at = clock.elapsed() + REPEAT_EVERY;
                let is_final = |failure: &Failure| given.is_some() || failure.class == ErrorClass::Denied;
                if sent.as_ref().is_err_and(is_final) {
                    return sent.map_err(|failure| Open { word: UNKNOWN, failure });
                }
            }
            let state = self.state_since(sent_at).await;
            seen = if matches!(state, Ok(GateState::Disarmed)) { seen + 1 } else { 0 };
            if seen >= HOLD_LOOKS && sent.is_ok() {
                return Ok(());
            }
            progress(&awaited("disarmed", seen, &state));
            if clock.elapsed() >= end {
                let word = if matches!(state, Ok(GateState::Armed)) { STILL_ARMED } else { UNKNOWN };
                let class = state.as_ref().err().map_or(ErrorClass::Timeout, |failure| failure.class);
                let unseen = || Failure::new(class, format!("DISARM was sent, and {}", shown(&state)));
                return Err(Open { word, failure: sent.err().unwrap_or_else(unseen) });
            }
            clock.sleep(LOOK_EVERY).await;
        }
    }

    async fn send_disarm(&self, given: Option<&mut (dyn CommandLine + 'static)>, reason: &str) -> Result<(), Failure> {
        let message = message(&self.gate.disarm, reason);
        if let Some(line) = given {
            line.health()?;
            return line.publish(&message).await;
        }
        let mut fresh = self.world.bus().command_line().await?;
        fresh.publish(&message).await?;
        fresh.health()
    }

    /// What every series of the gate's metric says, where they all say the same and none is stale.
    async fn metric(&self, name: &str, since: Option<Duration>) -> Result<f64, Failure> {
        let samples = self.world.metrics().scrape(&self.gate.service, &[name]).await?;
        let no_data = |message: String| Err(Failure::new(ErrorClass::NoData, message));
        let now = self.world.clock().elapsed();
        let limit = since.map_or(self.stale_after, |since| now.saturating_sub(since).min(self.stale_after));
        let mut values = Vec::new();
        for sample in samples.iter().filter(|sample| sample.name == name) {
            if sample.age > limit {
                return no_data(format!("`{name}` is {} old", format_duration(sample.age)));
            }
            values.push(sample.value);
        }
        match values.as_slice() {
            [] => no_data(format!("there is no metric `{name}`")),
            [first, rest @ ..] if rest.iter().all(|value| value == first) => Ok(*first),
            _ => no_data(format!("the series of `{name}` disagree")),
        }
    }
}

/// What is waited for, after `seen` looks in a row that showed it.
fn awaited(wanted: &str, seen: u32, state: &Result<GateState, Failure>) -> String {
    match seen {
        0 => format!("waiting for {wanted}, {}", shown(state)),
        _ => format!("it is {wanted}, and is looked at again"),
    }
}

fn shown(state: &Result<GateState, Failure>) -> String {
    match state {
        Ok(state) => format!("it is {}", state.word()),
        Err(failure) => format!("the probe shows nothing ({failure})"),
    }
}

/// The state the last telling line tells.
fn last_match<'a>(lines: impl DoubleEndedIterator<Item = &'a str>, armed: &str, disarmed: &str) -> GateState {
    let (Ok(armed), Ok(disarmed)) = (Regex::new(armed), Regex::new(disarmed)) else {
        return GateState::Unknown;
    };
    let told = |line: &str| match (disarmed.is_match(line), armed.is_match(line)) {
        (true, _) => Some(GateState::Disarmed),
        (false, true) => Some(GateState::Armed),
        (false, false) => None,
    };
    lines.rev().find_map(told).unwrap_or(GateState::Unknown)
}

fn message(command: &GateCommand, reason: &str) -> Message {
    let payload = match &command.payload {
        PayloadForm::Text => reason.to_owned(),
        PayloadForm::Json(form) => {
            let quoted = serde_json::to_string(reason).unwrap_or_default();
            form.replace("{reason}", quoted.trim_matches('"'))
        }
    };
    Message { subject: command.subject.clone(), payload: payload.into_bytes(), ..Message::default() }
}
