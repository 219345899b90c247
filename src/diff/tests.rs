//! One mutation of the bundled rollout a row: what is told, and whether it is less safe.

use crate::guard::Guards;
use crate::primitive::CATALOGUE;
use crate::runbook::{Library, load};
use crate::source::SourceFile;
use crate::stdlib;

use super::*;

const ROLLOUT: &str = include_str!("../../runbooks/policy-rollout.yaml");

const LOOK: &str = "    do: service_version\n    with: { service: brain }";

struct Shelf;

impl Library for Shelf {
    fn read(&self, _: &SourceFile, name: &str) -> Result<SourceFile, String> {
        let text = stdlib::find(&format!("{name}.yaml")).ok_or("no such file")?;
        Ok(SourceFile::new(name, text))
    }
}

fn told(before: &str, after: &str) -> Vec<String> {
    let guards = Guards::new(CATALOGUE);
    let read = |text: &str| {
        let loaded = load(&SourceFile::new("policy-rollout.yaml", text), &guards, CATALOGUE, &Shelf);
        loaded.runbook.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
    };
    let sign = |change: &Change| match (change.kind, change.less_safe.is_some()) {
        (ChangeKind::Added, false) => "+",
        (ChangeKind::Added, true) => "+!",
        (ChangeKind::Removed, false) => "-",
        (ChangeKind::Removed, true) => "-!",
        (ChangeKind::Changed, false) => "~",
        (ChangeKind::Changed, true) => "~!",
        (ChangeKind::Moved, _) => ">",
    };
    diff(&read(before), &read(after)).iter().map(|change| format!("{} {}", sign(change), change.place)).collect()
}

/// The rollout with a text replaced, which must stand in it.
fn with(old: &str, new: &str) -> String {
    assert!(ROLLOUT.contains(old), "the rollout does not contain `{old}`");
    ROLLOUT.replacen(old, new, 1)
}

/// A step's lines, from its id to the next blank line.
fn block(id: &str) -> String {
    let start = ROLLOUT.find(&format!("\n  {id}:\n")).unwrap() + 1;
    let length = ROLLOUT[start..].find("\n\n").unwrap() + 2;
    ROLLOUT[start..start + length].to_owned()
}

#[test]
fn what_says_the_same_is_no_difference() {
    let rows = [
        ROLLOUT.to_owned(),
        with("with: { service: execution }", "with:\n      service: execution # the same"),
        with("timeout: 3m", "timeout: 180s"),
        with("needs: [rejections_since]", "needs: { rejections_since: ok }"),
        with("    every: 5s\n", "    on_failure: rollback\n    every: 5s\n"),
        with(LOOK, &format!("{LOOK}\n    timeout: 30s\n    idempotent: true")),
        with("steps.deploy_pair.out.hash\n", "steps . deploy_pair.out.hash\n")
            .replace(".hash == steps", ".hash   ==   steps"),
        with("${params.observe}", "${ params.observe }"),
        with(LOOK, "    with: { service: brain }\n    do: service_version"),
    ];
    for row in rows {
        assert_eq!(told(ROLLOUT, &row), Vec::<String>::new());
    }
}

#[test]
fn each_weakening_is_marked_at_its_place() {
    let hash_stays = block("hash_stays");
    let rows = [
        (
            with("    require: steps.still_the_same.out.hash == steps.deploy_pair.out.hash\n", ""),
            "-! steps.arm.require",
        ),
        (with(", disarmed: 30m", ", disarmed: 31m"), "~! limits.disarmed"),
        (with(", disarmed: 30m", ""), "-! limits.disarmed"),
        (with(&hash_stays, ""), "-! watch.hash_stays"),
        (with("on_breach: rollback", "on_breach: continue"), "~! watch.rejections.on_breach"),
        (with("    from: arm\n", "    from: observed\n"), "~! watch.rejections.from"),
        (with("    to: observed\n", "    to: rejections_since\n"), "~! watch.rejections.to"),
        (
            with("        telemetry: \"You are prepared to watch rejection telemetry\"\n", ""),
            "-! steps.checklist.with.items.telemetry",
        ),
        (
            with("attempts: 5, every: 1s }\n\n  arm:", "attempts: 6, every: 1s }\n\n  arm:"),
            "~! steps.still_the_same.retry.attempts",
        ),
        (with("    timeout: 3m\n", "    timeout: 4m\n"), "~! steps.rejections_since.timeout"),
        (with("    timeout: 1m\n", ""), "~! ensure.gate_is_known.timeout"),
        (with(LOOK, &format!("{LOOK}\n    timeout: 31s")), "~! steps.previous_brain.timeout"),
        (with(LOOK, &format!("{LOOK}\n    timeout: 29s")), "~ steps.previous_brain.timeout"),
        (with("needs: [no_rejections, stays_armed]", "needs: [no_rejections]"), "-! steps.observed.needs.stays_armed"),
        (
            with("needs: [no_rejections, stays_armed]", "needs: { no_rejections: ok, stays_armed: done }"),
            "~! steps.observed.needs.stays_armed",
        ),
        (
            with("    for: \"${params.observe}\"\n", "    for: \"${params.observe}\"\n    min_good: 1\n"),
            "~! steps.no_rejections.min_good",
        ),
    ];
    for (after, expected) in rows {
        assert_eq!(told(ROLLOUT, &after), [expected]);
    }
}

const SMALL: &str = r#"titan: 1
runbook: policy-rollout
params:
  v: { type: text, one_of: ["1", "2.0"] }
