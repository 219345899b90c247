//! Paths as URIs and back.

use std::str::FromStr;

use lsp_types::Uri;

/// The path a URI names; what is in no file has its URI in angle brackets as its name.
pub(super) fn path_of(uri: &Uri) -> String {
    let text = uri.as_str();
    match text.strip_prefix("file://") {
        Some(rest) => {
            let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or(rest);
            decoded(path)
        }
        None => format!("<{text}>"),
    }
}

/// The URI of a path; `None` where it is no absolute path.
pub(super) fn uri_of(path: &str) -> Option<Uri> {
    let uri = path.strip_prefix('<').and_then(|uri| uri.strip_suffix('>'));
    if let Some(uri) = uri {
        return Uri::from_str(uri).ok();
    }
    path.starts_with('/').then_some(())?;
    let parts: Vec<_> = path.split('/').map(crate::percent::percent_encoded).collect();
    Uri::from_str(&format!("file://{}", parts.join("/"))).ok()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let hex = (*first == b'%').then(|| behind.get(..2)).flatten();
        let byte = hex.and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = match byte {
            Some(_) => behind.get(2..).unwrap_or(&[]),
            None => behind,
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_back_as_it_was_written() {
        for path in ["/a/b.yaml", "/a b/ü%/x.yaml", "<untitled:Untitled-1>"] {
            assert_eq!(path_of(&uri_of(path).unwrap()), path);
        }
        assert_eq!(path_of(&Uri::from_str("file://localhost/a%20b").unwrap()), "/a b");
        assert!(uri_of("std/verified_arm.yaml").is_none());
    }
}
