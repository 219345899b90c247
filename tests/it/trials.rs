//! How many random cases are tried.

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Tries as many cases as an environment variable asks for, or a few, and says how many those are.
/// The few are the same ones each time; the many are not those.
pub fn trials(variable: &str, few: u32) -> (TestRunner, u32) {
    let asked = std::env::var(variable).map_or(few, |count| count.parse().unwrap());
    let config = Config { cases: asked, failure_persistence: None, ..Config::default() };
    let runner = if asked == few {
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
    } else {
        TestRunner::new(config)
    };
    (runner, asked)
}
