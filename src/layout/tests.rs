//! What the layout keeps, on hand-made, bundled, mutated and generated files.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

fn laid(text: &str) -> Result<String, Refusal> {
    lay_out(&SourceFile::new("t.yaml", text))
}

/// Every property of a layout: [`lay_out`] itself holds tree and comments against the original.
fn holds(text: &str) -> Result<(), TestCaseError> {
    match laid(text) {
        Err(Refusal::Wrong(_)) => Ok(()),
        Err(Refusal::Changed) => Err(TestCaseError::fail(format!("refused its own layout of\n{text}"))),
        Ok(once) => {
            let twice = laid(&once);
            prop_assert_eq!(twice.as_ref(), Ok(&once), "not its own layout, from\n{}", text);
            prop_assert!(once.ends_with('\n') && !once.contains('\r'));
            Ok(())
        }
    }
}

fn bundled() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ["runbooks", "runbooks/targets", "stdlib", "stdlib/targets", "tests/cases/run", "tests/cases/runbook"]
    {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|kind| kind == "yaml") {
                found.push((path.clone(), std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_bundled_file_has_the_layout() {
    let all = bundled();
    assert!(all.len() > 30);
    for (path, text) in all {
        assert_eq!(laid(&text).as_ref(), Ok(&text), "{}", path.display());
    }
}

#[test]
fn each_thing_is_laid_out_as_its_row_says() {
    let rows = [
        ("indentation", "steps:\n    a:\n        do: note\n", "steps:\n  a:\n    do: note\n"),
        ("flow", "a: {b:  c,d: [ 1,2 ], e: {}, f: [ ]}\n", "a: { b: c, d: [1, 2], e: {}, f: [] }\n"),
        ("empty values", "a:\nb: ~\nc: {d, e: }\n", "a:\nb: ~\nc: { d: ~, e: ~ }\n"),
        ("quotes", "a: 'x'\nb: \"say \\\"x\\\"\"\nc: \"it's\"\n", "a: 'x'\nb: 'say \"x\"'\nc: \"it's\"\n"),
        ("line ends", "a: 1\r\nb: |\r\n  x\r\n", "a: 1\nb: |\n  x\n"),
        ("no last newline", "a: |\n  x", "a: |\n  x\n"),
        ("a joined flow", "a: {b: 1,\n  c: 2}\n", "a: { b: 1, c: 2 }\n"),
        ("a flow with a comment", "a: { b: 1, # one\n  c: 2 } # two\n", "a:\n  b: 1 # one\n  c: 2 # two\n"),
        ("lists", "a:\n- b: 1\n  c: 2\n-   - d\n    - e\n", "a:\n  - b: 1\n    c: 2\n  - - d\n    - e\n"),
        ("one blank line", "\n\na: 1\n\n\n\nb: 1\n\n\n", "a: 1\n\nb: 1\n"),
        ("a document mark", "---\na: 1\n...\n", "a: 1\n"),
        ("folded lines", "a: one\n      two\nb: \"x\n\n   y\"\n", "a: one\n  two\nb: \"x\n\n  y\"\n"),
        ("keys in order", "undo: x\nrunbook: r\ntitan: 1\n", "titan: 1\nrunbook: r\nundo: x\n"),
        (
            "keys of a step",
            "titan: 1\nrunbook: r\nsteps:\n  a: { with: { z: 1, a: 2 }, do: x }\n",
            "titan: 1\nrunbook: r\nsteps:\n  a: { do: x, with: { z: 1, a: 2 } }\n",
        ),
        ("block scalars", "a:\n      b: >-\n             x\n               y\n", "a:\n  b: >-\n    x\n      y\n"),
        ("block scalars with a mark", "a: |2\n   x\n  y\n", "a: |2\n   x\n  y\n"),
        ("block scalars that keep", "a: |+ # c\n  x\n\n\nb: 1\n", "a: |+ # c\n  x\n\n\nb: 1\n"),
        ("explicit keys", "? a\n: b\n", "a: b\n"),
        ("a key over lines", "{t\n\"}\n", "{ 't \"': ~ }\n"),
    ];
    for (what, text, expected) in rows {
        assert_eq!(laid(text).as_deref(), Ok(expected), "{what}");
        assert_eq!(laid(expected).as_deref(), Ok(expected), "{what}, again");
    }
}

#[test]
fn every_comment_stays_beside_its_thing() {
    let text = "\
# about the file

# about the steps
steps: # all of them
    # above a
    a: # beside a
        with: # beside with
            # above x
            x: 1 # beside x
            # below x
        # above do
        do: note        # beside do
        # at the end of a
    # above b
    b: {do: note} # beside b
    # at the end of the steps
about: x # beside about
# above the name
runbook: r
list:
- # above the first
  one
# before titan
titan: 1
# the end
";
    let expected = "\
# about the file

# before titan
titan: 1
# above the name
runbook: r
about: x # beside about

# about the steps
steps: # all of them
  # above a
  a: # beside a
    # above do
    do: note            # beside do
    with: # beside with
      # above x
      x: 1 # beside x
      # below x
    # at the end of a
  # above b
  b: { do: note } # beside b
  # at the end of the steps
list:
  # above the first
  - one
# the end
";
    let got = laid(text).unwrap();
    assert_eq!(got, expected, "\n{got}");
    assert_eq!(laid(&got), Ok(got));
}

#[test]
fn a_broken_file_is_refused_with_what_is_wrong() {
    for (text, code) in [("a: [\n", "yaml-syntax"), ("a: !x\n", "yaml-tag"), ("# only\n", "yaml-empty")] {
        let Err(Refusal::Wrong(found)) = laid(text) else { panic!("{text}") };
        assert!(found.iter().any(|one| one.code == code), "{text}: {found:?}");
    }
}

/// One change to a line of a file, such as an author or an editor makes.
fn mutate(lines: &mut Vec<String>, kind: u8, at: &Index, other: &Index) {
    if lines.is_empty() {
        return;
    }
    let at = at.index(lines.len());
    let other = other.index(lines.len());
    match kind % 11 {
        0 => lines.insert(at, " ".repeat(other % 9) + "# added"),
        1 => lines[at].push_str("   # behind"),
        2 => lines.insert(at, String::new()),
        3 => drop(lines.remove(at)),
        4 => lines.swap(at, other),
        5 => lines[at] = format!("  {}", lines[at]),
        6 => lines[at] = lines[at].replace(", ", ",\n      "),
        7 => lines[at] = lines[at].replace(", ", ", # inside\n          "),
        8 => lines[at] = lines[at].replace('"', "'"),
        9 => lines[at].push('\r'),
        _ => lines[at] = lines[at].replacen(": ", ": # between\n            ", 1),
    }
}

/// A scalar as authors write them.
fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9_. ]{0,12}[a-z0-9]",
        "'[a-z #:\"]{0,10}'",
        "\"[a-z #:']{0,10}\"",
        Just("\"a \\\"b\\\"\"".to_owned()),
        Just("~".to_owned()),
        Just(String::new()),
    ]
}

