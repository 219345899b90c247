//! The result of checking files, as every format shows it.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Severity};

/// What a check of many files found.
#[derive(Debug)]
pub struct Checkup {
    /// How many files were asked for.
    pub checked: usize,
    /// What was found in each of them, and in files read for them.
    pub files: BTreeMap<String, Vec<Diagnostic>>,
    /// A sentence for everything that cannot be read.
    pub trouble: Vec<String>,
}

/// The last line of a check: `12 files checked: 1 error in 1 file, 2 warnings`.
pub fn checkup_line(checkup: &Checkup) -> String {
    let files = counted(checkup.checked, "file");
    let mut said = Vec::new();
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        let of = |found: &&Diagnostic| found.severity == severity;
        let count = checkup.files.values().flatten().filter(of).count();
        if count == 0 {
            continue;
        }
        let wrong = checkup.files.values().filter(|found| found.iter().any(|found| of(&found))).count();
        said.push(match severity {
            Severity::Error => format!("{} in {}", counted(count, severity.word()), counted(wrong, "file")),
            Severity::Warning | Severity::Note => counted(count, severity.word()),
        });
    }
    if !checkup.trouble.is_empty() {
        said.push(format!("{} that cannot be read", counted(checkup.trouble.len(), "path")));
    }
    if said.is_empty() {
        format!("{files} checked, nothing wrong")
    } else {
        format!("{files} checked: {}", said.join(", "))
    }
}

/// A number with its noun.
pub(super) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}
