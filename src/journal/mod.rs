//! The journal: what a run did, kept so that it can go on after its runner's death.
//!
//! `record` and `written` are what stands on disk, `codec` frames and chains it, `state` is what follows from
//! it: one pure transition function, through which a record passes both when it is written and
//! when it is read again. A [`Keeper`] joins the three over a [`Store`]. The room touches no file
//! and knows no engine; `live/` and `sim/` bring the stores.

mod anew;
mod codec;
mod gates;
mod keeper;
mod known;
mod record;
mod state;
mod stored_value;
mod tagged;
#[cfg(test)]
mod tests;
mod written;

pub use codec::{Chain, Corruption, MAX_RECORD, Read, Torn, first, read};
pub use gates::{Gates, Opening};
pub use keeper::{Keeper, Store};
pub use known::{Known, Outcome, ScriptRecord};
pub use record::RECORD_FORMAT;
pub use state::{IllegalTransition, State, WatchState};
