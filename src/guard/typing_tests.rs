//! Every fault is found at its words, and what comes close is none.

use super::types::{Noun, Property, Type};
use super::wording::innermost;
use super::*;
use proptest::strategy::Strategy;

const STATUSES: &[&str] = &["ok", "failed", "skipped", "in_doubt"];

/// A runbook's names: `sure` has ended ok, `shaky` in any way, `later` is not waited for.
struct Names;

fn record<const N: usize>(noun: Noun, fields: [(&str, Type); N]) -> Type {
    Type::record(noun, fields.map(|(name, kind)| (name, Property::always(kind))))
}

impl Scope for Names {
    fn name(&self, name: &str) -> Option<Type> {
        let out = Type::record(
            Noun::Property,
            [
                ("hash", Property::always(Type::Text)),
                ("count", Property::always(Type::Int)),
                ("value", Property::always(Type::Number)),
                ("line", Property { kind: Type::Text, is_optional: true }),
                ("reply", Property::always(Type::Any)),
            ],
        );
        let step = || record(Noun::PropertyOfStep, [("out", out.clone()), ("status", Type::Word(STATUSES))]);
        Some(match name {
            "params" => record(
                Noun::Param,
                [
                    ("yes", Type::Bool),
                    ("no", Type::Bool),
                    ("wait", Type::Duration),
                    ("list", Type::list(Type::Int)),
                    ("words", Type::list(Type::Text)),
                    ("map", Type::map_of(Type::Any)),
                    ("policy", Type::file()),
                    ("maybe", Type::Text.or_null()),
                    ("some", Type::list(step().or_null())),
                ],
            ),
            "steps" => record(Noun::Step, [("sure", step()), ("shaky", step()), ("later", step())]),
            "out" => out,
            "item" => Type::Any,
            _ => return None,
        })
    }

    fn names(&self) -> Vec<&str> {
        vec!["params", "steps", "out", "item"]
    }

    fn standing(&self, step: &str) -> Standing {
        match step {
            "shaky" => Standing::OK.or(Standing::FAILED).or(Standing::SKIPPED),
            "later" => Standing::OK.or(Standing::UNRELATED),
            _ => Standing::OK,
        }
    }

    fn own_function(&self, name: &str) -> Vec<usize> {
        if name == "mine" { vec![2] } else { Vec::new() }
    }
}

/// The faults of a guard: each as its kind and the words it is about.
fn faults(text: &str) -> Vec<String> {
    let syntax = parser::parse(text).unwrap_or_else(|| panic!("`{text}` is not understood"));
    let mut told: Vec<_> = check_truth(&syntax, &Names, &[])
        .into_iter()
        .map(|fault| {
            let what = format!("{:?}", fault.what);
            let kind = what.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap().to_owned();
            format!("{kind} {}", &text[fault.span.start..fault.span.end])
        })
        .collect();
    told.sort();
    told
}

