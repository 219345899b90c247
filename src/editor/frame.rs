//! Messages as they come over the wire: headers, a length, JSON; bounded, and none that is broken
//! stops what follows.

use std::io::{self, BufRead, Read, Write};

use serde_json::Value;

/// The most bytes of a message: the largest file, with every character escaped.
pub const MAX_MESSAGE: usize = 64 * 1024 * 1024;

/// The most bytes of a message that is passed over for what follows it: behind more, nobody waits.
const MAX_PASSED_OVER: u64 = 1024 * 1024 * 1024;

/// The most bytes of one header line.
const MAX_HEADER: u64 = 4 * 1024;

/// What came.
#[derive(Debug)]
pub enum Incoming {
    /// JSON.
    Message(Value),
    /// Something else; what is wrong with it.
    Broken(String),
}

/// Reads the next message; `None` at the end.
///
/// # Errors
/// When the other side cannot be read, or no length that could be true says where the next message begins.
pub fn read(from: &mut dyn BufRead) -> io::Result<Option<Incoming>> {
    let Some(length) = length(from)? else {
        return Ok(None);
    };
    if length > MAX_PASSED_OVER {
        return Err(wrong(&format!("a message of {length} bytes is announced, and {MAX_MESSAGE} are the most")));
    }
    if length > MAX_MESSAGE as u64 {
        let skipped = io::copy(&mut from.take(length), &mut io::sink())?;
        return Ok(
            (skipped == length).then(|| Incoming::Broken(format!("a message has more than {MAX_MESSAGE} bytes")))
        );
    }
    let mut body = Vec::new();
    from.take(length).read_to_end(&mut body)?;
    if (body.len() as u64) < length {
        return Ok(None);
    }
    Ok(Some(match serde_json::from_slice(&body) {
        Ok(message) => Incoming::Message(message),
        Err(error) => Incoming::Broken(format!("this is no JSON: {error}")),
    }))
}

/// The length the headers say; `None` at the end.
fn length(from: &mut dyn BufRead) -> io::Result<Option<u64>> {
    let mut length = None;
    loop {
        let mut line = Vec::new();
        let read = from.take(MAX_HEADER).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim();
        if line.is_empty() {
            match length {
                Some(length) => return Ok(Some(length)),
                None => return Err(wrong("a message has no `Content-Length` that could be read")),
            }
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("Content-Length")
        {
            length = value.trim().parse().ok();
        }
    }
}

fn wrong(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// Writes a message.
///
/// # Errors
/// When the other side does not listen any more.
pub(super) fn write(to: &mut dyn Write, message: &Value) -> io::Result<()> {
    let body = message.to_string();
    write!(to, "Content-Length: {}\r\n\r\n{body}", body.len())?;
    to.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_message_does_not_hide_the_next() {
        let mut wire = Vec::new();
        wire.extend_from_slice(b"Content-Length: 5\r\nContent-Type: x\r\n\r\n{oops");
        write(&mut wire, &serde_json::json!({ "ok": true })).unwrap();
        wire.extend_from_slice(b"Content-Length: 99\r\n\r\n{}");
        let mut from = wire.as_slice();
        assert!(matches!(read(&mut from).unwrap(), Some(Incoming::Broken(_))));
        assert!(matches!(read(&mut from).unwrap(), Some(Incoming::Message(message)) if message["ok"] == true));
        assert!(read(&mut from).unwrap().is_none(), "cut off");
        assert!(read(&mut b"X: y\r\n\r\n".as_slice()).is_err());
        assert!(read(&mut b"Content-Length: 99999999999999\r\n\r\n{}".as_slice()).is_err());
    }
}
