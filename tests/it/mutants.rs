//! Unsafe mutants of correct runbooks are refused by the rule that names the reason, and correct
//! variants raise no alarm. `tests/cases/mutants/policy-rollout.txt` says how a mutant is written.

use std::fs;
use std::path::{Path, PathBuf};

use crate::tool::{Ran, root, titan};

/// One unsafe change of a correct runbook.
struct Mutant {
    /// The file it is written in.
    list: &'static str,
    /// The runbook it changes.
    base: String,
    name: String,
    /// The code of the rule that must refuse it.
    code: String,
    why: String,
    /// Each with the lines it takes away, puts there and leaves, in order.
    changes: Vec<Vec<String>>,
}

/// Reads the mutants of a list.
fn mutants(list: &'static str) -> Vec<Mutant> {
    let text = fs::read_to_string(root().join(list)).unwrap();
    let (head, rest) = text.split_once("\n\n== ").unwrap();
    let base = head.lines().find_map(|line| line.strip_prefix("base: ")).unwrap();
    rest.split("\n\n== ").map(|section| mutant(list, base, section)).collect()
}

fn mutant(list: &'static str, base: &str, section: &str) -> Mutant {
    let mut lines = section.trim_end().lines();
    let (name, code) = lines.next().unwrap().split_once(": ").unwrap();
    let why = lines.next().unwrap().to_owned();
    let mut changes = vec![Vec::new()];
    for line in lines {
        match line {
            "@@" => changes.push(Vec::new()),
            _ => changes.last_mut().unwrap().push(line.to_owned()),
        }
    }
    Mutant { list, base: base.to_owned(), name: name.to_owned(), code: code.to_owned(), why, changes }
}

impl Mutant {
    /// The text of the base with every change made.
    fn text(&self) -> String {
        let base = fs::read_to_string(root().join(&self.base)).unwrap();
        let mut lines: Vec<String> = base.lines().map(str::to_owned).collect();
        let mut cut = Vec::new();
        for change in &self.changes {
            let places: Vec<_> = (0..lines.len()).filter_map(|at| fitted(&lines, at, change)).collect();
            assert!(
                places.len() == 1,
                "{}: `{}`: this is found {} times in {}, not once:\n{}",
                self.list,
                self.name,
                places.len(),
                self.base,
                change.join("\n")
            );
            let (start, end) = places[0];
            let new = self.changed(&lines[start..end], change, &mut cut);
            lines.splice(start..end, new);
        }
        let text = lines.join("\n") + "\n";
        assert!(text != base, "{}: `{}` changes nothing", self.list, self.name);
        text
    }

    /// The lines a change leaves in the place of those it fits.
    fn changed(&self, old: &[String], change: &[String], cut: &mut Vec<Vec<String>>) -> Vec<String> {
        let mut new = Vec::new();
        let mut at = 0;
        for line in change {
            let (sign, line) = line.split_at(1);
            let taken = if sign == "+" { 0 } else { length(&old[at..], line) };
            let block = &old[at..at + taken];
            at += taken;
            match (sign, line.strip_suffix(" ...")) {
                ("-", _) => cut.push(block.to_vec()),
                ("+", None) => new.push(line.to_owned()),
                ("+", Some(first)) => {
                    let again = cut.iter().find(|block| block[0] == first);
                    new.extend(again.unwrap_or_else(|| panic!("{}: nothing took `{first}`", self.name)).clone());
                }
                _ => new.extend_from_slice(block),
            }
        }
        new
    }
}

/// The range of lines a change fits from a line on.
fn fitted(lines: &[String], start: usize, change: &[String]) -> Option<(usize, usize)> {
    let mut at = start;
    for line in change.iter().filter(|line| !line.starts_with('+')) {
        let line = &line[1..];
        if lines.get(at)? != line.strip_suffix(" ...").unwrap_or(line) {
            return None;
        }
        at += length(&lines[at..], line);
    }
    Some((start, at))
}

