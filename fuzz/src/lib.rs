//! What each fuzz target does with a text, beside the checker they share: the built-in files, without
//! any file of a disk. The tests compile it too, and do the same with every seed.

use std::collections::BTreeMap;
use std::time::Duration;

use titan_run::diagnostic::{Diagnostic, Findings};
use titan_run::guard::{Guards, Names};
use titan_run::layout::lay_out;
use titan_run::lint::{Levels, Memory, Setting, examine, examine_target};
use titan_run::primitive::CATALOGUE;
use titan_run::report::{Style, draw};
use titan_run::runbook::target::Target;
use titan_run::runbook::{Library, decode_target};
use titan_run::sim::SimWorld;
use titan_run::source::SourceFile;
use titan_run::stdlib;
use titan_run::value::Value;
use titan_run::world::World;
use titan_run::yaml::{self, NodeKind};

/// How long a world lives, by its own clock: messages that go to and fro make thousands of calls
/// in it.
const LIFE: Duration = Duration::from_secs(5);

thread_local!(static CHECKER: Checker = Checker::new());

/// Any text as a runbook: checked and drawn; and laid out, which laying out again does not change.
pub fn runbook(text: &str) {
    let file = SourceFile::new("fuzzed.yaml", text);
    CHECKER.with(|checker| checker.check(&file));
    if let Ok(once) = lay_out(&file) {
        let twice = lay_out(&SourceFile::new("fuzzed.yaml", once.as_str()));
        assert_eq!(twice.as_ref().ok(), Some(&once), "laid out twice is not laid out once");
    }
}

/// Any text as a guard, a template and a script: read, typed, checked, and evaluated.
pub fn guard(text: &str) {
    CHECKER.with(|checker| checker.evaluate(text));
}

/// Any text as a target: checked and drawn.
pub fn target(text: &str) {
    CHECKER.with(|checker| {
        let examined = examine_target(&SourceFile::new("fuzzed.yaml", text), &checker.guards, &checker.levels);
        draws(&examined.diagnostics);
        if let Some(target) = examined.target {
            let _ = target.to_value();
        }
    });
}

/// Any text as a world file: read, its services deployed, and lived in for some seconds of its own time.
pub fn world(text: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let Ok(world) = SimWorld::new(text, &BTreeMap::new(), 1) else {
            return;
        };
        let state = world.state();
        let services: Vec<String> = state.as_map().into_iter().flatten().map(|(name, _)| name.to_string()).collect();
        let lived = async {
            for service in &services {
                let _ = world.services().deploy(service, "2.0.0", LIFE).await;
            }
            world.clock().sleep(LIFE).await;
        };
        tokio::select! {
            biased;
            () = world.drive() => {}
            () = lived => {}
        }
        let _ = (world.state(), world.broken(), world.fault());
    });
}

/// Any text as a PromQL query of a check: read by the rules on queries, and drawn.
pub fn promql(query: &str) {
    let query = quoted(query);
    let text = format!(
        "titan: 1\nrunbook: fuzzed\nsteps:\n  a:\n    do: wait_metric\n    with: {{ query: {query} }}\n    \
         hold: out.value == 0\n    for: 1m\n"
    );
    CHECKER.with(|checker| checker.check(&SourceFile::new("fuzzed.yaml", text)));
}

/// The built-in files, and no others.
struct BuiltIn;

impl Library for BuiltIn {
    fn read(&self, _from: &SourceFile, name: &str) -> Result<SourceFile, String> {
        let names = [name.to_owned(), format!("{name}.yaml"), format!("{name}.rhai")];
        let found = names.into_iter().find_map(|name| Some((name.clone(), stdlib::find(&name)?)));
        found.map(|(name, text)| SourceFile::new(name, text)).ok_or_else(|| format!("there is no `{name}`"))
    }
}

/// A checker that is made once.
struct Checker {
    guards: Guards,
    /// The built-in simulated Titan.
    target: Target,
    levels: Levels,
    memory: Memory,
}

impl Checker {
    fn new() -> Self {
        let guards = Guards::new(CATALOGUE);
        let text = stdlib::find("std/targets/simulated.yaml").expect("it is built in");
        let target = decode_target(&SourceFile::new("std/targets/simulated.yaml", text), &guards);
        let target = target.expect("the built-in target is whole");
        Self { guards, target, levels: Levels::default(), memory: Memory::default() }
    }

    /// Checks a runbook and draws what is wrong.
    fn check(&self, file: &SourceFile) {
        let setting = Setting { target: &self.target, is_chosen: true, levels: &self.levels, memory: &self.memory };
        draws(&examine(file, &self.guards, CATALOGUE, &BuiltIn, setting).diagnostics);
    }

    fn evaluate(&self, text: &str) {
        let guard = quoted(text);
        let file = SourceFile::new("fuzzed.yaml", guard.as_str());
        let mut findings = Findings::new(file.clone());
        if let Some(NodeKind::Scalar(scalar)) = yaml::parse(&file, &mut findings).map(|node| node.kind)
            && let Some(guard) = self.guards.guard(&scalar, Default::default(), &mut findings)
        {
            let params = Value::map([("n", Value::Int(3)), ("text", Value::text("a")), ("flag", Value::Bool(true))]);
            let mut names = Names::new(&params, &self.target.to_value(), &Value::map::<&str>([]));
            let out = Value::map([("value", Value::Float(1.0)), ("list", Value::list([Value::Null, Value::Int(1)]))]);
            let _ = self.guards.value(&guard, &mut names, &[("out", &out)]);
        }
        draws(&findings.into_sorted());
        let inserted = quoted(&format!("a ${{{text}}} b"));
        self.check(&SourceFile::new(
            "fuzzed.yaml",
            format!(
                "titan: 1\nrunbook: fuzzed\nparams: {{ n: {{ type: int, default: 3 }} }}\nsteps:\n  a:\n    \
                 do: gate_state\n    with: {{ gate: execution }}\n    expect: {guard}\n  b:\n    do: note\n    \
                 with: {{ text: {inserted} }}\n  c:\n    do: script\n    no_undo: none\n    with: {{ code: {guard} }}\n"
            ),
        ));
    }
}

/// Draws diagnostics, and holds that no hidden character gets through.
fn draws(found: &[Diagnostic]) {
    let drawn = draw(found, Style::Plain);
    assert!(!drawn.chars().any(|c| c.is_control() && c != '\n'), "{drawn:?} has a control character");
}

/// A text as YAML and JSON quote it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_ascii_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
