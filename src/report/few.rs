//! Long lists, cut where nobody reads on.

/// The most things that are named of a kind: more are counted, for they would push the rest of the
/// screen away.
const MAX_NAMED: usize = 8;

/// The first of a list, and how many follow.
pub(super) fn few(mut all: impl Iterator<Item = String>) -> (Vec<String>, usize) {
    let first = all.by_ref().take(MAX_NAMED).collect();
    (first, all.count())
}

/// A list on one line: the first of it, and how many follow.
pub fn listed(all: impl Iterator<Item = String>) -> String {
    match few(all) {
        (first, 0) => first.join(", "),
        (first, more) => format!("{} and {more} more", first.join(", ")),
    }
}