/// How many lines a line of a change stands for: with ` ...` all that is indented deeper below it.
fn length(lines: &[String], line: &str) -> usize {
    let Some(first) = line.strip_suffix(" ...") else {
        return 1;
    };
    let indent = |line: &str| line.len() - line.trim_start().len();
    let below = lines.iter().skip(1).take_while(|line| line.trim().is_empty() || indent(line) > indent(first));
    let below: Vec<_> = below.collect();
    1 + below.iter().rposition(|line| !line.trim().is_empty()).map_or(0, |last| last + 1)
}

/// What `lint` says about a text that stands in a file of its own.
fn linted(folder: &Path, base: &str, text: &str) -> Ran {
    let path = folder.join(Path::new(base).file_name().unwrap());
    fs::write(&path, text).unwrap();
    titan(&["lint", path.to_str().unwrap()])
}

/// Whether a code stands among what was said, on the line that begins a diagnostic.
fn names(ran: &Ran, code: &str) -> bool {
    ran.out.lines().any(|line| line.split_once(" · ").map_or(line, |(first, _)| first) == code)
}

const LISTS: [&str; 4] = [
    "tests/cases/mutants/policy-rollout.txt",
    "tests/cases/mutants/inlined-rollout.txt",
    "tests/cases/mutants/observed-arm.txt",
    "tests/cases/mutants/scripted.txt",
];

#[test]
fn every_unsafe_mutant_is_refused_by_the_rule_that_names_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    let mut count = 0;
    for mutant in LISTS.into_iter().flat_map(mutants) {
        count += 1;
        let ran = linted(folder.path(), &mutant.base, &mutant.text());
        if ran.code != 1 || !names(&ran, &mutant.code) {
            let Mutant { name, code, why, .. } = &mutant;
            wrong.push(format!(
                "--- {name}: {why}\nexit {}, not refused by `{code}`:\n{}{}",
                ran.code, ran.out, ran.err
            ));
        }
    }
    assert!(count >= 100, "{count}");
    assert!(wrong.is_empty(), "{} of {count} mutants:\n{}", wrong.len(), wrong.join("\n"));
}

/// What a variant says of itself in a comment: `# with: ARGUMENTS`, `# exit: CODE, why`.
fn said<'t>(text: &'t str, what: &str) -> Option<&'t str> {
    let mut comments = text.lines().take_while(|line| line.starts_with('#'));
    comments.find_map(|line| line.strip_prefix("# ")?.strip_prefix(what)?.strip_prefix(": "))
}

/// The runbooks in a folder and those below it, targets left out.
fn variants(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            variants(&path, found);
        } else if !path.to_str().unwrap().ends_with("target.yaml") {
            found.push(path);
        }
    }
    found.sort();
}

#[test]
fn every_correct_variant_raises_no_alarm_and_runs() {
    let mut found = Vec::new();
    variants(&root().join("tests/cases/variants"), &mut found);
    let mut wrong = Vec::new();
    let is_part = |path: &Path| path.parent().unwrap().ends_with("parts");
    for path in &found {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap();
        let text = fs::read_to_string(path).unwrap();
        let linted = titan(&["lint", "--deny", "warning", name]);
        if linted.code != 0 {
            wrong.push(format!("--- {name}: a false alarm\n{}", linted.out));
        }
        let with = said(&text, "with").unwrap_or("");
        let arguments: Vec<_> = ["run", name].into_iter().chain(with.split_whitespace()).collect();
        let code = said(&text, "exit").map_or(0, |exit| exit.split(',').next().unwrap().parse().unwrap());
        if !is_part(path) {
            let ran = titan(&arguments);
            if ran.code != code {
                wrong.push(format!("--- {name}: exit {} and not {code}\n{}{}", ran.code, ran.out, ran.err));
            }
        }
    }
    assert!(found.iter().filter(|path| !is_part(path)).count() >= 18, "{}", found.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
