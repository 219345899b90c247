//! The result of checking files as JUnit XML: a suite a file, a case a finding.
//!
//! What lies below the denied severity is a case that passes, with its text as output. A file with
//! nothing wrong is one case that passes, and a path that cannot be read is one with an error.

use std::fmt::Write as _;

use super::checkup::{Checkup, Found, OneFile};

/// Writes the document.
pub fn checkup_junit(checkup: &Checkup) -> String {
    let suites: Vec<_> = checkup.files.iter().map(|(name, file)| suite(name, file)).collect();
    let tests: usize = suites.iter().map(|suite| suite.tests).sum();
    let failures: usize = suites.iter().map(|suite| suite.failures).sum();
    let errors = checkup.trouble.len();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"titan-run lint\" tests=\"{}\" \
         failures=\"{failures}\" errors=\"{errors}\">\n",
        tests + errors
    );
    suites.iter().for_each(|suite| text.push_str(&suite.text));
    for why in &checkup.trouble {
        let why = escaped(why);
        let _ = writeln!(
            text,
            "  <testsuite name=\"unreadable\" tests=\"1\" failures=\"0\" errors=\"1\">\n    <testcase name=\"read\" \
             classname=\"unreadable\">\n      <error message=\"{why}\"/>\n    </testcase>\n  </testsuite>"
        );
    }
    text.push_str("</testsuites>\n");
    text
}

struct Suite {
    tests: usize,
    failures: usize,
    text: String,
}

fn suite(name: &str, file: &OneFile) -> Suite {
    let name = escaped(name);
    let mut cases = String::new();
    let mut failures = 0;
    for one in &file.found {
        let found = Found::of(one);
        let is_denied = one.severity >= file.deny;
        failures += usize::from(is_denied);
        case(&name, &found, is_denied, &mut cases);
    }
    if file.found.is_empty() {
        let _ = writeln!(cases, "    <testcase name=\"nothing wrong\" classname=\"{name}\"/>");
    }
    let tests = file.found.len().max(1);
    let head = format!("  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">\n");
    Suite { tests, failures, text: format!("{head}{cases}  </testsuite>\n") }
}

fn case(name: &str, found: &Found, is_denied: bool, cases: &mut String) {
    let line = found.labels.first().map_or(1, |label| label.start.line);
    let column = found.labels.first().map_or(1, |label| label.start.column);
    let place = format!("{}:{line}:{column}", found.file);
    let text = escaped(&format!("{place}: {}", found.whole_message("\nhelp: ")));
    let _ = writeln!(cases, "    <testcase name=\"{} at {line}:{column}\" classname=\"{name}\">", found.code);
    let _ = match is_denied {
        true => writeln!(
            cases,
            "      <failure type=\"{}\" message=\"{}\">{text}</failure>",
            escaped(&format!("{} {}", found.severity, found.code)),
            escaped(&found.message)
        ),
        false => writeln!(cases, "      <system-out>{text}</system-out>"),
    };
    cases.push_str("    </testcase>\n");
}

/// Text for XML 1.0, in content and in attributes; what XML cannot hold is replaced.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' => safe.push_str("&#10;"),
            '\u{FFFE}' | '\u{FFFF}' => safe.push('\u{FFFD}'),
            c if crate::visible::is_hidden(c) => {
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
            }
            c => safe.push(c),
        }
    }
    safe
}