/// Guards with the kind of their one fault and its words.
const WRONG: &[(&str, &str)] = &[
    ("otu.count > 1", "UnknownName otu"),
    ("out.cuont > 1", "UnknownProperty cuont"),
    ("params.yse", "UnknownProperty yse"),
    ("steps.sur.status == \"ok\"", "UnknownProperty sur"),
    ("has(out, \"cuont\")", "UnknownProperty \"cuont\""),
    ("out.hash.size > 1", "NoProperty size"),
    ("lenn(out.hash) > 1", "UnknownFunction lenn"),
    ("params.yes.len() > 1", "WrongArgument params.yes"),
    ("out.hash.uppercase() == \"A\"", "UnknownFunction uppercase"),
    ("has(out)", "WrongCount has"),
    ("mine(1)", "WrongCount mine"),
    ("starts_with(out.hash, 1)", "WrongArgument 1"),
    ("policy_hash(params.map.a) == policy_hash(params.yes)", "WrongArgument params.yes"),
    ("out.count", "NotBool out.count"),
    ("params.yes && out.hash", "NotBool out.hash"),
    ("!out.hash", "NotBool out.hash"),
    ("if out.count { true } else { params.yes }", "NotBool out.count"),
    ("out.count == \"1\"", "Operands out.count == \"1\""),
    ("out.hash[0] == \"a\"", "Operands out.hash[0] == \"a\""),
    ("\"b\" != out.hash[-1]", "Operands \"b\" != out.hash[-1]"),
    ("out.hash < 1", "Operands out.hash < 1"),
    ("params.yes > params.no", "Operands params.yes > params.no"),
    ("params.wait > 5", "Operands params.wait > 5"),
    ("params.list == params.words", "Operands params.list == params.words"),
    ("out.count - params.yes > 1", "Operands out.count - params.yes"),
    ("-out.hash == 1", "Operands out.hash"),
    ("\"1\" in params.list", "Operands \"1\" in params.list"),
    ("1 in params.map", "Operands 1 in params.map"),
    ("out.count == ()", "Null out.count == ()"),
    ("out.value / 0 > 1", "MayBeNan 0"),
    ("out.value / steps.sure.out.value > 0.5", "MayBeNan steps.sure.out.value"),
    ("steps.sure.status == \"okay\"", "UnknownWord \"okay\""),
    ("steps.sure.status in [\"ok\", \"done\"]", "UnknownWord \"done\""),
    ("1 < 2", "Constant 1 < 2"),
    ("out.count == out.count", "Constant out.count == out.count"),
    ("true && params.yes", "Constant true"),
    ("params.yes && !params.yes", "Constant params.yes && !params.yes"),
    ("out.hash == \"a\" && out.hash == \"b\"", "Constant out.hash == \"a\" && out.hash == \"b\""),
    ("out.hash != \"a\" || out.hash != \"b\"", "Constant out.hash != \"a\" || out.hash != \"b\""),
    ("true || params.yes", "Unreachable params.yes"),
    ("params.no || false && params.yes", "Unreachable params.yes"),
    ("params.yes || params.yes", "Repeated params.yes"),
    ("out.reply.ok != true", "MayBeMissing ok"),
    ("!out.reply.bad", "MayBeMissing bad"),
    ("!(item.state == \"a\")", "MayBeMissing state"),
    ("get(params.map, \"k\", \"\") != \"x\"", "MayBeMissing get(params.map, \"k\", \"\")"),
    ("!get(params.map, \"k\", false)", "MayBeMissing get(params.map, \"k\", false)"),
    ("out.line == \"x\"", "Optional line"),
    ("params.list[\"a\"] == 1", "Index \"a\""),
    ("params.map[1] == 1", "Index 1"),
    ("[1, 2][2] == 1", "OutOfRange 2"),
    ("params.maybe == \"a\"", "MayBeNull params.maybe"),
    ("params.some[0].status == \"ok\"", "MayBeNull params.some[0]"),
    ("params.some[0]?.status == \"ok\"", "MayBeNull params.some[0]?.status"),
    ("is_null(params.some[0]?.stauts)", "UnknownProperty stauts"),
    ("is_null(params.some[0]) && params.some[0].status == \"ok\"", "MayBeNull params.some[0]"),
    ("all_equal(params.some)", "MayBeNull params.some"),
    ("steps.shaky.out.count > 1", "Step steps.shaky.out"),
    ("steps.later.status == \"ok\"", "Step steps.later.status"),
    ("steps.shaky.status != \"failed\" && steps.shaky.out.count > 1", "Step steps.shaky.out"),
    ("steps.shaky.status == \"ok\" || steps.shaky.out.count > 1", "Step steps.shaky.out"),
];

