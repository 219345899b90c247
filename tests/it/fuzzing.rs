//! The fuzz targets' own work, done with every seed: they stay what `scripts/fuzz` can build on.

use std::fs;

#[path = "../../fuzz/src/lib.rs"]
mod targets;

type Target = (&'static str, fn(&str));

const TARGETS: [Target; 5] = [
    ("runbook", targets::runbook),
    ("guard", targets::guard),
    ("target", targets::target),
    ("world", targets::world),
    ("promql", targets::promql),
];

#[test]
fn every_seed_goes_through_its_fuzz_target() {
    for (name, target) in TARGETS {
        let seeds: Vec<_> = fs::read_dir(format!("fuzz/seeds/{name}")).expect("seeds").collect();
        assert!(!seeds.is_empty(), "`{name}` has no seeds");
        for seed in seeds {
            target(&fs::read_to_string(seed.expect("a seed").path()).expect("a text"));
        }
        assert!(fs::exists(format!("fuzz/fuzz_targets/{name}.rs")).expect("a folder"), "`{name}` is no target");
    }
}
