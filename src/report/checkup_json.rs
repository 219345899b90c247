//! The result of checking files as one JSON document, version 1.

use serde::{Deserialize, Serialize};

use crate::visible::visible;

use super::checkup::{Checkup, Found};

/// The version of the document; a field is added or changed only with a new one.
pub const CHECKUP_VERSION: u32 = 1;

/// The document.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckupDocument {
    /// [`CHECKUP_VERSION`].
    pub version: u32,
    /// How many files were checked.
    pub files_checked: usize,
    /// How many YAML files of other kinds were passed over in the folders.
    pub files_passed_over: usize,
    /// Everything found, by file and place.
    pub findings: Vec<Found>,
    /// A sentence for every path that cannot be read.
    pub unreadable: Vec<String>,
}

/// Writes the document, ending with a line end.
pub fn checkup_json(checkup: &Checkup) -> String {
    let document = CheckupDocument {
        version: CHECKUP_VERSION,
        files_checked: checkup.checked,
        files_passed_over: checkup.passed_over,
        findings: checkup.found().collect(),
        unreadable: checkup.trouble.iter().map(|why| visible(why).into_owned()).collect(),
    };
    let text = serde_json::to_string_pretty(&document).unwrap_or_default();
    format!("{text}\n")
}
