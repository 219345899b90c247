//! The sandbox holds, and nothing is silently true.

use super::syntax::{ExprKind, Unary};
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

/// The expression with parentheses around every part, so that no precedence is left to the reader.
fn spelt_out(expression: &Expr) -> String {
    let all = |parts: &[Expr]| parts.iter().map(spelt_out).collect::<Vec<_>>().join(", ");
    match &expression.kind {
        ExprKind::Literal(Value::Null) => "()".to_owned(),
        ExprKind::Literal(Value::Text(text)) => format!("{text:?}"),
        ExprKind::Literal(Value::Float(float)) => format!("({float:?})"),
        ExprKind::Literal(value) => format!("({value})"),
        ExprKind::List(items) => format!("[{}]", all(items)),
        ExprKind::Map(entries) => {
            let entries: Vec<_> = entries.iter().map(|(k, v)| format!("{:?}: {}", k.text, spelt_out(v))).collect();
            format!("#{{{}}}", entries.join(", "))
        }
        ExprKind::Name(name) => name.clone(),
        ExprKind::Property { of, name, is_lenient } => {
            format!("({}){}{}", spelt_out(of), if *is_lenient { "?." } else { "." }, name.text)
        }
        ExprKind::Index { of, at, is_lenient } => {
            format!("({}){}{}]", spelt_out(of), if *is_lenient { "?[" } else { "[" }, spelt_out(at))
        }
        ExprKind::Call { of: None, name, arguments } => format!("{}({})", name.text, all(arguments)),
        ExprKind::Call { of: Some(of), name, arguments } => {
            format!("({}).{}({})", spelt_out(of), name.text, all(arguments))
        }
        ExprKind::Unary(Unary::Not, operand) => format!("(!{})", spelt_out(operand)),
        ExprKind::Unary(Unary::Minus, operand) => format!("(-({}))", spelt_out(operand)),
        ExprKind::Unary(Unary::Plus, operand) => format!("(+({}))", spelt_out(operand)),
        ExprKind::Binary(operator, sides) => {
            format!("({} {} {})", spelt_out(&sides.0), operator.symbol(), spelt_out(&sides.1))
        }
        ExprKind::If(choice) => {
            let otherwise =
                choice.otherwise.as_ref().map_or_else(String::new, |o| format!(" else {{ {} }}", spelt_out(o)));
            format!("(if {} {{ {} }}{otherwise})", spelt_out(&choice.condition), spelt_out(&choice.then))
        }
    }
}

/// Every part lies inside the whole, and behind the parts before it.
fn places_hold(expression: &Expr, text: &str) {
    assert!(text.is_char_boundary(expression.span.start) && text.is_char_boundary(expression.span.end), "{text}");
    let mut last = expression.span.start;
    for part in expression.parts() {
        assert!(last <= part.span.start && part.span.end <= expression.span.end, "{text}: {expression:?}");
        last = part.span.end;
        places_hold(part, text);
    }
}

/// What our parser accepts, the engine accepts, and both read the same tree.
fn readings_agree(text: &str) -> bool {
    let Some(syntax) = parser::parse(text) else {
        return false;
    };
    let guards = Guards::new(NONE);
    let engine = guards.engine();
    let compiled = engine.compile_expression(text);
    assert!(compiled.is_ok(), "`{text}` is read as {syntax:?}, and refused: {compiled:?}");
    places_hold(&syntax, text);
    let value = |text: &str| compile(&guards, text).ok().map(|guard| guards.value(&guard, &mut names(), &[]).ok());
    let spelt = spelt_out(&syntax);
    if let (Some(mine), Some(theirs)) = (value(&spelt), value(text)) {
        assert_eq!(format!("{mine:?}"), format!("{theirs:?}"), "`{text}` is read as `{spelt}`");
    }
    true
}

#[test]
fn the_parser_reads_what_guards_use() {
    for text in [
        "1_000 + 2 * -3 ** 2 - 1.5e3",
        "!params.yes || params.n !in params.list && 3 in [1, 2, 3]",
        "steps.verify.out?.hash ?? \"none\"",
        "params.list[0] == #{ \"a b\": 1, c: [(), true] }[\"a b\"]",
        "if params.n > 5 { \"a\" } else if params.yes { \"b\\u00e9\\n\" } else { \"c\" }",
        "len( params.text , ) == params.text.len()",
        "params.n << 2 & 7 | 1 ^ 3 >= 2",
        "(params.list).len() % 2",
        "-params.n + +params.n",
        "9. == 9.0",
        "(9.)+1",
    ] {
        assert!(readings_agree(text), "{text}");
    }
}

#[test]
fn what_the_parser_does_not_understand_is_left_to_the_engine() {
    for text in
        ["'a'", "`a`", "|x| x", "1..2", "5.len()", "0x1F", "1e310", "/* */ 1", "a; b", "switch a { 1 => 2 }", "a::b"]
    {
        assert_eq!(parser::parse(text), None, "{text}");
    }
    assert_eq!(compile(&Guards::new(NONE), "0x1F == 31").unwrap().syntax(), None);
    assert_eq!(truth("0x1F == 31"), Ok(true));
}

#[test]
fn the_parser_is_as_deep_as_the_engine() {
    let guards = Guards::new(NONE);
    for (open, inner, close) in
        [("(", "1", ")"), ("[", "1", "]"), ("len(", "1", ")"), ("!", "true", ""), ("1 + ", "1", "")]
    {
        for depth in 0..60 {
            let text = format!("{}{inner}{}", open.repeat(depth), close.repeat(depth));
            let is_read = parser::parse(&text).is_some();
            assert_eq!(is_read, guards.engine().compile_expression(&text).is_ok(), "{text}");
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(2_000))]

    #[test]
    fn what_the_parser_accepts_the_engine_reads_alike(words in proptest::collection::vec(proptest::sample::select(WORDS), 1..14)) {
        readings_agree(&words.join(" "));
        readings_agree(&words.concat());
    }

    #[test]
    fn no_text_makes_the_parser_stumble(text in "\\PC{0,40}") {
        readings_agree(&text);
    }
}

/// What random guards are made of.
const WORDS: &[&str] = &[
    "params",
    "params.n",
    "params.list",
    "params.text",
    "steps.verify.out",
    "out",
    "get",
    "len",
    "a",
    "_x",
    "1",
    "2.5",
    "0",
    "\"a\"",
    "\"\\n\"",
    "true",
    "false",
    "()",
    "(",
    ")",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "#{",
    ",",
    ":",
    ".",
    "?.",
    "?[",
    "+",
    "-",
    "*",
    "/",
    "%",
    "**",
    "<<",
    ">>",
    "<",
    "<=",
    ">",
    ">=",
    "==",
    "!=",
    "!",
    "!in",
    "in",
    "&&",
    "||",
    "??",
    "&",
    "|",
    "^",
    "if",
    "else",
    "print",
    "call",
    "1_0",
    "1e3",
    "n",
    "abs",
];
