//! Runbooks that others use as actions: what their own files say is judged wherever they are used.

use crate::lint::Desk;

/// A part that compares a text with a number, and fills a value into a shell's code.
const UNSAFE_PART: &str = "titan: 1\nrunbook: NAME\nparams:\n  name: { type: text }\nsteps:\n  look:\n    do: note\n    \
                           with: { text: hello }\n    expect: out.text > 3\n  shell:\n    do: exec\n    \
                           with: { argv: [sh, -c, \"echo ${params.name}\"] }\n    no_undo: It only looks.\n";

#[test]
fn what_a_part_says_is_judged_wherever_it_is_used() {
    let through = |part: &str| format!("titan: 1\nrunbook: NAME\nsteps:\n  a: {{ do: {part} }}\n");
    let user = "titan: 1\nrunbook: NAME\nsteps:\n  a: { do: ./part.yaml, with: { name: x } }\n";
    let undoing = "titan: 1\nrunbook: NAME\nsteps:\n  a:\n    do: nats_pub\n    with: { subject: titan.a, payload: x }\n    \
                   undo: { do: ./part.yaml, with: { name: x } }\n";
    let desk = Desk::new(&[("part.yaml", UNSAFE_PART), ("user.yaml", user), ("undoing.yaml", undoing)]);
    desk.write("around.yaml", &through("./user.yaml"));
    for named in ["user.yaml", "undoing.yaml", "around.yaml"] {
        let told = desk.titan(&["lint", named]).exits(1).says("1 file checked: 2 errors in 1 file\n");
        told.says("part.yaml:9:13").says("type-mismatch").says("part.yaml:12:28").says("shell-injection");
        desk.titan(&["run", named]).exits(2).complains("shell-injection");
        desk.titan(&["plan", named]).exits(2).complains("shell-injection");
    }
    // Once, however many use it.
    desk.titan(&["lint", "."]).exits(1).says("4 files checked: 2 errors in 1 file\n");
}

#[test]
fn a_part_is_not_judged_as_a_run_of_its_own() {
    let part = "titan: 1\nrunbook: NAME\nsteps:\n  a:\n    do: exec\n    \
                # titan: allow(shell-argv) the program has no other door\n    with: { argv: [sh, -c, \"true\"] }\n";
    let undo = "{ do: nats_pub, with: { subject: titan.a, payload: x } }";
    let user = format!("titan: 1\nrunbook: NAME\nsteps:\n  a: {{ do: ./part.yaml, undo: {undo} }}\n");
    let desk = Desk::new(&[("part.yaml", part), ("user.yaml", &user)]);
    desk.titan(&["lint", "part.yaml", "--deny", "note"])
        .exits(1)
        .says("effect-without-undo")
        .says(": 1 error in 1 file");
    desk.titan(&["lint", "user.yaml", "--deny", "note"]).exits(0).says("1 file checked, nothing wrong\n");
}

#[test]
fn a_part_is_judged_by_the_target_of_whoever_uses_it() {
    let target = "titan: 1\ntarget: bare\nworld: std/worlds/titan.rhai\nservices:\n  execution:\n    log: { file: simulated }\n    \
                  hash: { subject: titan.req.exec.policy_hash.v1 }\n  brain:\n    log: { file: simulated }\ngates:\n  \
                  execution:\n    probe: { metric: titan_execution_armed_state }\npatterns:\n  handshake_ok: Hash OK\n";
    let part = "titan: 1\nrunbook: NAME\nsteps:\n  wait:\n    do: wait_log\n    \
                with: { service: brain, pattern: \"${target.patterns.handshake_ok}\" }\n    expect: out.captures.hash != \"\"\n    \
                timeout: 5s\n";
    let user = "titan: 1\nrunbook: NAME\nsteps:\n  a: { do: ./part.yaml }\n";
    let test = "titan: 1\ntest: a\ncases:\n  good: { expect: { ending: succeeded } }\n";
    // The test file is about the simulated Titan, in which the pattern has its group.
    let desk = Desk::new(&[("a.yaml", user), ("z.yaml", user), ("part.yaml", part), ("titan.target.yaml", target)]);
    desk.write("a.test.yaml", test);
    desk.titan(&["lint", "a.test.yaml"]).exits(0);
    for paths in [&["z.yaml"][..], &["a.test.yaml", "z.yaml"], &["z.yaml", "a.test.yaml"]] {
        desk.titan(&[&["lint"], paths].concat()).exits(1).says("part.yaml:7").says("no group called `hash`");
    }
}

