//! Any text as a PromQL query of a check: read by the rules on queries, and drawn.
#![no_main]

use libfuzzer_sys::fuzz_target;
use titan_run::source::SourceFile;
use titan_run_fuzz::{Checker, quoted};

thread_local!(static CHECKER: Checker = Checker::new());

fuzz_target!(|query: &str| CHECKER.with(|checker| {
    let query = quoted(query);
    checker.check(&SourceFile::new(
        "fuzzed.yaml",
        format!(
            "titan: 1\nrunbook: fuzzed\nsteps:\n  a:\n    do: wait_metric\n    with: {{ query: {query} }}\n    \
             hold: out.value == 0\n    for: 1m\n"
        ),
    ));
}));