/// Block lines of a tree of keys in any indentation, with comments in every place.
fn tree() -> impl Strategy<Value = Vec<String>> {
    let comment = prop_oneof![3 => Just(""), 1 => Just(" # c"), 1 => Just("     # far")];
    let above = prop_oneof![4 => Just(None), 1 => Just(Some("# above")), 1 => Just(Some(""))];
    let key = prop::sample::select(vec!["do", "with", "about", "needs", "retry", "undo", "steps", "titan", "runbook"]);
    let leaf = (scalar(), comment.clone()).prop_map(|(text, comment)| vec![format!(" {text}{comment}")]);
    let block = ("[|>][-+]?", prop::collection::vec("[ ]{0,2}[a-z# ]{0,6}", 0..4)).prop_map(|(mark, lines)| {
        let mut all = vec![format!(" {mark}")];
        all.extend(lines.into_iter().map(|line| format!("   x{line}")));
        all
    });
    let flow = (scalar(), scalar(), comment.clone())
        .prop_map(|(one, two, comment)| vec![format!(" {{ a: {one}, b: [{two}x,"), format!("      y] }}{comment}")]);
    let value = prop_oneof![4 => leaf, 1 => block, 1 => flow].boxed();
    value.prop_recursive(4, 40, 5, move |inner| {
        let entry = (key.clone(), inner, above.clone());
        (prop::collection::vec(entry, 1..5), 1..5_usize, any::<bool>(), comment.clone()).prop_map(
            |(entries, indent, is_list, comment)| {
                let mut all = vec![comment.to_owned()];
                for (at, (key, value, above)) in entries.into_iter().enumerate() {
                    let blanks = " ".repeat(indent);
                    all.extend(above.map(|line| format!("{blanks}{line}")));
                    let start = if is_list {
                        "-".to_owned()
                    } else {
                        format!("{key}{}:", if at > 0 { at.to_string() } else { String::new() })
                    };
                    let mut lines = value.into_iter();
                    all.push(format!("{blanks}{start}{}", lines.next().unwrap_or_default()));
                    all.extend(lines.map(|line| format!("{blanks}{line}")));
                }
                all
            },
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(600), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mutated_bundled_file_keeps_its_tree_and_comments(
        which in any::<Index>(),
        changes in prop::collection::vec((any::<u8>(), any::<Index>(), any::<Index>()), 1..6),
    ) {
        let all = bundled();
        let (_, text) = which.get(&all);
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        for (kind, at, other) in &changes {
            mutate(&mut lines, *kind, at, other);
        }
        holds(&lines.join("\n"))?;
    }

    #[test]
    fn a_generated_file_keeps_its_tree_and_comments(lines in tree()) {
        let (_, body) = lines.split_first().unwrap();
        holds(&body.join("\n"))?;
    }
}
