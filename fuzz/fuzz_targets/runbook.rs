//! Any text as a runbook: checked and drawn; and laid out, which laying out again does not change.
#![no_main]

use libfuzzer_sys::fuzz_target;
use titan_run::layout::lay_out;
use titan_run::source::SourceFile;
use titan_run_fuzz::Checker;

thread_local!(static CHECKER: Checker = Checker::new());

fuzz_target!(|text: &str| {
    let file = SourceFile::new("fuzzed.yaml", text);
    CHECKER.with(|checker| checker.check(&file));
    if let Ok(once) = lay_out(&file) {
        let twice = lay_out(&SourceFile::new("fuzzed.yaml", once.as_str()));
        assert_eq!(twice.as_ref().ok(), Some(&once), "laid out twice is not laid out once");
    }
});
