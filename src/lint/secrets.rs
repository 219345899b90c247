//! What credentials look like: their names, their own forms, and references to them.

use std::ops::Range;

/// The words a credential's name ends in.
const LAST_WORDS: [&str; 15] = [
    "token",
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "pw",
    "jwt",
    "secret",
    "secrets",
    "apikey",
    "seed",
    "creds",
    "credential",
    "credentials",
    "nkey",
];

/// The two words a credential's name ends in.
const LAST_TWO: [&str; 6] = ["api_key", "access_key", "private_key", "secret_key", "signing_key", "ssh_key"];

/// A credential's whole name: as the last of several words it says how one logs in.
const WHOLE: &str = "auth";

/// The length of the shortest credential that is known by its form, in bytes.
const SHORTEST: usize = 20;

/// Whether a name says that its value is a credential.
pub(super) fn is_secret_name(name: &str) -> bool {
    let mut words = String::new();
    let mut before = ' ';
    for c in name.chars() {
        if c.is_ascii_uppercase() && before.is_ascii_lowercase() {
            words.push('_');
        }
        words.push(if c == '-' || c == '.' { '_' } else { c.to_ascii_lowercase() });
        before = c;
    }
    let last = words.rsplit('_').next().unwrap_or("");
    let ends_in = |two: &&str| words.strip_suffix(*two).is_some_and(|rest| rest.is_empty() || rest.ends_with('_'));
    words == WHOLE || LAST_WORDS.contains(&last) || LAST_TWO.iter().any(ends_in)
}

/// Whether a whole text is a reference such as `env:NAME` or `file:PATH`.
pub(super) fn is_reference(text: &str) -> bool {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    match text.split_once(':') {
        Some(("env", name)) => is_name(name),
        Some(("file", path)) => path.starts_with(['/', '.', '~']) && !path.contains(char::is_whitespace),
        _ => false,
    }
}

/// The credential written out in a text, and what it is.
pub(super) fn written_out(text: &str) -> Option<(&'static str, Range<usize>)> {
    if text.len() < SHORTEST {
        return None;
    }
    if text.contains('-')
        && let Some(at) = text.find("-----BEGIN ")
        && text.contains("PRIVATE KEY-----")
    {
        return Some(("a private key", at..text.len()));
    }
    let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let mut next = 0;
    for word in text.as_bytes().split(|byte| !is_inner(byte)) {
        let place = next..next + word.len();
        next = place.end + 1;
        if word.len() >= SHORTEST
            && let Some(what) = text.get(place.clone()).and_then(form)
        {
            return Some((what, place));
        }
    }
    None
}

/// What a word is by its form.
fn form(word: &str) -> Option<&'static str> {
    let all = |rest: &str, fits: fn(char) -> bool| rest.chars().all(fits);
    let is_base32 = |c: char| c.is_ascii_uppercase() || ('2'..='7').contains(&c);
    let is_upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    let is_url64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let is_seed = word.len() == 58
        && ["SU", "SA", "SO", "SN", "SC", "SX"].iter().any(|kind| word.starts_with(kind))
        && all(word, is_base32);
    let is_jwt = word.starts_with("eyJ") && word.split('.').count() == 3 && word.len() > 40;
    let starts = |head: &str, len: usize| word.starts_with(head) && word.len() >= len && all(word, is_url64);
    if is_seed {
        Some("an nkey seed")
    } else if is_jwt {
        Some("a JWT")
    } else if ["AKIA", "ASIA"].iter().any(|head| word.starts_with(head)) && word.len() == 20 && all(word, is_upper) {
        Some("an AWS access key")
    } else if ["ghp_", "gho_", "ghs_", "ghr_"].iter().any(|head| starts(head, 36)) || starts("github_pat_", 40) {
        Some("a GitHub token")
    } else if starts("glpat-", 20) || ["xoxb-", "xoxp-", "xoxa-"].iter().any(|head| starts(head, 24)) {
        Some("an access token")
    } else {
        None
    }
}

/// Whether a text is too long and too mixed to be anything but made by a machine.
pub(super) fn is_random(text: &str) -> bool {
    /// A shorter one is more likely a word.
    const LEAST: usize = 16;
    if text.len() < LEAST || text.contains(char::is_whitespace) {
        return false;
    }
    let has = |fits: fn(&u8) -> bool| text.bytes().any(|byte| fits(&byte));
    let kinds = [has(u8::is_ascii_digit), has(u8::is_ascii_lowercase), has(u8::is_ascii_uppercase)];
    kinds.iter().filter(|kind| **kind).count() >= 2
}
