//! The second net: a credential that shows up in what the world says is taken out before it is
//! read, shown or kept. The first net is that credentials flow into credential fields only.

use std::cell::OnceCell;
use std::rc::Rc;

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};

use crate::percent::percent_encoded;
use crate::runbook::target::{Secret, Target};
use crate::world::Redact;

use super::secret::reveal;

/// The shortest credential that is looked for: a shorter one would be found by chance.
const MIN_LENGTH: usize = 6;

/// What stands in its place.
const REDACTED: &str = "[redacted]";

/// The credentials of a target, in every form in which they could show up.
pub(super) struct Redactor {
    target: Rc<Target>,
    forms: OnceCell<Vec<String>>,
}

impl Redactor {
    /// Looks for the credentials of a target; they are read when first looked for.
    pub(super) fn new(target: Rc<Target>) -> Self {
        Self { target, forms: OnceCell::new() }
    }

    fn forms(&self) -> &[String] {
        self.forms.get_or_init(|| {
            let revealed = self.target.secrets().into_iter().filter_map(|secret: &Secret| reveal("", secret).ok());
            let mut forms: Vec<_> = revealed.flat_map(|secret| words(&secret)).flat_map(|word| forms(&word)).collect();
            // A longer form first: a shorter one may be part of it.
            forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
            forms.dedup();
            forms
        })
    }
}

impl Redact for Redactor {
    fn redacted(&self, text: &str) -> Option<String> {
        let found = self.forms().iter().filter(|form| text.contains(form.as_str()));
        let whole = found.fold(None, |redacted: Option<String>, form| {
            Some(redacted.as_deref().unwrap_or(text).replace(form.as_str(), REDACTED))
        });
        let seen = whole.as_deref().unwrap_or(text);
        self.without_cut_end(seen).or(whole)
    }
}

impl Redactor {
    /// The text without the beginning of a credential at its end: what is captured or shown is cut
    /// there when it is long.
    fn without_cut_end(&self, text: &str) -> Option<String> {
        let kept = text.trim_end_matches(['`', char::REPLACEMENT_CHARACTER]);
        let longest = self.forms().iter().filter_map(|form| cut_end(kept, form)).max()?;
        let (before, after) = (text.get(..kept.len() - longest)?, text.get(kept.len()..)?);
        Some(format!("{before}{REDACTED}{after}"))
    }
}

/// How many bytes at the end of a text are the beginning of a form.
fn cut_end(text: &str, form: &str) -> Option<usize> {
    let mut lengths = form.char_indices().map(|(at, _)| at).rev().take_while(|at| *at >= MIN_LENGTH);
    lengths.find(|length| form.get(..*length).is_some_and(|beginning| text.ends_with(beginning)))
}

/// The secret words of a credential: one line is one word, whatever is in it; a file of several
/// lines has one on each that is no label and no sentence.
fn words(secret: &str) -> Vec<String> {
    let is_word = |line: &&str| !line.starts_with("--") && !line.contains(' ');
    let mut lines: Vec<_> = secret.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.len() > 1 {
        lines.retain(is_word);
    }
    lines.into_iter().filter(|line| line.len() >= MIN_LENGTH).map(str::to_owned).collect()
}

/// A word raw, in hex, percent-encoded, JSON-escaped in the ways of several languages, and in base64
/// at each of its three alignments.
fn forms(word: &str) -> Vec<String> {
    let bytes = word.as_bytes();
    let escaped = serde_json::to_string(word).unwrap_or_default();
    let mut forms = vec![
        word.to_owned(),
        HEXLOWER.encode(bytes),
        HEXUPPER.encode(bytes),
        percent_encoded(word),
        percent_encoded(word).to_ascii_lowercase(),
        percent_encoded(word).replace("%20", "+"),
        as_browsers_do(&percent_encoded(word)),
    ];
    let escaped = escaped.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default();
    forms.extend([escaped.to_owned(), ascii_only(escaped), for_pages(escaped), escaped.replace('/', "\\/")]);
    for shift in 0..3 {
        let shifted: Vec<u8> = std::iter::repeat_n(b' ', shift).chain(bytes.iter().copied()).collect();
        // The characters that mix with neighbours are left out.
        let whole = shifted.len() * 8 / 6;
        let first = (shift * 8).div_ceil(6);
        for encoding in [BASE64_NOPAD, BASE64URL_NOPAD] {
            forms.extend(encoding.encode(&shifted).get(first..whole).map(str::to_owned));
        }
    }
    forms.retain(|form| form.len() >= MIN_LENGTH);
    forms
}

