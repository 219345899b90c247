//! The standard library: files that are embedded in the binary and readable on disk.

/// Every embedded file, by the name it has in runbooks and targets.
const FILES: &[(&str, &str)] = &[
    ("std/deploy_pair.yaml", include_str!("../stdlib/deploy_pair.yaml")),
    ("std/observed_arm.yaml", include_str!("../stdlib/observed_arm.yaml")),
    ("std/policies/risk_policy-1.0.0.json", include_str!("../stdlib/policies/risk_policy-1.0.0.json")),
    ("std/policies/risk_policy-2.0.0.json", include_str!("../stdlib/policies/risk_policy-2.0.0.json")),
    ("std/policies/risk_policy-wrong.json", include_str!("../stdlib/policies/risk_policy-wrong.json")),
    ("std/targets/simulated.yaml", include_str!("../stdlib/targets/simulated.yaml")),
    ("std/verified_arm.yaml", include_str!("../stdlib/verified_arm.yaml")),
    ("std/versions.rhai", include_str!("../stdlib/versions.rhai")),
    ("std/worlds/titan.rhai", include_str!("../stdlib/worlds/titan.rhai")),
];

/// The text of an embedded file.
pub fn find(name: &str) -> Option<&'static str> {
    FILES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// Every name, in alphabetical order.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}
