//! Any text as a runbook.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| titan_run_fuzz::runbook(text));
