//! Any text as a guard, a template and a script.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| titan_run_fuzz::guard(text));
