//! `titan-run sim`: serves the simulated Titan on a real NATS server, for practice and tests.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::net::TcpListener;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use tokio::signal::unix::{SignalKind, signal};

use crate::served::{Place, Reply, Request, Setup, ask, serve, serve_service};
use crate::sim::SimWorld;
use crate::stdlib;

use super::disarm::with_scheme;
use super::exit::Refusal;
use super::prepare::pairs;
use super::{Streams, exit};

/// The world that is served.
const WORLD: &str = "std/worlds/titan.rhai";
/// The example target, of which every served world writes its own copy.
const TARGET: &str = include_str!("../../runbooks/targets/sim-nats.yaml");
/// The NATS address in the example target.
const EXAMPLE_NATS: &str = "nats://127.0.0.1:4222";
/// The folder in the example target.
const EXAMPLE_FOLDER: &str = ".titan/sim";
/// The services, with the ports of the example target.
const PORTS: [(&str, u16); 2] = [("execution", 9464), ("brain", 9465)];
/// Where free ports are looked for: below those that a system lends to outgoing connections, so
/// that none is lent out before its service listens, or while it restarts.
const FREE_PORTS: Range<u16> = 20_000..32_000;
/// How many ports a world takes of them: one for each service, and one that it holds.
const BLOCK: u16 = 1 + PORTS.len() as u16;
/// How many worlds have room there.
const BLOCKS: u16 = (FREE_PORTS.end - FREE_PORTS.start) / BLOCK;
/// The most blocks that are tried.
const MAX_TRIED: u16 = 1_000;

#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// The NATS server
    #[arg(long, value_name = "URL", default_value = EXAMPLE_NATS, value_parser = with_scheme)]
    nats: String,
    /// Where logs, the control socket and `target.yaml` are written
    #[arg(long, value_name = "FOLDER", default_value = EXAMPLE_FOLDER, global = true)]
    dir: PathBuf,
    /// Serve `/metrics` on free ports, instead of 9464 (Execution) and 9465 (Brain)
    #[arg(long)]
    free_ports: bool,
    /// Set an option of the world, such as `wrong_policy_on=brain`
    #[arg(long, value_name = "NAME=VALUE")]
    world: Vec<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Deploy a version of a service
    Deploy {
        /// The service
        service: String,
        /// The version
        version: String,
    },
    /// Print the version of a service
    Version {
        /// The service
        service: String,
    },
    /// Print every service's state and the invariants that were broken, as JSON
    State,
    /// Serve one service
    #[command(hide = true)]
    Service(Service),
}

#[derive(clap::Args)]
#[group(skip)]
struct Service {
    name: String,
    #[arg(long)]
    version: String,
    #[arg(long)]
    port: u16,
    #[arg(long)]
    nats: String,
    #[arg(long)]
    first: bool,
    #[arg(long)]
    world: Vec<String>,
}

/// Serves, or talks to what serves.
pub(super) fn sim(args: &Args, streams: &mut Streams<'_>) -> u8 {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            streams.complain(&format!("no runtime could be started: {error}"));
            return exit::REFUSED;
        }
    };
    let local = tokio::task::LocalSet::new();
    let outcome = local.block_on(&runtime, async {
        match &args.command {
            None => serve_all(args, streams).await,
            Some(Command::Service(service)) => {
                Ok(serve_service(&place(service, &args.dir)?).await.map(|()| exit::SUCCEEDED)?)
            }
            Some(Command::State) => asked(&args.dir, Request::Show, streams).await,
            Some(Command::Version { service }) => {
                asked(&args.dir, Request::Version { service: service.clone() }, streams).await
            }
            Some(Command::Deploy { service, version }) => {
                let request = Request::Deploy { service: service.clone(), version: version.clone() };
                asked(&args.dir, request, streams).await
            }
        }
    });
    outcome.unwrap_or_else(|Refusal { code, why }| {
        streams.complain(&why);
        code
    })
}

async fn asked(folder: &Path, request: Request, streams: &mut Streams<'_>) -> Result<u8, Refusal> {
    match ask(folder, &request).await? {
        Reply::Done => Ok(exit::SUCCEEDED),
        Reply::Text(text) => {
            streams.say(&text);
            Ok(exit::SUCCEEDED)
        }
        Reply::Exit(code) => Ok(u8::try_from(code).unwrap_or(u8::MAX)),
        Reply::Wrong(why) => Err(why.into()),
    }
}

