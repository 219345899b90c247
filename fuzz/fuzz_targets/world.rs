//! Any text as a world file.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| titan_run_fuzz::world(text));
