//! Policies: strict I-JSON, its canonical form (RFC 8785), and the SHA-256 of that.
//!
//! Both services compute the same hash, so what could be read in two ways is refused rather
//! than guessed: duplicate keys, integers a double cannot hold, lone surrogates, a BOM.

mod canonical;
mod json;
#[cfg(test)]
mod tests;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::diagnostic::{Diagnostic, Findings};
use crate::source::{SourceFile, Span};
use crate::value::Value;

pub use canonical::{CanonicalError, canonicalize};
pub use json::{MAX_DEPTH, MAX_SIZE};

/// The canonical form of a JSON file.
///
/// # Errors
/// Everything that keeps the file from being I-JSON; after a syntax error, that error alone.
pub fn canonical_json(file: &SourceFile) -> Result<Vec<u8>, Vec<Diagnostic>> {
    let mut findings = Findings::new(file.clone());
    let tree = json::parse(file.text(), &mut findings);
    match tree {
        Some(tree) if !findings.has_errors() => Ok(canonical::write(&tree, file.text().len())),
        _ => Err(findings.into_sorted()),
    }
}

/// The policy hash of a JSON file: 64 lower-case hex digits.
///
/// # Errors
/// As [`canonical_json`].
pub fn policy_hash(file: &SourceFile) -> Result<String, Vec<Diagnostic>> {
    canonical_json(file).map(|canonical| sha256_hex(&canonical))
}

/// SHA-256 as 64 lower-case hex digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// The same as bytes, without a text of their own.
pub fn sha256_digits(bytes: &[u8]) -> [u8; 64] {
    let mut digits = [0; 64];
    HEXLOWER.encode_mut(&Sha256::digest(bytes), &mut digits);
    digits
}

/// Turns a policy file's bytes into a source file.
///
/// # Errors
/// What is wrong with the bytes: too many, or not UTF-8.
pub fn read_text(name: &str, bytes: &[u8]) -> Result<SourceFile, Vec<Diagnostic>> {
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.len() <= MAX_SIZE => Ok(SourceFile::new(name, text)),
        Ok(_) => {
            let findings = Findings::new(SourceFile::new(name, ""));
            let message = format!("`{name}` is larger than {MAX_SIZE} bytes");
            Err(vec![findings.error("json-size", message, Span::default())])
        }
        Err(error) => {
            let file = SourceFile::new(name, String::from_utf8_lossy(bytes).into_owned());
            let at = error.valid_up_to();
            let findings = Findings::new(file);
            let message = format!("the byte 0x{:02X} is not UTF-8", bytes.get(at).copied().unwrap_or_default());
            let finding = findings.error("not-utf8", message, Span::new(at, at + '\u{FFFD}'.len_utf8()));
            Err(vec![finding.help("save the file as UTF-8")])
        }
    }
}

/// The policy hash of a value.
///
/// # Errors
/// [`CanonicalError`] where the value is not JSON.
pub fn hash_value(value: &Value) -> Result<String, CanonicalError> {
    canonicalize(value).map(|canonical| sha256_hex(&canonical))
}
