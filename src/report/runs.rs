//! The list of runs as a table.

use std::fmt::Write;
use std::time::Duration;

use crate::value::format_duration;
use crate::visible::visible;

/// One run in the list.
#[derive(Debug)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// The runbook's name.
    pub runbook: String,
    /// When it began, where its journal says so.
    pub started_unix_ms: Option<u64>,
    /// How it ended, or what it waits for.
    pub state: String,
    /// Whether nothing is left to be done with it.
    pub is_over: bool,
}

/// A line for each run.
pub fn table(rows: &[Row], now_unix_ms: u64) -> String {
    let mut text = String::new();
    for row in rows {
        let age = row.started_unix_ms.map_or_else(|| "?".to_owned(), |began| age(now_unix_ms.saturating_sub(began)));
        let (runbook, state) = (visible(&row.runbook), visible(&row.state));
        let _ = writeln!(text, "{:<13} {age:>8}  {runbook:<24} {state}", visible(&row.id));
    }
    text
}

/// An age in its two largest units.
fn age(ms: u64) -> String {
    let unit = match ms / 1_000 {
        0..60 => 1_000,
        60..86_400 => 60_000,
        _ => 3_600_000,
    };
    format_duration(Duration::from_millis(ms / unit * unit))
}
