//! The codec and the transition function: whatever happens to the bytes, a journal reads back as
//! what was written, as a beginning of it, or not at all.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::declaration::{Effect, ErrorClass, Failure};
use crate::event::{
    Asked, Cause, EVENT_FORMAT, Ended, Ending, Event, Happened, Header, Phase, Request, Running, Status,
};
use crate::value::Value;

fn header(run: &str) -> Happened {
    let params = Value::map([("observe", Value::Duration(Duration::from_millis(300_250))), ("n", Value::Int(-3))]);
    let sources = [("a.yaml".to_owned(), Arc::from("titan: 1\n\u{1b}[31m"))].into();
    let header = Header { run: run.to_owned(), about: Some(Arc::from("One.")), params, sources, ..Header::default() };
    Happened::RunStarted(Box::new(header))
}

fn started(phase: Phase, step: &str, attempt: u32) -> Happened {
    let with = Value::map([("$odd", Value::Float(f64::INFINITY)), ("gate", Value::text("execution"))]);
    Happened::Started { phase, step: Arc::from(step), action: Arc::from("arm"), effect: Effect::Changes, attempt, with }
}

fn finished(phase: Phase, step: &str, status: Status) -> Happened {
    let failure = (status != Status::Ok).then(|| Failure::new(ErrorClass::Timeout, "no answer\nat all"));
    Happened::Finished { phase, step: Arc::from(step), status, failure, out: Value::Float(0.1), took_ms: 7 }
}

fn numbered(happened: impl IntoIterator<Item = Happened>) -> Vec<Event> {
    let events = happened.into_iter().zip(0..);
    events.map(|(what, seq)| Event { v: EVENT_FORMAT, seq, at_ms: seq * 10, what }).collect()
}

/// A run in which every kind of record occurs.
fn story(run: &str) -> Vec<Event> {
    let step: Arc<str> = Arc::from("arm");
    let call = |index| Happened::CallStarted {
        phase: Phase::Forward,
        step: Arc::from("script"),
        index,
        primitive: Arc::from("nats_req"),
        with: Value::Null,
    };
    let cause = Cause::Step { step: Arc::clone(&step), failure: Failure::new(ErrorClass::Breach, "x") };
    let asked = Asked { request: Request::Skip { step: "x".to_owned() }, who: "a".to_owned(), why: "b".to_owned() };
    let ended = Ended {
        ending: Ending::Stuck,
        cause: Some(cause.clone()),
        needs_person: vec!["look".to_owned()],
        outputs: Value::list([Value::Bool(true), Value::Null]),
        took_ms: 9,
        limit: None,
    };
    numbered([
        header(run),
        Happened::LetComputed { name: Arc::from("x"), value: Value::text("é\u{202e}") },
        started(Phase::Forward, "script", 1),
        call(0),
        Happened::CallFinished {
            phase: Phase::Forward,
            step: Arc::from("script"),
            index: 0,
            out: Value::Int(1),
            failure: None,
        },
        call(1),
        Happened::WatchLive { watch: Arc::from("w") },
        started(Phase::Forward, "arm", 1),
        Happened::Remembered { phase: Phase::Forward, step: Arc::clone(&step), memory: Value::Bool(true) },
        Happened::Retrying {
            phase: Phase::Forward,
            step: Arc::clone(&step),
            failure: Failure::new(ErrorClass::NoData, "m"),
            wait_ms: 5,
        },
        started(Phase::Forward, "arm", 2),
        finished(Phase::Forward, "arm", Status::InDoubt),
        Happened::WatchEnded { watch: Arc::from("w"), breach: Some(Failure::new(ErrorClass::Breach, "seen")) },
        Happened::Skipped { phase: Phase::Forward, step: Arc::from("later"), reason: "no edge".to_owned() },
        Happened::Requested(asked),
        Happened::RollbackStarted { cause },
        started(Phase::Undo, "arm", 1),
        finished(Phase::Undo, "arm", Status::Ok),
        Happened::RunEnded(Box::new(ended)),
        Happened::Resumed { who: "me".to_owned(), unix_ms: 1, cut_bytes: 2 },
    ])
}

