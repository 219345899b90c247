//! The formats of `titan-run lint`: each says the same, each holds against its own reader, and no
//! foreign character gets through any of them.

use std::process::Command;

use titan_run::report::{CHECKUP_VERSION, CheckupDocument};

use crate::lint::{CLEAN, Desk, LEFT};
use crate::tool::{finished, root};

/// Files whose names and texts try to break every format.
fn nasty() -> Desk {
    let text = "titan: 1\nrunbook: nasty\nsteps:\n  ä€: { do: note, with: { text: x } }\n  b:\n    do: note\n    \
                wiht: { text: \"<&>\\\" %0A ::error\" }\n    when: '\"</x>]]>\" == 1 +'\n";
    let desk =
        Desk::new(&[("a,b:c %20&<'\">\u{1b}[31m\u{202e}.yaml", text), ("left.yaml", LEFT), ("clean.yaml", CLEAN)]);
    desk.write("warned.yaml", &CLEAN.replace("steps:", "# titan: allow(effect-without-undo) none\nsteps:"));
    desk
}

fn written(desk: &Desk, format: &str) -> String {
    let ran = desk.titan(&["lint", ".", "missing.yaml", "--format", format]).exits(2);
    let is_foreign = |c: char| c != '\n' && titan_run::visible::is_hidden(c);
    assert!(!ran.out.contains(is_foreign), "{format}: {:?}", ran.out);
    ran.out
}

#[test]
fn json_is_version_1_with_places_in_characters_and_bytes() {
    let document: CheckupDocument = serde_json::from_str(&written(&nasty(), "json")).unwrap();
    assert_eq!((document.version, document.files_checked), (CHECKUP_VERSION, 4));
    assert_eq!(document.unreadable.len(), 1);
    let wrong = document.findings.iter().find(|found| found.code == "bad-name").unwrap();
    let (start, end) = (wrong.labels[0].start, wrong.labels[0].end);
    assert_eq!((start.line, start.column, start.byte), (4, 3, 33));
    assert_eq!((end.line, end.column, end.byte), (4, 5, 38));
    assert_eq!((wrong.severity.as_str(), &wrong.strength), ("error", &None));
    let slip = document.findings.iter().find(|found| found.code == "unknown-key").unwrap();
    let fix = slip.fix.as_ref().unwrap();
    assert!(fix.safe && fix.edits[0].text == "with");
    let left = document.findings.iter().find(|found| found.code == "effect-without-undo").unwrap();
    assert_eq!(left.strength.as_deref(), Some("proved"));
}

#[test]
fn github_annotations_are_one_line_each_and_escaped() {
    let desk = nasty();
    let document: CheckupDocument = serde_json::from_str(&written(&desk, "json")).unwrap();
    let text = written(&desk, "github");
    assert_eq!(text.lines().count(), document.findings.len() + 1);
    for (line, found) in text.lines().zip(&document.findings) {
        let (head, message) = line.strip_prefix("::").unwrap().split_once("::").unwrap();
        let (kind, properties) = head.split_once(' ').unwrap();
        assert_eq!(kind, found.severity);
        let plain = |text: &str| {
            text.replace("%2C", ",").replace("%3A", ":").replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")
        };
        let pairs: Vec<_> = properties.split(',').map(|pair| pair.split_once('=').unwrap()).collect();
        let names: Vec<_> = pairs.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["file", "line", "col", "endLine", "endColumn", "title"]);
        assert_eq!((plain(pairs[0].1), plain(pairs[5].1)), (found.file.clone(), found.code.clone()));
        assert!(plain(message).starts_with(&found.message), "{message}");
    }
    assert!(text.lines().last().unwrap().starts_with("::error title=unreadable::"));
}

#[test]
fn junit_is_xml_with_a_failure_for_each_denied_finding() {
    let text = written(&nasty(), "junit");
    let document = roxmltree::Document::parse(&text).unwrap();
    let suites = document.root_element();
    let count = |name: &str| document.descendants().filter(|node| node.has_tag_name(name)).count().to_string();
    assert_eq!(suites.attribute("tests").unwrap(), count("testcase"));
    assert_eq!(suites.attribute("failures").unwrap(), count("failure"));
    assert_eq!(suites.attribute("errors").unwrap(), count("error"));
    let suite = |name: &str| suites.children().find(|suite| suite.attribute("name") == Some(name)).unwrap();
    assert_eq!(suite("clean.yaml").attribute("failures"), Some("0"));
    assert_eq!(suite("warned.yaml").attribute("failures"), Some("0"));
    assert!(suite("warned.yaml").descendants().any(|node| node.has_tag_name("system-out")));
    assert_eq!(suite("left.yaml").attribute("failures"), Some("1"));
    let name = "a,b:c %20&<'\">\\u{1b}[31m\\u{202e}.yaml";
    assert!(suite(name).descendants().any(|node| node.text().is_some_and(|text| text.contains("`wiht`"))));
}

#[test]
fn sarif_is_valid_against_the_official_schema() {
    let desk = nasty();
    desk.write("found.sarif", &written(&desk, "sarif"));
    let check = "import json, sys, jsonschema\n\
                 schema, log = (json.load(open(name)) for name in sys.argv[1:])\n\
                 jsonschema.Draft7Validator.check_schema(schema)\n\
                 jsonschema.Draft7Validator(schema).validate(log)\n\
                 log['version'] = '2.0.0'\n\
                 assert not jsonschema.Draft7Validator(schema).is_valid(log)\n";
    let schema = root().join("tests/cases/report/sarif-2.1.0.json");
    let mut python = Command::new("python3");
    python.args(["-c", check]).arg(schema).arg(desk.path().join("found.sarif"));
    finished(python.output().unwrap()).exits(0);
    let log: serde_json::Value = serde_json::from_str(&desk.read("found.sarif")).unwrap();
    let document: CheckupDocument = serde_json::from_str(&written(&desk, "json")).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), document.findings.len());
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    for (result, found) in results.iter().zip(&document.findings) {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!((&rules[index]["id"], &result["ruleId"]), (&result["ruleId"], &found.code.clone().into()));
        let region = &result["locations"][0]["physicalLocation"]["region"];
        assert_eq!(region["startColumn"], found.labels[0].start.column);
        assert_eq!(region["byteOffset"], found.labels[0].start.byte);
    }
    let uri = results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
    assert!(uri.is_ascii() && !uri.contains([' ', '<', '"']), "{uri}");
    let whole = desk.path().join("left.yaml");
    let told = desk.titan(&["lint", whole.to_str().unwrap(), "--format", "sarif"]).exits(1).out;
    assert!(told.contains(&format!("\"uri\": \"file://{}\"", whole.to_str().unwrap())), "{told}");
}