#[test]
fn a_built_in_part_is_judged_by_the_target_too() {
    let target = crate::tool::root().join("runbooks/targets/local-processes.yaml");
    let target = std::fs::read_to_string(target).unwrap();
    assert!(!target.contains("handshake_ok"));
    let target = format!("{target}\npatterns:\n  handshake_ok: Policy hash handshake OK\n");
    let desk = Desk::new(&[("titan.target.yaml", &target)]);
    let rollout = crate::tool::root().join("runbooks/policy-rollout.yaml");
    std::fs::copy(rollout, desk.path().join("policy-rollout.yaml")).unwrap();
    let told = desk.titan(&["lint", "policy-rollout.yaml"]).exits(1);
    told.says("std/deploy_pair.yaml:").says("`local-processes` has no group called `hash`");
}

#[test]
fn a_part_is_weighed_by_the_settings_of_the_file_that_uses_it_and_told_once() {
    let part = "titan: 1\nrunbook: NAME\nsteps:\n  a: { do: note, when: \"true\", with: { text: x } }\n";
    let user = "titan: 1\nrunbook: NAME\nsteps:\n  a: { do: ./in/part.yaml }\n";
    let desk = Desk::new(&[("in/part.yaml", part), ("user.yaml", user)]);
    desk.titan(&["lint", "user.yaml"]).exits(0).says("constant-guard").says("1 file checked: 1 warning\n");
    desk.write("in/.titan-lint.yaml", "severity: { constant-guard: error }\n");
    desk.titan(&["lint", "user.yaml"]).exits(0).says("1 file checked: 1 warning\n");
    for paths in [["user.yaml", "in/part.yaml"], ["in/part.yaml", "user.yaml"]] {
        desk.titan(&[&["lint"], &paths[..]].concat()).exits(1).says("2 files checked: 1 error in 1 file\n");
    }
}

#[test]
fn what_a_part_only_ensures_is_not_judged_where_it_is_used() {
    let part = "titan: 1\nrunbook: NAME\nsteps:\n  a: { do: note, with: { text: x } }\nensure:\n  e: { do: ./last.yaml, with: { name: x } }\n";
    let user = "titan: 1\nrunbook: NAME\nsteps:\n  a: { do: ./part.yaml }\n";
    let desk = Desk::new(&[("part.yaml", part), ("user.yaml", user), ("last.yaml", UNSAFE_PART)]);
    let told = desk.titan(&["lint", "user.yaml"]).exits(0).says("ensure-inside");
    assert!(!told.out.contains("last.yaml:"), "{}", told.out);
    desk.titan(&["lint", "part.yaml"]).exits(1).says("last.yaml:9:13");
}

#[test]
fn what_is_wrong_in_a_part_makes_nothing_wrong_in_who_uses_it() {
    let part = "titan: 1\nrunbook: NAME\nsteps:\n  a: { do: nothing_there }\n";
    let user = "titan: 1\nrunbook: NAME\nsteps:\n  uses: { do: ./part.yaml }\n  after: { do: note, with: { text: \"${steps.uses.out.x}\" } }\n";
    let desk = Desk::new(&[("part.yaml", part), ("user.yaml", user)]);
    desk.titan(&["lint", "user.yaml"]).exits(1).says("part.yaml:4:12").says("1 file checked: 1 error in 1 file\n");
}