fn encoded(events: &[Event]) -> Vec<u8> {
    let mut chain = Chain::default();
    let mut bytes = Vec::new();
    events.iter().for_each(|event| chain.encode(event, &mut bytes).unwrap());
    bytes
}

/// Where each record ends.
fn ends(bytes: &[u8]) -> Vec<usize> {
    bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect()
}

#[test]
fn a_journal_reads_back_as_it_was_written() {
    let events = story("one");
    let read = read(&encoded(&events)).unwrap();
    assert_eq!(read.events, events);
    assert_eq!(read.torn, None);
    let state = State::after(&read.events).unwrap();
    assert_eq!(state, State::after(&events).unwrap());
    assert_eq!(state.known(Phase::Forward, "arm").unwrap().attempt, 2);
    assert!(state.known(Phase::Forward, "script").unwrap().outcome.is_none());
}

#[test]
fn the_order_in_a_record_says_nothing() {
    let events = story("one");
    let mut bytes = Vec::new();
    let mut head = "0".repeat(64);
    for line in String::from_utf8(encoded(&events)).unwrap().lines() {
        let mut record: serde_json::Value = serde_json::from_str(&line[74..]).unwrap();
        record["prev"] = head.into();
        // `serde_json` sorts by name: `attempt` comes before `event`.
        let json = serde_json::to_vec(&record).unwrap();
        head = crate::policy::sha256_hex(&json);
        bytes.extend_from_slice(format!("{:08x} {head} ", json.len()).as_bytes());
        bytes.extend_from_slice(&json);
        bytes.push(b'\n');
    }
    assert_eq!(read(&bytes).unwrap().events, events);
}

/// A journal as its runner left it, without and with room written ahead.
fn left(bytes: &[u8]) -> [Vec<u8>; 2] {
    [bytes.to_vec(), [bytes, &[0; 300]].concat()]
}

#[test]
fn a_journal_cut_at_any_byte_is_a_beginning_of_itself() {
    let events = story("one");
    let bytes = encoded(&events);
    let ends = ends(&bytes);
    for cut in 0..bytes.len() {
        let whole = ends.iter().filter(|end| **end <= cut).count();
        let last = ends[..whole].last().copied().unwrap_or(0);
        let tail = Torn { offset: last as u64, bytes: (cut - last) as u64 };
        for left in left(&bytes[..cut]) {
            let read = read(&left).unwrap();
            assert_eq!(read.events, events[..whole], "cut at {cut}");
            assert_eq!(read.torn, (cut > last).then_some(tail), "cut at {cut}");
        }
    }
}

#[test]
fn a_journal_with_any_bit_flipped_is_refused() {
    let whole = encoded(&story("one")[..6]);
    for mut bytes in left(&whole) {
        for at in 0..whole.len() {
            for bit in 0..8 {
                bytes[at] ^= 1 << bit;
                let read = read(&bytes);
                assert!(read.is_err(), "bit {bit} of byte {at} of {} went unnoticed", bytes.len());
                bytes[at] ^= 1 << bit;
            }
        }
    }
}

#[test]
fn a_bit_flipped_in_the_room_behind_the_records_changes_none_of_them() {
    let events = story("one");
    let [whole, mut bytes] = left(&encoded(&events));
    for at in whole.len()..bytes.len() {
        for bit in 0..8 {
            bytes[at] ^= 1 << bit;
            assert_eq!(read(&bytes).unwrap().events, events, "bit {bit} of byte {at}");
            bytes[at] ^= 1 << bit;
        }
    }
}

