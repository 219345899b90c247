//! The simulated world: a world file in memory, under virtual time.
//!
//! `host` runs the functions of a world file for one service at a time and collects what they
//! ask for; `memory` carries that out: delivers messages, keeps timers, metrics and logs, and
//! checks the invariants after every change. Time is the runtime's paused clock, so a wait costs
//! nothing and the same inputs give the same run. This room must not know `live/`.

mod bus;
pub(crate) mod host;
mod memory;
#[cfg(test)]
mod tests;
mod world;

pub use memory::Broken;
pub use world::SimWorld;
