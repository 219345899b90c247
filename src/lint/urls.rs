//! Addresses in files: their scheme and host, and whether they stay on this machine.

use std::net::IpAddr;
use std::ops::Range;

/// The parts of an address that rules look at.
pub(super) struct Address<'a> {
    /// The scheme in lower case; empty where none is written.
    pub(super) scheme: String,
    /// The user and password before `@`.
    pub(super) login: Option<&'a str>,
    /// The host without port and brackets.
    pub(super) host: &'a str,
    /// Where the host stands in the text.
    pub(super) host_place: Range<usize>,
}

impl<'a> Address<'a> {
    /// Takes an address apart.
    pub(super) fn of(text: &'a str) -> Self {
        let (scheme, start) = text.find("://").map_or(("", 0), |at| (text.get(..at).unwrap_or(""), at + 3));
        let rest = text.get(start..).unwrap_or("");
        let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
        let (login, place) = match authority.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, authority),
        };
        let host_start = start + authority.len() - place.len();
        let (host, shift) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, _)) => (host, 1),
            None => (place.split(':').next().unwrap_or(""), 0),
        };
        let host_place = host_start + shift..host_start + shift + host.len();
        Self { scheme: scheme.to_ascii_lowercase(), login, host, host_place }
    }

    /// Whether what is sent there never leaves this machine.
    pub(super) fn is_loopback(&self) -> bool {
        let name = self.host.trim_end_matches('.').to_ascii_lowercase();
        let by_number = name.parse::<IpAddr>().is_ok_and(|address| match address {
            IpAddr::V4(address) => address.is_loopback(),
            IpAddr::V6(address) => {
                address.is_loopback() || address.to_ipv4_mapped().is_some_and(|address| address.is_loopback())
            }
        });
        by_number || name == "localhost" || name.ends_with(".localhost")
    }
}

/// Whether the `nth` insertion stands before the end of the host, so that it decides who is asked.
pub(super) fn is_in_host(text: &str, nth: usize) -> bool {
    let end = text.find("://").map_or(0, |at| at + 3);
    let path = text.get(end..).and_then(|rest| rest.find(['/', '?', '#'])).map_or(text.len(), |at| end + at);
    text.match_indices("${").nth(nth).is_some_and(|(at, _)| at < path)
}
