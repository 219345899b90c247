//! What a target need not say: the names of the source procedure.

use std::collections::BTreeMap;

use super::target::Metric;

/// The subject on which Execution answers with its policy hash.
pub const HASH_SUBJECT: &str = "titan.req.exec.policy_hash.v1";
/// The operator's arming subject.
pub const ARM_SUBJECT: &str = "titan.cmd.operator.arm.v1";
/// The operator's disarming subject.
pub const DISARM_SUBJECT: &str = "titan.cmd.operator.disarm.v1";
/// The gate's metric.
pub const ARMED_METRIC: &str = "titan_execution_armed_state";

/// Subjects by the names runbooks use.
const SUBJECTS: [(&str, &str); 1] = [("rejections", "titan.evt.exec.reject.v1")];

/// Metrics by the names runbooks use, and whether absence means zero: counters are not exposed
/// before their first increment.
const METRICS: [(&str, &str, bool); 4] = [
    ("armed_state", ARMED_METRIC, false),
    ("handshake_success", "titan_brain_policy_handshake_success_total", true),
    ("leader_promotions", "titan_brain_leader_promotions_total", true),
    ("rejections", "titan_execution_rejection_events_total", true),
];

/// Log patterns by the names runbooks use, and their groups, which every match has. None has the
/// emoji of the source's lines, so that they match in every encoding, and where there is none.
const PATTERNS: [(&str, &str, &[&str]); 3] = [
    ("handshake_failed", r"CRITICAL: Policy hash handshake FAILED", &[]),
    ("handshake_ok", r"Policy hash handshake OK\..*Hash: (?<hash>[0-9a-fA-F]+)", &["hash"]),
    ("policy_loaded", r"Loaded RiskPolicy v(?<version>\S+) \(hash: (?<hash>[0-9a-fA-F]+)\)", &["hash", "version"]),
];

/// The names a runbook can usually read under `target.subjects`, `target.metrics` and
/// `target.patterns`.
pub(super) fn usual_names() -> [(&'static str, Vec<&'static str>); 3] {
    [
        ("subjects", SUBJECTS.iter().map(|(name, _)| *name).collect()),
        ("metrics", METRICS.iter().map(|(name, ..)| *name).collect()),
        ("patterns", PATTERNS.iter().map(|(name, ..)| *name).collect()),
    ]
}

/// The name that usually stands for a metric.
pub fn usual_name_of(metric: &str) -> Option<&'static str> {
    METRICS.iter().find(|(_, known, _)| *known == metric).map(|(name, ..)| *name)
}

/// The pattern that targets have under a name if they say nothing else.
pub(super) fn usual_pattern(name: &str) -> Option<&'static str> {
    PATTERNS.iter().find(|(known, ..)| *known == name).map(|(_, pattern, _)| *pattern)
}

/// The groups of a pattern that is one of the usual ones: every match has them.
pub(super) fn usual_groups(pattern: &str) -> Option<&'static [&'static str]> {
    PATTERNS.iter().find(|(_, known, _)| *known == pattern).map(|(.., groups)| *groups)
}

type Texts = BTreeMap<String, String>;
type Metrics = BTreeMap<String, Metric>;

/// What a target says, and the defaults for what it does not say.
pub(super) fn with_defaults(mut subjects: Texts, mut metrics: Metrics, mut patterns: Texts) -> (Texts, Metrics, Texts) {
    for (name, subject) in SUBJECTS {
        subjects.entry(name.to_owned()).or_insert_with(|| subject.to_owned());
    }
    for (name, own, absent_is_zero) in METRICS {
        metrics.entry(name.to_owned()).or_insert_with(|| Metric { name: own.to_owned(), absent_is_zero });
    }
    for (name, pattern, _) in PATTERNS {
        patterns.entry(name.to_owned()).or_insert_with(|| pattern.to_owned());
    }
    (subjects, metrics, patterns)
}
