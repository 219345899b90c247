//! Addresses as people write them: what lacks of one is told with what to write instead.

/// What is wrong with an address, and how it is to be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}; {help}")]
pub struct Misaddressed {
    /// What is wrong.
    pub message: String,
    /// The next keystroke.
    pub help: String,
}

/// Checks the address of something that is asked over HTTP; `path` is what it usually ends in.
///
/// # Errors
/// [`Misaddressed`] where it has no scheme, another one, or no host.
pub fn http_address(written: &str, path: &str) -> Result<(), Misaddressed> {
    address(written, &["http", "https"], "an HTTP address", path)
}

/// Checks the address of a NATS server; one without a scheme is `nats://`.
///
/// # Errors
/// [`Misaddressed`] where it has another scheme, or no host.
pub fn nats_address(written: &str) -> Result<(), Misaddressed> {
    match written.contains("://") {
        true => address(written, &["nats", "tls"], "a NATS address", ""),
        false => address(&format!("nats://{written}"), &["nats"], "a NATS address", ""),
    }
}

fn address(written: &str, schemes: &[&str], what: &str, path: &str) -> Result<(), Misaddressed> {
    let usual = schemes.first().copied().unwrap_or_default();
    let (scheme, rest) = written.split_once("://").map_or((None, written), |(scheme, rest)| (Some(scheme), rest));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let path = if host.len() == rest.len() { path } else { "" };
    let message = match scheme {
        _ if host.is_empty() => format!("`{written}` names no host"),
        _ if rest.chars().any(|c| c.is_whitespace() || c.is_control()) => format!("`{written}` has a blank in it"),
        None => format!("`{written}` has no scheme"),
        Some(scheme) if schemes.iter().any(|known| scheme.eq_ignore_ascii_case(known)) => return Ok(()),
        Some(scheme) => format!("`{scheme}://` does not begin {what}"),
    };
    let is_whole = !host.is_empty() && !rest.contains(char::is_whitespace);
    let rest = if is_whole { rest } else { "HOST:PORT" };
    Err(Misaddressed { message, help: format!("write `{usual}://{rest}{path}`") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_almost_right_is_told_with_the_right_one() {
        let scraped = |written| http_address(written, "/metrics").map_err(|why| why.to_string());
        let nats = |written| nats_address(written).map_err(|why| why.to_string());
        for right in ["http://h:1/metrics", "HTTPS://h", "http://[::1]:9464"] {
            assert_eq!(scraped(right), Ok(()), "{right}");
        }
        for right in ["nats://h:4222", "tls://h", "h:4222", "h", "nats://user:secret@h"] {
            assert_eq!(nats(right), Ok(()), "{right}");
        }
        for (told, message) in [
            (scraped("10.0.0.7:9464"), "`10.0.0.7:9464` has no scheme; write `http://10.0.0.7:9464/metrics`"),
            (scraped("10.0.0.7:9464/m"), "`10.0.0.7:9464/m` has no scheme; write `http://10.0.0.7:9464/m`"),
            (scraped("htp://h:1/"), "`htp://` does not begin an HTTP address; write `http://h:1/`"),
            (scraped("http:///metrics"), "`http:///metrics` names no host; write `http://HOST:PORT`"),
            (scraped("http://a b"), "`http://a b` has a blank in it; write `http://HOST:PORT/metrics`"),
            (scraped(""), "`` names no host; write `http://HOST:PORT/metrics`"),
            (nats("http://h:4222"), "`http://` does not begin a NATS address; write `nats://h:4222`"),
            (nats("nats://"), "`nats://` names no host; write `nats://HOST:PORT`"),
        ] {
            assert_eq!(told, Err(message.to_owned()));
        }
    }
}
