//! A runbook is so large that its safety was not looked at.
//!
//! Safety is proved by holding everything that moves a gate or a service against every step. Where
//! that would take minutes, the rules on gates and deploys are left out, and this says so.
//!
//! Split the runbook: a runbook used as an action is checked on its own.

use crate::diagnostic::{Severity, Strength};
use crate::source::Span;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "too-large-to-prove",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("too_large_to_prove.rs"),
    check: Check::Runbook(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    if !subject.scene().is_whole() {
        let found = report.at("this runbook is too large for its safety to be proved", Span::default());
        report.push(found.help("split it into runbooks used as actions"));
    }
}
