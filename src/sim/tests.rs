//! The Titan world does what the procedure says Titan does.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use super::SimWorld;
use crate::stdlib;
use crate::value::Value;
use crate::world::{Bus, Clock, Gather, Logs, Message, Metrics, Services};

fn titan(options: &[(&str, &str)]) -> SimWorld {
    let options: BTreeMap<_, _> = options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    SimWorld::new(stdlib::find("std/worlds/titan.rhai").unwrap(), &options, 1).unwrap()
}

async fn beside<T>(world: &SimWorld, work: impl Future<Output = T>) -> T {
    tokio::select! {
        biased;
        () = world.drive() => unreachable!("the world never ends"),
        done = work => done,
    }
}

fn to(subject: &str) -> Message {
    Message { subject: subject.to_owned(), payload: b"{}".to_vec(), ..Message::default() }
}

fn armed(world: &SimWorld) -> Option<Value> {
    world.state().get("execution")?.get("armed").cloned()
}

#[tokio::test(start_paused = true)]
async fn execution_answers_its_hash_obeys_its_gate_and_starts_disarmed() {
    let world = titan(&[]);
    beside(&world, async {
        assert_eq!(armed(&world), Some(Value::Bool(true)));
        world.publish(&to("titan.cmd.operator.disarm.v1")).await.unwrap();
        assert_eq!(armed(&world), Some(Value::Bool(false)));
        world.deploy("execution", "2.0.0", Duration::from_secs(60)).await.unwrap();
        assert_eq!(armed(&world), Some(Value::Bool(false)));
        let hash = to("titan.req.exec.policy_hash.v1");
        let replies = world.request(&hash, Gather::Window(Duration::from_secs(1))).await.unwrap();
        assert_eq!(replies.len(), 1);
        let log = world.read("execution", "").await.unwrap();
        assert!(log.lines.iter().any(|line| line.contains("Loaded RiskPolicy v2.0.0 (hash: ")));
    })
    .await;
    assert_eq!(world.fault(), None);
    assert_eq!(world.broken(), []);
}

#[tokio::test(start_paused = true)]
async fn brain_enables_itself_only_after_a_handshake() {
    for (wrong, line, success) in [("", "handshake OK", true), ("brain", "handshake FAILED", false)] {
        let world = titan(&[("wrong_policy_on", wrong)]);
        beside(&world, async {
            world.publish(&to("titan.cmd.operator.disarm.v1")).await.unwrap();
            world.deploy("execution", "2.0.0", Duration::from_secs(60)).await.unwrap();
            world.deploy("brain", "2.0.0", Duration::from_secs(60)).await.unwrap();
            world.sleep(Duration::from_secs(5)).await;
            let log = world.read("brain", "").await.unwrap();
            assert!(log.lines.last().unwrap().contains(line), "{:?}", log.lines);
            let metric = "titan_brain_policy_handshake_success_total";
            assert_eq!(!world.query(metric).await.unwrap().is_empty(), success);
        })
        .await;
        assert_eq!(world.fault(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn an_armed_mismatch_is_noticed_by_the_world_itself() {
    let world = titan(&[]);
    beside(&world, async {
        world.deploy("brain", "2.0.0", Duration::from_secs(60)).await.unwrap();
    })
    .await;
    let broken: Vec<_> = world.broken().into_iter().map(|one| one.invariant).collect();
    assert_eq!(broken, ["armed implies that both hold the same policy"]);
}

#[tokio::test(start_paused = true)]
async fn orders_are_rejected_and_counted_while_disarmed() {
    let world = titan(&[("initially_armed", "false")]);
    beside(&world, async {
        let mut rejections = world.subscribe("titan.evt.exec.*.v1").await.unwrap();
        let first = rejections.next().await.unwrap();
        assert!(String::from_utf8_lossy(&first.payload).contains("not armed"));
        let counted = world.query("titan_execution_rejection_events_total").await.unwrap();
        assert_eq!(counted[0].value, 1.0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_order_accepted_while_disarmed_is_noticed_by_the_world_itself() {
    for (leaky, broken) in [("false", 0), ("true", 1)] {
        let world = titan(&[("initially_armed", "false"), ("leaky_gate", leaky)]);
        beside(&world, async { world.sleep(Duration::from_secs(60)).await }).await;
        assert_eq!(world.broken().len(), broken, "{:?}", world.broken());
        assert_eq!(world.fault(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_option_is_named_with_its_neighbour() {
    let options = BTreeMap::from([("wrong_polcy_on".to_owned(), "brain".to_owned())]);
    let error = SimWorld::new(stdlib::find("std/worlds/titan.rhai").unwrap(), &options, 1).err().unwrap();
    assert!(error.contains("did you mean `wrong_policy_on`?"), "{error}");
}

/// A world file of one service, whose functions do this.
fn one(message: &str, timer: &str, start: &str) -> Result<SimWorld, String> {
    let text = format!(
        r#"
fn options() {{ #{{}} }}
fn services() {{ ["one"] }}
fn deploy(service, running, version, options) {{ #{{ ms: 10, code: 0, runs: version }} }}
fn policy(service, version, options) {{ "std/policies/risk_policy-1.0.0.json" }}
fn one_start(s) {{ s.listen("a.b"); {start} }}
fn one_message(s, subject, payload) {{ {message} }}
fn one_timer(s, token) {{ {timer} }}
fn one_reply(s, token, reply) {{}}
fn invariants(world) {{ #{{}} }}
"#
    );
    SimWorld::new(&text, &BTreeMap::new(), 1)
}

#[tokio::test(start_paused = true)]
async fn a_world_that_goes_round_in_a_circle_is_told_and_stands_still() {
    for (message, timer, start, fault) in [
        ("", "s.after(0, \"t\");", "s.after(0, \"t\");", "at one instant"),
        ("", "", "s.restart();", "at one instant"),
        ("", "s.restart();", "s.after(0, \"t\");", "at one instant"),
        ("s.publish(\"a.b\", 1); s.publish(\"a.b\", 2);", "", "s.publish(\"a.b\", 0);", "at one instant"),
        ("", "if token == \"t\" { s.after(1, \"t\"); s.after(90000, \"u\"); }", "s.after(1, \"t\");", "are under way"),
    ] {
        let found = match one(message, timer, start) {
            Ok(world) => {
                beside(&world, async { world.sleep(Duration::from_secs(60)).await }).await;
                world.fault().unwrap_or_default()
            }
            Err(found) => found,
        };
        assert!(found.contains(fault), "{start}: {found}");
    }
    let steady = one("", "s.after(1, \"t\");", "s.after(1, \"t\");").unwrap();
    beside(&steady, async { steady.sleep(Duration::from_secs(5)).await }).await;
    assert_eq!(steady.fault(), None);
}
