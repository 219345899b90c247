//! The bundled rollout in the built-in simulated Titan.

use crate::tool::titan;

const ROLLOUT: &str = "runbooks/policy-rollout.yaml";

fn with(option: &str) -> crate::tool::Ran {
    titan(&["run", ROLLOUT, "--world", option])
}

#[test]
fn the_rollout_succeeds_and_says_loudly_that_it_is_simulated() {
    let ran = titan(&[ROLLOUT]).exits(0).says("\nsucceeded after ").says("gate execution: armed");
    let lines: Vec<_> = ran.out.lines().collect();
    assert!(lines.first().unwrap().starts_with("SIMULATED"), "{}", ran.out);
    assert!(lines.last().unwrap().starts_with("SIMULATED"), "{}", ran.out);
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let one = titan(&[ROLLOUT, "--output", "json", "--seed", "7"]).exits(0).out;
    let two = titan(&[ROLLOUT, "--output", "json", "--seed", "7"]).exits(0).out;
    assert_eq!(one, two);
}

#[test]
fn a_wrong_policy_on_either_side_ends_rolled_back_disarmed_on_the_previous_pair() {
    for service in ["brain", "execution"] {
        with(&format!("wrong_policy_on={service}"))
            .exits(3)
            .says("\nrolled_back after ")
            .says("gate execution is DISARMED")
            .says("brain version: 1.0.0")
            .says("execution version: 1.0.0")
            .says("execution policy hash: a476255c");
    }
}

#[test]
fn every_fault_of_the_world_ends_as_documented_and_no_invariant_breaks() {
    let cases = [
        ("deploy_fails=brain", 3),
        ("deploy_fails=execution", 3),
        ("deploy_lies=brain", 3),
        ("deploy_lies=execution", 3),
        ("reject_after_arm_ms=60000", 3),
        ("restart_after_arm_ms=20000", 3),
        ("deaf_to_arm=true", 3),
        ("stuck_armed=true", 4),
        ("restart_after_hash_ms=700", 0),
        ("restart_after_hash_ms=1100", 3),
        ("emoji=false", 0),
        ("hash_field=policy_hash", 0),
        ("initially_armed=false", 0),
    ];
    for (option, code) in cases {
        let ran = with(option).exits(code);
        assert!(!ran.err.contains("did not hold"), "{option}: {}", ran.err);
    }
}

#[test]
fn a_hash_that_flips_after_arming_is_noticed_and_disarmed() {
    with("flip_hash_after_arm_ms=20000")
        .exits(4)
        .says("watch `hash_stays` was breached")
        .says("gate execution is DISARMED")
        .complains("armed implies that both hold the same policy");
}

#[test]
fn a_rehearsal_looks_and_changes_nothing() {
    let ran = titan(&["rehearse", ROLLOUT]).exits(0).says("gate execution: armed").says("execution version: 1.0.0");
    for (step, why) in [
        ("checklist", "it asks somebody"),
        ("disarm", "it changes something"),
        ("still_the_same", "it comes after `deploy_pair`"),
        ("observed", "is skipped"),
    ] {
        let line = ran.out.lines().find(|line| line.contains(&format!("- {step} ")));
        assert!(line.is_some_and(|line| line.contains(why)), "{step}: {}", ran.out);
    }
    let lines: Vec<_> = ran.out.lines().collect();
    assert!(lines[1].starts_with("REHEARSAL: only") && lines.iter().rev().nth(1).unwrap().starts_with("REHEARSAL"));
    let other = format!("second_responder_hash={}", "b".repeat(64));
    titan(&["rehearse", ROLLOUT, "--world", &other]).exits(1).says("the instances of `execution` disagree");
    titan(&["rehearse", "runbooks/monitoring-check.yaml"]).exits(0).says("promotions");
}

#[test]
fn a_second_responder_is_refused_before_anything_is_touched() {
    let other = "b".repeat(64);
    with(&format!("second_responder_hash={other}")).exits(1).says("the instances of `execution` disagree");
}

#[test]
fn rearming_is_the_last_step_of_a_complete_rollback() {
    let ran = titan(&[ROLLOUT, "--set", "rearm=true", "--world", "wrong_policy_on=brain"]).exits(3);
    assert!(ran.out.contains("GATE execution IS ARMED"), "{}", ran.out);
    let undone = ran.out.find("undo deploy_pair ").unwrap();
    assert!(ran.out.find("undo disarm/arm").unwrap() > undone, "{}", ran.out);
}
