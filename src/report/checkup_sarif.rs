//! The result of checking files as SARIF 2.1.0 (OASIS), for code scanning.

use serde_json::{Value, json};

use crate::lint::explanation;
use crate::percent::percent_encoded;
use crate::visible::visible;

use super::checkup::{Checkup, Found, Marked, Point, Remedy};

/// Writes the log, ending with a line end.
pub fn checkup_sarif(checkup: &Checkup) -> String {
    let found: Vec<_> = checkup.found().collect();
    let mut codes: Vec<_> = found.iter().map(|found| found.code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    let results: Vec<_> = found.iter().map(|found| result(found, &codes)).collect();
    let rules: Vec<_> = codes.iter().map(|code| rule(code)).collect();
    let trouble: Vec<_> =
        checkup.trouble.iter().map(|why| json!({ "level": "error", "message": { "text": visible(why) } })).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "titan-run", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": checkup.trouble.is_empty(),
                "toolExecutionNotifications": trouble,
            }],
            "results": results,
        }],
    });
    let text = serde_json::to_string_pretty(&log).unwrap_or_default();
    format!("{text}\n")
}

fn rule(code: &str) -> Value {
    let Some(text) = explanation(code) else {
        return json!({ "id": code });
    };
    let text = super::lints::shown(&text);
    let heading = text.lines().next().unwrap_or(code).to_owned();
    json!({ "id": code, "shortDescription": { "text": heading }, "help": { "text": text, "markdown": text } })
}

fn result(found: &Found, codes: &[&str]) -> Value {
    let place = |label: &Marked| {
        json!({
            "physicalLocation": { "artifactLocation": artifact(&label.file), "region": region(label.start, label.end) },
            "message": { "text": label.text },
        })
    };
    let locations: Vec<_> = found.labels.iter().take(1).map(place).collect();
    let related: Vec<_> = found.labels.iter().skip(1).map(place).collect();
    let fixes: Vec<_> = found.fix.iter().map(|remedy| fix(remedy, &found.file)).collect();
    json!({
        "ruleId": found.code,
        "ruleIndex": codes.iter().position(|code| *code == found.code),
        "level": found.severity,
        "message": { "text": found.whole_message("; ") },
        "locations": locations,
        "relatedLocations": related,
        "fixes": fixes,
        "properties": { "strength": found.strength },
    })
}

fn fix(remedy: &Remedy, file: &str) -> Value {
    let replace = |edit: &super::checkup::Replacement| json!({ "deletedRegion": region(edit.start, edit.end), "insertedContent": { "text": edit.text } });
    let replacements: Vec<_> = remedy.edits.iter().map(replace).collect();
    json!({
        "description": { "text": remedy.title },
        "artifactChanges": [{ "artifactLocation": artifact(file), "replacements": replacements }],
    })
}

fn region(start: Point, end: Point) -> Value {
    json!({
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
        "byteOffset": start.byte,
        "byteLength": end.byte.saturating_sub(start.byte),
    })
}

/// A path as a URI, which has a scheme where the path is absolute; each part is percent-encoded.
fn artifact(file: &str) -> Value {
    let parts: Vec<_> = file.split('/').map(percent_encoded).collect();
    let scheme = if file.starts_with('/') { "file://" } else { "" };
    json!({ "uri": format!("{scheme}{}", parts.join("/")) })
}
