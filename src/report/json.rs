//! One JSON object a line: the events as they are, for machines; every hidden character is escaped,
//! for the machine may be a terminal.

use std::io::Write;

use crate::event::{Event, Progress};
use crate::visible::is_hidden;

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
    /// Whoever reads lines has read these, or finds them with `titan-run replay`.
    fn earlier(&mut self, _: &[Event]) {}

    /// A reader that went away does not stop a run: write errors are ignored.
    fn event(&mut self, event: &Event) {
        if let Ok(mut line) = serde_json::to_string(event) {
            escape_hidden(&mut line);
            line.push('\n');
            let _ = self.out.write_all(line.as_bytes());
        }
    }

    fn progress(&mut self, _: &Progress) {}

    fn tick(&mut self, _: u64) {}

    fn flush(&mut self) {
        let _ = self.out.flush();
    }
}

/// Escapes hidden characters in JSON, where they stand in strings only.
fn escape_hidden(json: &mut String) {
    // Looked at to the end, many bytes at a time.
    let is_plain = json.bytes().fold(true, |is_plain, byte| is_plain & (b' '..0x7f).contains(&byte));
    if is_plain || !json.contains(is_hidden) {
        return;
    }
    let mut escaped = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_hidden(c) {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| escaped.push_str(&format!("\\u{unit:04x}")));
        } else {
            escaped.push(c);
        }
    }
    *json = escaped;
}
