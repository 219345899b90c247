//! A world file served on a real NATS server: each service a process of its own, with a
//! `/metrics` address, a log file and a deploy command.
//!
//! `supervisor` starts the services, replaces them when one is deployed or dies, and holds the
//! invariants against the states they report; a service reports a state, and hears that it was
//! heard, before anything of it can be seen. `control` is the socket between them and the
//! commands. The functions of the world file run in the same host as in memory.

mod control;
mod scrape;
mod service;
mod supervisor;

pub use control::{Reply, Request, ask};
pub use service::{Place, serve_service};
pub use supervisor::{Setup, serve};
