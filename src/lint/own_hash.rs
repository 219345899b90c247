//! Whose hash a log's line shows: a service also logs what it was told of another.

use std::collections::BTreeMap;

use super::Setting;
use super::flow::{Flow, Known, Node};

/// The patterns, by their names in targets, whose `hash` is that of the service that logs it.
const OWN: [&str; 2] = ["handshake_ok", "policy_loaded"];

/// Words before a hash that say it is not the one the service holds now.
const NOT_HELD: [&str; 10] =
    ["expected", "failed", "former", "mismatch", "old", "other", "peer", "previous", "refused", "remote"];

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
    text.is_some_and(|text| !is_of_another(text, service.as_text(), services))
}

/// Whether the words of a pattern say that the hash in it is another service's, or not held.
fn is_of_another<S>(pattern: &str, own: Option<&str>, services: &BTreeMap<String, S>) -> bool {
    let starts = ["(?<hash>", "(?P<hash>"].into_iter().filter_map(|group| pattern.find(group));
    let before = starts.min().and_then(|start| pattern.get(..start)).unwrap_or(pattern).to_lowercase();
    let words: Vec<&str> = before.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let named = |word: &&&str| services.keys().any(|service| service.to_lowercase() == ***word);
    let is_others = words.iter().rfind(named).is_some_and(|word| Some(*word) != own.map(str::to_lowercase).as_deref());
    // Without a word before it, it may be anybody's.
    let is_nameless = !words.iter().any(|word| word.chars().filter(|c| c.is_alphabetic()).count() >= LEAST_WORD);
    is_nameless || is_others || words.iter().rev().take(MAX_LABEL).any(|word| NOT_HELD.contains(word))
}
