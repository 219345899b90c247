//! From bytes to a text that may be parsed: bounded, UTF-8, without characters that hide.

use crate::diagnostic::{Diagnostic, Findings};
use crate::source::{SourceFile, Span};
use crate::visible::is_hidden;

/// The most bytes of a file: a generated runbook of 100,000 guarded steps has 7 MB.
pub const MAX_TEXT: usize = 8 * 1024 * 1024;

/// The most lines of a file: a generated runbook of 100,000 guarded steps has 400,000.
const MAX_LINES: usize = 1 << 19;

/// Turns a file's bytes into a source file.
///
/// # Errors
/// What is wrong with the bytes: too many, not UTF-8, or characters that hide or reorder text.
pub fn read_text(name: &str, bytes: &[u8]) -> Result<SourceFile, Vec<Diagnostic>> {
    if bytes.len() > MAX_TEXT {
        let empty = SourceFile::new(name, "");
        let findings = Findings::new(empty);
        let message = format!("`{name}` is larger than {MAX_TEXT} bytes");
        return Err(vec![findings.error("yaml-size", message, Span::default())]);
    }
    if bytes.len() > MAX_LINES && bytes.iter().filter(|byte| **byte == b'\n').count() > MAX_LINES {
        let findings = Findings::new(SourceFile::new(name, ""));
        let message = format!("`{name}` has more than {MAX_LINES} lines");
        return Err(vec![findings.error("yaml-size", message, Span::default())]);
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return Err(vec![not_utf8(name, bytes, error.valid_up_to())]),
    };
    let file = SourceFile::new(name, text);
    let mut findings = Findings::new(file.clone());
    let hidden = |c: char| is_hidden(c) && !matches!(c, '\n' | '\r' | '\t');
    // Most files are plain ASCII, of which only control characters hide anything.
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t');
    // Every byte is looked at, which is many at once; to stop at the first would be one by one.
    if bytes.iter().fold(true, |plain, byte| plain & is_plain(byte)) {
        return Ok(file);
    }
    for (at, c) in text.char_indices().filter(|(_, c)| hidden(*c)).take(Findings::MOST) {
        let message = format!("the character U+{:04X} hides what stands here", u32::from(c));
        let finding = findings.error("hidden-character", message, Span::new(at, at + c.len_utf8()));
        findings.push(finding.help("remove it; in a quoted text write its escape"));
    }
    if findings.has_errors() {
        return Err(findings.into_sorted());
    }
    Ok(file)
}

fn not_utf8(name: &str, bytes: &[u8], good: usize) -> Diagnostic {
    let file = SourceFile::new(name, String::from_utf8_lossy(bytes).into_owned());
    let byte = bytes.get(good).copied().unwrap_or_default();
    let findings = Findings::new(file);
    let message = format!("the byte 0x{byte:02X} is not UTF-8");
    findings.error("not-utf8", message, Span::new(good, good + '\u{FFFD}'.len_utf8())).help("save the file as UTF-8")
}
