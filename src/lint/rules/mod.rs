//! Every rule: one file, one rule, one line in the list.

mod allow_unknown;
mod allow_unused;
mod allow_without_reason;
mod effect_without_undo;
mod unknown_gate;
mod unknown_service;

use super::{Allows, Check, Group, Report, Rule, Subject};

/// Every rule, by its code.
pub const RULES: &[Rule] = &[
    allow_unknown::RULE,
    allow_unused::RULE,
    allow_without_reason::RULE,
    effect_without_undo::RULE,
    unknown_gate::RULE,
    unknown_service::RULE,
];
