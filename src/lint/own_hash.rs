//! Whose hash a log's line shows: a service also logs what it was told of another.

use std::cell::RefCell;
use std::collections::BTreeMap;

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::hir::{Hir, HirKind};

use crate::declaration::Kind;
use crate::guard::{TextPart, Written};

use super::Setting;
use super::checked::kept_text;
use super::flow::{Flow, Known, Node};

/// The patterns, by their names in targets, whose `hash` is that of the service that logs it.
const OWN: [&str; 2] = ["handshake_ok", "policy_loaded"];

/// Words before a hash that say it is not the one the service holds now.
const NOT_HELD: [&str; 10] =
    ["expected", "failed", "former", "mismatch", "old", "other", "peer", "previous", "refused", "remote"];

/// Words that say that it is.
const HELD: [&str; 5] = ["active", "loaded", "ok", "verified", "holds"];

/// How a service begins the line that says that its handshake failed.
const FAILED: &str = "CRITICAL: Policy hash handshake FAILED";
/// What may stand before that.
const MARKS: [&str; 4] = ["", "🚨 ", "[ERROR] ", "[ERROR] 🚨 "];
/// How a pattern names, alone or in a class, what is no letter and no digit.
const BLANK: [&str; 5] = [r"\s", r"\W", " ", ":", "="];
const BLANK_IN_CLASS: [&str; 6] = [r"\s", r"\t", r"\W", "[:space:]", "[:blank:]", "[:punct:]"];
/// The hex digits of a hash.
const HASH_DIGITS: usize = 64;

/// The most patterns of which it is kept what they take: what one folder of runbooks says.
const MAX_KEPT: usize = 1 << 10;

/// How often a name is followed to what it was computed by.
const MAX_NAMES: usize = 16;

/// How many letters make a word: fewer may belong to the pattern's own language.
const LEAST_WORD: usize = 3;

/// How many of the words before a hash say what it is.
const MAX_LABEL: usize = 3;

/// Whether what a `wait_log` captures as `hash` is, as far as its pattern tells, the hash of the
/// service whose log it reads. A pattern that is known only when the run comes to it tells nothing.
pub(super) fn is_own_hash(flow: &Flow<'_>, node: &Node<'_>, service: &Known, setting: Setting<'_>) -> bool {
    let Some(pattern) = flow.argument(node, "pattern") else {
        return false;
    };
    let text = match &pattern {
        Known::Value(value) => value.as_text(),
        Known::Symbol(symbol) => {
            let named = symbol.split_once(':').and_then(|(_, said)| said.strip_prefix("target.patterns."));
            match named {
                // A target that says nothing of them has the usual ones.
                Some(name) if OWN.contains(&name) && !setting.target.patterns.contains_key(name) => return true,
                Some(name) => setting.target.patterns.get(name).map(String::as_str),
                None => None,
            }
        }
    };
    text.is_some_and(|text| tells_own(text, service, setting))
}

/// Whether the `hash` a pattern captures is that of the service in whose log it stands.
fn tells_own(pattern: &str, service: &Known, setting: Setting<'_>) -> bool {
    let services = &setting.target.services;
    setting.memory.own_hash.kept(pattern, service.as_text(), |own| {
        !is_of_another(pattern, own, services) && !takes_any(pattern) && !takes_from_failure(pattern, own, services)
    })
}

/// The hash that is filled into the pattern of a `wait_log`, which then waits for a line with just that
/// one; `None` where that need not be the hash of the service.
pub(super) fn hash_filled_in(flow: &Flow<'_>, node: &Node<'_>, service: &Known, setting: Setting<'_>) -> Option<Known> {
    let Written::Parts(parts) = node.work.action.with.text("pattern")? else {
        return None;
    };
    let mut filled = parts.iter().filter_map(|part| match part {
        TextPart::Expression(guard) => Some(guard),
        TextPart::Literal(_) => None,
    });
    let (Some(guard), None) = (filled.next(), filled.next()) else {
        return None;
    };
    let against = flow.named(node, &kept_text(guard, guard.syntax()?));
    let captured = |part: &TextPart| match part {
        TextPart::Literal(text) => text.clone(),
        TextPart::Expression(_) => format!("(?<hash>[0-9a-f]{{{HASH_DIGITS}}})"),
    };
    let pattern: String = parts.iter().map(captured).collect();
    let is_held = is_a_hash(flow, &against) && tells_own(&pattern, service, setting);
    let is_wanted = || regex_syntax::parse(&pattern).is_ok_and(|pattern| wants_hash(&pattern));
    (is_held && is_wanted()).then_some(against)
}

