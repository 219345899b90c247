//! `titan-run disarm`: the small path that closes a gate and verifies it.
//!
//! Needs no runbook and no record. With `--nats` and `--metrics` it needs no target file either,
//! so that it works when everything else is broken.

use std::cell::RefCell;
use std::time::Duration;

use crate::event::Ending;
use crate::guard::Guards;
use crate::live::Answers;
use crate::primitive::CATALOGUE;
use crate::primitive::gate::Handle;
use crate::runbook::target::{Gate, GateCommand, GateProbe, MetricSource, Nats, PayloadForm, Service, Target};
use crate::runbook::target_defaults::{ARMED_METRIC, DISARM_SUBJECT};
use crate::runbook::{Misaddressed, http_address, nats_address};
use crate::value::format_duration;

use super::files::{SIMULATED, chosen_target, read_target};
use super::worlds::{self, Chosen};
use super::{Streams, exit};

/// The least time between two lines on what is waited for: a probe's trouble is worded anew each time.
const SAY_EVERY: Duration = Duration::from_secs(2);

#[derive(clap::Args)]
#[group(skip)]
#[command(after_help = "Exit codes: 0 verified disarmed, 2 usage or file error (nothing was sent), \
                        4 not verified: the gate is STILL ARMED or UNKNOWN")]
pub(super) struct Args {
    /// The gate
    #[arg(default_value = "execution")]
    gate: String,
    /// Sent with the command
    #[arg(long, default_value = "Emergency disarm")]
    reason: String,
    /// The target file; without it `TITAN_TARGET`, then `titan.target.yaml` here or above
    #[arg(long, value_name = "FILE", conflicts_with = "nats")]
    target: Option<String>,
    /// A NATS address, instead of a target file
    #[arg(long, value_name = "URL", requires = "metrics", value_parser = with_scheme)]
    nats: Vec<String>,
    /// The service's `/metrics` address that shows the gate's state
    #[arg(long, value_name = "URL", requires = "nats", value_parser = scraped)]
    metrics: Option<String>,
    /// The command's subject
    #[arg(long, default_value = DISARM_SUBJECT)]
    subject: String,
    /// The metric that shows the gate's state
    #[arg(long, default_value = ARMED_METRIC)]
    metric: String,
    #[command(flatten)]
    world: worlds::Args,
}

/// Closes the gate; succeeds only when it is verified disarmed.
pub(super) fn disarm(args: &Args, streams: &mut Streams<'_>) -> u8 {
    let target = match &args.metrics {
        Some(metrics) => bare_target(args, metrics),
        None => match named_target(args, streams) {
            Ok(target) => target,
            Err(code) => {
                streams.complain("without a target file: `titan-run disarm --nats URL --metrics URL`");
                return code;
            }
        },
    };
    if !target.gates.contains_key(&args.gate) {
        let gates: Vec<_> = target.gates.keys().map(|gate| format!("`{gate}`")).collect();
        let gates = gates.join(", ");
        streams.complain(&format!("the target `{}` has no gate `{}`; it has {gates}", target.name, args.gate));
        return exit::USAGE;
    }
    let is_simulated = target.world.is_some();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(is_simulated).build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            streams.complain(&format!("no runtime could be started: {error}"));
            return exit::STUCK;
        }
    };
    let outcome = runtime.block_on(close(args, &target, streams));
    runtime.shutdown_background();
    let place = if is_simulated { " (SIMULATED: nothing real was touched)" } else { "" };
    match outcome {
        Ok(()) => {
            streams.say(&format!("gate `{}` of target `{}` is verified disarmed{place}", args.gate, target.name));
            exit::SUCCEEDED
        }
        Err(why) => {
            streams.complain(&format!("{why}{place}"));
            exit::of(Ending::Stuck)
        }
    }
}

/// The target somebody chose; the simulated one only where somebody meant it. Whoever forgets the
/// target in an emergency must not read that a gate is disarmed.
fn named_target(args: &Args, streams: &mut Streams<'_>) -> Result<Target, u8> {
    let simulated = || args.world.is_given().then(|| SIMULATED.to_owned());
    let Some(name) = chosen_target(args.target.as_deref(), "./here.yaml").or_else(simulated) else {
        let gate = &args.gate;
        streams.complain(&format!(
            "nothing was disarmed, as no target says where `{gate}` is; write `titan-run disarm {gate} --target FILE`"
        ));
        return Err(exit::USAGE);
    };
    read_target(&name, &Guards::new(CATALOGUE)).map(|(_, target)| target).map_err(|trouble| trouble.tell(streams))
}

async fn close(args: &Args, target: &Target, streams: &mut Streams<'_>) -> Result<(), String> {
    let world = Chosen::new(target, &args.world, &Answers::default(), Duration::ZERO)
        .map_err(|problems| problems.join("; "))?;
    let closing = async {
        let handle = Handle::find(world.as_world(), target, &args.gate)?;
        let bound = format_duration(handle.longest_close());
        streams.complain(&format!(
            "closing gate `{}` of target `{}`: DISARM is sent until the gate is seen disarmed, for at most {bound}",
            args.gate, target.name
        ));
        let clock = world.as_world().clock();
        let saying = RefCell::new(Saying { streams, said: String::new(), again_at: Duration::ZERO });
        handle.disarm(&args.reason, &|text| saying.borrow_mut().say(text, clock.elapsed())).await
    };
    tokio::select! {
        biased;
        () = world.drive() => Err("the world ended before the command".to_owned()),
        closed = closing => closed.map_err(|failure| failure.message),
        _ = tokio::signal::ctrl_c() => Err(format!(
            "stopped by Ctrl-C: gate `{0}` is UNKNOWN, for DISARM may have been sent; `titan-run disarm {0}` tries again",
            args.gate
        )),
    }
}

/// What the command waits for: said when it changes, and not with every look.
struct Saying<'s, 'a> {
    streams: &'s mut Streams<'a>,
    said: String,
    again_at: Duration,
}

impl Saying<'_, '_> {
    fn say(&mut self, text: &str, now: Duration) {
        if text != self.said && now >= self.again_at {
            self.streams.complain(text);
            text.clone_into(&mut self.said);
            self.again_at = now + SAY_EVERY;
        }
    }
}

/// An address of metrics, in full.
fn scraped(url: &str) -> Result<String, Misaddressed> {
    http_address(url, "/metrics").map(|()| url.to_owned())
}

/// A NATS address as the `nats` command takes it: without a scheme it is a plain one.
pub(super) fn with_scheme(url: &str) -> Result<String, Misaddressed> {
    nats_address(url)?;
    Ok(if url.contains("://") { url.to_owned() } else { format!("nats://{url}") })
}

/// A target of one gate, from the command line alone.
fn bare_target(args: &Args, metrics: &str) -> Target {
    let command = GateCommand { subject: args.subject.clone(), payload: PayloadForm::Text };
    let service =
        Service { metrics: Some(MetricSource::Scrape(metrics.to_owned())), instances: 1, ..Service::default() };
    let gate = Gate {
        service: args.gate.clone(),
        arm: command.clone(),
        disarm: command,
        probe: GateProbe::Metric { name: args.metric.clone(), armed: 1.0, disarmed: 0.0 },
    };
    Target {
        name: "command line".to_owned(),
        nats: Some(Nats { urls: args.nats.clone(), ..Nats::default() }),
        services: [(args.gate.clone(), service)].into(),
        gates: [(args.gate.clone(), gate)].into(),
        ..Target::default()
    }
}
