//! Every rule: one file, one rule, one line in the list.

mod allow_unknown;
mod allow_unused;
mod allow_without_reason;
mod approval_impossible;
mod approval_late;
mod argument_type;
mod arm_unconfirmed;
mod arm_unobserved;
mod arm_unverified;
mod breach_ignored;
mod breach_tolerant;
mod command_line_in_argv;
mod constant_guard;
mod dead_undo;
mod deploy_by_hand;
mod deploy_while_armed;
mod effect_failure_ignored;
mod effect_without_undo;
mod ensure_closes;
mod ensure_inside;
mod gate_command_elsewhere;
mod gate_unknown_at_end;
mod gate_unseen;
mod guard_not_bool;
mod idempotent_arm;
mod increase_without_change;
mod index_out_of_range;
mod limit_impossible;
mod limit_too_low;
mod literal_secret;
mod log_from_now;
mod may_be_missing;
mod may_be_skipped;
mod metric_or_query;
mod metric_twice;
mod missing_in_target;
mod nan_trap;
mod not_ended;
mod null_comparison;
mod one_sided_deploy;
mod parity_of_one;
mod plaintext_transport;
mod possible_gate_command;
mod promql_filter;
mod promql_rate_in_check;
mod promql_several_series;
mod promql_shifted_time;
mod promql_short_range;
mod promql_syntax;
mod promql_vacuous;
mod raw_gate_command;
mod rollback_arms;
mod secret_in_argument;
mod shared_hash_subject;
mod shell_argv;
mod shell_injection;
mod timeout_too_short;
mod too_large_to_prove;
mod type_mismatch;
mod undo_incomplete;
mod undo_order;
mod undo_reads_anew;
mod undo_reads_result;
mod undo_same_policy;
mod undo_same_version;
mod undo_skips_deploy;
mod undo_wrong_version;
mod unknown_function;
mod unknown_gate;
mod unknown_service;
mod unknown_status;
mod unlimited_disarm;
mod unlisted_name;
mod unpinned_image;
mod unreachable_guard;
mod unreachable_step;
mod unread_expression;
mod unresolved_secret;
mod untrusted_value;
mod unverified_publish;
mod verified_against_itself;
mod verified_apart;
mod watch_empty;
mod watch_late;

use super::{Allows, Check, Group, Report, Rule, Subject, TargetSubject};

/// Every rule, by its code.
pub const RULES: &[Rule] = &[
    allow_unknown::RULE,
    allow_unused::RULE,
    allow_without_reason::RULE,
    approval_impossible::RULE,
    approval_late::RULE,
    argument_type::RULE,
    arm_unconfirmed::RULE,
    arm_unobserved::RULE,
    arm_unverified::RULE,
    breach_ignored::RULE,
    breach_tolerant::RULE,
    command_line_in_argv::RULE,
    constant_guard::RULE,
    dead_undo::RULE,
    deploy_by_hand::RULE,
    deploy_while_armed::RULE,
    effect_failure_ignored::RULE,
    effect_without_undo::RULE,
    ensure_closes::RULE,
    ensure_inside::RULE,
    gate_command_elsewhere::RULE,
    gate_unknown_at_end::RULE,
    gate_unseen::RULE,
    guard_not_bool::RULE,
    idempotent_arm::RULE,
    increase_without_change::RULE,
    index_out_of_range::RULE,
    limit_impossible::RULE,
    limit_too_low::RULE,
    literal_secret::RULE,
    log_from_now::RULE,
    may_be_missing::RULE,
    may_be_skipped::RULE,
    metric_or_query::RULE,
    metric_twice::RULE,
    missing_in_target::RULE,
    nan_trap::RULE,
    not_ended::RULE,
    null_comparison::RULE,
    one_sided_deploy::RULE,
    parity_of_one::RULE,
    plaintext_transport::RULE,
    possible_gate_command::RULE,
    promql_filter::RULE,
    promql_rate_in_check::RULE,
    promql_several_series::RULE,
    promql_shifted_time::RULE,
    promql_short_range::RULE,
    promql_syntax::RULE,
    promql_vacuous::RULE,
    raw_gate_command::RULE,
    rollback_arms::RULE,
    secret_in_argument::RULE,
    shared_hash_subject::RULE,
    shell_argv::RULE,
    shell_injection::RULE,
    timeout_too_short::RULE,
    too_large_to_prove::RULE,
    type_mismatch::RULE,
    undo_incomplete::RULE,
    undo_order::RULE,
    undo_reads_anew::RULE,
    undo_reads_result::RULE,
    undo_same_policy::RULE,
    undo_same_version::RULE,
    undo_skips_deploy::RULE,
    undo_wrong_version::RULE,
    unknown_function::RULE,
    unknown_gate::RULE,
    unknown_service::RULE,
    unknown_status::RULE,
    unlimited_disarm::RULE,
    unlisted_name::RULE,
    unpinned_image::RULE,
    unreachable_guard::RULE,
    unreachable_step::RULE,
    unread_expression::RULE,
    unresolved_secret::RULE,
    untrusted_value::RULE,
    unverified_publish::RULE,
    verified_against_itself::RULE,
    verified_apart::RULE,
    watch_empty::RULE,
    watch_late::RULE,
];
