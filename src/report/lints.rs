//! Everything the checker can report, as a list and as the Markdown reference, written from the
//! rules themselves.

use std::fmt::Write;

use crate::lint::{Group, READING, RULES, Rule};

/// A line a code: the code, how much it weighs, what it says.
pub fn lint_list() -> String {
    let mut text = String::new();
    for group in Group::ALL {
        let _ = writeln!(text, "{}", group.word());
        for rule in of_group(group) {
            let (weight, about) = (rule.severity.word(), heading(&rule.explanation()));
            let _ = writeln!(text, "  {:<24} {weight:<8} {about}", rule.code);
        }
    }
    text.push_str("Reading\n");
    for (code, about) in READING {
        let _ = writeln!(text, "  {code:<24} {:<8} {}", "error", heading(about));
    }
    text
}

/// The reference of all codes.
pub fn lint_reference() -> String {
    let mut text = String::from(
        "# What the checker reports\n\nWritten by `titan-run explain --markdown`; a test holds the two equal, and runs \
         every example. What [`titan-run lint`](ci.md) says, `plan` and `run` say too: an error refuses a run.\n\n\
         A verdict is *proved* where it follows from the graph, the types or the bounds, whatever the world does, and \
         *heuristic* where it is what such a runbook nearly always means. One place is allowed by a comment with its \
         reason, `# titan: allow(CODE) REASON`, above its key or behind it; in a file of functions by `// titan: \
         allow(CODE) REASON`, above its function or line or behind it. `.titan-lint.yaml` says what a team weighs \
         differently; rules on safety and security weigh no less there. What is found while a file is read can be \
         neither allowed nor weighed.\n",
    );
    for group in Group::ALL {
        let _ = write!(text, "\n## {}\n\n| code | severity | verdict | |\n|---|---|---|---|\n", group.word());
        for rule in of_group(group) {
            let (severity, strength) = (rule.severity.word(), rule.strength.words());
            let about = heading(&rule.explanation()).replace('|', "\\|");
            let _ = writeln!(text, "| [`{0}`](#{0}) | {severity} | {strength} | {about} |", rule.code);
        }
    }
    text.push_str("\n## Reading\n\n| code | |\n|---|---|\n");
    for (code, about) in READING {
        let _ = writeln!(text, "| [`{code}`](#{code}) | {} |", heading(about).replace('|', "\\|"));
    }
    let rules = Group::ALL.into_iter().flat_map(of_group).map(|rule| (rule.code, rule.explanation()));
    let reading = READING.iter().map(|(code, text)| (*code, (*text).to_owned()));
    for (code, explanation) in rules.chain(reading) {
        let _ = write!(text, "\n### `{code}`\n\n{}", shown(&explanation));
    }
    text
}

/// An explanation without what its fences say to the tests.
pub fn shown(explanation: &str) -> String {
    let line = |line: &str| match line.strip_prefix("```").and_then(|fence| fence.split_once(' ')) {
        Some((language, _)) => format!("```{language}\n"),
        None => format!("{line}\n"),
    };
    explanation.lines().map(line).collect()
}

fn of_group(group: Group) -> impl Iterator<Item = &'static Rule> {
    RULES.iter().filter(move |rule| rule.group == group)
}

fn heading(explanation: &str) -> String {
    explanation.lines().next().unwrap_or_default().to_owned()
}
