//! What the tree holds, where it stands, and what is refused.

use super::*;
use crate::diagnostic::{Diagnostic, Findings};
use crate::source::SourceFile;

fn read(text: &str) -> (Option<Node>, Vec<Diagnostic>) {
    let file = SourceFile::new("t.yaml", text);
    let mut findings = Findings::new(file.clone());
    let node = parse(&file, &mut findings);
    (node, findings.into_sorted())
}

fn codes(text: &str) -> Vec<(&'static str, String)> {
    let (_, found) = read(text);
    let place = |d: &Diagnostic| d.labels.first().map(|l| l.loc.file.slice(l.loc.span).to_owned());
    found.iter().map(|d| (d.code, place(d).unwrap_or_default())).collect()
}

#[test]
fn places_are_bytes_also_behind_an_emoji() {
    let text = "a: '✅ ok'\nb: \"🚨\"\nc: [x, y]\n";
    let (node, found) = read(text);
    assert!(found.is_empty(), "{found:?}");
    let NodeKind::Map(entries) = node.unwrap().kind else { panic!("a map") };
    let file = SourceFile::new("t.yaml", text);
    let shown: Vec<_> = entries.iter().map(|(k, v)| (file.slice(k.span), file.slice(v.span))).collect();
    assert_eq!(shown, [("a", "'✅ ok'"), ("b", "\"🚨\""), ("c", "[x, y]")]);
    let NodeKind::Scalar(first) = &entries[0].1.kind else { panic!("a scalar") };
    assert!(first.quoted && first.verbatim);
    assert!(text[first.text_start..].starts_with("✅ ok"));
}

#[test]
fn an_escaped_or_folded_text_is_not_verbatim() {
    for text in ["a: \"x\\ny\"\n", "a: 'it''s'\n", "a: |\n  x\n", "a: x\n  y\n"] {
        let (node, _) = read(text);
        let NodeKind::Map(entries) = node.unwrap().kind else { panic!("a map") };
        assert!(matches!(&entries[0].1.kind, NodeKind::Scalar(s) if !s.verbatim), "{text}");
    }
}

#[test]
fn every_character_of_a_text_is_found_in_its_file() {
    for text in [
        "a: x.b + y\n",
        "a: 'x ''b'' y'\n",
        r#"a: "x \"b\" é \x41\u00e9\U0001F6A8 \t\\y""#,
        "a: \"x\\\n  b\n\n  y\"\n",
        "a: x\n  b\n  y\n",
        "a: |\n  \"x\n\n    b\n  y'\nb: 1\n",
        "a: |-\n  | x\n  y # b\n",
        "a: >-\n  🚨 x\n  b\n\n  y\n",
        "a: { b: [\"\\\"x\\\" + b\", y] }\n",
    ] {
        let (node, found) = read(text);
        assert!(found.is_empty(), "{found:?}");
        all_are_found(text, &node.unwrap());
    }
}

fn all_are_found(text: &str, node: &Node) {
    node.entries().iter().for_each(|(_, node)| all_are_found(text, node));
    node.items().iter().for_each(|node| all_are_found(text, node));
    let NodeKind::Scalar(scalar) = &node.kind else {
        return;
    };
    let places = Places::of(scalar, node.span, text).expect(text);
    let mut last = 0;
    for (at, c) in scalar.text.char_indices().filter(|(_, c)| !c.is_whitespace()) {
        let span = places.part(at..at + c.len_utf8());
        let written = &text[span.start..span.end];
        let is_escape = written.starts_with('\\') || written == "''";
        assert!(written.chars().eq([c]) || is_escape, "{c} is not {written} in {text}");
        assert!(span.start >= last, "{text}");
        assert_eq!(places.offset(span.start), Some(at), "{text}");
        last = span.end;
    }
}

#[test]
fn everything_a_runbook_must_not_hold_is_refused_and_parsing_goes_on() {
    let cases = [
        ("a: !armed\nb: &x 1\n", vec![("yaml-tag", "!armed"), ("yaml-anchor", "&x")]),
        ("a: 1\nb: *a\n", vec![("yaml-anchor", "*a")]),
        ("a: 1\na: 2\n", vec![("yaml-duplicate-key", "a")]),
        ("<<: {a: 1}\n", vec![("yaml-merge-key", "<<")]),
        ("[a]: 1\n", vec![("yaml-key", "[a]")]),
    ];
    for (text, expected) in cases {
        let expected: Vec<_> = expected.into_iter().map(|(c, p)| (c, p.to_owned())).collect();
        assert_eq!(codes(text), expected, "{text}");
    }
    assert_eq!(codes("a: 1\n---\nb: 2\n")[0].0, "yaml-document");
    assert_eq!(codes("a: [1\n")[0].0, "yaml-syntax");
    assert_eq!(codes("")[0].0, "yaml-empty");
}

#[test]
fn a_duplicate_is_found_in_a_large_map() {
    let mut text: String = (0..1_000).map(|n| format!("k{n}: {n}\n")).collect();
    text.push_str("k3: again\nk999: again\n");
    let found = codes(&text);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|(code, _)| *code == "yaml-duplicate-key"));
}

#[test]
fn nesting_is_bounded_and_costs_no_recursion() {
    let flow = "[".repeat(10_000);
    let block: String = (0..10_000).map(|n| format!("{}a:\n", " ".repeat(n % 5_000))).collect();
    assert!(!read(&flow).1.is_empty());
    assert!(!read(&block).1.is_empty());
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_place() {
    assert_eq!(read_text("t", b"a: \xff\n").unwrap_err()[0].code, "not-utf8");
    for hidden in ["\u{1b}[31m", "\u{feff}a", "a\u{202e}", "\0"] {
        let found = read_text("t", hidden.as_bytes()).unwrap_err();
        assert_eq!(found[0].code, "hidden-character");
        assert!(!found[0].message.contains(crate::visible::is_hidden));
    }
    assert_eq!(read_text("t", &vec![b'a'; MAX_TEXT + 1]).unwrap_err()[0].code, "yaml-size");
}
