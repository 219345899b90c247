//! A result in one line, cut where it is long; the whole of it is in the record.

use crate::value::Value;
use crate::visible::visible;

/// The most characters of a result shown on one line.
const MAX_SHOWN: usize = 100;

/// The one line of a result: its fields, texts bare.
pub(super) fn summary(out: &Value) -> String {
    let Some(map) = out.as_map() else {
        return match out {
            Value::Null => String::new(),
            other => shortened(&visible(&other.to_string())),
        };
    };
    let fields = map.iter().filter(|(_, value)| !value.is_empty());
    let words: Vec<_> = fields
        .map(|(name, value)| match value.as_map() {
            Some(inner) => {
                inner.iter().map(|(inner, value)| format!("{name}.{inner}={value}")).collect::<Vec<_>>().join(" ")
            }
            None => format!("{name}={value}"),
        })
        .collect();
    shortened(&visible(&words.join(" ")))
}

pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or(text)),
        None => text.to_owned(),
    }
}
