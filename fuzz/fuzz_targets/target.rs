//! Any text as a target: checked and drawn.
#![no_main]

use libfuzzer_sys::fuzz_target;
use titan_run::lint::examine_target;
use titan_run::source::SourceFile;
use titan_run_fuzz::{Checker, draws};

thread_local!(static CHECKER: Checker = Checker::new());

fuzz_target!(|text: &str| CHECKER.with(|checker| {
    let examined = examine_target(&SourceFile::new("fuzzed.yaml", text), &checker.guards, &checker.levels);
    draws(&examined.diagnostics);
    if let Some(target) = examined.target {
        let _ = target.to_value();
    }
}));