#[test]
fn records_from_elsewhere_missing_or_out_of_order_are_refused() {
    let (one, two) = (encoded(&story("one")), encoded(&story("two")));
    let lines = |bytes: &[u8]| bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let (one, two) = (lines(&one), lines(&two));
    for at in 0..one.len() {
        let mut spliced = one.clone();
        spliced[at] = two[at].clone();
        // The last record alone would be as good in a journal that ends before it.
        assert!(at + 1 == one.len() && spliced == one || read(&spliced.concat()).is_err(), "spliced at {at}");
        let mut dropped = one.clone();
        dropped.remove(at);
        assert_eq!(read(&dropped.concat()).is_err(), at + 1 < one.len(), "dropped {at}");
        let mut doubled = one.clone();
        doubled.insert(at, one[at].clone());
        assert!(read(&doubled.concat()).is_err(), "doubled {at}");
        if at + 1 < one.len() {
            let mut swapped = one.clone();
            swapped.swap(at, at + 1);
            assert!(read(&swapped.concat()).is_err(), "swapped {at}");
        }
    }
}

#[test]
fn a_hole_in_the_last_record_is_a_torn_tail_and_anywhere_else_corruption() {
    let bytes = encoded(&story("one"));
    let ends = ends(&bytes);
    let last = ends[ends.len() - 2];
    for mut torn in left(&bytes) {
        torn[last + 10..last + 60].fill(0);
        assert_eq!(read(&torn).unwrap().torn, Some(Torn { offset: last as u64, bytes: (bytes.len() - last) as u64 }));
    }
    let mut corrupt = bytes;
    corrupt[10..60].fill(0);
    assert_eq!(read(&corrupt).unwrap_err().offset, 0);
}

#[test]
fn a_record_of_another_format_is_refused() {
    let bytes = encoded(&story("one")[..1]);
    let json = String::from_utf8(bytes[74..bytes.len() - 1].to_vec()).unwrap().replace("{\"v\":1,", "{\"v\":2,");
    let line = format!("{:08x} {} {json}\n", json.len(), crate::policy::sha256_hex(json.as_bytes()));
    let refused = read(line.as_bytes()).unwrap_err();
    assert!(refused.why.contains("it has format 2"), "{refused}");
}

#[test]
fn a_gate_that_the_engine_closed_is_read_back_and_what_had_opened_it_is_not_done_any_more() {
    let failure = Some(Failure::new(ErrorClass::Timeout, "m"));
    let gate = || Arc::from("execution");
    let cause = Cause::Step { step: Arc::from("a"), failure: Failure::new(ErrorClass::Breach, "x") };
    let events = numbered([
        header("one"),
        started(Phase::Forward, "a", 1),
        finished(Phase::Forward, "a", Status::Failed),
        Happened::RollbackStarted { cause },
        started(Phase::Undo, "a", 1),
        started(Phase::Undo, "a/arm", 1),
        finished(Phase::Undo, "a/arm", Status::Ok),
        Happened::GateClosing { step: Arc::from("a/arm"), gate: gate() },
        Happened::GateClosed { step: Arc::from("a/arm"), gate: gate(), failure },
        Happened::GateClosing { step: Arc::from("a/arm"), gate: gate() },
        Happened::GateClosed { step: Arc::from("a/arm"), gate: gate(), failure: None },
    ]);
    let read = read(&encoded(&events)).unwrap();
    assert_eq!(read.events, events);
    let mut state = State::default();
    events.iter().for_each(|event| state.apply(event).unwrap());
    assert!(state.known(Phase::Undo, "a").is_some() && state.known(Phase::Undo, "a/arm").is_none());
    // One that is tried again goes on.
    let tried = [
        started(Phase::Undo, "a/arm", 1),
        Happened::GateClosing { step: Arc::from("a/arm"), gate: gate() },
        Happened::GateClosed { step: Arc::from("a/arm"), gate: gate(), failure: None },
        started(Phase::Undo, "a/arm", 2),
    ];
    for (at, what) in (events.len() as u64..).zip(tried) {
        state.apply(&Event { v: EVENT_FORMAT, seq: at, at_ms: at * 10, what }).unwrap();
    }
}