async fn serve_all(args: &Args, streams: &mut Streams<'_>) -> Result<u8, Refusal> {
    let options = options(&args.world).map_err(Refusal::usage)?;
    let world = stdlib::find(WORLD).unwrap_or_default();
    SimWorld::takes(world, &options).map_err(Refusal::usage)?;
    if ask(&args.dir, &Request::Show).await.is_ok() {
        let dir = args.dir.display();
        return Err(
            format!("a simulated world serves in `{dir}` already; `titan-run sim --dir {dir} state` shows it").into()
        );
    }
    std::fs::create_dir_all(&args.dir).map_err(|error| format!("`{}`: {error}", args.dir.display()))?;
    let folder = args.dir.canonicalize().map_err(|error| format!("`{}`: {error}", args.dir.display()))?;
    let ports = if args.free_ports { Ports::free()? } else { Ports::example() };
    let target = folder.join("target.yaml");
    let text = target_text(&args.nats, &folder, &ports.of);
    std::fs::write(&target, text).map_err(|error| format!("`{}`: {error}", target.display()))?;
    let setup = Setup {
        world: world.to_owned(),
        options,
        folder,
        nats: args.nats.clone(),
        ports: ports.of.clone(),
        program: std::env::current_exe().map_err(|error| error.to_string())?,
    };
    let stopped = |kind| signal(kind).map_err(|error| error.to_string());
    let (mut interrupt, mut terminate) = (stopped(SignalKind::interrupt())?, stopped(SignalKind::terminate())?);
    let ready = || {
        streams.say(&format!("the simulated Titan serves on {}; target: {}", args.nats, target.display()));
        let _ = streams.out.flush();
    };
    tokio::select! {
        ended = serve(setup, ready) => Ok(ended.map(|()| exit::SUCCEEDED)?),
        _ = interrupt.recv() => Ok(exit::SUCCEEDED),
        _ = terminate.recv() => Ok(exit::SUCCEEDED),
    }
}

fn place(service: &Service, folder: &Path) -> Result<Place, String> {
    Ok(Place {
        world: stdlib::find(WORLD).unwrap_or_default().to_owned(),
        options: options(&service.world)?,
        folder: folder.to_owned(),
        nats: service.nats.clone(),
        service: service.name.clone(),
        version: service.version.clone(),
        is_first: service.first,
        port: service.port,
    })
}

fn options(written: &[String]) -> Result<BTreeMap<String, String>, String> {
    let (options, problems) = pairs("--world", written);
    if !problems.is_empty() {
        return Err(problems.join("; "));
    }
    Ok(options.iter().map(|(name, value)| (name.clone(), value.to_string())).collect())
}

/// The ports on which the services serve `/metrics`.
struct Ports {
    of: BTreeMap<String, u16>,
    /// Held for as long as the world serves, so that no other world takes the ports behind it,
    /// also while a service restarts.
    _reserved: Option<TcpListener>,
}

impl Ports {
    fn example() -> Ports {
        Ports { of: PORTS.map(|(service, port)| (service.to_owned(), port)).into(), _reserved: None }
    }

    /// Draws a block of ports that lie side by side: its first is reserved, and the services'
    /// ports are those behind it.
    fn free() -> Result<Ports, String> {
        let drawn = RandomState::new();
        (0..MAX_TRIED)
            .filter_map(|draw| u16::try_from(drawn.hash_one(draw) % u64::from(BLOCKS)).ok())
            .find_map(|block| Ports::in_block(FREE_PORTS.start + block * BLOCK))
            .ok_or_else(|| format!("no {BLOCK} ports side by side in {FREE_PORTS:?} are free"))
    }

    fn in_block(first: u16) -> Option<Ports> {
        let bound = |port| TcpListener::bind(("127.0.0.1", port)).ok();
        let reserved = bound(first)?;
        let of = (first + 1..).zip(PORTS).map(|(port, (service, _))| bound(port).map(|_| (service.to_owned(), port)));
        Some(Ports { of: of.collect::<Option<_>>()?, _reserved: Some(reserved) })
    }
}

/// The example target with this world's addresses in place of the example's; never a password.
fn target_text(nats: &str, folder: &Path, ports: &BTreeMap<String, u16>) -> String {
    let bare = match (nats.split_once("://"), nats.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        _ => nats.to_owned(),
    };
    let text = TARGET.replace(EXAMPLE_NATS, &bare).replace(EXAMPLE_FOLDER, &folder.display().to_string());
    let text = text.replace("target: sim-nats", "target: target");
    PORTS.iter().fold(text, |text, (service, fixed)| {
        let port = ports.get(*service).unwrap_or(fixed);
        text.replace(&format!("127.0.0.1:{fixed}/"), &format!("127.0.0.1:{port}/"))
    })
}
