//! The real world: NATS, Prometheus, log files, processes, HTTP, people at a terminal.
//!
//! The twin of `sim/`; one contract test runs against both. The only room that knows
//! `async_nats` and `reqwest`, and that reads a real clock. Connections are opened when they are
//! first needed, so a runbook that needs none opens none.

mod bus;
mod child;
mod clock;
mod command_line;
pub(crate) mod connection;
pub(crate) mod control;
mod exposition;
mod kernel;
mod logs;
mod metrics;
mod people;
mod person;
mod processes;
mod redact;
pub(crate) mod run_folder;
mod secret;
mod services;
mod spawn;
mod web;

use std::rc::Rc;
use std::time::Duration;

pub(crate) use clock::now_unix_ms;
pub(crate) use kernel::suffices as kernel_suffices;
pub use people::Answers;
pub(crate) use people::{ALL_ITEMS, read_seed};
pub(crate) use person::user;
pub(crate) use processes::{kill_orphans, mark_children};

use crate::runbook::target::Target;
use crate::world::{Bus, Clock, Logs, Metrics, People, Processes, Redact, Services, Web, World};

/// The real things a target names.
pub struct LiveWorld {
    clock: clock::LiveClock,
    bus: bus::LiveBus,
    metrics: metrics::LiveMetrics,
    logs: logs::LiveLogs,
    services: services::LiveServices,
    processes: processes::LiveProcesses,
    web: web::LiveWeb,
    people: people::Terminal,
    redactor: redact::Redactor,
}

impl LiveWorld {
    /// The real world as a target describes it; `answers` were given
    /// beforehand, and `elapsed` is how long ago the run began. Opens nothing yet.
    ///
    /// # Errors
    /// A sentence about what this machine lacks.
    pub fn new(target: &Target, answers: &Answers, elapsed: Duration) -> Result<Self, String> {
        let target = Rc::new(target.clone());
        Ok(Self {
            clock: clock::LiveClock::new(elapsed),
            bus: bus::LiveBus::new(Rc::clone(&target)),
            metrics: metrics::LiveMetrics::new(Rc::clone(&target)),
            logs: logs::LiveLogs::new(Rc::clone(&target)),
            redactor: redact::Redactor::new(Rc::clone(&target)),
            services: services::LiveServices::new(target),
            processes: processes::LiveProcesses,
            web: web::LiveWeb::default(),
            people: people::Terminal::new(answers),
        })
    }
}

impl World for LiveWorld {
    fn clock(&self) -> &dyn Clock {
        &self.clock
    }

    fn bus(&self) -> &dyn Bus {
        &self.bus
    }

    fn metrics(&self) -> &dyn Metrics {
        &self.metrics
    }

    fn logs(&self) -> &dyn Logs {
        &self.logs
    }

    fn services(&self) -> &dyn Services {
        &self.services
    }

    fn processes(&self) -> &dyn Processes {
        &self.processes
    }

    fn web(&self) -> &dyn Web {
        &self.web
    }

    fn people(&self) -> &dyn People {
        &self.people
    }

    fn redactor(&self) -> Option<&dyn Redact> {
        Some(&self.redactor)
    }
}
