//! Which world a target means: the simulated one, or the real one.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::live::Answers;
use crate::runbook::target::Target;
use crate::sim::SimWorld;
use crate::stdlib;
use crate::value::Value;
use crate::world::World;

use super::files::read_param_file;
use super::prepare::pairs;

// How the simulated world is set up.
#[derive(clap::Args, Default)]
#[group(skip)]
pub(super) struct Args {
    /// Set an option of the simulated world, such as `wrong_policy_on=brain`
    #[arg(long, value_name = "NAME=VALUE")]
    world: Vec<String>,
    /// The seed of the simulated world's randomness
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Args {
    /// Whether an option of the simulated world was given: whoever does that means it.
    pub(super) fn is_given(&self) -> bool {
        !self.world.is_empty()
    }
}

/// A world to run in.
pub(super) enum Chosen {
    /// In memory, under virtual time.
    Simulated(SimWorld),
    /// The real one.
    Real(Box<crate::live::LiveWorld>),
}

impl Chosen {
    /// The world a target means, for a run that began `elapsed` ago; must be called inside a runtime, for the simulated one with a
    /// paused clock.
    pub(super) fn new(target: &Target, args: &Args, answers: &Answers, elapsed: Duration) -> Result<Self, Vec<String>> {
        let (options, problems) = pairs("--world", &args.world);
        if !problems.is_empty() {
            return Err(problems);
        }
        let Some(world) = &target.world else {
            if !options.is_empty() {
                let message =
                    format!("`--world` sets up a simulated world, and the target `{}` is a real one", target.name);
                return Err(vec![message]);
            }
            let real = crate::live::LiveWorld::new(target, answers, elapsed).map_err(|why| vec![why])?;
            return Ok(Self::Real(Box::new(real)));
        };
        if let Some(text) = stdlib::find(world).filter(|_| options.is_empty()) {
            return Ok(Self::Simulated(SimWorld::untouched(text, args.seed)));
        }
        let text = read_param_file(world).map_err(|why| vec![why])?;
        let options: BTreeMap<_, _> =
            options.iter().map(|(name, value): (_, &Value)| (name.clone(), value.to_string())).collect();
        SimWorld::new(&text, &options, args.seed).map(Self::Simulated).map_err(|why| vec![why])
    }

    /// The world as the engine sees it.
    pub(super) fn as_world(&self) -> &dyn World {
        match self {
            Self::Simulated(world) => world,
            Self::Real(world) => world.as_ref(),
        }
    }

    /// Lets the world live beside the run; never ends.
    pub(super) async fn drive(&self) {
        match self {
            Self::Simulated(world) => world.drive().await,
            Self::Real(_) => std::future::pending().await,
        }
    }

    /// What the world itself saw go wrong, which no run may leave behind.
    pub(super) fn complaints(&self) -> Vec<String> {
        let Self::Simulated(world) = self else {
            return Vec::new();
        };
        let broken = world.broken().into_iter().map(|broken| {
            let at = crate::value::format_duration(broken.at);
            format!("the simulated world says: after {at} this did not hold: {}", broken.invariant)
        });
        broken.chain(world.fault()).collect()
    }
}
