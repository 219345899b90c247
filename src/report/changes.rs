//! Differences between two runbooks, for people and for programs.

use std::fmt::Write as _;

use serde::Serialize;

use crate::diff::{Change, ChangeKind};
use crate::visible::visible;

/// The version of the JSON form.
const FORMAT: u32 = 1;

/// Differences a line each: `+` added, `-` removed, `~` changed, `>` moved.
pub fn changes(changes: &[Change]) -> String {
    let mut text = String::new();
    for change in changes {
        let sign = match change.kind {
            ChangeKind::Added => '+',
            ChangeKind::Removed => '-',
            ChangeKind::Changed => '~',
            ChangeKind::Moved => '>',
        };
        let said = |text: &Option<String>| text.as_deref().map(|text| visible(text).into_owned());
        let values: Vec<_> = [said(&change.before), said(&change.after)].into_iter().flatten().collect();
        let values = match change.kind {
            ChangeKind::Moved => "moved".to_owned(),
            _ => values.join(" -> "),
        };
        let _ = writeln!(text, "{sign} {}: {values}", change.place);
        if let Some(why) = change.less_safe {
            let _ = writeln!(text, "    LESS SAFE: {why}");
        }
    }
    let plural = if changes.len() == 1 { "" } else { "s" };
    let less_safe = changes.iter().filter(|change| change.less_safe.is_some()).count();
    let _ = writeln!(text, "{} difference{plural}, {less_safe} less safe", changes.len());
    text
}

/// Differences as one JSON document.
pub fn changes_json(changes: &[Change]) -> String {
    #[derive(Serialize)]
    struct Document<'a> {
        v: u32,
        less_safe: usize,
        changes: &'a [Change],
    }
    let less_safe = changes.iter().filter(|change| change.less_safe.is_some()).count();
    let document = Document { v: FORMAT, less_safe, changes };
    serde_json::to_string_pretty(&document).map_or_else(|_| String::new(), |text| text + "\n")
}