#[test]
fn faults_are_found_at_their_words() {
    let mut wrong = Vec::new();
    for (text, expected) in WRONG {
        let told = faults(text);
        if told != [*expected] {
            wrong.push(format!("{text}: {told:?}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn what_comes_close_is_no_fault() {
    for text in [
        "out.count > 1.5 && out.value >= 1",
        "out.hash == \"a\" || out.hash == \"b\"",
        "out.hash != \"a\" && out.hash != \"b\"",
        "params.wait > duration(\"5s\")",
        "out.hash in params.words && 1 in params.list && \"k\" in params.map",
        "\"a\" in out.hash",
        "out.hash.to_upper().len() > 3 && params.list.len == 2",
        "out.hash + 1 == \"a1\"",
        "mine(1, 2) && mine(out.hash, ())",
        "len(params.list) == len(params.map)",
        "policy_hash(params.policy) == out.hash",
        "is_null(out.reply)",
        "(out.reply ?? 1) == 1",
        "out.reply.state == \"armed\"",
        "has(out.reply, \"ok\") && out.reply.ok != true",
        "!has(params.map, \"k\")",
        "get(params.map, \"k\", \"x\") != \"x\"",
        "!get(params.map, \"k\", true)",
        "get(params.map, \"k\", 0) == 1",
        "has(out, \"line\") && out.line != \"x\"",
        "params.yes || !params.no",
        "steps.sure.out.count > 1",
        "steps.shaky.status == \"ok\" && steps.shaky.out.count > 1",
        "steps.shaky.status != \"ok\" || steps.shaky.out.count > 1",
        "!(steps.shaky.status in [\"failed\", \"skipped\"]) && steps.shaky.out.count > 1",
        "if steps.shaky.status == \"ok\" { steps.shaky.out.count > 1 } else { params.yes }",
        "out.value != 0 && 1 / out.value > 2",
        "steps.sure.out.value > 0 && out.value / steps.sure.out.value > 2",
        "out.count / 2 == 1",
        "params.list[0] == [1, 2][-1]",
        "(params.maybe ?? \"a\") == \"b\" && !is_null(params.maybe)",
        "!is_null(params.some[0]) && params.some[0].status == \"ok\"",
        "params.some[0].is_null() || params.some[0].status == \"ok\"",
        "if is_null(params.maybe) { params.yes } else { params.maybe == \"a\" }",
        "(params.some[0]?.status ?? \"skipped\") == \"ok\" && len(params.some) == 2",
        "params.map.a.b == params.map[\"c\"]",
        "out.count > 1 && (out.count < 5 || params.yes)",
    ] {
        assert_eq!(faults(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn a_part_can_be_known_without_the_rest() {
    let look_up = |path: &[&str]| match path {
        ["params", "rearm"] => Some(Value::Bool(false)),
        ["steps", "arm", "status"] => Some(Value::text("skipped")),
        _ => None,
    };
    for (text, expected) in [
        ("params.rearm && steps.gate.out.state == \"armed\"", Some(Value::Bool(false))),
        ("unknown || !params.rearm", Some(Value::Bool(true))),
        ("unknown || params.rearm", None),
        ("steps.arm.status in [\"ok\", \"skipped\"]", Some(Value::Bool(true))),
        ("if params.rearm { unknown } else { 1 + 2 * 3 }", Some(Value::Int(7))),
        ("duration(\"90s\") > duration(\"1m\")", Some(Value::Bool(true))),
        ("1 == \"1\"", None),
        ("get(#{a: 1}, \"b\", 5)", Some(Value::Int(5))),
    ] {
        assert_eq!(known(&parser::parse(text).unwrap(), &look_up), expected, "{text}");
    }
}

/// Functions that take a function, a range or a count, which the test does not try.
const TAKE_MORE: [&str; 30] = [
    "all",
    "append",
    "chars",
    "chop",
    "crop",
    "drain",
    "extract",
    "fill_with",
    "filter",
    "find",
    "find_map",
    "for_each",
    "insert",
    "map",
    "mixin",
    "order_by",
    "pad",
    "range",
    "reduce",
    "reduce_rev",
    "remove",
    "replace",
    "retain",
    "set",
    "some",
    "sort_by",
    "splice",
    "split",
    "truncate",
    "zip",
];

#[test]
fn every_function_of_the_engine_is_there() {
    let guards = Guards::new(Catalogue(&[]));
    let mut missing = Vec::new();
    for (kind, value) in [
        (Type::Text, "\"ab\""),
        (Type::list(Type::Int), "[1, 2]"),
        (Type::map_of(Type::Int), "#{a: 1}"),
        (Type::Int, "7"),
    ] {
        for name in methods::methods(&kind) {
            let is_there = ["", ", 1", ", \"a\"", ", 1, 1", ", \"a\", 1"].iter().any(|arguments| {
                let ast = guards.engine().compile_expression(format!("{name}({value}{arguments})")).unwrap();
                let told = guards.engine().eval_ast::<Dynamic>(&ast).map_err(|error| innermost(&error).to_string());
                !told.is_err_and(|message| message.contains("Function not found"))
            });
            if !is_there && !TAKE_MORE.contains(&name) {
                missing.push(format!("{name} of {value}"));
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

/// Values whose types are known.
const ATOMS: &[&str] = &[
    "params.yes",
    "params.no",
    "params.wait",
    "params.list",
    "params.words",
    "params.policy",
    "params.maybe",
    "out.hash",
    "out.hash[0]",
    "out.count",
    "out.value",
    "out",
    "1",
    "2.5",
    "\"a\"",
    "\"ab\"",
    "true",
    "()",
    "steps.sure.out.hash",
    "steps.sure.status",
];
const OPERATORS: &[&str] =
    &["==", "!=", "<", ">=", "+", "-", "*", "/", "%", "in", "!in", "&", "|", "<<", "**", "==", "<", "+"];
const OF_ONE: &[&str] =
    &["len", "lower", "trim", "seconds", "is_null", "all_equal", "text", "canonical_json", "!", "-"];
const OF_TWO: &[&str] = &["starts_with", "contains_text", "matches", "has"];

/// A random expression in which every part is looked at.
fn expressions() -> impl Strategy<Value = String> {
    use proptest::prelude::*;
    let atom = prop::sample::select(ATOMS).prop_map(str::to_owned);
    atom.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            4 => (inner.clone(), prop::sample::select(OPERATORS), inner.clone())
                .prop_map(|(left, operator, right)| format!("({left} {operator} {right})")),
            2 => (prop::sample::select(OF_ONE), inner.clone()).prop_map(|(name, of)| format!("{name}({of})")),
            1 => (prop::sample::select(OF_TWO), inner.clone(), inner.clone())
                .prop_map(|(name, one, other)| format!("{name}({one}, {other})")),
            1 => inner.clone().prop_map(|of| format!("({of}).len()")),
            1 => (inner.clone(), inner).prop_map(|(of, at)| format!("({of})[{at}]")),
        ]
    })
}

/// What an expression gives, with values of the types that the scope tells.
fn evaluated(text: &str) -> Result<Value, String> {
    let guards = Guards::new(Catalogue(&[]));
    let texts = |words: [&str; 2]| Value::list(words.map(Value::text));
    let out = Value::map([
        ("hash", Value::text("abc")),
        ("count", Value::Int(3)),
        ("value", Value::Float(1.5)),
        ("reply", Value::Bool(true)),
    ]);
    let params = Value::map([
        ("yes", Value::Bool(true)),
        ("no", Value::Bool(false)),
        ("wait", Value::Duration(std::time::Duration::from_secs(5))),
        ("list", Value::list([Value::Int(1), Value::Int(2)])),
        ("words", texts(["a", "b"])),
        ("policy", Value::map([("path", Value::text("p.json")), ("text", Value::text("{}"))])),
        ("maybe", Value::Null),
    ]);
    let mut names = super::Names::new(&params, &Value::Null, &Value::Null);
    names.set_step("sure", "ok", Some(&out));
    let mut findings = Findings::new(crate::source::SourceFile::new("t.yaml", text));
    let scalar = Scalar { text: text.to_owned(), quoted: false, verbatim: true, text_start: 0 };
    let guard = guards.guard(&scalar, Span::new(0, text.len()), &mut findings);
    let guard = guard.ok_or_else(|| "no guard".to_owned())?;
    guards.value(&guard, &mut names, &[("out", &out)]).map_err(|error| error.message)
}

/// What may go wrong with values of the right types.
const UNFORESEEN: [&str; 15] = [
    "char",
    "f64",
    "there is no property",
    "overflow",
    "zero",
    "NaN",
    "not a pattern",
    "out of",
    "index",
    "too large",
    "negative",
    "power",
    "shift",
    "no text",
    "no canonical form",
];

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(3_000))]

    #[test]
    fn an_expression_fails_where_it_has_a_fault_and_only_there(text in expressions()) {
        let Some(syntax) = parser::parse(&text) else {
            return Ok(());
        };
        let (_, faults) = check(&syntax, &Names, &[]);
        let is_certain = |fault: &&fault::Fault| {
            !matches!(&fault.what, fault::Wrong::MayBeNan { .. } | fault::Wrong::UnknownWord { .. }
                | fault::Wrong::MayBeMissing { .. } | fault::Wrong::UnknownProperty { .. } | fault::Wrong::Optional { .. } | fault::Wrong::MayBeNull)
        };
        let certain = faults.iter().find(is_certain);
        match (certain, evaluated(&text)) {
            (Some(fault), Ok(value)) => panic!("`{text}` gives {value:?}, and was said to fail: {fault:?}"),
            (None, Err(why)) if !faults.iter().any(|fault| fault.what == fault::Wrong::MayBeNull) => {
                assert!(UNFORESEEN.iter().any(|known| why.contains(known)), "`{text}` fails, and nothing was said: {why}");
            }
            _ => {}
        }
    }
}
