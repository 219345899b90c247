//! Any text as a world file: read, its services deployed, and lived in for a minute of its own time.
#![no_main]

use std::collections::BTreeMap;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use titan_run::sim::SimWorld;
use titan_run::world::World;

/// How long the world lives, by its own clock.
const MINUTE: Duration = Duration::from_secs(60);

fuzz_target!(|text: &str| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let Ok(world) = SimWorld::new(text, &BTreeMap::new(), 1) else {
            return;
        };
        let services: Vec<String> = world.state().as_map().into_iter().flatten().map(|(name, _)| name.to_string()).collect();
        let lived = async {
            for service in &services {
                let _ = world.services().deploy(service, "2.0.0", MINUTE).await;
            }
            world.clock().sleep(MINUTE).await;
        };
        tokio::select! {
            biased;
            () = world.drive() => {}
            () = lived => {}
        }
        let _ = (world.state(), world.broken(), world.fault());
    });
});
