//! The Prometheus text format, as a service's `/metrics` speaks it.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>. A line that is no sample is
//! an error: half a scrape proves nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::world::Sample;

/// Reads a whole scrape.
///
/// # Errors
/// A sentence with the number of the first wrong line.
pub(super) fn parse(text: &str) -> Result<Vec<Sample>, String> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    let samples = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    samples.map(|(number, line)| sample(line).ok_or_else(|| format!("line {number} is no sample: `{line}`"))).collect()
}

fn sample(line: &str) -> Option<Sample> {
    let end = line.find(|c: char| c == '{' || c.is_whitespace())?;
    let (name, rest) = line.split_at(end);
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (BTreeMap::new(), rest),
    };
    let mut words = rest.split_whitespace();
    let value = number(words.next()?)?;
    let time = words.next().map(str::parse::<i64>);
    let is_whole = words.next().is_none() && !matches!(time, Some(Err(_)));
    (is_name && is_whole).then(|| Sample { name: name.to_owned(), labels, value, age: Duration::ZERO })
}

/// What stands between the braces, and what follows them.
fn labels(mut rest: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches([' ', ',']);
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, after) = rest.split_once('=')?;
        let (value, after) = quoted(after.trim_start().strip_prefix('"')?)?;
        labels.insert(name.trim().to_owned(), value);
        rest = after;
    }
}

/// A text up to its closing quote, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            c => value.push(c),
        }
    }
    None
}

/// A sample's value; Prometheus writes `+Inf`, `-Inf` and `NaN`.
pub(super) fn number(text: &str) -> Option<f64> {
    match text {
        "+Inf" | "Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        text => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_scrape_is_read_with_labels_escapes_times_and_infinities() {
        let text = "# HELP x y\nup 1\nx{a=\"b\\\"c\\\\\",d=\"}\"} +Inf 1700000000000\n\ny{} NaN\n";
        let samples = parse(text).unwrap();
        assert_eq!(samples.len(), 3);
        assert_eq!(samples[1].labels["a"], "b\"c\\");
        assert_eq!(samples[1].labels["d"], "}");
        assert_eq!(samples[1].value, f64::INFINITY);
        assert!(samples[2].value.is_nan());
    }

    #[test]
    fn half_a_scrape_is_an_error_with_its_line() {
        for broken in ["x", "x{a=\"b\" 1", "x one", "x 1 2 3", "x{a=b} 1", "é 1"] {
            let error = parse(&format!("ok 1\n{broken}\n")).unwrap_err();
            assert!(error.starts_with("line 2 is no sample"), "{error}");
        }
    }
}
