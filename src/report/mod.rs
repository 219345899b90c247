//! Reports: consumers of events and diagnostics, never producers. One file, one format.
//!
//! Everything that is not ours goes through [`crate::visible`] before it is printed. Called by
//! `cli/`, which hands in the writer.

mod appeal;
mod changes;
mod checkup;
mod checkup_github;
mod checkup_json;
mod checkup_junit;
mod checkup_sarif;
mod diagnostics;
mod earlier;
mod excerpt;
mod few;
mod json;
mod known;
mod last_page;
mod lints;
mod plan;
mod reference;
mod runs;
mod story;
mod summary;
mod terminal;
mod undone;
mod words;

pub use appeal::{Appeal, appeal};
pub use changes::{changes, changes_json};
pub use checkup::{Checkup, Found, Marked, OneFile, Point, Remedy, Replacement, checkup_line};
pub use checkup_github::checkup_github;
pub use checkup_json::{CHECKUP_VERSION, CheckupDocument, checkup_json};
pub use checkup_junit::checkup_junit;
pub use checkup_sarif::checkup_sarif;
pub use diagnostics::{Style, draw, draw_all};
pub use few::listed;
pub use json::JsonLines;
pub use lints::{lint_list, lint_reference, shown};
pub use plan::describe;
pub use reference::reference;
pub use runs::{Row, table};
pub use story::{reasons, timeline, why};
pub use terminal::Terminal;

use crate::event::{Event, Progress};

/// A view of a run.
pub trait Report {
    /// Learns what an earlier runner did, without showing it again.
    fn earlier(&mut self, events: &[Event]);
    /// Shows a transition.
    fn event(&mut self, event: &Event);
    /// Shows what a step waits for; may be ignored.
    fn progress(&mut self, progress: &Progress);
    /// Is told about once a second that time has passed.
    fn tick(&mut self, elapsed_ms: u64);
    /// Lets everything shown so far be seen; called whenever the run waits.
    fn flush(&mut self);
}
