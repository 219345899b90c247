//! Nobody can give what an `approve` step asks for.
//!
//! An approver is a public key as `titan-run key new` prints it, each person has a key of their own, and
//! a quorum is at least one of them and not more than there are. Anything else is refused when the step
//! begins, in the middle of a run.
//!
//! ```yaml bad
//! titan: 1
//! runbook: ask
//! steps:
//!   agreed:
//!     do: approve
//!     with:
//!       quorum: 2
//!       approvers: { ada: UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4 }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: ask
//! steps:
//!   agreed:
//!     do: approve
//!     with:
//!       quorum: 1
//!       approvers: { ada: UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4 }
//! ```

use crate::approval::is_public_key;
use crate::diagnostic::{Severity, Strength};
use crate::guard::Written;
use crate::lint::named::each_action;
use crate::runbook::Action;
use crate::value::Value;

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "approval-impossible",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Meaning,
    source: include_str!("approval_impossible.rs"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    each_action(subject.runbook, &mut |action| {
        if action.name() != "approve" {
            return;
        }
        if let Some((argument, message, help)) = why_not(action) {
            report.push(report.at(message, action.place_of(argument)).help(help));
        }
    });
}

/// The argument that is wrong, what is wrong with it, and what to do about it.
fn why_not(action: &Action) -> Option<(&'static str, String, &'static str)> {
    let names = action.with.keys("approvers")?;
    let written = names.iter().filter_map(|name| match action.with.text_at(&["approvers", *name])? {
        Written::Constant(key) => Some((key, *name)),
        Written::Expression(_) | Written::Parts(_) | Written::Nested => None,
    });
    let mut keys = Vec::with_capacity(names.len());
    for (key, name) in written {
        let Some(text) = key.as_text().filter(|text| is_public_key(text)) else {
            let message = format!("`{key}` of `{name}` is not a public key");
            return Some(("approvers", message, "`titan-run key new` makes one, and prints it"));
        };
        keys.push((text, name));
    }
    keys.sort_unstable();
    let same = keys.iter().zip(keys.iter().skip(1)).find(|((one, _), (other, _))| one == other);
    if let Some(((_, one), (_, other))) = same {
        let message = format!("`{one}` and `{other}` have the same key");
        return Some(("approvers", message, "let each of them make a key of their own with `titan-run key new`"));
    }
    match action.with.constant_field("quorum") {
        Some(Value::Int(quorum)) if !usize::try_from(*quorum).is_ok_and(|n| (1..=names.len()).contains(&n)) => {
            let message = format!("a quorum of {quorum} does not fit the number of approvers, {}", names.len());
            Some(("quorum", message, "ask for at least one of them, and not for more than there are"))
        }
        _ => None,
    }
}
