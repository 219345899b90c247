//! A world that outlives its runners: once one is dead, nothing it still does reaches the world.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use titan_run::sim::SimWorld;
use titan_run::world::{
    Answer, Bus, Clock, Command, CommandLine, Finished, Gather, LogLines, LogMark, Logs, Message, Metrics, People,
    Processes, Question, Sample, Services, Standing, Subscription, Touch, Wait, Web, WebRequest, WebResponse, World,
};

/// The world as one runner reaches it.
pub struct Mortal {
    world: SimWorld,
    is_dead: Rc<Cell<bool>>,
}

impl Mortal {
    pub fn new(world: SimWorld, is_dead: Rc<Cell<bool>>) -> Self {
        Self { world, is_dead }
    }

    /// Does it as long as the runner lives.
    fn alive<'a, T: 'a>(&'a self, touch: impl FnOnce(&'a SimWorld) -> Wait<'a, T> + 'a) -> Wait<'a, T> {
        Box::pin(async move {
            if self.is_dead.get() {
                pending::<()>().await;
            }
            touch(&self.world).await
        })
    }
}

impl World for Mortal {
    fn clock(&self) -> &dyn Clock {
        self.world.clock()
    }

    fn bus(&self) -> &dyn Bus {
        self
    }

    fn metrics(&self) -> &dyn Metrics {
        self
    }

    fn logs(&self) -> &dyn Logs {
        self
    }

    fn services(&self) -> &dyn Services {
        self
    }

    fn processes(&self) -> &dyn Processes {
        self
    }

    fn web(&self) -> &dyn Web {
        self
    }

    fn people(&self) -> &dyn People {
        self
    }
}

impl Bus for Mortal {
    fn request<'a>(&'a self, message: &'a Message, gather: Gather) -> Wait<'a, Touch<Vec<Message>>> {
        self.alive(move |world| world.bus().request(message, gather))
    }

    fn publish<'a>(&'a self, message: &'a Message) -> Wait<'a, Touch<()>> {
        self.alive(move |world| world.bus().publish(message))
    }

    fn subscribe<'a>(&'a self, subject: &'a str) -> Wait<'a, Touch<Box<dyn Subscription>>> {
        self.alive(move |world| world.bus().subscribe(subject))
    }

    fn command_line(&self) -> Wait<'_, Touch<Box<dyn CommandLine>>> {
        Box::pin(async move {
            let line = self.alive(|world| world.bus().command_line()).await?;
            Ok(Box::new(MortalLine { line, is_dead: Rc::clone(&self.is_dead) }) as Box<dyn CommandLine>)
        })
    }
}

/// A connection that is lost with its runner.
struct MortalLine {
    line: Box<dyn CommandLine>,
    is_dead: Rc<Cell<bool>>,
}

impl CommandLine for MortalLine {
    fn publish<'a>(&'a mut self, message: &'a Message) -> Wait<'a, Touch<()>> {
        Box::pin(async move {
            if self.is_dead.get() {
                pending::<()>().await;
            }
            self.line.publish(message).await
        })
    }

    fn health(&self) -> Touch<()> {
        self.line.health()
    }
}

impl Metrics for Mortal {
    fn query<'a>(&'a self, promql: &'a str) -> Wait<'a, Touch<Vec<Sample>>> {
        self.alive(move |world| world.metrics().query(promql))
    }

    fn scrape<'a>(&'a self, service: &'a str, names: &'a [&'a str]) -> Wait<'a, Touch<Vec<Sample>>> {
        self.alive(move |world| world.metrics().scrape(service, names))
    }
}

impl Logs for Mortal {
    fn mark<'a>(&'a self, service: &'a str) -> Wait<'a, Touch<LogMark>> {
        self.alive(move |world| world.logs().mark(service))
    }

    fn read<'a>(&'a self, service: &'a str, since: &'a str) -> Wait<'a, Touch<LogLines>> {
        self.alive(move |world| world.logs().read(service, since))
    }
}

impl Services for Mortal {
    fn deploy<'a>(&'a self, service: &'a str, version: &'a str, bound: Duration) -> Wait<'a, Touch<()>> {
        self.alive(move |world| world.services().deploy(service, version, bound))
    }

    fn version<'a>(&'a self, service: &'a str) -> Wait<'a, Touch<String>> {
        self.alive(move |world| world.services().version(service))
    }
}

impl Processes for Mortal {
    fn run<'a>(&'a self, command: &'a Command) -> Wait<'a, Touch<Finished>> {
        self.alive(move |world| world.processes().run(command))
    }
}

impl Web for Mortal {
    fn send<'a>(&'a self, request: &'a WebRequest) -> Wait<'a, Touch<WebResponse>> {
        self.alive(move |world| world.web().send(request))
    }
}

impl People for Mortal {
    fn ask<'a>(&'a self, question: &'a Question) -> Wait<'a, Touch<Answer>> {
        self.alive(move |world| world.people().ask(question))
    }

    fn standing(&self, digest: &str) -> Touch<Standing> {
        self.world.people().standing(digest)
    }
}
