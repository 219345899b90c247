//! Bytes: one line a record, framed, checksummed and chained.
//!
//! ```text
//! 000001c4 9f86d081…0f00a08 {"v":1,"seq":3,"prev":"60303ae2…","at_ms":1204,"what":{…}}
//! length   SHA-256 of the   the record: JSON without a line end
//! in hex   record           `prev` is the checksum of the record before
//! ```
//!
//! Zeros after the last record are room for the next ones. A last line without its end, or with holes of NUL bytes, was never acknowledged: a torn tail.
//! Everything else that is not exactly right is corruption. Pure; any prefix of lines is a
//! journal, which is why a head can be kept elsewhere and compared.

use data_encoding::HEXLOWER;

use crate::event::Event;
use crate::policy::sha256_digits;

use super::record::{RECORD_FORMAT, Record, Version};
use super::written::Written;

/// The most bytes of one record: the first one holds the files a run is made of.
pub const MAX_RECORD: usize = 64 * 1024 * 1024;

/// The NUL bytes that are a hole of the disk's and not one flipped bit.
const HOLE: usize = 2;

/// Hex digits of a length.
const LENGTH: usize = 8;
/// Hex digits of a checksum.
const CHECKSUM: usize = 64;
/// Bytes before the JSON of a record.
const PREFIX: usize = LENGTH + 1 + CHECKSUM + 1;

/// The end of a chain of records: what the next one must follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    head: String,
    next_seq: u64,
}

impl Default for Chain {
    fn default() -> Self {
        Self { head: "0".repeat(CHECKSUM), next_seq: 0 }
    }
}

impl Chain {
    /// The checksum of the last record; 64 zeros before the first.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// The place of the next record.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Appends the record of an event to `line`s.
    ///
    /// # Errors
    /// A sentence when the event is not the next one, or is too large.
    pub fn encode(&mut self, event: &Event, lines: &mut Vec<u8>) -> Result<(), String> {
        if event.seq != self.next_seq {
            return Err(format!("record {} was to follow, not {}", self.next_seq, event.seq));
        }
        let start = lines.len();
        lines.resize(start + PREFIX, b' ');
        serde_json::to_writer(&mut *lines, &Written::of(event, &self.head)).map_err(|error| error.to_string())?;
        let json = lines.get(start + PREFIX..).unwrap_or_default();
        if json.len() > MAX_RECORD {
            lines.truncate(start);
            return Err(format!("a record is larger than {MAX_RECORD} bytes"));
        }
        let prefix = Prefix::of(json);
        if let Some(place) = lines.get_mut(start..start + PREFIX) {
            place.copy_from_slice(&prefix.0);
        }
        lines.push(b'\n');
        self.goes_on(&prefix);
        Ok(())
    }

    /// Takes note of a record by what stands before it.
    fn goes_on(&mut self, prefix: &Prefix) {
        self.head.clear();
        self.head.push_str(prefix.checksum());
        self.next_seq += 1;
    }
}

/// What stands before the JSON of a record.
struct Prefix([u8; PREFIX]);

impl Prefix {
    fn of(json: &[u8]) -> Self {
        let mut prefix = [b' '; PREFIX];
        let (length, rest) = prefix.split_at_mut(LENGTH);
        let bytes = u32::try_from(json.len()).unwrap_or(u32::MAX);
        HEXLOWER.encode_mut(&bytes.to_be_bytes(), length);
        if let Some(checksum) = rest.get_mut(1..=CHECKSUM) {
            checksum.copy_from_slice(&sha256_digits(json));
        }
        Self(prefix)
    }

    fn checksum(&self) -> &str {
        let digits = self.0.get(LENGTH + 1..LENGTH + 1 + CHECKSUM).unwrap_or_default();
        std::str::from_utf8(digits).unwrap_or_default()
    }
}

/// A journal that was read.
#[derive(Debug)]
pub struct Read {
    /// Its events, in order.
    pub events: Vec<Event>,
    /// Its end.
    pub chain: Chain,
    /// The bytes of the whole records.
    pub whole_bytes: u64,
    /// A last record that was never acknowledged.
    pub torn: Option<Torn>,
}

