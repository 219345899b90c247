//! The result of checking files as annotations of a GitHub workflow.
//!
//! The form and its escapes are those of the workflow commands of GitHub Actions: `%`, carriage
//! return and line feed everywhere, `:` and `,` in properties.

use std::fmt::Write as _;

use crate::visible::visible;

use super::checkup::Checkup;

/// Writes one line for each finding, and one for each path that cannot be read.
pub fn checkup_github(checkup: &Checkup) -> String {
    let mut text = String::new();
    for found in checkup.found() {
        let command = match found.severity.as_str() {
            "note" => "notice",
            other => other,
        };
        let message = escaped(&found.whole_message("\n"));
        let Some(label) = found.labels.first() else {
            let _ = writeln!(text, "::{command} title={}::{message}", property(&found.code));
            continue;
        };
        let (start, end) = (label.start, label.end);
        let _ = writeln!(
            text,
            "::{command} file={},line={},col={},endLine={},endColumn={},title={}::{message}",
            property(&found.file),
            start.line,
            start.column,
            end.line,
            end.column,
            property(&found.code)
        );
    }
    for why in &checkup.trouble {
        let _ = writeln!(text, "::error title=unreadable::{}", escaped(&visible(why)));
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}
