//! Any text as a guard, a template and a script: read, typed, checked, and evaluated.
#![no_main]

use libfuzzer_sys::fuzz_target;
use titan_run::diagnostic::Findings;
use titan_run::guard::Names;
use titan_run::source::SourceFile;
use titan_run::value::Value;
use titan_run::yaml::{self, NodeKind};
use titan_run_fuzz::{Checker, draws, quoted};

thread_local!(static CHECKER: Checker = Checker::new());

fuzz_target!(|text: &str| CHECKER.with(|checker| {
    let guard = quoted(text);
    let file = SourceFile::new("fuzzed.yaml", guard.as_str());
    let mut findings = Findings::new(file.clone());
    if let Some(NodeKind::Scalar(scalar)) = yaml::parse(&file, &mut findings).map(|node| node.kind)
        && let Some(guard) = checker.guards.guard(&scalar, Default::default(), &mut findings)
    {
        let params = Value::map([("n", Value::Int(3)), ("text", Value::text("a")), ("flag", Value::Bool(true))]);
        let mut names = Names::new(&params, &checker.target.to_value(), &Value::map::<&str>([]));
        let out = Value::map([("value", Value::Float(1.0)), ("list", Value::list([Value::Null, Value::Int(1)]))]);
        let _ = checker.guards.value(&guard, &mut names, &[("out", &out)]);
    }
    draws(&findings.into_sorted());
    let inserted = quoted(&format!("a ${{{text}}} b"));
    checker.check(&SourceFile::new(
        "fuzzed.yaml",
        format!(
            "titan: 1\nrunbook: fuzzed\nparams: {{ n: {{ type: int, default: 3 }} }}\nsteps:\n  a:\n    do: gate_state\n    \
             with: {{ gate: execution }}\n    expect: {guard}\n  b:\n    do: note\n    with: {{ text: {inserted} }}\n  c:\n    \
             do: script\n    no_undo: none\n    with: {{ code: {guard} }}\n"
        ),
    ));
}));
