//! Whose hash a log's line shows: a service also logs what it was told of another.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::bytes::{Regex, RegexBuilder};

use super::Setting;
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
/// What a pattern may want any number of that is no letter and no digit; of all alphabets, it would take
/// as long to make ready as a file to check.
static BLANKS: LazyLock<Regex> = LazyLock::new(|| {
    let blank = r"\\[sW]|\[(?:[^\w\]\\\[]|\\[stW]|\[:(?:space|blank|punct):\])+\]|[ :=]";
    of_bytes(&format!(r"(?:{blank})(?:[*+]\??|\{{[0-9,]*\}})")).unwrap_or_else(|_| unreachable!("a pattern of our own"))
});
/// The hex digits of a hash.
const HASH_DIGITS: usize = 64;

/// The most patterns of which it is kept what they take: what one folder of runbooks says.
const MAX_KEPT: usize = 1 << 10;

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
    let services = &setting.target.services;
    text.is_some_and(|text| {
        setting.memory.own_hash.kept(text, service.as_text(), |own| {
            !is_of_another(text, own, services) && !takes_any(text) && !takes_from_failure(text, own, services)
        })
    })
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
    let before = BLANKS.replace_all(before_hash(pattern).as_bytes(), b"".as_slice());
    let before = String::from_utf8_lossy(&before);
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
    let Ok(regex) = of_bytes(pattern).or_else(|_| Regex::new(pattern)) else {
        return false;
    };
    let capital = |name: &str| name.chars().take(1).flat_map(char::to_uppercase).chain(name.chars().skip(1)).collect();
    let (own_hash, other_hash) = ("a".repeat(HASH_DIGITS), "b".repeat(HASH_DIGITS));
    let is_taken = |line: String| {
        let found = regex.captures(line.as_bytes());
        found.is_some_and(|found| found.name("hash").is_some_and(|hash| hash.as_bytes().starts_with(b"b")))
    };
    let own_name: String = own.map_or_else(String::new, capital);
    services.keys().filter(|name| Some(name.as_str()) != own).any(|other| {
        let other: String = capital(other);
        let (own, other) = (format!("{own_name}: {own_hash}"), format!("{other}: {other_hash}"));
        let lines = MARKS
            .iter()
            .flat_map(|mark| [format!("{mark}{FAILED}. {own} {other}"), format!("{mark}{FAILED}. {other} {own}")]);
        lines.into_iter().any(is_taken)
    })
}

/// A pattern whose letters are those of ASCII: it is made ready in a tenth of the time.
fn of_bytes(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).unicode(false).build()
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
