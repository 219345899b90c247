//! The sandbox holds, and nothing is silently true.

use super::*;
use crate::diagnostic::Findings;
use crate::source::SourceFile;
use crate::yaml::Scalar;

const NONE: Catalogue = Catalogue(&[]);

fn compile(guards: &Guards, text: &str) -> Result<Guard, Vec<&'static str>> {
    let mut findings = Findings::new(SourceFile::new("t.yaml", text));
    let scalar = Scalar { text: text.to_owned(), quoted: false, verbatim: true, text_start: 0 };
    let guard = guards.guard(&scalar, Span::new(0, text.len()), &mut findings);
    guard.ok_or_else(|| findings.into_sorted().iter().map(|d| d.code).collect())
}

fn names() -> Names {
    let params = Value::map([
        ("n", Value::Int(5)),
        ("nan", Value::Float(f64::NAN)),
        ("nothing", Value::Null),
        ("text", Value::text("abc")),
        ("empty", Value::text("")),
        ("none", Value::list([])),
        ("list", Value::list([Value::Int(1), Value::Int(2)])),
        ("yes", Value::Bool(true)),
        ("wait", Value::Duration(std::time::Duration::from_secs(90))),
        ("map", Value::map([("a", Value::Int(1))])),
    ]);
    let mut names = Names::new(&params, &Value::Null, &Value::Null);
    names.set("expected", &Value::text("abc"));
    names.set_step("verify", "ok", Some(&Value::map([("hash", Value::text("abc"))])));
    names.set_step("gone", "skipped", None);
    names
}

fn truth(text: &str) -> Result<bool, String> {
    let guards = Guards::new(NONE);
    let guard = compile(&guards, text).map_err(|codes| codes.join(","))?;
    guards.truth(&guard, &mut names(), &[]).map_err(|error| error.message)
}

#[test]
fn plain_truths_are_told() {
    for text in [
        "params.n == 5",
        "params.n != 6 && params.n < 5.5",
        "params.text == \"abc\"",
        "steps.verify.out.hash == expected",
        "steps.verify.status == \"ok\"",
        "params.wait > duration(\"1m\")",
        "1 in params.list",
        "!(3 in params.list)",
        "\"a\" in params.map",
        "get(params.map, \"b\", 7) == 7",
        "!has(params.map, \"b\")",
        "is_null(params.nothing)",
        "matches(params.text, \"^a.c$\")",
        "all_equal([\"x\", \"x\"])",
        "params.map == #{a: 1}",
        "params.list == [1, 2]",
        "(params.nothing ?? 3) == 3",
        "len(params.none) == 0",
        "params.yes",
    ] {
        assert_eq!(truth(text), Ok(true), "{text}");
    }
}

#[test]
fn nothing_is_silently_true() {
    let doubtful = [
        "params.missing",
        "params.nothing",
        "params.nan",
        "params.map",
        "params.list",
        "params.wait",
        "params.empty",
        "params.none",
        "unknown",
        "steps.gone.out",
        "steps.later.out.x",
        "steps.verify.out.hsah",
        "params[\"missing\"]",
    ];
    for value in doubtful {
        for guard in [
            format!("{value} == 5"),
            format!("{value} != 5"),
            format!("!({value} == 5)"),
            format!("!({value} != 5)"),
            format!("{value} < 5"),
            format!("{value} <= 5"),
            format!("{value} > 5"),
            format!("{value} >= 5"),
            format!("!({value} > 5)"),
            format!("5 == {value}"),
            format!("5 != {value}"),
            format!("!{value}"),
            value.to_string(),
            format!("{value} && true"),
            format!("true && {value}"),
            format!("{value} || true"),
            format!("false || {value}"),
            format!("params.n in {value}"),
        ] {
            let told = truth(&guard);
            let an_empty_list_holds_nothing = value == "params.none" && guard.contains(" in ") && told == Ok(false);
            let a_list_of_numbers = value == "params.list" && guard.contains(" in ");
            assert!(told.is_err() || an_empty_list_holds_nothing || a_list_of_numbers, "{guard} gave {told:?}");
        }
    }
}

#[test]
fn different_types_do_not_compare() {
    for text in [
        "params.n == \"5\"",
        "params.n != \"5\"",
        "params.text != 1",
        "params.yes != 1",
        "params.wait < 5",
        "params.list != 1",
        "\"1\" in params.list",
        "params.map != params.list",
        "params.list == [1, \"2\"]",
        "5 in params.text",
    ] {
        assert!(truth(text).is_err(), "{text} gave {:?}", truth(text));
    }
}

#[test]
fn a_guard_is_an_expression_and_touches_nothing() {
    for text in [
        "let x = 1",
        "while true {}",
        "eval(\"1\")",
        "print(1)",
        "sleep(1)",
        "timestamp()",
        "import \"x\" as y",
        "fn f() {}",
        "",
        "  ",
        "a ==",
        "((((",
        "debug(1)",
    ] {
        assert!(truth(text).is_err(), "{text}");
    }
    assert_eq!(truth(&"(".repeat(2_000)).unwrap_err(), "guard-syntax");
    assert_eq!(truth(&format!("\"{}\"", "x".repeat(1 << 20))).unwrap_err(), "guard-size");
    let doubling = format!("len({}) > 0", "params.text + ".repeat(200).trim_end_matches(" + "));
    assert!(truth(&doubling).is_err(), "depth is bounded");
}

#[test]
fn an_error_points_into_the_expression() {
    let guards = Guards::new(NONE);
    let text = "✅ != 1 && params.n == \"5\"".replace("✅ != 1", "params.yes");
    let guard = compile(&guards, &text).unwrap();
    let error = guards.truth(&guard, &mut names(), &[]).unwrap_err();
    assert_eq!(error.message, "an int does not compare with a text");
    assert!(error.span.len() < text.len(), "{error:?}");
}

#[test]
fn references_are_found_with_their_places() {
    let guards = Guards::new(NONE);
    let text = "steps.verify.out.hash == expected && !has(params.map, \"x.y\") && out?.a > 1.5 && #{k: item}.k";
    let guard = compile(&guards, text).unwrap();
    let found: Vec<_> =
        guard.references().iter().map(|r| (r.path().join("."), &text[r.span().start..r.span().end])).collect();
    assert_eq!(
        found,
        [
            ("steps.verify.out.hash".to_owned(), "steps.verify.out.hash"),
            ("expected".to_owned(), "expected"),
            ("params.map".to_owned(), "params.map"),
            ("out.a".to_owned(), "out?.a"),
            ("item".to_owned(), "item"),
        ]
    );
}