steps:
  approval:
    do: approve
    with:
      approvers: { ann: UA, ben: UB }
      expires: 45m
  deploy:
    when: params.v != "a  b"
    do: deploy
    with: { service: brain, version: "1" }
    undo: { do: deploy, with: { service: brain, version: "0" } }
  publish:
    do: nats_pub
    with: { subject: titan.evt.window.v1, payload: open }
    idempotent: true
    no_undo: it passes
watch:
  w: { from: publish, do: service_version, with: { service: brain }, breach_when: out.version == "1" }
"#;

#[test]
fn each_row_is_told_as_it_says() {
    let rows: &[(&str, &str, &[&str])] = &[
        (r#", one_of: ["1", "2.0"]"#, "", &["-! params.v.one_of"]),
        (r#""2.0"]"#, r#""2.0", "3"]"#, &["~! params.v.one_of"]),
        (r#", "2.0"]"#, "]", &["~ params.v.one_of"]),
        ("type: text,", "type: text, about: x,", &["~ params.v.about"]),
        ("  w: {", "  w: { about: x,", &["~ watch.w.about"]),
        ("expires: 45m", "expires: 10h", &["~! steps.approval.with.expires"]),
        ("      expires: 45m\n", "", &["~ steps.approval.with.expires"]),
        ("expires: 45m", "expires: 2700s", &[]),
        ("expires: 45m", "expires: 45m\n      quorum: 2", &[]),
        ("expires: 45m", "expires: 45m\n      quorum: 1", &["~! steps.approval.with.quorum"]),
        (", ben: UB", "", &["-! steps.approval.with.approvers.ben"]),
        ("undo: {", "undo: { when: false,", &["+! steps.deploy.undo.when"]),
        ("a  b", "a b", &["~ steps.deploy.when"]),
        (r#"params.v != "a  b""#, r#"params.v!="a  b""#, &[]),
        ("    no_undo: it", "    retry: { on: [timeout] }\n    no_undo: it", &["+! steps.publish.retry"]),
        ("    idempotent: true\n", "", &["~ steps.publish.idempotent"]),
        ("    undo: {", "    idempotent: true\n    undo: {", &[]),
        ("    undo: {", "    timeout: 1s\n    undo: {", &["~ steps.deploy.timeout"]),
    ];
    for (old, new, expected) in rows {
        assert!(SMALL.contains(old), "{old}");
        assert_eq!(told(SMALL, &SMALL.replacen(old, new, 1)), *expected, "{old} -> {new}");
    }
    let once = SMALL.replacen("    idempotent: true\n", "", 1);
    assert_eq!(told(&once, SMALL), ["~! steps.publish.idempotent"]);
}

#[test]
fn an_undo_that_is_gone_is_one_difference() {
    let start = ROLLOUT.find("    undo:\n      do: std/deploy_pair").unwrap();
    let end = start + ROLLOUT[start..].find("\n\n").unwrap() + 1;
    let after = format!("{}{}", &ROLLOUT[..start], &ROLLOUT[end..]);
    assert_eq!(told(ROLLOUT, &after), ["-! steps.deploy_pair.undo"]);
    assert_eq!(told(&after, ROLLOUT), ["+ steps.deploy_pair.undo"]);
}

#[test]
fn steps_that_come_and_go_are_told_whole() {
    let bare = "  deploy_alone:\n    do: deploy\n    with: { service: brain, version: \"1\" }\n\n  still_the_same:\n";
    let found = told(ROLLOUT, &with("  still_the_same:\n", bare));
    assert_eq!(
        found,
        [
            "+! steps.deploy_alone",
            "- steps.still_the_same.needs.deploy_pair",
            "+ steps.still_the_same.needs.deploy_alone"
        ],
        "the edge that is gone is still implied by the new ones"
    );
    let cut = with(&block("previous_brain"), "").replace("${steps.previous_brain.out.version}", "1");
    let without = told(ROLLOUT, &cut.replace("steps.previous_brain.out.version", "'\"1\"'"));
    assert!(without.contains(&"-! steps.previous_brain".to_owned()), "{without:?}");
    assert!(without.contains(&"- steps.gate_before.needs.previous_brain".to_owned()), "{without:?}");
    let (execution, brain) = (block("previous_execution"), block("previous_brain"));
    let swapped = with(&format!("{execution}{brain}"), &format!("{brain}{execution}"));
    assert_eq!(told(ROLLOUT, &swapped).iter().filter(|one| one.starts_with('>')).count(), 1);
    let another = with(
        "    do: gate_state\n    with: { gate: execution }\n    retry",
        "    do: service_version\n    with: { service: brain }\n    retry",
    );
    assert!(
        told(ROLLOUT, &another.replace("steps.gate_before.out.state", "steps.gate_before.out.version"))
            .contains(&"~ steps.gate_before.do".to_owned())
    );
}

#[test]
fn an_action_that_is_another_one_now_is_told_without_its_steps() {
    let after = with(
        "    undo:\n      do: std/deploy_pair\n      with:\n        execution: \"${steps.previous_execution.out.version}\"\n        brain: \"${steps.previous_brain.out.version}\"\n        expected: \"${steps.previous_hash.out.hash}\"\n        # What was cut off or failed may still land: then the old version is deployed over it.\n        redeploy: '${steps.deploy_pair.status == \"in_doubt\"}'\n",
        "    undo: { do: disarm, with: { gate: execution, reason: x } }\n",
    );
    let found = told(ROLLOUT, &after);
    assert!(found.contains(&"~ steps.deploy_pair.undo.do".to_owned()), "{found:?}");
    assert!(!found.iter().any(|one| one.contains('/')), "{found:?}");
}
