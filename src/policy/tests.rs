//! RFC 8785's own vectors, and everything that is refused.

use super::*;

fn canonical(text: &str) -> String {
    String::from_utf8(canonical_json(&SourceFile::new("t.json", text)).unwrap()).unwrap()
}

fn codes(text: &str) -> Vec<&'static str> {
    let found = canonical_json(&SourceFile::new("t.json", text)).unwrap_err();
    found.iter().map(|d| d.code).collect()
}

/// RFC 8785, appendix B: IEEE 754 bits and the form they must take.
const NUMBERS: &[(u64, &str)] = &[
    (0x0000_0000_0000_0000, "0"),
    (0x8000_0000_0000_0000, "0"),
    (0x0000_0000_0000_0001, "5e-324"),
    (0x8000_0000_0000_0001, "-5e-324"),
    (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
    (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
    (0x4340_0000_0000_0000, "9007199254740992"),
    (0xc340_0000_0000_0000, "-9007199254740992"),
    (0x4430_0000_0000_0000, "295147905179352830000"),
    (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
    (0x44b5_2d02_c7e1_4af6, "1e+23"),
    (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
    (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
    (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
    (0x444b_1ae4_d6e2_ef50, "1e+21"),
    (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
    (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
    (0x41b3_de43_5555_5553, "333333333.3333332"),
    (0x41b3_de43_5555_5554, "333333333.33333325"),
    (0x41b3_de43_5555_5555, "333333333.3333333"),
    (0x41b3_de43_5555_5556, "333333333.3333334"),
    (0x41b3_de43_5555_5557, "333333333.33333343"),
    (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
    (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
];

#[test]
fn numbers_take_the_form_of_the_rfc() {
    for (bits, expected) in NUMBERS {
        let written = canonicalize(&Value::Float(f64::from_bits(*bits))).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), *expected);
    }
    assert!(canonicalize(&Value::Float(f64::NAN)).is_err());
    assert!(canonicalize(&Value::Float(f64::INFINITY)).is_err());
}

#[test]
fn the_published_vectors_come_out_byte_for_byte() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/policy/rfc8785");
    let mut seen = 0;
    for entry in folder.join("input").read_dir().unwrap() {
        let path = entry.unwrap().path();
        let input = std::fs::read_to_string(&path).unwrap();
        let expected = std::fs::read_to_string(folder.join("output").join(path.file_name().unwrap())).unwrap();
        assert_eq!(canonical(&input), expected.trim_end_matches('\n'), "{}", path.display());
        seen += 1;
    }
    assert_eq!(seen, 6, "every vector of the RFC's test suite is here");
}

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    assert_eq!(codes(r#"{"a":1,"b":{"x":1,"x":2},"a":2}"#), ["json-duplicate-key", "json-duplicate-key"]);
    assert_eq!(codes(r#"{"a":1,"\u0061":2}"#), ["json-duplicate-key"]);
    for number in [
        "9007199254740992",
        "-9007199254740992",
        "9007199254740993",
        "1e400",
        "123456789012345678901234567890",
        "9007199254740993.0",
    ] {
        assert_eq!(codes(number), ["json-number-range"], "{number}");
    }
    assert_eq!(
        canonical("[9007199254740991,-9007199254740991,-0,1E30,4.50]"),
        "[9007199254740991,-9007199254740991,0,1e+30,4.5]"
    );
    assert_eq!(codes(r#""\ud800""#), ["json-lone-surrogate"]);
    assert_eq!(codes(r#""\udc00\ud800""#), ["json-lone-surrogate", "json-lone-surrogate"]);
    assert_eq!(codes("\u{feff}{}"), ["json-bom"]);
}

#[test]
fn what_is_not_json_is_refused_at_its_place() {
    for text in [
        "",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "01",
        "1.",
        "+1",
        ".5",
        "1e",
        "nul",
        "\"a\nb\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "{} {}",
        "'a'",
        "NaN",
    ] {
        assert_eq!(codes(text), ["json-syntax"], "{text:?}");
    }
    assert_eq!(codes(&"[".repeat(100_000)), ["json-depth"]);
    let file = SourceFile::new("t.json", "{\n  \"a\": tru\n}");
    let found = canonical_json(&file).unwrap_err();
    assert_eq!(file.line_column(found[0].labels[0].loc.span.start), (2, 8));
}

#[test]
fn a_hash_does_not_depend_on_order_or_blanks() {
    let one = policy_hash(&SourceFile::new("a", "{\"b\":1,\"a\":[1.0,\"x\"]}")).unwrap();
    let two = policy_hash(&SourceFile::new("b", " { \"a\" : [ 1 , \"x\" ] ,\n \"b\" : 1 } ")).unwrap();
    assert_eq!(one, two);
    assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
