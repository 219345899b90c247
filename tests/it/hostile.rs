//! Hostile input gets an error in little time and memory, and no foreign escape reaches the
//! terminal. The memory is bounded by the shell's limit on the address space.

use std::fs;
use std::process::Command;

use crate::tool::{Ran, finished, root, titan};

/// 256 MiB, in the shell's KiB.
const MEMORY_KIB: u32 = 256 * 1024;

/// Seconds of the processor; how long that takes on a busy machine is not ours to say.
const SECONDS: u32 = if cfg!(debug_assertions) { 5 } else { 1 };

/// Runs the binary under the bounds; a signal ends what goes beyond, which leaves no exit code.
fn bounded(arguments: &[&str]) -> Ran {
    let script = format!("ulimit -v {MEMORY_KIB}; ulimit -t {SECONDS}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_titan-run")]).args(arguments);
    finished(command.current_dir(root()).env("NO_COLOR", "1").output().unwrap())
}

fn step(name: &str, body: &str) -> Vec<u8> {
    format!("titan: 1\nrunbook: {name}\nsteps:\n  a:\n    {body}\n").into_bytes()
}

#[test]
fn a_hostile_runbook_is_refused_in_bounds_and_in_few_words() {
    let folder = tempfile::tempdir().unwrap();
    let aliases = (0..10u8).map(|at| {
        let (own, other) = (char::from(b'b' + at), char::from(b'a' + at));
        format!("{own}: &{own} [{}]\n", vec![format!("*{other}"); 9].join(", "))
    });
    let bomb = format!("a: &a [x, x, x]\n{}", aliases.collect::<String>());
    let guard = |text: String| step("hostile", &format!("do: note\n    with: {{ text: x }}\n    when: '{text}'"));
    let names = (0..20_000).map(|at| format!("  s{at}: {{ do: nte, needs: [t{at}] }}\n")).collect::<String>();
    let names = format!("titan: 1\nrunbook: hostile\nsteps:\n{names}");
    let script = format!("let a = 0; {}paramz.n", "a=params.n; ".repeat(5_000));
    let scripts = (0..6).map(|at| format!("  s{at}: {{ do: script, with: {{ code: '{script}' }} }}\n"));
    let scripts =
        format!("titan: 1\nrunbook: hostile\nparams:\n  n: {{ default: 1 }}\nsteps:\n{}", scripts.collect::<String>());
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("bomb", bomb.into_bytes()),
        ("deep flow list", ["[".repeat(10_000), "]".repeat(10_000)].concat().into_bytes()),
        ("deep flow map", ["{a: ".repeat(10_000), "1".to_owned(), "}".repeat(10_000)].concat().into_bytes()),
        ("deep block", (0..10_000).map(|at| format!("{}a:\n", " ".repeat(at))).collect::<String>().into_bytes()),
        ("long guard", guard("1+".repeat(524_288) + "1 == 1")),
        ("deep guard", guard(["(".repeat(1_500), "true".to_owned(), ")".repeat(1_500)].concat())),
        ("invalid UTF-8", b"titan: 1\nrunbook: \xff\xfe\n".to_vec()),
        ("nul", b"titan: 1\0\n".to_vec()),
        ("escapes", step("h\u{1b}[2J", "do: no\u{1b}]0;x\u{7}te")),
        ("long key", ["k".repeat(1_000_000), ": 1\n".to_owned()].concat().into_bytes()),
        ("50 MB", vec![b'#'; 50 << 20]),
        ("many steps", (0..2_000_000).map(|at| format!("s{at}: 1\n")).collect::<String>().into_bytes()),
        ("pattern", step("hostile", "do: wait_log\n    with: { service: brain, pattern: '(a{1000}){1000}' }")),
        ("empty", Vec::new()),
        ("many items", [b"a: [".to_vec(), b"[],".repeat(400_000), b"]".to_vec()].concat()),
        ("many tags", [b"a: [".to_vec(), b"!x y,".repeat(1_000_000), b"]".to_vec()].concat()),
        ("many anchors", b"a: &a x\n".repeat(200_000)),
        ("many lines", b"|\n".repeat(1_000_000)),
        ("many unknown names", names.into_bytes()),
        ("scripts of one long line", scripts.into_bytes()),
        ("many insertions", step("hostile", &format!("do: note\n    with: {{ text: '{}' }}", "${1}".repeat(500_000)))),
    ];
    for (name, bytes) in cases {
        let path = folder.path().join("hostile.yaml");
        fs::write(&path, bytes).unwrap();
        let ran = bounded(&["lint", path.to_str().unwrap()]);
        assert!(ran.code == 1 || ran.code == 2, "{name}: {} {}", ran.code, ran.err);
        let said = ran.said();
        assert!(!said.contains('\u{1b}') && !said.contains('\u{7}'), "{name} lets an escape through");
        assert!(!said.is_empty() && said.len() < 64 * 1024, "{name}: {} bytes said", said.len());
    }
}

