//! One JSON object a line: the events as they are, for machines.

use std::io::Write;

use crate::event::{Event, Progress};

use super::Report;

/// Writes event lines.
pub struct JsonLines<W> {
    out: W,
}

impl<W: Write> JsonLines<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write> Report for JsonLines<W> {
    /// A reader that went away does not stop a run: write errors are ignored.
    fn event(&mut self, event: &Event) {
        if let Ok(mut line) = serde_json::to_vec(event) {
            line.push(b'\n');
            let _ = self.out.write_all(&line);
        }
    }

    fn progress(&mut self, _: &Progress) {}

    fn tick(&mut self, _: u64) {}

    fn flush(&mut self) {
        let _ = self.out.flush();
    }
}