/// Whether a name surely stands for a hash, which a pattern takes as it is.
fn is_a_hash(flow: &Flow<'_>, name: &Known) -> bool {
    let mut name = name.clone();
    for _ in 0..MAX_NAMES {
        match flow.bound(&name) {
            Some(computed) if computed != name => name = computed,
            _ => break,
        }
    }
    match &name {
        Known::Symbol(symbol) => {
            let said = symbol.split_once(':').map_or(&**symbol, |(_, said)| said);
            said.starts_with("policy_hash(") || flow.source_of(&name).is_some_and(|(_, part)| part == "hash")
        }
        Known::Value(value) => Kind::Hash.accepts(value),
    }
}

/// Whether every match of a pattern has the group `hash`.
fn wants_hash(pattern: &Hir) -> bool {
    match pattern.kind() {
        HirKind::Capture(group) => group.name.as_deref() == Some("hash") || wants_hash(&group.sub),
        HirKind::Repetition(repeated) => repeated.min > 0 && wants_hash(&repeated.sub),
        HirKind::Concat(parts) => parts.iter().any(wants_hash),
        HirKind::Alternation(parts) => parts.iter().all(wants_hash),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => false,
    }
}

/// What was worked out of a pattern and the service whose log it reads.
#[derive(Debug, Default)]
pub(super) struct Memory(RefCell<BTreeMap<String, BTreeMap<Option<String>, bool>>>);

impl Memory {
    /// What is kept of a pattern, worked out the first time.
    fn kept(&self, pattern: &str, own: Option<&str>, work_out: impl FnOnce(Option<&str>) -> bool) -> bool {
        let key = own.map(str::to_owned);
        if let Some(known) = self.0.borrow().get(pattern).and_then(|known| known.get(&key)) {
            return *known;
        }
        let found = work_out(own);
        let mut kept = self.0.borrow_mut();
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.entry(pattern.to_owned()).or_default().insert(key, found);
        found
    }
}

/// Whether the hash may be any one in the line: something of any length lies between the words that
/// say what it is and the hash, and none of them says that it is held.
fn takes_any(pattern: &str) -> bool {
    let before = without_blanks(before_hash(pattern));
    let words = before.split_inclusive(|c: char| !c.is_alphabetic());
    // What follows the last word: a shorter one may belong to the pattern's own language.
    let mut gap = String::new();
    for piece in words {
        if piece.chars().filter(|c| c.is_alphabetic()).count() >= LEAST_WORD {
            gap.clear();
            gap.extend(piece.chars().last().filter(|c| !c.is_alphabetic()));
        } else {
            gap.push_str(piece);
        }
    }
    let lowered = before.to_lowercase();
    let mut words = lowered.split(|c: char| !c.is_alphanumeric());
    // What may be left out, or stand for another word, says nothing.
    let is_said = !["|", ")?", ")*", "){"].iter().any(|way| before.contains(way));
    gap.contains(['*', '+', '{']) && !(is_said && words.any(|word| HELD.contains(&word)))
}

/// Whether the pattern takes another service's hash from the line in which a service says that its
/// handshake failed.
fn takes_from_failure<S>(pattern: &str, own: Option<&str>, services: &BTreeMap<String, S>) -> bool {
    let beginning = beginning(pattern);
    let others = services.keys().filter(|name| Some(name.as_str()) != own);
    let lines = others.flat_map(|other| failures(own.unwrap_or_default(), other));
    let lines: Vec<String> = lines.filter(|line| line.contains(beginning)).collect();
    // To make a pattern ready takes as long as to check a file.
    if lines.is_empty() {
        return false;
    }
    let regex = RegexBuilder::new(pattern).unicode(false).build().or_else(|_| Regex::new(pattern));
    let is_taken = |regex: &Regex, line: &str| {
        let found = regex.captures(line.as_bytes());
        found.is_some_and(|found| found.name("hash").is_some_and(|hash| hash.as_bytes().starts_with(b"b")))
    };
    regex.is_ok_and(|regex| lines.iter().any(|line| is_taken(&regex, line)))
}

