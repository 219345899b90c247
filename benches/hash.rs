//! The policy hash of 10 KB beside serde_jcs and sha2, in one process, byte for byte the same.
//!
//! `cargo bench --bench hash`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_types,
    missing_docs,
    reason = "a bench is run by hand, and measures the clock"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use titan_run::policy::policy_hash;
use titan_run::source::SourceFile;

/// Hashes in one round.
const HASHES: u32 = 500;
/// Rounds; the two are interleaved, and the medians shown.
const ROUNDS: usize = 15;

/// About 10 KB of what policies are made of.
fn policy() -> String {
    let row = |at: u32| format!("\"limit_{at}\": {{\"max\": {at}.5, \"min\": -{at}, \"name\": \"é{at}\"}}");
    format!("{{{}}}", (0..200).map(row).collect::<Vec<_>>().join(", "))
}

fn ours(text: &str) -> String {
    policy_hash(&SourceFile::new("policy.json", text)).unwrap()
}

fn theirs(text: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    let canonical = serde_jcs::to_vec(&value).unwrap();
    Sha256::digest(canonical).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn timed(text: &str, hash: fn(&str) -> String) -> Duration {
    let began = Instant::now();
    for _ in 0..HASHES {
        black_box(hash(black_box(text)));
    }
    began.elapsed()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times.get(times.len() / 2).unwrap().as_secs_f64() * 1e6 / f64::from(HASHES)
}

fn main() {
    let text = policy();
    assert_eq!(ours(&text), theirs(&text));
    let (mut own, mut other) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        own.push(timed(&text, ours));
        other.push(timed(&text, theirs));
    }
    let (own, other) = (median(own), median(other));
    println!(
        "policy hash of {} bytes: {own:.1} us, serde_jcs + sha2 {other:.1} us, ratio {:.2}",
        text.len(),
        own / other
    );
}
