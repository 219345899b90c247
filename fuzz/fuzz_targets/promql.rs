//! Any text as a PromQL query of a check.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| titan_run_fuzz::promql(text));