/// The lines in which a service says that its handshake with another one failed; the other's hash begins with `b`.
fn failures(own: &str, other: &str) -> impl Iterator<Item = String> {
    let hash_of = |name: &str, digit: &str| {
        let capital = name.chars().take(1).flat_map(char::to_uppercase);
        let name: String = capital.chain(name.chars().skip(1)).collect();
        format!("{name}: {}", digit.repeat(HASH_DIGITS))
    };
    let (own, other) = (hash_of(own, "a"), hash_of(other, "b"));
    MARKS
        .into_iter()
        .flat_map(move |mark| [format!("{mark}{FAILED}. {own} {other}"), format!("{mark}{FAILED}. {other} {own}")])
}

/// What every match of a pattern begins with, as far as that is letters and blanks.
fn beginning(pattern: &str) -> &str {
    let end = pattern.find(|c: char| !(c.is_alphanumeric() || c == ' ')).unwrap_or(pattern.len());
    // The last one may belong to what says how often.
    let before = pattern.get(..end).and_then(|plain| plain.char_indices().next_back()).map_or(0, |(at, _)| at);
    if pattern.contains('|') { "" } else { pattern.get(..before).unwrap_or_default() }
}

/// A pattern without what it may want any number of that is no letter and no digit.
fn without_blanks(pattern: &str) -> String {
    let mut kept = String::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        rest = behind_blank(rest).and_then(behind_number).unwrap_or_else(|| {
            kept.push(first);
            rest.get(first.len_utf8()..).unwrap_or_default()
        });
    }
    kept
}

fn behind_blank(pattern: &str) -> Option<&str> {
    if let Some(rest) = behind_any(pattern, &BLANK) {
        return Some(rest);
    }
    let mut class = pattern.strip_prefix('[')?;
    let start = class;
    loop {
        let first = class.chars().next()?;
        class = match behind_any(class, &BLANK_IN_CLASS) {
            Some(rest) => rest,
            None if first == ']' && class.len() < start.len() => return class.get(1..),
            None if matches!(first, '[' | ']' | '\\' | '_') || first.is_ascii_alphanumeric() => return None,
            None => class.get(first.len_utf8()..)?,
        };
    }
}

/// What follows where a pattern says here how often.
fn behind_number(pattern: &str) -> Option<&str> {
    match behind_any(pattern, &["*", "+"]) {
        Some(rest) => Some(rest.strip_prefix('?').unwrap_or(rest)),
        None => {
            pattern.strip_prefix('{')?.trim_start_matches(|c: char| c.is_ascii_digit() || c == ',').strip_prefix('}')
        }
    }
}

fn behind_any<'a>(pattern: &'a str, words: &[&str]) -> Option<&'a str> {
    words.iter().find_map(|word| pattern.strip_prefix(word))
}

/// What a pattern wants before the hash.
fn before_hash(pattern: &str) -> &str {
    let starts = ["(?<hash>", "(?P<hash>"].into_iter().filter_map(|group| pattern.find(group));
    starts.min().and_then(|start| pattern.get(..start)).unwrap_or(pattern)
}

/// Whether the words of a pattern say that the hash in it is another service's, or not held.
fn is_of_another<S>(pattern: &str, own: Option<&str>, services: &BTreeMap<String, S>) -> bool {
    let before = before_hash(pattern).to_lowercase();
    let words: Vec<&str> = before.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let named = |word: &&&str| services.keys().any(|service| service.to_lowercase() == ***word);
    let is_others = words.iter().rfind(named).is_some_and(|word| Some(*word) != own.map(str::to_lowercase).as_deref());
    // Without a word before it, it may be anybody's.
    let is_nameless = !words.iter().any(|word| word.chars().filter(|c| c.is_alphabetic()).count() >= LEAST_WORD);
    is_nameless || is_others || words.iter().rev().take(MAX_LABEL).any(|word| NOT_HELD.contains(word))
}
