//! The bus of the simulated world.

use std::rc::Rc;
use std::time::Duration;

use futures_util::future::select;

use crate::declaration::{ErrorClass, Failure};
use crate::world::{Bus, CommandLine, Gather, Message, Subscription, Touch, Wait};

use super::memory::{Asker, Inbox};
use super::world::SimWorld;

/// A round trip to the server.
const ROUND_TRIP: Duration = Duration::from_millis(2);

impl Bus for SimWorld {
    fn request<'a>(&'a self, message: &'a Message, gather: Gather) -> Wait<'a, Touch<Vec<Message>>> {
        Box::pin(async move {
            let inbox = Rc::new(Inbox::default());
            let asker = Asker::Runner(Rc::clone(&inbox));
            if !self.send(message, asker) {
                tokio::time::sleep(ROUND_TRIP).await;
                let text = format!("nobody answers on `{}`", message.subject);
                return Err(Failure::new(ErrorClass::NoResponders, text));
            }
            let bound = match gather {
                Gather::First(bound) => {
                    let arrived = Box::pin(inbox.arrived.notified());
                    let silent = Box::pin(tokio::time::sleep(bound));
                    select(arrived, silent).await;
                    bound
                }
                Gather::Window(window) => {
                    tokio::time::sleep(window).await;
                    window
                }
            };
            let replies = inbox.messages.take();
            if replies.is_empty() {
                let text = format!("no reply on `{}` within {}", message.subject, crate::value::format_duration(bound));
                return Err(Failure::new(ErrorClass::Timeout, text));
            }
            Ok(replies)
        })
    }

    fn publish<'a>(&'a self, message: &'a Message) -> Wait<'a, Touch<()>> {
        Box::pin(async move {
            self.send(message, Asker::Nobody);
            tokio::time::sleep(ROUND_TRIP).await;
            Ok(())
        })
    }

    fn subscribe<'a>(&'a self, subject: &'a str) -> Wait<'a, Touch<Box<dyn Subscription>>> {
        Box::pin(async move {
            let inbox = self.memory().borrow_mut().subscribe(subject);
            tokio::time::sleep(ROUND_TRIP).await;
            Ok(Box::new(SimSubscription(inbox)) as Box<dyn Subscription>)
        })
    }

    fn command_line(&self) -> Wait<'_, Touch<Box<dyn CommandLine>>> {
        let line = SimCommandLine(self.clone());
        Box::pin(async move {
            tokio::time::sleep(ROUND_TRIP).await;
            Ok(Box::new(line) as Box<dyn CommandLine>)
        })
    }
}

struct SimSubscription(Rc<Inbox>);

impl Subscription for SimSubscription {
    fn next(&mut self) -> Wait<'_, Option<Message>> {
        Box::pin(async move {
            loop {
                let first = {
                    let mut messages = self.0.messages.borrow_mut();
                    (!messages.is_empty()).then(|| messages.remove(0))
                };
                if first.is_some() {
                    return first;
                }
                self.0.arrived.notified().await;
            }
        })
    }

    fn health(&self) -> Touch<()> {
        Ok(())
    }
}

struct SimCommandLine(SimWorld);

impl CommandLine for SimCommandLine {
    fn publish<'a>(&'a mut self, message: &'a Message) -> Wait<'a, Touch<()>> {
        self.0.publish(message)
    }

    fn health(&self) -> Touch<()> {
        Ok(())
    }
}
