//! The supervisor of a served world: starts services, replaces them, and is the oracle.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::rc::Rc;
use std::time::Duration;

use rhai::Map;
use serde_json::json;
use tokio::net::UnixListener;
use tokio::process::{Child, Command};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::live::now_unix_ms;
use crate::sim::host::{Host, dynamic, json as as_json};

use super::control::{Line, Reply, Request, socket};

/// How long a service may take to start.
const START_BOUND: Duration = Duration::from_secs(15);
/// The wait before a service that ended is started anew.
const RESTART_AFTER: Duration = Duration::from_millis(100);
/// The most deploys of one service that wait.
const MAX_DEPLOYS: usize = 16;

/// What is served, and where.
pub struct Setup {
    /// The world file's text.
    pub world: String,
    /// The options chosen.
    pub options: BTreeMap<String, String>,
    /// Where logs, the control socket and the target file are.
    pub folder: PathBuf,
    /// The NATS server.
    pub nats: String,
    /// The port of `/metrics` of each service.
    pub ports: BTreeMap<String, u16>,
    /// The program that serves one service.
    pub program: PathBuf,
}

struct World {
    setup: Setup,
    host: Host,
    options: Map,
    versions: RefCell<BTreeMap<String, String>>,
    states: RefCell<BTreeMap<String, Map>>,
    /// Broken invariants, with the time in milliseconds since the Unix epoch.
    broken: RefCell<Vec<(u64, String)>>,
    reported: Notify,
    /// The processes that serve now.
    processes: RefCell<BTreeMap<String, u32>>,
    /// How many deploys were begun, and which was the latest of each service: it overtakes those
    /// before it that are under way.
    begun: Cell<u64>,
    latest: RefCell<BTreeMap<String, u64>>,
    deploys: BTreeMap<String, mpsc::Sender<(String, oneshot::Sender<()>)>>,
}

/// Serves a world; `ready` is called once every service answers. Never ends by itself, and takes
/// its services with it when it is dropped. Must be called inside a `LocalSet`.
///
/// # Errors
/// A sentence saying why it cannot be served.
pub async fn serve(setup: Setup, ready: impl FnOnce()) -> Result<(), String> {
    let host = Host::new(&setup.world)?;
    let options = host.options(&setup.options)?;
    let path = socket(&setup.folder);
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).map_err(|error| format!("`{}`: {error}", path.display()))?;
    let running = options.get("running").map(ToString::to_string).unwrap_or_default();
    let names = host.services()?;
    let mut deploys = BTreeMap::new();
    let mut orders = Vec::new();
    for name in &names {
        let (sender, receiver) = mpsc::channel(MAX_DEPLOYS);
        deploys.insert(name.clone(), sender);
        orders.push((name.clone(), receiver));
    }
    let world = Rc::new(World {
        versions: RefCell::new(names.iter().map(|name| (name.clone(), running.clone())).collect()),
        states: RefCell::default(),
        broken: RefCell::default(),
        processes: RefCell::default(),
        begun: Cell::default(),
        latest: RefCell::default(),
        reported: Notify::new(),
        setup,
        host,
        options,
        deploys,
    });
    tokio::task::spawn_local(listen(Rc::clone(&world), listener));
    for (name, orders) in orders {
        let mut first = world.start(&name, true)?;
        world.answers(&name, &mut first).await?;
        tokio::task::spawn_local(keep(Rc::clone(&world), name, first, orders));
    }
    ready();
    std::future::pending::<()>().await;
    Ok(())
}

/// Keeps one service running: starts it anew when it ends, and in another version when deployed.
async fn keep(
    world: Rc<World>,
    name: String,
    mut child: Child,
    mut orders: mpsc::Receiver<(String, oneshot::Sender<()>)>,
) {
    loop {
        let mut deployed = None;
        tokio::select! {
            _ = child.wait() => tokio::time::sleep(RESTART_AFTER).await,
            Some((version, done)) = orders.recv() => {
                let _ = child.kill().await;
                world.versions.borrow_mut().insert(name.clone(), version);
                deployed = Some(done);
            }
        }
        world.states.borrow_mut().remove(&name);
        match world.start(&name, false) {
            Ok(started) => child = started,
            Err(why) => return world.complain(&why),
        }
        if let Err(why) = world.answers(&name, &mut child).await {
            world.complain(&why);
        }
        if let Some(done) = deployed {
            let _ = done.send(());
        }
    }
}

async fn listen(world: Rc<World>, listener: UnixListener) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            let world = Rc::clone(&world);
            tokio::task::spawn_local(async move {
                let mut line = Line::new(stream);
                while let Ok(Some(request)) = line.read::<Request>().await {
                    let reply = world.handle(request).await;
                    if line.write(&reply).await.is_err() {
                        break;
                    }
                }
            });
        }
    }
}