/// The tail of a journal whose runner died while writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torn {
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub bytes: u64,
}

/// Why a journal cannot be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal is corrupt at byte {offset}: {why}")]
pub struct Corruption {
    /// Where the bad record begins.
    pub offset: u64,
    /// What is wrong with it.
    pub why: String,
}

/// The first event of a journal alone; nothing where it is not whole.
pub fn first(bytes: &[u8]) -> Option<Event> {
    decode(framed(bytes)?, &mut Chain::default()).ok()
}

/// Reads a whole journal.
///
/// # Errors
/// [`Corruption`] for everything but a torn tail.
pub fn read(bytes: &[u8]) -> Result<Read, Corruption> {
    let mut chain = Chain::default();
    let mut events = Vec::new();
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let offset = at as u64;
        if rest.iter().all(|byte| *byte == 0) {
            break;
        }
        if let Some(line) = framed(rest)
            && let Ok(event) = decode(line, &mut chain)
        {
            events.push(event);
            at += line.len() + 1;
            continue;
        }
        let Some(end) = line_end(rest) else {
            let written = without_zeros(rest);
            if written.split_last().is_some_and(|(_, line)| decode(line, &mut chain.clone()).is_ok()) {
                return Err(Corruption { offset, why: "its line end is wrong".to_owned() });
            }
            let torn = Some(Torn { offset, bytes: written.len() as u64 });
            return Ok(Read { events, chain, whole_bytes: offset, torn });
        };
        let line = rest.get(..end).unwrap_or_default();
        let event = decode(line, &mut chain).map_err(|why| Corruption { offset, why })?;
        events.push(event);
        at += end + 1;
    }
    Ok(Read { events, chain, whole_bytes: at as u64, torn: None })
}

/// The next line as long as it says it is; its checksum alone says whether it is one.
fn framed(rest: &[u8]) -> Option<&[u8]> {
    let length = std::str::from_utf8(rest.get(..LENGTH)?).ok()?;
    let end = PREFIX + usize::from_str_radix(length, 16).ok()?;
    (rest.get(end) == Some(&b'\n')).then(|| rest.get(..end))?
}

/// Where the next line ends; `None` when it is the last and was never finished.
fn line_end(rest: &[u8]) -> Option<usize> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let (line, after) = rest.split_at_checked(end)?;
    let has_holes = || line.iter().filter(|byte| **byte == 0).count() >= HOLE;
    (!has_holes() || without_zeros(after).len() > 1).then_some(end)
}

/// The bytes before the room that was written ahead.
fn without_zeros(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.get(..end).unwrap_or_default()
}

/// Decodes the record after `chain`, which is as it was where that is not one.
fn decode(line: &[u8], chain: &mut Chain) -> Result<Event, String> {
    let (before, json) = line.split_at_checked(PREFIX).ok_or("it is too short")?;
    let prefix = Prefix::of(json);
    if *before != prefix.0 {
        return Err("its length or checksum is wrong".to_owned());
    }
    let record = match serde_json::from_slice::<Record<'_>>(json) {
        Ok(record) if record.v == RECORD_FORMAT => record,
        read => return Err(unread(json, read.err())),
    };
    if record.prev != chain.head {
        return Err("it does not follow the record before it".to_owned());
    }
    if record.seq != chain.next_seq {
        return Err(format!("record {} was to follow, not {}", chain.next_seq, record.seq));
    }
    chain.goes_on(&prefix);
    Ok(record.into_event())
}

/// Why a whole record cannot be read: first of all, because it is in another format.
fn unread(json: &[u8], error: Option<serde_json::Error>) -> String {
    match serde_json::from_slice(json) {
        Ok(Version { v }) if v != RECORD_FORMAT => format!("it has format {v}, and this engine reads {RECORD_FORMAT}"),
        Ok(_) => error.map_or_else(String::new, |error| error.to_string()),
        Err(error) => error.to_string(),
    }
}
