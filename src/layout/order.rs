//! The order in which keys read best, for every map whose keys the language knows.
//!
//! A map whose keys are an author's own (steps, params, arguments) keeps its order, which may
//! mean something.

use crate::source::Spanned;
use crate::yaml::{Node, NodeKind};

/// What is known about a map.
#[derive(Debug)]
pub(super) struct Shape {
    /// The keys in their order, each with the shape of its value.
    keys: &'static [(&'static str, &'static Shape)],
    /// The shape of every value, where the keys are an author's.
    each: Option<&'static Shape>,
}

static FREE: Shape = Shape { keys: &[], each: None };

static RUNBOOK: Shape = Shape {
    keys: &[
        ("titan", &FREE),
        ("runbook", &FREE),
        ("about", &FREE),
        ("functions", &FREE),
        ("params", &Shape { keys: &[], each: Some(&PARAM) }),
        ("let", &FREE),
        ("limits", &Shape { keys: &[("total", &FREE), ("disarmed", &FREE)], each: None }),
        ("steps", &Shape { keys: &[], each: Some(&STEP) }),
        ("watch", &Shape { keys: &[], each: Some(&WATCH) }),
        ("ensure", &Shape { keys: &[], each: Some(&STEP) }),
        ("outputs", &FREE),
    ],
    each: None,
};

static PARAM: Shape =
    Shape { keys: &[("type", &FREE), ("one_of", &FREE), ("default", &FREE), ("about", &FREE)], each: None };

/// A step, an undo and an ensure share their keys.
static STEP: Shape = Shape {
    keys: &[
        ("about", &FREE),
        ("needs", &FREE),
        ("foreach", &FREE),
        ("max_parallel", &FREE),
        ("when", &FREE),
        ("require", &FREE),
        ("do", &FREE),
        ("with", &FREE),
        ("until", &FREE),
        ("hold", &FREE),
        ("for", &FREE),
        ("every", &FREE),
        ("min_good", &FREE),
        ("expect", &FREE),
        ("retry", &RETRY),
        ("timeout", &FREE),
        ("idempotent", &FREE),
        ("undo", &STEP),
        ("no_undo", &FREE),
        ("may_skip", &FREE),
        ("on_failure", &FREE),
    ],
    each: None,
};

static RETRY: Shape = Shape {
    keys: &[
        ("on", &FREE),
        ("attempts", &FREE),
        ("every", &FREE),
        ("backoff", &FREE),
        ("max", &FREE),
        ("jitter", &FREE),
    ],
    each: None,
};

static WATCH: Shape = Shape {
    keys: &[
        ("about", &FREE),
        ("from", &FREE),
        ("to", &FREE),
        ("do", &FREE),
        ("with", &FREE),
        ("every", &FREE),
        ("breach_when", &FREE),
        ("on_breach", &FREE),
    ],
    each: None,
};

static TARGET: Shape = Shape {
    keys: &[
        ("titan", &FREE),
        ("target", &FREE),
        ("about", &FREE),
        ("world", &FREE),
        ("nats", &NATS),
        ("prometheus", &Shape { keys: &[("url", &FREE), ("token", &FREE), ("scrape_interval", &FREE)], each: None }),
        ("services", &Shape { keys: &[], each: Some(&SERVICE) }),
        ("subjects", &FREE),
        ("metrics", &FREE),
        ("patterns", &FREE),
        ("gates", &Shape { keys: &[], each: Some(&GATE) }),
        ("audit", &FREE),
        ("params", &FREE),
    ],
    each: None,
};

static NATS: Shape = Shape {
    keys: &[
        ("url", &FREE),
        ("user", &FREE),
        ("password", &FREE),
        ("creds", &FREE),
        ("nkey", &FREE),
        ("token", &FREE),
        ("tls", &Shape { keys: &[("ca", &FREE), ("cert", &FREE), ("key", &FREE)], each: None }),
    ],
    each: None,
};

static SERVICE: Shape = Shape {
    keys: &[
        ("deploy", &FREE),
        ("version", &FREE),
        ("version_pattern", &FREE),
        ("log", &FREE),
        ("metrics", &FREE),
        ("hash", &FREE),
        ("instances", &FREE),
    ],
    each: None,
};

static GATE: Shape =
    Shape { keys: &[("service", &FREE), ("arm", &FREE), ("disarm", &FREE), ("probe", &FREE)], each: None };

static TEST: Shape = Shape {
    keys: &[
        ("titan", &FREE),
        ("test", &FREE),
        ("about", &FREE),
        ("params", &FREE),
        ("world", &FREE),
        ("cases", &Shape { keys: &[], each: Some(&CASE) }),
    ],
    each: None,
};

static CASE: Shape = Shape {
    keys: &[
        ("about", &FREE),
        ("params", &FREE),
        ("world", &FREE),
        ("seed", &FREE),
        ("confirm", &FREE),
        ("expect", &EXPECT),
    ],
    each: None,
};

static EXPECT: Shape = Shape {
    keys: &[
        ("ending", &FREE),
        ("cause", &FREE),
        ("gates", &FREE),
        ("versions", &FREE),
        ("state", &FREE),
        ("steps", &FREE),
        ("undone", &FREE),
        ("outputs", &FREE),
        ("broken", &FREE),
    ],
    each: None,
};

/// The shape of a whole file, by the key that says what it is.
pub(super) fn shape_of(root: &Node) -> &'static Shape {
    let NodeKind::Map(entries) = &root.kind else {
        return &FREE;
    };
    let has = |key: &str| entries.iter().any(|(name, _)| name.value == key);
    match (has("test"), has("runbook"), has("target")) {
        (true, _, _) => &TEST,
        (_, true, _) => &RUNBOOK,
        (_, _, true) => &TARGET,
        _ => &FREE,
    }
}

impl Shape {
    /// The shape of the value under a key.
    pub(super) fn under(&self, key: &str) -> &'static Shape {
        let known = self.keys.iter().find(|(name, _)| *name == key);
        known.map(|(_, shape)| *shape).or(self.each).unwrap_or(&FREE)
    }

    /// The place of a key; unknown ones follow the known, in their own order.
    pub(super) fn rank(&self, key: &str) -> usize {
        self.keys.iter().position(|(name, _)| *name == key).unwrap_or(usize::MAX)
    }

    /// A map's entries in their order.
    pub(super) fn sorted<'a>(&self, entries: &'a [(Spanned<String>, Node)]) -> Vec<&'a (Spanned<String>, Node)> {
        let mut sorted: Vec<_> = entries.iter().collect();
        sorted.sort_by_key(|(key, _)| self.rank(&key.value));
        sorted
    }
}
