//! Every rule: one file, one rule, one line in the list.

mod allow_unknown;
mod allow_unused;
mod allow_without_reason;
mod approval_late;
mod arm_unconfirmed;
mod arm_unobserved;
mod arm_unverified;
mod breach_ignored;
mod breach_tolerant;
mod dead_undo;
mod deploy_while_armed;
mod effect_failure_ignored;
mod effect_without_undo;
mod gate_unknown_at_end;
mod idempotent_arm;
mod limit_impossible;
mod limit_too_low;
mod log_from_now;
mod one_sided_deploy;
mod raw_gate_command;
mod rollback_arms;
mod too_large_to_prove;
mod undo_incomplete;
mod undo_same_version;
mod unknown_gate;
mod unknown_service;
mod unlimited_disarm;
mod unreachable_step;
mod unverified_publish;
mod verified_against_itself;
mod verified_apart;
mod watch_empty;
mod watch_late;

use super::{Allows, Check, Group, Report, Rule, Subject};

/// Every rule, by its code.
pub const RULES: &[Rule] = &[
    allow_unknown::RULE,
    allow_unused::RULE,
    allow_without_reason::RULE,
    approval_late::RULE,
    arm_unconfirmed::RULE,
    arm_unobserved::RULE,
    arm_unverified::RULE,
    breach_ignored::RULE,
    breach_tolerant::RULE,
    dead_undo::RULE,
    deploy_while_armed::RULE,
    effect_failure_ignored::RULE,
    effect_without_undo::RULE,
    gate_unknown_at_end::RULE,
    idempotent_arm::RULE,
    limit_impossible::RULE,
    limit_too_low::RULE,
    log_from_now::RULE,
    one_sided_deploy::RULE,
    raw_gate_command::RULE,
    rollback_arms::RULE,
    too_large_to_prove::RULE,
    undo_incomplete::RULE,
    undo_same_version::RULE,
    unknown_gate::RULE,
    unknown_service::RULE,
    unlimited_disarm::RULE,
    unreachable_step::RULE,
    unverified_publish::RULE,
    verified_against_itself::RULE,
    verified_apart::RULE,
    watch_empty::RULE,
    watch_late::RULE,
];