#[test]
fn a_script_whose_names_stand_for_too_much_is_read_in_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let list = |name: &str| format!("[{}]", [name; 32].join(", "));
    let sum = |name: &str| [name; 8].join(" + ");
    let asked = |name: &str| format!("if len({}) > 0 {{ \"x\" }} else {{ \"y\" }}", list(name));
    let bomb = |meant: &dyn Fn(&str) -> String| {
        let lines = (1..15).map(|at| format!("let a{at} = {}; ", meant(&format!("a{}", at - 1))));
        format!("let a0 = \"x\"; {}", lines.collect::<String>())
    };
    let rounds = format!("fn to(v) {{ {} }} {}", "deploy(v, v); ".repeat(300), "to(\"brain\"); ".repeat(300));
    for (name, code) in [
        ("itself", "let target = [target]; exec(#{ argv: target, observes: true })".to_owned()),
        ("map of itself", "let target = #{ a: target }; exec(#{ argv: [\"x\"], env: target })".to_owned()),
        ("each other", "if true { let params = [target]; } let target = [params]; exec(#{ argv: target })".to_owned()),
        ("lists", bomb(&list) + "exec(#{ argv: [a14] })"),
        ("sums", bomb(&sum) + "exec(#{ argv: [a14] })"),
        ("subjects", bomb(&sum) + "nats_pub(a14, \"x\")"),
        ("deployed lists", bomb(&list) + "deploy(#{ service: \"brain\", version: a14 })"),
        ("deployed sums", bomb(&sum) + "deploy(#{ service: a14, version: a14 })"),
        ("conditions", bomb(&asked) + "deploy(#{ service: \"brain\", version: a14 })"),
        ("rounds", rounds),
    ] {
        let path = folder.path().join("script.yaml");
        // What an undo does is looked at more closely.
        let script = format!("do: script\n      with:\n        code: '{code}'");
        let undone = "deploy\n    with: { service: brain, version: x }\n    undo:\n      ";
        let arms = "disarm\n    with: { gate: execution, reason: x }\n    undo: { do: arm, with: { gate: execution, reason: x } }\n";
        let done = format!("do: {arms}  b:\n    do: {undone}{script}");
        fs::write(&path, step("script", &done)).unwrap();
        let ran = bounded(&["lint", path.to_str().unwrap()]);
        assert!(ran.code == 1 && ran.said().contains("rollback-arms"), "{name}: {} {}", ran.code, ran.said());
    }
}

#[test]
fn many_comments_that_allow_are_read_in_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("allows.yaml");
    let run = |indent: &str| format!("{indent}# titan: allow(arm-unverified) because\n").repeat(4_000);
    for at_end in [false, true] {
        let comments = [run("  "), run("    ")].concat();
        let next = if at_end { "" } else { "  b: { do: note, with: { text: x } }\n" };
        fs::write(&path, [step("allows", "do: note\n    with: { text: x }"), (comments + next).into()].concat())
            .unwrap();
        let ran = bounded(&["lint", path.to_str().unwrap()]);
        assert!(ran.code == 0 || ran.code == 1, "{at_end}: {} {}", ran.code, ran.err);
    }
}