impl World {
    fn start(&self, name: &str, is_first: bool) -> Result<Child, String> {
        let version = self.versions.borrow().get(name).cloned().unwrap_or_default();
        let port = self.setup.ports.get(name).copied().unwrap_or(0);
        let mut command = Command::new(&self.setup.program);
        command
            .args(["sim", "service", name, "--version", &version, "--port", &port.to_string()])
            .args(["--nats", &self.setup.nats, "--dir"])
            .arg(&self.setup.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true);
        if is_first {
            command.arg("--first");
        }
        for (name, value) in &self.setup.options {
            command.arg("--world").arg(format!("{name}={value}"));
        }
        let child = command.spawn().map_err(|error| format!("service `{name}` cannot be started: {error}"))?;
        self.processes.borrow_mut().insert(name.to_owned(), child.id().unwrap_or(0));
        Ok(child)
    }

    /// Waits until a service has reported its first state.
    async fn answers(&self, name: &str, child: &mut Child) -> Result<(), String> {
        let reported = async {
            while !self.states.borrow().contains_key(name) {
                self.reported.notified().await;
            }
        };
        tokio::select! {
            () = reported => Ok(()),
            _ = child.wait() => Err(format!("service `{name}` ended before it answered")),
            () = tokio::time::sleep(START_BOUND) => Err(format!("service `{name}` does not answer")),
        }
    }

    async fn handle(&self, request: Request) -> Reply {
        match request {
            Request::Report { service, state } => {
                if let Some(state) = dynamic(&state).try_cast::<Map>() {
                    self.states.borrow_mut().insert(service, state);
                }
                self.judge();
                self.reported.notify_waiters();
                Reply::Done
            }
            Request::Version { service } => match self.versions.borrow().get(&service) {
                Some(version) => Reply::Text(version.clone()),
                None => Reply::Wrong(format!("there is no service `{service}`")),
            },
            Request::Deploy { service, version } => self.deploy(&service, &version).await,
            Request::Show => Reply::Text(self.show()),
        }
    }

    async fn deploy(&self, service: &str, version: &str) -> Reply {
        let running = self.versions.borrow().get(service).cloned();
        let (Some(running), Some(orders)) = (running, self.deploys.get(service)) else {
            return Reply::Wrong(format!("there is no service `{service}`"));
        };
        let will = match self.host.deployment(service, &running, version, &self.options) {
            Ok(will) => will,
            Err(why) => return Reply::Wrong(why),
        };
        if let Err(why) = self.host.instance(service, &will.runs, &self.options, false) {
            return Reply::Wrong(why);
        }
        let begun = self.begun.get() + 1;
        self.begun.set(begun);
        self.latest.borrow_mut().insert(service.to_owned(), begun);
        tokio::time::sleep(will.takes).await;
        if self.latest.borrow().get(service) != Some(&begun) {
            return Reply::Wrong(format!("a later deploy of `{service}` has overtaken this one"));
        }
        if will.code != 0 {
            return Reply::Exit(will.code);
        }
        let (sender, done) = oneshot::channel();
        let ordered = orders.send((will.runs, sender)).await;
        match (ordered, done.await) {
            (Ok(()), Ok(())) => Reply::Done,
            _ => Reply::Wrong(format!("service `{service}` is not supervised any more")),
        }
    }

    fn judge(&self) {
        match self.host.broken(&self.states.borrow()) {
            Err(why) => self.complain(&why),
            Ok(broken) => {
                for invariant in broken {
                    if self.broken.borrow().iter().all(|(_, known)| *known != invariant) {
                        self.complain(&format!("this did not hold: {invariant}"));
                        self.broken.borrow_mut().push((now_unix_ms(), invariant));
                    }
                }
            }
        }
    }

    fn show(&self) -> String {
        let states = self.states.borrow();
        let versions = self.versions.borrow();
        let services = versions.iter().map(|(name, version)| {
            let state = states.get(name).into_iter().flatten().map(|(key, value)| (key.to_string(), as_json(value)));
            let state = state.filter(|(key, _)| key != "options").collect::<serde_json::Map<_, _>>();
            let process = self.processes.borrow().get(name).copied();
            (name.clone(), json!({ "version": version, "process": process, "state": state }))
        });
        let services = services.collect::<serde_json::Map<_, _>>();
        let broken: Vec<_> = self
            .broken
            .borrow()
            .iter()
            .map(|(at, invariant)| json!({ "unix_ms": at, "invariant": invariant }))
            .collect();
        json!({ "services": services, "broken": broken }).to_string()
    }

    /// What is wrong with the world itself goes to its own standard error.
    fn complain(&self, why: &str) {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "simulated world: {}", crate::visible::visible(why));
    }
}
