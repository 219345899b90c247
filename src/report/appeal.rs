//! What an approver reads before signing.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{Duration, UNIX_EPOCH};

use crate::approval::Question;
use crate::value::{Value, format_duration};
use crate::visible::visible;

/// Everything an approver must know.
#[derive(Debug)]
pub struct Appeal {
    /// The run's id.
    pub run: String,
    /// The runbook's name.
    pub runbook: String,
    /// The target's name.
    pub target: String,
    /// The asking step's path.
    pub step: String,
    /// Who started or resumed the run.
    pub requesters: Vec<String>,
    /// What the step shows.
    pub shows: Value,
    /// The params.
    pub params: Value,
    /// The steps that change something.
    pub effects: Vec<String>,
    /// SHA-256 of every file.
    pub digests: BTreeMap<String, String>,
    /// What is asked.
    pub question: Question,
}

/// The page of an approver.
pub fn appeal(appeal: &Appeal, now_unix_ms: u64) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<10} {}", visible(value));
    };
    let Question { digest, expires_unix_ms, approvers, quorum, .. } = &appeal.question;
    line("run", &format!("{} of {} on target {}", appeal.run, appeal.runbook, appeal.target));
    line("step", &appeal.step);
    line("asked by", &appeal.requesters.join(", "));
    for (name, value) in appeal.shows.as_map().into_iter().flatten() {
        line("shows", &format!("{name}: {value}"));
    }
    for (name, value) in appeal.params.as_map().into_iter().flatten() {
        let path = value.get("path").filter(|_| value.get("text").is_some());
        line("param", &format!("{name}: {}", path.unwrap_or(value)));
    }
    for effect in &appeal.effects {
        line("changes", effect);
    }
    for (file, digest) in &appeal.digests {
        line("file", &format!("{digest} {file}"));
    }
    let names: Vec<_> = approvers.keys().map(String::as_str).collect();
    line("needs", &format!("{quorum} of {}", names.join(", ")));
    let left = Duration::from_millis(expires_unix_ms.saturating_sub(now_unix_ms) / 1_000 * 1_000);
    let expires = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(*expires_unix_ms));
    line("expires", &format!("{expires}, in {}", format_duration(left)));
    line("digest", digest);
    text
}
