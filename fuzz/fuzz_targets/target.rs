//! Any text as a target.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| titan_run_fuzz::target(text));