#[test]
fn a_hostile_policy_is_refused_in_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("deep", vec![b'['; 100_000]),
        ("50 MB", [b"[1".to_vec(), b",1".repeat(25 << 20), b"]".to_vec()].concat()),
        ("invalid UTF-8", b"{\"a\": \"\xff\"}".to_vec()),
        ("escapes", b"{\"a\x1b[2J\": \x1b}".to_vec()),
        ("BOM", b"\xef\xbb\xbf{}".to_vec()),
    ];
    for (name, bytes) in cases {
        let path = folder.path().join("policy.json");
        fs::write(&path, bytes).unwrap();
        let ran = bounded(&["hash", path.to_str().unwrap()]);
        assert!(ran.code == 1 || ran.code == 2, "{name}: {} {}", ran.code, ran.err);
        assert!(ran.out.is_empty() && !ran.err.contains('\u{1b}'), "{name}: {}", ran.err);
    }
}

#[test]
fn a_guard_or_script_that_never_ends_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let code = "do: script\n    no_undo: none\n    with:\n      code: |\n        CODE";
    for endless in ["let x = 0; loop { x += 1; }", "let s = \"x\"; loop { s += s; }", "let a = [1]; loop { a += a; }"] {
        let path = folder.path().join("endless.yaml");
        fs::write(&path, step("endless", &code.replace("CODE", endless))).unwrap();
        let ran = bounded(&[path.to_str().unwrap()]);
        assert_eq!(ran.code, 3, "{endless}: {} {}", ran.out, ran.err);
    }
}

#[test]
fn every_byte_is_printed_without_its_power() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bytes.yaml");
    for byte in (0..0x20u8).chain([0x7f, 0x80, 0x9b, 0x9d, 0xa0, 0xad]) {
        fs::write(&path, step("bytes", &format!("do: note\n    with: {{ text: \"a\\x{byte:02x}[31mb\" }}"))).unwrap();
        let ran = titan(&[path.to_str().unwrap()]);
        let is_hidden = |c: char| c != '\n' && (c.is_control() || c == '\u{ad}');
        assert!(!ran.out.chars().any(is_hidden) && !ran.err.chars().any(is_hidden), "{byte:#x}: {:?}", ran.out);
    }
}

#[test]
fn a_script_that_nests_without_end_fails_and_its_runner_lives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("script.yaml");
    for (code, why) in [
        ("let b = 1; for i in 0..300 { b = #{a: b}; } b", "nested more than 48 deep"),
        ("let b = []; for i in 0..300 { b = [b]; } b", "nested more than 48 deep"),
        // What is handed over counts with what hands it over.
        (
            "let a = []; a.pad(999, 1); a.map(|x| { let b = []; b.pad(999, 1); b.map(|y| { let c = []; c.pad(999, 1); c.map(|z| z + 1).len() }).len() }).len()",
            // Whichever bound a machine comes to first.
            "step `a` failed (refused: `script`",
        ),
        // Each round takes longer than the one before.
        ("let b = []; for i in 0..99000 { b = [b]; } 0", "this computes for more than 1s"),
    ] {
        let step = format!("  a: {{ do: script, no_undo: A test., with: {{ code: '{code}' }} }}\n");
        fs::write(&path, format!("titan: 1\nrunbook: script\nsteps:\n{step}")).unwrap();
        titan(&["run", path.to_str().unwrap()]).exits(3).says(why);
    }
}

#[test]
fn a_guard_whose_function_computes_without_end_fails_and_its_runner_lives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("guard.yaml");
    let step = "  a: { do: note, with: { text: x }, when: endless() }\n";
    fs::write(&path, format!("titan: 1\nrunbook: guard\nfunctions: [./own.rhai]\nsteps:\n{step}")).unwrap();
    for body in [
        "let a = []; a.pad(999, 1); a.map(|x| { let b = []; b.pad(999, 1); b.map(|y| { let c = []; c.pad(999, 1); c.map(|z| z + 1).len() }).len() }).len() > 0",
        "let b = []; for i in 0..99000 { b = [b]; } true",
    ] {
        fs::write(folder.path().join("own.rhai"), format!("fn endless() {{ {body} }}\n")).unwrap();
        titan(&["run", path.to_str().unwrap()]).exits(1).says("(refused: `endless()`: ");
    }
}
