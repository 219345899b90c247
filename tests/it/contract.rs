//! The world's traits mean the same in memory and on real parts: the same cases against both.

use std::collections::BTreeMap;
use std::time::Duration;

use titan_run::declaration::ErrorClass;
use titan_run::guard::Guards;
use titan_run::live::{Answers, LiveWorld};
use titan_run::primitive::CATALOGUE;
use titan_run::runbook::decode_target;
use titan_run::sim::SimWorld;
use titan_run::source::SourceFile;
use titan_run::world::{Gather, Message, World};

use crate::stage::Stage;

const HASH: &str = "titan.req.exec.policy_hash.v1";
const DISARM: &str = "titan.cmd.operator.disarm.v1";
const BOUND: Duration = Duration::from_secs(5);

fn message(subject: &str) -> Message {
    Message { subject: subject.to_owned(), payload: b"{}".to_vec(), ..Message::default() }
}

fn hash_in(message: &Message) -> String {
    let json: serde_json::Value = serde_json::from_slice(&message.payload).unwrap();
    json["hash"].as_str().unwrap().to_owned()
}

/// What must be true of every world that is a Titan.
async fn contract(world: &dyn World) {
    let bus = world.bus();
    let one = bus.request(&message(HASH), Gather::First(BOUND)).await.unwrap();
    assert_eq!(hash_in(&one[0]).len(), 64);
    let all = bus.request(&message(HASH), Gather::Window(Duration::from_millis(300))).await.unwrap();
    assert_eq!((all.len(), hash_in(&all[0])), (1, hash_in(&one[0])));
    let nobody = bus.request(&message("titan.req.nobody"), Gather::First(BOUND)).await.unwrap_err();
    assert_eq!(nobody.class, ErrorClass::NoResponders);

    let mut heard = bus.subscribe("titan.cmd.operator.*.v1").await.unwrap();
    let mark = world.logs().mark("execution").await.unwrap();
    let mut line = bus.command_line().await.unwrap();
    line.publish(&message(DISARM)).await.unwrap();
    line.health().unwrap();
    let seen = heard.next().await.unwrap();
    assert_eq!((seen.subject.as_str(), seen.payload.as_slice()), (DISARM, b"{}".as_slice()));
    heard.health().unwrap();
    let mut noted = bus.subscribe("titan.note").await.unwrap();
    let headers = BTreeMap::from([("Trace".to_owned(), "a b".to_owned())]);
    let note = Message { headers, ..message("titan.note") };
    bus.publish(&note).await.unwrap();
    assert_eq!(noted.next().await.unwrap(), note);

    let armed = || world.metrics().scrape("execution", &["titan_execution_armed_state", "process_start_time_seconds"]);
    until("disarmed", world, async || {
        armed().await.unwrap().iter().any(|s| s.name.ends_with("state") && s.value == 0.0)
    })
    .await;
    let started = armed().await.unwrap().iter().find(|s| s.name.starts_with("process")).unwrap().value;
    let log = world.logs().read("execution", &mark).await.unwrap();
    assert!(log.lines.iter().any(|line| line.contains("DISARMED")), "{:?}", log.lines);
    assert!(world.logs().read("execution", &log.next).await.unwrap().lines.is_empty());

    assert_eq!(world.services().version("execution").await.unwrap(), "1.0.0");
    world.services().deploy("execution", "2.0.0", BOUND).await.unwrap();
    assert_eq!(world.services().version("execution").await.unwrap(), "2.0.0");
    let two = bus.request(&message(HASH), Gather::First(BOUND)).await.unwrap();
    assert_ne!(hash_in(&two[0]), hash_in(&one[0]));
    let restarted = armed().await.unwrap().iter().find(|s| s.name.starts_with("process")).unwrap().value;
    assert!(restarted > started, "{restarted} {started}");
    let failed = world.services().deploy("execution", "9.9.9", BOUND).await.unwrap_err();
    assert_eq!(failed.class, ErrorClass::Exit, "{failed}");
    late_deploys(world).await;
    assert_eq!(world.metrics().scrape("execution", &["no_such_metric"]).await.unwrap(), []);
    assert_eq!(world.services().version("nobody").await.unwrap_err().class, ErrorClass::Refused);
}

/// A deploy that nobody waits for any more lands all the same, unless a later one overtakes it.
async fn late_deploys(world: &dyn World) {
    let services = world.services();
    let too_soon = Duration::from_millis(700);
    let runs = async |version: &str| services.version("brain").await.unwrap() == version;
    assert_eq!(services.deploy("brain", "2.0.0", too_soon).await.unwrap_err().class, ErrorClass::Timeout);
    assert!(runs("1.0.0").await);
    until("landed", world, async || runs("2.0.0").await).await;
    assert_eq!(services.deploy("brain", "1.0.0", too_soon).await.unwrap_err().class, ErrorClass::Timeout);
    services.deploy("brain", "2.0.0", BOUND).await.unwrap();
    assert!(runs("2.0.0").await, "the later deploy overtook the one before");
}

/// Looks until something holds, within a bound.
async fn until(what: &str, world: &dyn World, holds: impl AsyncFn() -> bool) {
    for _ in 0..100 {
        if holds().await {
            return;
        }
        world.clock().sleep(Duration::from_millis(20)).await;
    }
    panic!("never {what}");
}

#[test]
fn the_simulated_titan_keeps_the_contract() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = titan_run::stdlib::find("std/worlds/titan.rhai").unwrap();
        let options = BTreeMap::from([("deploy_ms".to_owned(), "1000".to_owned())]);
        let world = SimWorld::new(world, &options, 1).unwrap();
        tokio::select! {
            () = world.drive() => unreachable!("the world never ends"),
            () = contract(&world) => {}
        }
        assert_eq!(world.fault(), None);
    });
}

#[test]
fn the_real_parts_keep_the_contract() {
    let stage = Stage::new(&["deploy_ms=1000"]);
    let text = std::fs::read_to_string(stage.target()).unwrap();
    let program = env!("CARGO_BIN_EXE_titan-run");
    let text = text.replace("[titan-run,", &format!("[{program},"));
    let target = decode_target(&SourceFile::new("target.yaml", text), &Guards::new(CATALOGUE)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let world = LiveWorld::new(&target, &Answers::default(), Duration::ZERO).unwrap();
        contract(&world).await;
    });
}