/// Percent-encoding that leaves the marks alone which `encodeURIComponent` leaves.
fn as_browsers_do(encoded: &str) -> String {
    let marks = [("%21", "!"), ("%27", "'"), ("%28", "("), ("%29", ")"), ("%2A", "*")];
    marks.iter().fold(encoded.to_owned(), |text, (code, mark)| text.replace(code, mark))
}

/// JSON as Go writes it, fit to stand in a page.
fn for_pages(escaped: &str) -> String {
    let marks = [("&", "\\u0026"), ("<", "\\u003c"), (">", "\\u003e")];
    marks.iter().fold(escaped.to_owned(), |text, (mark, code)| text.replace(mark, code))
}

/// JSON's way to write letters of other alphabets where only ASCII may be written.
fn ascii_only(escaped: &str) -> String {
    let mut ascii = String::with_capacity(escaped.len());
    for c in escaped.chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            let units = c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
            ascii.push_str(&units);
        }
    }
    ascii
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_found_in_every_encoding_and_alignment() {
        let target = Target::default();
        let redactor = Redactor { target: Rc::new(target), forms: OnceCell::from(forms("p\"ss wörd-1")) };
        let bytes = "p\"ss wörd-1".as_bytes();
        let basic = |user: &str| data_encoding::BASE64.encode(format!("{user}:p\"ss wörd-1").as_bytes());
        let shown = [
            "x p\"ss wörd-1 y".to_owned(),
            HEXLOWER.encode(bytes),
            percent_encoded("p\"ss wörd-1"),
            percent_encoded("p\"ss wörd-1").to_lowercase(),
            serde_json::to_string("a p\"ss wörd-1").unwrap(),
            "a p\\\"ss w\\u00f6rd-1".to_owned(),
            basic("a"),
            basic("ab"),
            basic("abc"),
        ];
        for text in shown {
            assert!(redactor.redacted(&text).is_some_and(|text| text.contains(REDACTED)), "{text}");
        }
        assert_eq!(redactor.redacted("nothing of it"), None);
    }

    #[test]
    fn a_credential_of_several_words_is_found_in_the_ways_of_several_languages() {
        let secret = "p<ss \\ w/rd! (1) & \"";
        let all: Vec<_> = words(secret).iter().flat_map(|word| forms(word)).collect();
        let redactor = Redactor { target: Rc::new(Target::default()), forms: OnceCell::from(all) };
        for text in [
            secret,
            r#"p\u003css \\ w/rd! (1) \u0026 \""#,
            r#"p<ss \\ w\/rd! (1) & \""#,
            "p%3Css%20%5C%20w%2Frd!%20(1)%20%26%20%22",
            "p%3Css+%5C+w%2Frd%21+%281%29+%26+%22",
        ] {
            assert_eq!(redactor.redacted(&format!("x {text} y")).as_deref(), Some("x [redacted] y"), "{text}");
        }
        let file = "-----BEGIN USER NKEY SEED-----\nSUAKEYKEYKEY\n-----END-----\nNever share it with anyone.\n";
        assert_eq!(words(file), ["SUAKEYKEYKEY"]);
    }

    #[test]
    fn a_credential_that_is_cut_at_the_end_is_found() {
        let redactor = Redactor { target: Rc::new(Target::default()), forms: OnceCell::from(forms("hunter2-hunter3")) };
        for cut in MIN_LENGTH..15 {
            let said = format!("it said `{}`", &"hunter2-hunter3"[..cut]);
            assert_eq!(redactor.redacted(&said).as_deref(), Some("it said `[redacted]`"), "{said}");
        }
        assert_eq!(redactor.redacted("the hunter"), Some("the [redacted]".to_owned()));
        assert_eq!(redactor.redacted("the hunt"), None);
    }
}
