//! Random changes of a text that is written as runbooks are: lines, blocks, words, operators, values.

use std::ops::Range;

use proptest::prelude::*;
use proptest::sample::Index;
use titan_run::source::SourceFile;

/// What may stand between two words of a guard.
const OPERATORS: [&str; 12] = ["==", "!=", "<", ">", "<=", ">=", "&&", "||", "+", "-", "*", "/"];

/// A random change of a text.
#[derive(Clone, Debug)]
pub enum Change {
    /// Takes a line away, with all that is indented deeper below it.
    Delete(Index),
    /// Writes such a block twice.
    Duplicate(Index),
    /// Puts a block in the place of another, and that one in its place.
    Swap(Index, Index),
    /// Puts a block of any good runbook behind a line.
    Graft(Index, Index, Index),
    /// Puts a word of any good runbook in the place of a word.
    Word(Index, Index, Index),
    /// Puts an operator in the place of another.
    Operator(Index, Index),
    /// Puts the value of a key in the place of another key's.
    Value(Index, Index),
    /// Puts a character in the place of another.
    Character(Index, char),
}

/// Any change.
pub fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        2 => at().prop_map(Change::Delete),
        1 => at().prop_map(Change::Duplicate),
        2 => (at(), at()).prop_map(|(one, other)| Change::Swap(one, other)),
        2 => (at(), at(), at()).prop_map(|(behind, file, line)| Change::Graft(behind, file, line)),
        6 => (at(), at(), at()).prop_map(|(word, file, other)| Change::Word(word, file, other)),
        2 => (at(), at()).prop_map(|(one, other)| Change::Operator(one, other)),
        3 => (at(), at()).prop_map(|(one, other)| Change::Value(one, other)),
        1 => (at(), prop_oneof![any::<char>(), prop::char::range(' ', '~')]).prop_map(|(at, c)| Change::Character(at, c)),
    ]
}

/// The range of lines of the block that begins with a line.
fn block(lines: &[String], start: usize) -> Range<usize> {
    let indent = |line: &String| line.len() - line.trim_start().len();
    let deeper = |line: &&String| line.trim().is_empty() || indent(line) > indent(&lines[start]);
    start..start + 1 + lines[start + 1..].iter().take_while(deeper).count()
}

/// The places of the words of a text: names, paths, numbers, durations.
fn words(text: &str) -> Vec<Range<usize>> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.' || c == '/';
    let mut found = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (start, is_part(c)) {
            (None, true) => start = Some(at),
            (Some(from), false) => {
                found.push(from..at);
                start = None;
            }
            _ => {}
        }
    }
    found
}

/// The places of what stands behind `key: ` on its line.
fn values(text: &str) -> Vec<Range<usize>> {
    let starts = text.match_indices(": ").map(|(at, _)| at + 2);
    starts
        .map(|start| start..text[start..].find(['\n', ',', '}']).map_or(text.len(), |length| start + length))
        .collect()
}

fn operators(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for operator in OPERATORS {
        let padded = format!(" {operator} ");
        found.extend(text.match_indices(&padded).map(|(at, _)| at + 1..at + 1 + operator.len()));
    }
    found
}

impl Change {
    /// The text with the change made.
    pub fn on(&self, text: &str, good: &[SourceFile]) -> String {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let joined = |lines: Vec<String>| lines.join("\n") + "\n";
        let put = |place: Option<Range<usize>>, new: &str| {
            let mut text = text.to_owned();
            place.into_iter().for_each(|place| text.replace_range(place, new));
            text
        };
        let pick = |places: Vec<Range<usize>>, index: &Index| {
            if places.is_empty() { None } else { Some(index.get(&places).clone()) }
        };
        if lines.is_empty() {
            return text.to_owned();
        }
        match self {
            Self::Delete(at) => {
                lines.drain(block(&lines, at.index(lines.len())));
                joined(lines)
            }
            Self::Duplicate(at) => {
                let range = block(&lines, at.index(lines.len()));
                let again: Vec<_> = lines[range.clone()].to_vec();
                lines.splice(range.end..range.end, again);
                joined(lines)
            }
            Self::Swap(one, other) => {
                let (one, other) = (block(&lines, one.index(lines.len())), block(&lines, other.index(lines.len())));
                let (first, second) = if one.start <= other.start { (one, other) } else { (other, one) };
                if first.end <= second.start {
                    let (early, late) = (lines[first.clone()].to_vec(), lines[second.clone()].to_vec());
                    lines.splice(second, early);
                    lines.splice(first, late);
                }
                joined(lines)
            }
            Self::Graft(behind, file, line) => {
                let other: Vec<String> = file.get(good).text().lines().map(str::to_owned).collect();
                let grafted = other[block(&other, line.index(other.len()))].to_vec();
                let place = behind.index(lines.len()) + 1;
                lines.splice(place..place, grafted);
                joined(lines)
            }
            Self::Word(word, file, other) => {
                let source = file.get(good).text();
                let new = pick(words(source), other).map_or("", |place| &source[place]);
                put(pick(words(text), word), new)
            }
            Self::Operator(one, other) => put(pick(operators(text), one), OPERATORS[other.index(OPERATORS.len())]),
            Self::Value(one, other) => {
                let new = pick(values(text), other).map_or("", |place| &text[place]).to_owned();
                put(pick(values(text), one), &new)
            }
            Self::Character(at, new) => {
                let places: Vec<_> = text.char_indices().map(|(at, c)| at..at + c.len_utf8()).collect();
                put(pick(places, at), &new.to_string())
            }
        }
    }
}
