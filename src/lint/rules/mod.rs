//! Every rule: one file, one rule, one line in the list.

mod effect_without_undo;

use super::{Report, Rule, Subject};

/// Every rule, by its code.
pub const RULES: &[Rule] = &[effect_without_undo::RULE];
