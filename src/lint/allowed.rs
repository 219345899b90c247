//! Whether a file allows more after it was laid out: comments speak for lines, and lines move.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Findings;
use crate::source::SourceFile;
use crate::yaml::{self, Node, NodeKind};

use super::allow::{Allows, may_allow};

/// Whether the comments of a text allow something that those of the file it was made from do not.
pub fn allows_more(before: &SourceFile, after: &str) -> bool {
    if !may_allow(after) {
        return false;
    }
    let (before, after) = (allowed(before), allowed(&SourceFile::new(before.name(), after)));
    after.iter().any(|(code, places)| before.get(code).is_none_or(|known| !places.is_subset(known)))
}

/// The places in the tree each code is allowed at.
fn allowed(file: &SourceFile) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let Some(tree) = yaml::parse(file, &mut Findings::new(file.clone())) else {
        return found;
    };
    let mut leaves = Vec::new();
    collect(&tree, "", &mut leaves);
    for allow in Allows::of(file, Some(&tree)).all.iter().filter(|allow| allow.has_reason) {
        let Some(range) = allow.speaks_for() else {
            continue;
        };
        let first = leaves.partition_point(|(start, _)| *start < range.start);
        let inside = leaves.iter().skip(first).take_while(|(start, _)| *start < range.end);
        found.entry(allow.code.value.clone()).or_default().extend(inside.map(|(_, place)| place.clone()));
    }
    found
}

/// Every key and value that is no collection, with where it starts, in the order of the text.
fn collect(node: &Node, place: &str, leaves: &mut Vec<(usize, String)>) {
    match &node.kind {
        NodeKind::Scalar(_) => leaves.push((node.span.start, format!("{place}="))),
        NodeKind::List(items) => {
            for (at, item) in items.iter().enumerate() {
                collect(item, &format!("{place}.{at}"), leaves);
            }
        }
        NodeKind::Map(entries) => {
            for (key, value) in entries {
                let place = format!("{place}.{}", key.value);
                leaves.push((key.span.start, place.clone()));
                collect(value, &place, leaves);
            }
        }
    }
}
