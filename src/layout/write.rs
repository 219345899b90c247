//! Puts entries down, line by line.

use super::INDENT;
use super::attach::{Entry, Value};
use super::comments::Comment;

/// The text of a whole file.
pub(super) fn write(whole: &Entry) -> String {
    let mut page = Page { lines: Vec::new(), may_be_blank: false };
    page.comments(&whole.leading, 0);
    match &whole.value {
        Value::Entries(entries, foot) => page.entries(entries, foot, 0),
        Value::Lines(_) | Value::Block(_) => page.value(&whole.value, String::new(), whole.trailing.as_ref(), 0),
    }
    let mut text = page.lines.join("\n");
    text.push('\n');
    text
}

struct Page {
    lines: Vec<String>,
    /// Whether a blank line may come next.
    may_be_blank: bool,
}

impl Page {
    fn line(&mut self, line: String) {
        self.lines.push(line);
        self.may_be_blank = true;
    }

    fn blank(&mut self, is_wanted: bool) {
        if is_wanted && self.may_be_blank {
            self.lines.push(String::new());
            self.may_be_blank = false;
        }
    }

    fn comments(&mut self, comments: &[Comment], indent: usize) {
        for comment in comments {
            self.blank(comment.blank_before);
            self.line(format!("{}{}", " ".repeat(indent), comment.text));
        }
    }

    fn entries(&mut self, entries: &[Entry], foot: &[Comment], indent: usize) {
        self.may_be_blank = false;
        for entry in entries {
            self.comments(&entry.leading, indent);
            self.blank(entry.blank_before);
            match &entry.key {
                Some(key) => self.keyed(key, entry, indent),
                None => self.dashed(entry, indent),
            }
        }
        self.comments(foot, indent);
    }

    fn keyed(&mut self, key: &str, entry: &Entry, indent: usize) {
        let start = format!("{}{key}:", " ".repeat(indent));
        match &entry.value {
            Value::Entries(entries, foot) => {
                self.line(with_comment(start, entry.trailing.as_ref()));
                self.entries(entries, foot, indent + INDENT);
            }
            value => self.value(value, start, entry.trailing.as_ref(), indent),
        }
    }

    /// A list's item; a collection in it begins on the line of the dash.
    fn dashed(&mut self, entry: &Entry, indent: usize) {
        let dash = format!("{}-", " ".repeat(indent));
        let Value::Entries(entries, foot) = &entry.value else {
            return self.value(&entry.value, dash, entry.trailing.as_ref(), indent);
        };
        let first = self.lines.len();
        self.entries(entries, foot, indent + INDENT);
        if let Some(line) = self.lines.get_mut(first) {
            let rest = line.get(indent + INDENT..).unwrap_or("").to_owned();
            *line = format!("{dash} {rest}");
        }
    }

    fn value(&mut self, value: &Value, start: String, comment: Option<&Comment>, indent: usize) {
        let inner = " ".repeat(indent + INDENT);
        let joined = |start: String, text: &str| match (start.is_empty(), text.is_empty()) {
            (true, _) => text.to_owned(),
            (_, true) => start,
            _ => format!("{start} {text}"),
        };
        let below = |line: &String| if line.is_empty() { String::new() } else { format!("{inner}{line}") };
        match value {
            Value::Lines(lines) => {
                let mut written: Vec<_> = lines.iter().skip(1).map(below).collect();
                written.insert(0, joined(start, lines.first().map_or("", String::as_str)));
                if let Some(last) = written.pop() {
                    written.push(with_comment(last, comment));
                }
                written.into_iter().for_each(|line| self.line(line));
            }
            Value::Block(block) => {
                self.line(with_comment(joined(start, &block.mark), comment));
                block.lines.iter().map(below).for_each(|line| self.line(line));
                // A blank line behind it would become a part of it.
                self.may_be_blank = !block.is_kept;
            }
            Value::Entries(entries, foot) => self.entries(entries, foot, indent),
        }
    }
}

/// A line with the comment behind it, which keeps a column it was put at where there is room.
fn with_comment(line: String, comment: Option<&Comment>) -> String {
    let Some(comment) = comment else {
        return line;
    };
    let column = if comment.is_aligned { comment.column } else { 0 };
    let blanks = column.saturating_sub(line.chars().count()).max(1);
    format!("{line}{}{}", " ".repeat(blanks), comment.text)
}