/// The record format stays readable for ever: this file was written by format 1.
#[test]
fn the_kept_sample_of_format_1_still_reads() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/journal/format-1");
    if !std::fs::exists(path).unwrap() && std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(path, encoded(&story("sample"))).unwrap();
    }
    assert_eq!(read(&std::fs::read(path).unwrap()).unwrap().events, story("sample"));
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_filter("NaN equals nothing", |float| !float.is_nan()).prop_map(Value::Float),
        ".{0,12}".prop_map(Value::text),
        any::<(u32, u32)>().prop_map(|(s, ns)| Value::Duration(Duration::new(s.into(), ns % 1_000_000_000))),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::list),
            prop::collection::btree_map("\\$?[a-z]{0,8}", inner, 0..6).prop_map(Value::map),
        ]
    })
}

/// Any event, likely or not.
fn happened() -> impl Strategy<Value = Happened> {
    let phase = prop_oneof![Just(Phase::Forward), Just(Phase::Undo), Just(Phase::Ensure)];
    let path = prop_oneof![Just("a"), Just("b"), Just("a/b"), Just("a[0]")];
    let status = prop_oneof![Just(Status::Ok), Just(Status::Failed), Just(Status::InDoubt)];
    let ending = prop_oneof![Just(Ending::Succeeded), Just(Ending::Paused), Just(Ending::Stuck)];
    (phase, path, status, ending, 1..3_u32, 0..13_u32).prop_map(|(phase, path, status, ending, attempt, kind)| {
        let step: Arc<str> = Arc::from(path);
        match kind {
            0..3 => started(phase, path, attempt),
            3..5 => finished(phase, path, status),
            5 => Happened::Skipped { phase, step, reason: String::new() },
            6 => Happened::Remembered { phase, step, memory: Value::Null },
            7 => Happened::Resumed { who: String::new(), unix_ms: 0, cut_bytes: 0 },
            8 => Happened::WatchLive { watch: step },
            9 => Happened::GateClosing { step, gate: Arc::from("execution") },
            10 => Happened::GateClosed { step, gate: Arc::from("execution"), failure: None },
            11 => Happened::LookedAgain { phase: Phase::Forward, step, failure: None },
            _ => {
                let cause = Some(Cause::Step { step, failure: Failure::new(ErrorClass::Exit, "") });
                let limit = Some(Running { limit: "total".to_owned(), passes_ms: 1 });
                let ended = Ended { ending, cause, needs_person: Vec::new(), outputs: Value::Null, took_ms: 0, limit };
                Happened::RunEnded(Box::new(ended))
            }
        }
    })
}

proptest! {
    #[test]
    fn every_value_reads_back_as_itself(value in value()) {
        let events = numbered([header("one"), Happened::LetComputed { name: Arc::from("x"), value }]);
        prop_assert_eq!(read(&encoded(&events)).unwrap().events, events);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let events = read(&bytes).map(|read| read.events.len()).unwrap_or_default();
        prop_assert_eq!(events, 0);
    }

    /// What may not follow changes nothing, and what was applied live is what is read back.
    #[test]
    fn a_live_state_and_a_state_read_back_are_the_same(all in prop::collection::vec(happened(), 0..60)) {
        let mut live = State::default();
        let mut kept: Vec<Event> = Vec::new();
        for what in std::iter::once(header("one")).chain(all) {
            let event = Event { v: EVENT_FORMAT, seq: kept.len() as u64, at_ms: kept.len() as u64, what };
            let before = live.clone();
            match live.apply(&event) {
                Ok(()) => kept.push(event),
                Err(_) => prop_assert_eq!(&live, &before),
            }
        }
        let read = read(&encoded(&kept)).unwrap();
        prop_assert_eq!(State::after(&read.events).unwrap(), live);
    }
}
