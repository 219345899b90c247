//! End-to-end tests: the built binary, real servers, real processes; and the house rules.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails where it stands"
)]

mod anew;
mod approvals;
mod authoring;
mod change;
mod chaos;
mod closed_again;
mod closing;
mod commands;
mod contract;
mod crash;
mod desk;
mod docs;
mod editor;
mod explain;
mod formats;
mod fuzzing;
mod golden;
mod hostile;
mod house;
mod interrupts;
mod language;
mod late;
mod lint;
mod local;
mod login;
mod looked_again;
mod looked_again_undone;
mod mutants;
mod mutation;
mod offers;
mod orphans;
mod parts;
mod paused;
mod people;
mod prometheus;
mod real;
mod record;
mod rehearsal;
mod renames;
mod resume;
mod schemas;
mod settings;
mod slips;
mod stage;
mod stands;
mod terminal;
mod tool;
mod trials;
mod typed;
mod typing;
mod waits;
mod way_out;
